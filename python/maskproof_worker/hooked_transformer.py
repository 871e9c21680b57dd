"""HookedTransformer's attention component, of the last TransformerLens that has one: a forward path of its own, beside HuggingFace's.

    maskproof fuzz --backend hooked-attention

It was taken out of TransformerLens 4.0: `npm run setup:python` puts 3.9.0 beside the environment, and PYTHONPATH may name another. The
component projects its inputs and its output: query, key and value are put in by the hooks behind its projections, and the answer
is read from the hook before the last one. Its masks are attention_mask [batch, kv_len], where 1 keeps, and additive_attention_mask
[batch, 1, 1, kv_len], which is added to the scores; dropped scores show -inf.
"""
from maskproof_worker import one_by_one, serve

import torch
from transformer_lens.cache.key_value_cache_entry import TransformerLensKeyValueCacheEntry
from transformer_lens.components import Attention, GroupedQueryAttention
from transformer_lens.config.hooked_transformer_config import HookedTransformerConfig

from maskproof_worker import torch_precision
from maskproof_worker.torch_tensors import answer_to, laid_out, to_torch

# One thread: the order of a sum is then always the same.
torch.set_num_threads(1)
torch.set_grad_enabled(False)

SUPPORTS = {
    "dtypes": ["float32", "float64", "float16", "bfloat16"],
    "mask_ranks": [2],
    "mask_forms": ["boolean", "additive", "integer"],
    "causal": "bottom_right",
    # An additive finfo.min meets the -inf of the causal mask: documented is neither.
    "fully_masked_row": {"boolean": "zeros", "finfo": "unspecified", "inf": "zeros"},
    "score_sentinel": "-inf",
    "grouped_heads": True,
    "cache": True,
    "layouts": True,
    "returns": ["output", "weights", "scores", "gradients"],
    "precision": torch_precision.huggingface_eager(),
}


def open_session(options):
    return {}


def component(session, case):
    """The attention module for cases of these heads and this dtype; what it projects does not matter."""
    heads, kv_heads, head_dim = case.query.shape[1], case.key.shape[1], case.query.shape[3]
    key = (heads, kv_heads, head_dim, case.dtype)
    if key not in session:
        config = HookedTransformerConfig(
            n_layers=1,
            n_ctx=8192,
            d_model=heads * head_dim,
            d_head=head_dim,
            n_heads=heads,
            n_key_value_heads=None if kv_heads == heads else kv_heads,
            attn_only=True,
            d_vocab=1,
            dtype=getattr(torch, case.dtype),
        )
        attention = (Attention if kv_heads == heads else GroupedQueryAttention)(config).eval()
        for parameter in attention.parameters():
            parameter.zero_().requires_grad_(False)
        session[key] = attention
    return session[key]


def masks(case):
    """attention_mask or additive_attention_mask, whichever the form calls for."""
    if case.mask is None:
        return {}
    mask = laid_out(to_torch(case.mask.array), case.mask_layout)
    return {"additive_attention_mask": mask[:, None, None]} if case.mask.form == "additive" else {"attention_mask": mask}


def positioned(tensor):
    """[batch, heads, length, head_dim] as the hooks have it: [batch, length, heads, head_dim]."""
    return tensor.transpose(1, 2)


def attend_one(session, case):
    attention = component(session, case)
    (batch, _, q_len, _), past = case.query.shape, case.key.shape[2] - case.query.shape[2]

    def attend(query, key, value):
        query, key, value = positioned(query), positioned(key), positioned(value)
        put = {"hook_q": query, "hook_k": key[:, past:], "hook_v": value[:, past:]}
        read = {"hook_z": "output", "hook_attn_scores": "scores", "hook_pattern": "weights"}
        seen = {}
        for name, tensor in put.items():
            getattr(attention, name).add_hook(lambda _, hook, tensor=tensor: tensor)
        for name, part in read.items():
            getattr(attention, name).add_hook(lambda tensor, hook, part=part: seen.update({part: tensor}))
        hidden = torch.zeros(batch, q_len, attention.cfg.d_model, dtype=query.dtype)
        cache = TransformerLensKeyValueCacheEntry(key[:, :past], value[:, :past]) if past > 0 else None
        attention(hidden, hidden, hidden, past_kv_cache_entry=cache, **masks(case))
        return {part: tensor for part, tensor in {**seen, "output": positioned(seen["output"])}.items() if part == "output" or part in case.want}

    try:
        return answer_to(case, attend)
    finally:
        for name in ("hook_q", "hook_k", "hook_v", "hook_z", "hook_attn_scores", "hook_pattern"):
            getattr(attention, name).remove_hooks()


if __name__ == "__main__":
    serve(
        name="hooked-attention",
        supports=SUPPORTS,
        open=open_session,
        attend=one_by_one(attend_one),
        libraries=["torch", "transformers", "transformer_lens"],
    )
