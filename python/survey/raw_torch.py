"""PyTorch's attention with the mask handed over as it is, for docs/masks.md: nothing is turned round, lifted or refused on the way."""
from maskproof_worker import one_by_one, serve_one_of

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from maskproof_worker.torch_tensors import from_torch, to_torch

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def inputs(case):
    return to_torch(case.query), to_torch(case.key), to_torch(case.value), case.mask and to_torch(case.mask.array)


def sdpa(kernel):
    def attend_one(session, case):
        query, key, value, mask = inputs(case)
        with sdpa_kernel(kernel):
            return {"output": from_torch(F.scaled_dot_product_attention(query, key, value, mask, is_causal=case.is_causal))}

    return attend_one


def identity_module(width, heads, dtype):
    module = nn.MultiheadAttention(width, heads, batch_first=True, dtype=dtype).requires_grad_(False)
    module.in_proj_weight.copy_(torch.eye(width, dtype=dtype).repeat(3, 1))
    module.out_proj.weight.copy_(torch.eye(width, dtype=dtype))
    return module


def module_with(argument, need_weights):
    """nn.MultiheadAttention, the mask given as `argument`."""

    def attend_one(session, case):
        query, key, value, mask = inputs(case)
        batch, heads, q_len, head_dim = query.shape
        module = identity_module(heads * head_dim, heads, query.dtype)
        query, key, value = (x.transpose(1, 2).reshape(batch, x.shape[2], heads * head_dim) for x in (query, key, value))
        output, _ = module(query, key, value, need_weights=need_weights, is_causal=case.is_causal, **{argument: mask})
        return {"output": from_torch(output.view(batch, q_len, heads, head_dim).transpose(1, 2).contiguous())}

    return attend_one


def backend(name, attend_one):
    return {"name": name, "supports": {"causal": "top_left"}, "attend": one_by_one(attend_one), "libraries": ["torch"]}


if __name__ == "__main__":
    serve_one_of(
        {
            "sdpa-math": backend("scaled_dot_product_attention, math", sdpa(SDPBackend.MATH)),
            "sdpa-flash": backend("scaled_dot_product_attention, flash", sdpa(SDPBackend.FLASH_ATTENTION)),
            "mha-attn_mask": backend("nn.MultiheadAttention attn_mask", module_with("attn_mask", True)),
            "mha-key_padding_mask": backend("nn.MultiheadAttention key_padding_mask", module_with("key_padding_mask", True)),
        }
    )
