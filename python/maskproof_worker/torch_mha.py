"""torch.nn.MultiheadAttention, a backend for each of its three code paths. True means drop there: masks are turned round in `masks`.

    maskproof fuzz --backend torch-mha --backend torch-mha-sdpa --backend torch-mha-fast

The module projects its inputs and its output; the projections here are identities, so that what goes in is what is attended with.
"""
from maskproof_worker import one_by_one, serve_one_of

import copy

import numpy as np
import torch
from torch import nn

from maskproof_worker import torch_precision
from maskproof_worker.torch_tensors import causal, from_torch, lifted_mask, to_torch, with_causality

# One thread: the order of a sum is then always the same.
torch.set_num_threads(1)
torch.set_grad_enabled(False)

SUPPORTS = {
    "dtypes": ["float32", "float64", "float16", "bfloat16"],
    "mask_ranks": [2, 3, 4],
    "causal": "bottom_right",
    "bidirectional": True,
    "layouts": True,
}


def masks(case):
    """attn_mask (L, S) or (N * heads, L, S), key_padding_mask (N, S) and is_causal, as the module reads them: True drops."""
    batch, heads, q_len, _ = case.query.shape
    kv_len = case.key.shape[2]
    mask = lifted_mask(case)
    is_causal = case.is_causal and (mask is None or case.mask.rank < 4)
    if mask is None:
        # The hint says that attn_mask is the causal mask, which is aligned top left.
        return (~causal(q_len, kv_len), None, q_len == kv_len) if is_causal else (None, None, False)
    if case.mask.rank == 2 and (mask.dtype == torch.bool or not is_causal):
        padding = turned_round(mask[:, 0, 0])
        return (~causal(q_len, kv_len) if is_causal else None), padding, False
    if is_causal:
        mask = with_causality(mask, q_len, kv_len)
    mask = turned_round(mask)
    if mask.shape[0] == mask.shape[1] == 1:
        return mask[0, 0].expand(q_len, -1), None, False
    # The last axis stays as it is, for the module to judge.
    mask = mask.expand(batch, heads, q_len, -1)
    return mask.reshape(batch * heads, q_len, mask.shape[-1]), None, False


def turned_round(mask):
    """True keeps in a case and drops in the module; numbers are added in both."""
    return ~mask if mask.dtype == torch.bool else mask


def heads_apart(attend_one):
    """Asks once a head where a query keeps no key in some heads only: NaN in one head reaches all of them through the output projection."""

    def attend(session, case):
        empty = empty_rows(case)
        if empty is None or not (empty.any(1) & ~empty.all(1)).any():
            return attend_one(session, case)
        answers = [attend_one(session, others_opened(case, empty, h)) for h in range(case.query.shape[1])]
        return {name: each_own(name, [answer[name] for answer in answers]) for name in answers[0]}

    return attend


def empty_rows(case):
    """[batch or 1, num_heads, q_len or 1]: where a mask that tells heads apart keeps no key; None for other masks."""
    if case.mask is None or case.mask.rank < 4 or case.mask.array.shape[1] == 1:
        return None
    mask = to_torch(case.mask.array)
    # finfo.min counts too: in float16 a large score takes it past the end, to -inf.
    return (~mask if mask.dtype == torch.bool else mask <= torch.finfo(mask.dtype).min).all(-1)


def others_opened(case, empty, h):
    """The case with the rows of other heads than h that keep no key opened: same shapes, same bits in head h."""
    one = copy.copy(case)
    one.mask = copy.copy(case.mask)
    one.mask.array = case.mask.array.copy()
    others = empty.clone()
    others[:, h] = False
    to_torch(one.mask.array)[others] = one.mask.form == "boolean"
    if case.grad_output is not None:
        one.grad_output = case.grad_output.copy()
        one.grad_output[:, [other for other in range(case.query.shape[1]) if other != h]] = 0
    return one


def each_own(name, parts):
    """From the h-th answer its head h."""
    if name == "gradients":
        return {tensor: each_own(tensor, [part[tensor] for part in parts]) for tensor in parts[0]}
    return np.concatenate([part[:, h : h + 1] for h, part in enumerate(parts)], 1)


def together(tensor):
    """[batch, heads, length, head_dim] as the module takes it: [batch, length, heads * head_dim]."""
    batch, heads, length, head_dim = tensor.shape
    return tensor.transpose(1, 2).reshape(batch, length, heads * head_dim)


def apart(tensor, heads):
    """The way back."""
    batch, length, width = tensor.shape
    return tensor.view(batch, length, heads, width // heads).transpose(1, 2).contiguous()


def identity_module(session, width, heads, dtype):
    """A module that projects nothing, made once a session."""
    key = (width, heads, dtype)
    if key not in session:
        module = nn.MultiheadAttention(width, heads, batch_first=True, dtype=dtype)
        module.in_proj_weight.copy_(torch.eye(width, dtype=dtype).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(width, dtype=dtype))
        session[key] = module.requires_grad_(False)
    return session[key]


def attend_by_module(need_weights):
    """The paths that take a query, a key and a value apart: with weights, and through scaled_dot_product_attention."""

    def attend_one(session, case):
        leaves = {"query": to_torch(case.query), "key": to_torch(case.key), "value": to_torch(case.value)}
        heads = case.query.shape[1]
        module = identity_module(session, heads * case.query.shape[3], heads, leaves["query"].dtype)
        attn_mask, key_padding_mask, is_causal = masks(case)
        wants_gradients = "gradients" in case.want
        with torch.set_grad_enabled(wants_gradients):
            for leaf in leaves.values():
                leaf.requires_grad_(wants_gradients)
            query, key, value = (together(leaf) for leaf in leaves.values())
            output, weights = module(
                query,
                key,
                value,
                key_padding_mask=key_padding_mask,
                need_weights=need_weights,
                attn_mask=attn_mask,
                average_attn_weights=False,
                is_causal=is_causal,
            )
            output = apart(output, heads)
            answer = {"output": from_torch(output)}
            if "weights" in case.want:
                answer["weights"] = from_torch(weights)
            if wants_gradients:
                output.backward(to_torch(case.grad_output))
                answer["gradients"] = {name: from_torch(leaf.grad) for name, leaf in leaves.items()}
        return answer

    return attend_one


# Head by head, the one input of self-attention holds query, key, value and room, each head_dim wide. Projected, the query is
# [2 q, 0, 0, 0], the key [k, 0, 0, 0] and the value [v, 0, 0, 0]: over 4 head_dim features the scale is half of what it was.
PARTS = 4


def fast_module(session, heads, head_dim, dtype):
    key = ("fast", heads, head_dim, dtype)
    if key not in session:
        wide = PARTS * head_dim
        module = nn.MultiheadAttention(heads * wide, heads, batch_first=True, dtype=dtype).eval().requires_grad_(False)
        module.in_proj_weight.zero_()
        projections = module.in_proj_weight.view(3, heads, wide, heads, wide)
        for part, factor in enumerate((2.0, 1.0, 1.0)):
            for h in range(heads):
                projections[part, h, :head_dim, h, part * head_dim : (part + 1) * head_dim] = torch.eye(head_dim) * factor
        module.out_proj.weight.copy_(torch.eye(heads * wide, dtype=dtype))
        session[key] = module
    return session[key]


def attend_fast(session, case):
    """The inference path: self-attention in eval mode, without gradients, an even number of heads."""
    query, key, value = to_torch(case.query), to_torch(case.key), to_torch(case.value)
    batch, heads, length, head_dim = query.shape
    all_heads = heads + heads % 2
    room = torch.zeros(batch, all_heads, length, PARTS * head_dim, dtype=query.dtype)
    for part, tensor in enumerate((query, key, value)):
        room[:, :heads, :, part * head_dim : (part + 1) * head_dim] = tensor
    attn_mask, key_padding_mask, is_causal = masks(case)
    if attn_mask is not None and attn_mask.dim() == 3 and all_heads != heads:
        attn_mask = attn_mask.view(batch, heads, length, length)
        attn_mask = torch.cat([attn_mask, attn_mask[:, :1]], 1).reshape(batch * all_heads, length, length)
    together_once = together(room)
    output, _ = fast_module(session, all_heads, head_dim, query.dtype)(
        together_once,
        together_once,
        together_once,
        key_padding_mask=key_padding_mask,
        need_weights=False,
        attn_mask=attn_mask,
        is_causal=is_causal,
    )
    return {"output": from_torch(apart(output, all_heads)[:, :heads, :, :head_dim].contiguous())}


def open_session(options):
    return {}


if __name__ == "__main__":
    common = {"open": open_session, "libraries": ["torch"]}
    both = {"mask_forms": ["boolean", "additive"], "cache": True, "cross_length": True}
    serve_one_of(
        {
            "weights": {
                **common,
                "name": "torch-mha",
                "supports": {
                    **SUPPORTS,
                    **both,
                    "fully_masked_row": {"boolean": "nan", "finfo": "uniform", "inf": "nan"},
                    "returns": ["output", "weights", "gradients"],
                    "precision": torch_precision.eager(),
                },
                "attend": one_by_one(heads_apart(attend_by_module(True))),
            },
            "sdpa": {
                **common,
                "name": "torch-mha-sdpa",
                "supports": {
                    **SUPPORTS,
                    **both,
                    "fully_masked_row": {"boolean": "zeros", "finfo": "uniform", "inf": "zeros"},
                    "returns": ["output", "gradients"],
                    "precision": torch_precision.flash_kernel(),
                },
                "attend": one_by_one(attend_by_module(False)),
            },
            "fast": {
                **common,
                "name": "torch-mha-fast",
                "supports": {**SUPPORTS, "mask_forms": ["boolean"], "fully_masked_row": "nan", "precision": torch_precision.fast_path()},
                "attend": one_by_one(heads_apart(attend_fast)),
            },
        }
    )
