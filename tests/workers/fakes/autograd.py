"""The definition of attention written down with torch, and its gradient by autograd: a second opinion on the derivative.

Dropped keys get -inf, and rows of nothing but -inf become zeros, or the mean of the values where "uniform" is asked for.
"""

from maskproof_worker import one_by_one, sentinel, serve_one_of

import torch

from maskproof_worker.torch_tensors import from_torch, to_torch

torch.set_num_threads(1)

SUPPORTS = {
    "bridges": ["base", "rotary"],
    "dtypes": ["float64", "float32"],
    "mask_ranks": [2, 3, 4],
    "mask_forms": ["boolean", "additive", "integer"],
    "causal": "bottom_right",
    "bidirectional": True,
    "grouped_heads": True,
    "cache": True,
    "cross_length": True,
    "value_dim": True,
    "scale": True,
    "sliding_window": True,
    "segments": True,
    "softcap": True,
    "returns": ["output", "gradients"],
}


def kept(case):
    """[batch or 1, num_heads or 1, q_len or 1, kv_len]: what the mask and the rules keep."""
    q_len, kv_len = case.query.shape[2], case.key.shape[2]
    keep = torch.ones(1, 1, q_len, kv_len, dtype=torch.bool)
    if case.mask is not None:
        mask = lifted(case)
        if case.mask.form == "additive":
            keep = keep & (mask != sentinel(case.mask.dtype)) & (mask != -torch.inf)
        else:
            keep = keep & (mask != 0)
        if case.mask.rank == 4:
            return keep
    position = torch.arange(q_len)[:, None] + kv_len - q_len
    key = torch.arange(kv_len)
    if case.is_causal:
        keep = keep & (key <= position)
    if case.left_window_size is not None and case.left_window_size >= 0:
        keep = keep & (key >= position - case.left_window_size)
    if case.right_window_size is not None and case.right_window_size >= 0:
        keep = keep & (key <= position + case.right_window_size)
    if case.segments is not None:
        segments = to_torch(case.segments)
        keep = keep & (segments[:, kv_len - q_len :, None] == segments[:, None])[:, None]
    return keep


def lifted(case):
    if case.mask.array.shape[-1] != case.key.shape[2]:
        raise ValueError(f"A mask with {case.mask.array.shape[-1]} columns was given for {case.key.shape[2]} keys.")
    mask = to_torch(case.mask.array)
    return {2: lambda: mask[:, None, None], 3: lambda: mask[:, None], 4: lambda: mask}[case.mask.rank]()


def turned(x, rotary, positions):
    half = rotary.rotary_dim // 2
    frequency = rotary.rotary_base ** (-2 * torch.arange(half, dtype=torch.float64) / rotary.rotary_dim)
    angle = positions[:, None, :, None] * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    if rotary.layout == "half":
        first, second = x[..., :half], x[..., half : 2 * half]
        both = torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
    else:
        first, second = x[..., 0 : 2 * half : 2], x[..., 1 : 2 * half : 2]
        both = torch.stack([first * cos - second * sin, second * cos + first * sin], -1).flatten(-2)
    return torch.cat([both, x[..., 2 * half :]], -1)


def attention(case, query, key, value, empty):
    q_len, kv_len = query.shape[2], key.shape[2]
    if case.rotary is not None:
        positions = to_torch(case.rotary.position_ids)
        query = turned(query, case.rotary, positions[:, kv_len - q_len :])
        key = turned(key, case.rotary, positions)
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    scores = query @ key.mT * case.scale
    if case.softcap is not None:
        scores = case.softcap * torch.tanh(scores / case.softcap)
    keep = kept(case)
    if case.mask is not None and case.mask.form == "additive":
        scores = scores + torch.where(keep, lifted(case), 0)
    some = keep.any(-1, keepdim=True)
    # Rows without a key go another way round: there is no gradient of the softmax of nothing.
    scores = torch.where(keep | ~some, scores, -torch.inf)
    weights = torch.where(some, scores.softmax(-1), 1 / kv_len if empty == "uniform" else 0.0)
    return weights @ value


def attending(empty):
    def attend_one(session, case):
        leaves = {"query": to_torch(case.query), "key": to_torch(case.key), "value": to_torch(case.value)}
        for leaf in leaves.values():
            leaf.requires_grad_("gradients" in case.want)
        output = attention(case, *leaves.values(), empty)
        if "gradients" not in case.want:
            return {"output": from_torch(output)}
        output.backward(to_torch(case.grad_output))
        return {"output": from_torch(output), "gradients": {name: from_torch(leaf.grad) for name, leaf in leaves.items()}}

    return one_by_one(attend_one)


if __name__ == "__main__":
    serve_one_of(
        {
            empty: {
                "name": f"autograd-{empty}",
                "supports": {**SUPPORTS, "fully_masked_row": empty},
                "attend": attending(empty),
                "libraries": ["torch"],
            }
            for empty in ("zeros", "uniform")
        }
    )
