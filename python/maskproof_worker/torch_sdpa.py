"""torch.nn.functional.scaled_dot_product_attention, a backend for each of its kernels on the CPU.

    maskproof fuzz --backend torch-sdpa --backend torch-sdpa-flash
"""
from maskproof_worker import one_by_one, serve_one_of

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.bias import causal_lower_right

from maskproof_worker import torch_precision
from maskproof_worker.torch_tensors import answer_to, lifted_mask, with_causality

# One thread: the order of a sum is then always the same.
torch.set_num_threads(1)
torch.set_grad_enabled(False)

SUPPORTS = {
    "dtypes": ["float32", "float64", "float16", "bfloat16"],
    "mask_ranks": [2, 3, 4],
    # Masks of whole numbers are refused by PyTorch.
    "mask_forms": ["boolean", "additive"],
    "causal": "bottom_right",
    "bidirectional": True,
    "fully_masked_row": {"boolean": "zeros", "finfo": "uniform", "inf": "zeros"},
    "grouped_heads": True,
    "cache": True,
    "cross_length": True,
    "scale": True,
    "layouts": True,
    "returns": ["output", "gradients"],
}


def mask_and_causality(case):
    """`attn_mask` and `is_causal`, which PyTorch does not take together; its own causality is aligned top left."""
    q_len, kv_len = case.query.shape[-2], case.key.shape[-2]
    mask = lifted_mask(case)
    if not case.is_causal or (mask is not None and case.mask.rank == 4):
        return mask, False
    if mask is not None:
        return with_causality(mask, q_len, kv_len), False
    return (None, True) if q_len == kv_len else (causal_lower_right(q_len, kv_len), False)


def attend_one(session, case):
    def attend(query, key, value):
        mask, is_causal = mask_and_causality(case)
        enable_gqa = query.shape[1] != key.shape[1]
        output = F.scaled_dot_product_attention(
            query, key, value, mask, is_causal=is_causal, scale=case.scale, enable_gqa=enable_gqa
        )
        return {"output": output}

    return answer_to(case, attend)


def attending_in(context):
    """attend(session, cases) within what `context` makes, which chooses the kernel."""
    each = one_by_one(attend_one)

    def attend(session, cases):
        # Without its notes for a backward pass, a small call takes a sixth less.
        with context(), torch.inference_mode():
            return each(session, cases)

    return attend


if __name__ == "__main__":
    serve_one_of(
        {
            "math": {
                "name": "torch-sdpa",
                "supports": {**SUPPORTS, "value_dim": True, "precision": torch_precision.math_kernel()},
                "attend": attending_in(lambda: sdpa_kernel(SDPBackend.MATH)),
                "libraries": ["torch"],
            },
            "flash": {
                "name": "torch-sdpa-flash",
                "supports": {**SUPPORTS, "precision": torch_precision.flash_kernel()},
                "attend": attending_in(lambda: sdpa_kernel(SDPBackend.FLASH_ATTENTION)),
                "libraries": ["torch"],
            },
        }
    )
