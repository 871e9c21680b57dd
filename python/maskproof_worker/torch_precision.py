"""How PyTorch computes on the CPU, point by point, in the words of docs/numerics.md. Where a number was measured, its margin is beside it."""

# Unit roundoffs.
U32 = 2.0**-24
U64 = 2.0**-53
SMALLEST_DOUBLE = 5e-324


def math_kernel():
    """scaled_dot_product_attention, SDPBackend.MATH: query and key each times sqrt(scale), float16 and bfloat16 computed in float32."""
    single = {
        "accumulate": {"type": "float32"},
        "scale": {"roundings": 4},
        # Measured: 1.34 roundoffs.
        "exp": {"relative": 2 * U32, "tiny": 2.0**-150},
        "divide": 2,
        # autograd, through the same float32 tensors.
        "backward": {"weights": "kept", "mean": "weights", "partial": {"type": "float32"}},
    }
    double = {
        "accumulate": {"type": "float64"},
        "scale": {"roundings": 4},
        "exp": {"relative": 2 * U64, "tiny": SMALLEST_DOUBLE},
        "divide": 2,
        "backward": {"weights": "kept", "mean": "weights"},
    }
    return {
        "float32": single,
        "float64": double,
        "float16": {**single, "output": "float16"},
        "bfloat16": {**single, "output": "bfloat16"},
    }


def flash_kernel():
    """scaled_dot_product_attention, SDPBackend.FLASH_ATTENTION on the CPU: tiles of 512 keys; weights stored unnormalised in half precision."""
    # Weights are computed again from the logarithm of their sum; tiles of 32 queries or more.
    backward = {"weights": "rebuilt", "mean": "output", "tile": 32}

    def half(dtype, flush):
        store = {"type": dtype, **flush}
        return {**backward, "operands": store, "partial": store}

    single = {
        "accumulate": {"type": "float32"},
        "scale": {"roundings": 2},
        # exp_u20: documented 20 ulp, measured 7.7 roundoffs; zero below -86.99.
        "exp": {"relative": 40 * U32, "tiny": 2.0**-125},
        "divide": 2,
        "tile": 512,
        "backward": backward,
    }
    double = {
        "accumulate": {"type": "float64"},
        "scale": {"roundings": 2},
        "exp": {"relative": 2 * U64, "tiny": SMALLEST_DOUBLE},
        "divide": 2,
        "tile": 512,
        "backward": backward,
    }
    # Measured: exp is off by 1.13e-4, exp(0) = 0.99995.
    coarse = {"relative": 2.0**-13, "tiny": 2.0**-125}
    return {
        "float32": single,
        "float64": double,
        "float16": {
            **single,
            "exp": coarse,
            "weights": {"type": "float16", "normalised": False, "in_sum": False},
            "output": "float16",
            "backward": half("float16", {}),
        },
        # Where the processor multiplies bfloat16 itself, it reads and writes subnormals as zero.
        "bfloat16": {
            **single,
            "accumulate": {"type": "float32", "flush": True},
            "exp": coarse,
            "weights": {"type": "bfloat16", "flush": True, "normalised": False, "in_sum": False},
            "output": "bfloat16",
            "backward": half("bfloat16", {"flush": True}),
        },
    }


def cuda_math_kernel():
    """scaled_dot_product_attention, SDPBackend.MATH on CUDA: as on the CPU, with matrix products by cuBLAS in float32 (TF32 is off unless it is asked for)."""
    precisions = math_kernel()
    # CUDA documents expf to 1 ulp and double exp to 1 ulp.
    for precision in precisions.values():
        precision["exp"] = {**precision["exp"], "relative": 2 * precision["exp"]["relative"]}
    return precisions


def cuda_kernels():
    """scaled_dot_product_attention on CUDA with the kernel that PyTorch chooses: math, memory-efficient, flash or cuDNN's."""

    def fused(store):
        return {
            "accumulate": {"type": "float32", "flush": True, "unit_roundoff": 2 * U32},
            "scale": {"roundings": 4},
            # exp2 in hardware, to 2 ulp, of an argument that is scaled before the maximum is taken off it.
            "exp": {"relative": 8 * U32, "per_unit": 2 * U32, "tiny": 2.0**-126},
            "divide": 4,
            "tile": 32,
            **store,
        }

    # Products of float32 are put together out of three of TF32.
    single = fused({"inputs": {"relative": 2.0**-21, "tiny": 2.0**-126}})

    def half(dtype):
        store = {"type": dtype}
        return fused(
            {
                "weights": {**store, "normalised": False, "in_sum": False},
                "output": dtype,
                # Where weights and mean come from depends on the kernel; what the fused ones store is declared.
                "backward": {"operands": store, "partial": store},
            }
        )

    return {
        "float32": single,
        "float64": cuda_math_kernel()["float64"],
        "float16": half("float16"),
        "bfloat16": half("bfloat16"),
    }


def eager():
    """query . key, softmax and the product with the values as operations of their own: each result is stored in the dtype of the case."""
    kernels = math_kernel()
    single, double = kernels["float32"], kernels["float64"]

    def half(dtype, flush):
        store = {"type": dtype, **flush}
        return {
            **single,
            "accumulate": {"type": "float32", **flush},
            "scale": {"roundings": 2, "stored": store},
            "dot": store,
            "masked": store,
            "weights": {**store, "normalised": True, "in_sum": False},
            "output": dtype,
            "backward": {"weights": "kept", "mean": "weights", "partial": store},
        }

    return {
        "float32": {**single, "scale": {"roundings": 2}},
        "float64": {**double, "scale": {"roundings": 2}},
        "float16": half("float16", {}),
        # Where the processor multiplies bfloat16 itself, it reads and writes subnormals as zero.
        "bfloat16": half("bfloat16", {"flush": True}),
    }


def fast_path():
    """The inference path of nn.MultiheadAttention: eager, but for a masked softmax of its own, which stores score - maximum, its power and the reciprocal of the sum in the dtype."""
    precisions = eager()
    for dtype, u in (("float16", 2.0**-11), ("bfloat16", 2.0**-8)):
        # Measured with differences up to 6: 6.6 roundoffs.
        exp = {"relative": 2 * u, "per_unit": u, "tiny": 2.0**-24 if dtype == "float16" else 2.0**-125}
        precisions[dtype] = {**precisions[dtype], "exp": exp}
    return precisions


def flex():
    """flex_attention as it runs uncompiled: scores and softmax in float32, weights stored in the dtype of the case before they meet the values."""
    kernels = math_kernel()
    single, double = kernels["float32"], kernels["float64"]

    def half(dtype, flush):
        return {
            **single,
            "accumulate": {"type": "float32", **flush},
            "scale": {"roundings": 2},
            "weights": {"type": dtype, **flush, "normalised": True, "in_sum": False},
            "output": dtype,
        }

    return {
        "float32": {**single, "scale": {"roundings": 2}},
        "float64": {**double, "scale": {"roundings": 2}},
        "float16": half("float16", {}),
        # Where the processor multiplies bfloat16 itself, it reads and writes subnormals as zero.
        "bfloat16": half("bfloat16", {"flush": True}),
    }


def huggingface_eager(softmax=None, finfo_fill=None):
    """Eager attention as HuggingFace writes it: query . key, times the scale, plus the mask, softmax, and the product with the values.

    In half precision each of the five is stored in the dtype of the case. `softmax` is the type that the softmax is computed
    in whatever the dtype. `finfo_fill(dtype)` is what dropped scores are filled with, where that is not the caller's.
    """
    kernels = math_kernel()
    double = {**kernels["float64"], "scale": {"roundings": 2}}
    if softmax == "float32":
        double = {
            **double,
            # The softmax is no better than float32, and nothing here tells its sum from that of the matrix products.
            "accumulate": {"type": "float64", "unit_roundoff": U32},
            "masked": {"type": "float32"},
            "exp": kernels["float32"]["exp"],
            "weights": {"type": "float32", "normalised": True, "in_sum": False},
        }

    def half(dtype, flush):
        store = {"type": dtype, **flush, "sure": True}
        return {
            **kernels["float32"],
            "accumulate": {"type": "float32", **flush},
            "scale": {"roundings": 2},
            "dot": store,
            "scaled": store,
            "masked": store,
            "weights": {**store, "normalised": True, "in_sum": False},
            "output": dtype,
            "backward": {"weights": "kept", "mean": "weights", "partial": store},
        }

    precisions = {
        "float32": {**kernels["float32"], "scale": {"roundings": 2}},
        "float64": double,
        "float16": half("float16", {}),
        # Where the processor multiplies bfloat16 itself, it reads and writes subnormals as zero.
        "bfloat16": half("bfloat16", {"flush": True}),
    }
    fills = {} if finfo_fill is None else {dtype: {"finfo_fill": finfo_fill(dtype)} for dtype in precisions}
    return {dtype: {**precision, **fills.get(dtype, {}), "rotary": rotary(dtype)} for dtype, precision in precisions.items()}


def huggingface_sdpa():
    """scaled_dot_product_attention with the kernel that PyTorch chooses, math or flash: what either of them may do.

    Where gradients take weights and mean from is left open, which is to say as it costs most; what flash stores is declared.
    """
    precisions = {}
    for dtype, precision in flash_kernel().items():
        stores = {name: store for name, store in precision["backward"].items() if name not in ("weights", "mean")}
        precisions[dtype] = {**precision, "scale": {"roundings": 4}, "rotary": rotary(dtype), "backward": stores}
    return precisions


def rotary(dtype):
    """HuggingFace's rotary embedding: angles, sin and cos in float32 whatever the dtype, tables and turned vectors in the dtype."""
    return {"angle": U32, "trig": 4, "pow": 4, "table": dtype, "rotated": dtype}
