"""Examples per CPU-second of Hypothesis on "a boolean mask and its additive twin give the same output": B, H 1..4, Q, K 1..6, D 1..8.

    python hypothesis_speed.py torch|numpy EXAMPLES SEED

Three strategies, from the plainest to the fastest that people write, and no Hypothesis at all. Prints JSON.
"""
import json
import sys
import time
import warnings

import numpy as np
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

warnings.filterwarnings("ignore")
LIBRARY, EXAMPLES, SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
DTYPE = np.float32 if LIBRARY == "torch" else np.float64

counts = st.integers(1, 4)
lengths = st.integers(1, 6)
features = st.integers(1, 8)
numbers = st.floats(-5, 5, width=32 if LIBRARY == "torch" else 64)


def drawn_arrays(**fill):
    """Query, key, value and mask as arrays(...): by default most elements are one and the same number."""

    @st.composite
    def case(draw):
        b, h, q, k, d = draw(counts), draw(counts), draw(lengths), draw(lengths), draw(features)
        tensors = [draw(arrays(DTYPE, (b, h, n, d), elements=numbers, **fill)) for n in (q, k, k)]
        return (*tensors, draw(arrays(np.bool_, (b, 1, q, k), **fill)))

    return case()


def random_case(b, h, q, k, d, generator):
    tensors = [generator.standard_normal((b, h, n, d)).astype(DTYPE) for n in (q, k, k)]
    return (*tensors, generator.random((b, 1, q, k)) < 0.6)


@st.composite
def shapes_and_seed(draw):
    """Only the sizes are Hypothesis's; numpy fills the arrays."""
    b, h, q, k, d = draw(counts), draw(counts), draw(lengths), draw(lengths), draw(features)
    return random_case(b, h, q, k, d, np.random.default_rng(draw(st.integers(0, 2**32 - 1))))


def numpy_attention(query, key, value, keep=None, bias=None):
    scores = np.einsum("bhqd,bhkd->bhqk", query, key) / np.sqrt(query.shape[-1])
    scores = np.where(keep, scores, -np.inf) if bias is None else scores + bias
    top = scores.max(-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isneginf(top), 0, top))
    total = weights.sum(-1, keepdims=True)
    return np.einsum("bhqk,bhkd->bhqd", weights / np.where(total == 0, 1, total), value)


def numpy_property(query, key, value, mask):
    one = numpy_attention(query, key, value, keep=mask)
    other = numpy_attention(query, key, value, bias=np.where(mask, 0.0, -np.inf))
    assert np.allclose(one, other, atol=1e-9, rtol=1e-7)


def torch_property():
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    torch.set_num_threads(1)

    def check(query, key, value, mask):
        query, key, value, mask = (torch.from_numpy(np.ascontiguousarray(x)) for x in (query, key, value, mask))
        bias = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
        one = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        other = scaled_dot_product_attention(query, key, value, attn_mask=bias)
        assert torch.allclose(one, other, atol=1e-5, rtol=1e-4)

    return check


def rate(strategy, check):
    count = 0

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def test(case):
        nonlocal count
        count += 1
        check(*case)

    start = time.process_time()
    test()
    return count / (time.process_time() - start)


def bare_rate(check):
    generator = np.random.default_rng(SEED)
    start = time.process_time()
    for _ in range(EXAMPLES):
        b, h, q, k, d = (int(generator.integers(1, most + 1)) for most in (4, 4, 6, 6, 8))
        check(*random_case(b, h, q, k, d, generator))
    return EXAMPLES / (time.process_time() - start)


check = torch_property() if LIBRARY == "torch" else numpy_property
check(*random_case(1, 1, 2, 2, 2, np.random.default_rng(0)))
print(
    json.dumps(
        {
            "arrays": rate(drawn_arrays(), check),
            "every_element": rate(drawn_arrays(fill=st.nothing()), check),
            "shapes_and_seed": rate(shapes_and_seed(), check),
            "no_hypothesis": bare_rate(check),
        }
    )
)
