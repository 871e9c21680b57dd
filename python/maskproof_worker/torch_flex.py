"""torch.nn.attention.flex_attention, not compiled: what its mask_mod and score_mod mean before a compiler sees them.

    maskproof fuzz --backend torch-flex

On the CPU flex_attention has no backward pass: it raises NotImplementedError where an input requires a gradient, so none are declared.

The rules of a case (causality, window, segments, a boolean mask) become one mask_mod; a softcap and an additive mask become the score_mod.
"""
from maskproof_worker import one_by_one, serve

import torch
from torch.nn.attention import flex_attention as flex

from maskproof_worker import torch_precision
from maskproof_worker.torch_tensors import INFINITY, from_torch, lifted_mask, to_torch

# One thread: the order of a sum is then always the same.
torch.set_num_threads(1)
torch.set_grad_enabled(False)
# Else every shape would be compiled for the sake of a few microseconds.
flex._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True

SUPPORTS = {
    "dtypes": ["float32", "float64", "float16", "bfloat16"],
    "mask_ranks": [2, 3, 4],
    "mask_forms": ["boolean", "additive", "integer"],
    "causal": "bottom_right",
    "bidirectional": True,
    "fully_masked_row": {"boolean": "zeros", "finfo": "uniform", "inf": "zeros"},
    "grouped_heads": True,
    "cache": True,
    "cross_length": True,
    "value_dim": True,
    "scale": True,
    "sliding_window": True,
    "segments": True,
    "softcap": True,
    "layouts": True,
    "precision": torch_precision.flex(),
}


def rules(case):
    """The mask_mods of a case but for its mask: each says of query i and key j whether they may meet."""
    offset = case.key.shape[2] - case.query.shape[2]
    mods = []
    if case.mask is not None and case.mask.rank == 4:
        return mods
    if case.is_causal:
        mods.append(lambda b, h, i, j: j <= i + offset)
    left, right = case.left_window_size, case.right_window_size
    if left is not None and left >= 0:
        mods.append(lambda b, h, i, j: j >= i + offset - left)
    if right is not None and right >= 0:
        mods.append(lambda b, h, i, j: j <= i + offset + right)
    if case.segments is not None:
        segments = to_torch(case.segments)
        mods.append(lambda b, h, i, j: segments[b, i + offset] == segments[b, j])
    return mods


def whole_mask(case):
    """The mask with every axis written out, for score_mod and mask_mod to look up."""
    mask = lifted_mask(case)
    if mask is None:
        return None
    (batch, heads, q_len, _), kv_len = case.query.shape, case.key.shape[2]
    if mask.shape[-1] < kv_len:
        raise ValueError(f"A mask with {mask.shape[-1]} columns was given for {kv_len} keys.")
    return mask.expand(batch, heads, q_len, kv_len)


def mods_of(case):
    """score_mod and mask_mod; None where there is nothing to say."""
    mods = rules(case)
    mask = whole_mask(case)
    bias = None
    if mask is not None and case.mask.form == "additive":
        bias = with_rules(mask, mods)
        mods = []
    elif mask is not None:
        mods.append(lambda b, h, i, j: mask[b, h, i, j] != 0)
    cap = case.softcap

    def score_mod(score, b, h, i, j):
        if cap is not None:
            score = cap * torch.tanh(score / cap)
        return score if bias is None else score + bias[b, h, i, j]

    return (score_mod if cap is not None or bias is not None else None), (flex.and_masks(*mods) if mods else None)


def with_rules(mask, mods):
    """An additive mask with what the rules drop put into it, by the sentinel that it uses itself."""
    if not mods:
        return mask
    batch, heads, q_len, kv_len = mask.shape
    may = flex.create_mask(flex.and_masks(*mods), batch, heads, q_len, kv_len, device="cpu")
    drop = -INFINITY if torch.isneginf(mask).any() else torch.finfo(mask.dtype).min
    return torch.where(may, mask, drop)


def attend_one(session, case):
    query, key, value = to_torch(case.query), to_torch(case.key), to_torch(case.value)
    batch, heads, q_len, _ = query.shape
    score_mod, mask_mod = mods_of(case)
    block_mask = mask_mod and flex.create_block_mask(mask_mod, batch, heads, q_len, key.shape[2], device="cpu")
    output = flex.flex_attention(
        query, key, value, score_mod, block_mask, scale=case.scale, enable_gqa=heads != key.shape[1]
    )
    return {"output": from_torch(output)}


if __name__ == "__main__":
    serve(name="torch-flex", supports=SUPPORTS, attend=one_by_one(attend_one), libraries=["torch"])
