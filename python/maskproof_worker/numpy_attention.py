"""Attention written with numpy: the smallest worker that takes every mask. Start from it, or read it for what a mask means.

    maskproof fuzz --backend numpy-attention
"""
import numpy as np

from maskproof_worker import float32_of, from_float32, one_by_one, sentinel, serve

SUPPORTS = {
    "dtypes": ["float32", "float64", "float16", "bfloat16"],
    "mask_ranks": [2, 3, 4],
    "mask_forms": ["boolean", "additive", "integer"],
    "causal": "bottom_right",
    "bidirectional": True,
    "fully_masked_row": "zeros",
    "score_sentinel": "-inf",
    "grouped_heads": True,
    "cache": True,
    "cross_length": True,
    "value_dim": True,
    "scale": True,
    "sliding_window": True,
    "segments": True,
    "softcap": True,
    "returns": ["output", "weights", "scores", "gradients"],
}


def kept_and_bias(case, shape):
    """Which keys each query may see, and what is added to their scores: two arrays that broadcast to [batch, num_heads, q_len, kv_len]."""
    batch, _, q_len, kv_len = shape
    keep = np.ones((1, 1, q_len, kv_len), bool)
    bias = None
    mask = case.mask
    if mask is not None:
        # [batch, kv_len] and [batch, q_len, kv_len] say nothing about heads; the former nothing about queries either.
        if mask.array.shape[-1] != kv_len:
            # Else numpy would stretch a mask of one column over all keys.
            raise ValueError(f"A mask with {mask.array.shape[-1]} columns was given for {kv_len} keys.")
        cells = {2: lambda a: a[:, None, None, :], 3: lambda a: a[:, None], 4: lambda a: a}[mask.rank](mask.array)
        if mask.form == "additive":
            bias = float32_of(cells)
            keep = keep & (bias != -np.inf) & (bias != sentinel(mask.dtype))
        else:
            keep = keep & (cells != 0)
        if mask.rank == 4:
            return keep, bias
    key = np.arange(kv_len)
    position = np.arange(q_len)[:, None] + kv_len - q_len
    if case.is_causal:
        keep = keep & (key <= position)
    if case.left_window_size is not None and case.left_window_size >= 0:
        keep = keep & (key >= position - case.left_window_size)
    if case.right_window_size is not None and case.right_window_size >= 0:
        keep = keep & (key <= position + case.right_window_size)
    if case.segments is not None:
        own = case.segments[:, kv_len - q_len :, None]
        keep = keep & (own == case.segments[:, None, :])[:, None]
    return keep, bias


def attend_one(session, case):
    # float16 and bfloat16 are computed in float32 and rounded once, at the end.
    query, key, value = (float32_of(array) for array in (case.query, case.key, case.value))
    work = query.dtype.type
    groups = query.shape[1] // key.shape[1]
    key, value = np.repeat(key, groups, 1), np.repeat(value, groups, 1)
    scores = query @ key.swapaxes(-1, -2) * work(case.scale)
    if case.softcap is not None:
        scores = work(case.softcap) * np.tanh(scores / work(case.softcap))
    capped = scores
    keep, bias = kept_and_bias(case, scores.shape)
    if bias is not None:
        scores = scores + np.where(keep, bias, 0).astype(work)
    scores = np.where(keep, scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    # A query that keeps no key: zeros.
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = weights.sum(-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    answer = {"output": weights @ value, "weights": weights, "scores": scores}
    answer = {name: from_float32(array, case.dtype) for name, array in answer.items()}
    if "gradients" in case.want:
        gradients = gradients_of(case, query, key, value, weights, capped, groups)
        answer["gradients"] = {name: from_float32(array, case.dtype) for name, array in gradients.items()}
    return answer


def gradients_of(case, query, key, value, weights, capped, groups):
    """Of sum(grad_output * output): the same steps backwards. A query that keeps no key has weights of 0, and adds nothing."""
    work = query.dtype.type
    of_output = float32_of(case.grad_output)
    of_weights = of_output @ value.swapaxes(-1, -2)
    # A weight that rises takes from the others.
    of_scores = weights * (of_weights - (weights * of_weights).sum(-1, keepdims=True))
    if case.softcap is not None:
        of_scores = of_scores * (1 - (capped / work(case.softcap)) ** 2)
    of_dots = of_scores * work(case.scale)

    def summed(of_heads):
        """[batch, num_kv_heads, kv_len, ...]: the heads that share a key, added."""
        batch, heads, kv_len, width = of_heads.shape
        return of_heads.reshape(batch, heads // groups, groups, kv_len, width).sum(2)

    return {
        "query": of_dots @ key,
        "key": summed(of_dots.swapaxes(-1, -2) @ query),
        "value": summed(weights.swapaxes(-1, -2) @ of_output),
    }


if __name__ == "__main__":
    serve(name="numpy-attention", supports=SUPPORTS, attend=one_by_one(attend_one))
