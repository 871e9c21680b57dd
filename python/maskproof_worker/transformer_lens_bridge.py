"""TransformerLens' two joint-QKV attention bridges, driven directly: base (GPT-2 and the like) and rotary (GPT-NeoX).

    maskproof fuzz --backend transformer-lens --backend transformer-lens-compat

Another release runs from a folder of its own, put before the environment: PYTHONPATH=FOLDER maskproof fuzz ...
What is declared is what the library documents, whatever the release does: a boolean True keeps, a 4D mask is
authoritative, masks of two and three axes are padding on top of the local causal mask, and what is dropped shows
finfo(dtype).min (default mode) or -inf (compatibility mode).
"""
from maskproof_worker import one_by_one, sentinel, serve_one_of

from types import SimpleNamespace

import torch
from transformer_lens.model_bridge.generalized_components.attention import AttentionBridge
from transformer_lens.model_bridge.generalized_components.joint_qkv_attention import JointQKVAttentionBridge
from transformer_lens.model_bridge.generalized_components.joint_qkv_position_embeddings_attention import (
    JointQKVPositionEmbeddingsAttentionBridge,
)
from transformers import DynamicCache
from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding

from maskproof_worker import torch_precision
from maskproof_worker.huggingface_rotary import cos_and_sin, in_halves
from maskproof_worker.torch_tensors import answer_to, laid_out, to_torch

# One thread: the order of a sum is then always the same.
torch.set_num_threads(1)
torch.set_grad_enabled(False)

BRIDGES = {"base": JointQKVAttentionBridge, "rotary": JointQKVPositionEmbeddingsAttentionBridge}
# Releases before 3.0.0 have no cache, no grouped heads and no switch for causality here, and take the first rows of a longer mask.
IS_STABLE = hasattr(AttentionBridge, "_update_kv_cache")


def open_session(options):
    return {}


def component(session, case, compatibility_mode):
    """The bridge of a case, with a stand-in for the attention of HuggingFace that it wraps."""
    heads, kv_heads, head_dim = case.query.shape[1], case.key.shape[1], case.query.shape[3]
    key = (case.bridge, heads, kv_heads, head_dim)
    if key not in session:
        config = SimpleNamespace(n_heads=heads, d_model=heads * head_dim, d_head=head_dim)
        if kv_heads != heads:
            config.n_key_value_heads = kv_heads
        bridge = BRIDGES[case.bridge](name="attention", config=config)
        original = torch.nn.Module()
        original.attn_dropout = torch.nn.Identity()
        bridge.add_module("_original_component", original)
        bridge.compatibility_mode = compatibility_mode
        # The place of this layer in a cache.
        bridge._layer_idx = 0
        session[key] = bridge
    bridge = session[key]
    bridge.is_causal = case.is_causal
    return bridge


def in_cache(bridge, key, value, past, cos_sin):
    """A cache with the first `past` keys and values, turned as the bridge itself turns them."""
    key, value = key[:, :, :past], value[:, :, :past]
    if cos_sin is not None:
        key, _ = bridge._apply_rotary_pos_emb(key, key, *(table[:, :past] for table in cos_sin))
    cache = DynamicCache()
    cache.update(key, value, 0)
    return cache


def positioned(tensor):
    """[batch, heads, length, head_dim] as the bridges take it: [batch, length, heads, head_dim]."""
    return tensor.transpose(1, 2)


def attending(compatibility_mode):
    def attend_one(session, case):
        bridge = component(session, case, compatibility_mode)
        seen = {}
        past = case.key.shape[2] - case.query.shape[2]

        def attend(query, key, value):
            query, key = in_halves(query, case.rotary), in_halves(key, case.rotary)
            arguments = {"attention_mask": case.mask and laid_out(to_torch(case.mask.array), case.mask_layout)}
            cos_sin = cos_and_sin(GPTNeoXRotaryEmbedding, case)
            if cos_sin is not None:
                arguments["position_embeddings"] = tuple(table[:, past:] for table in cos_sin)
            if past > 0:
                arguments["past_key_values"] = in_cache(bridge, key, value, past, cos_sin)
            new = (query, key[:, :, past:], value[:, :, past:])
            output, _ = bridge._reconstruct_attention(*map(positioned, new), **arguments)
            batch, heads, q_len, head_dim = query.shape
            return {"output": output.view(batch, q_len, heads, head_dim).transpose(1, 2), **seen}

        for name, point in (("scores", bridge.hook_attn_scores), ("weights", bridge.hook_pattern)):
            if name in case.want:
                point.add_hook(lambda tensor, hook, name=name: seen.update({name: tensor}))
        try:
            return answer_to(case, attend)
        finally:
            bridge.hook_attn_scores.remove_hooks()
            bridge.hook_pattern.remove_hooks()

    return attend_one


SUPPORTS = {
    "bridges": ["base", "rotary"],
    "dtypes": ["float32", "float64", "float16", "bfloat16"],
    "mask_ranks": [2, 3, 4],
    "mask_forms": ["boolean", "additive"],
    "causal": "bottom_right",
    "bidirectional": IS_STABLE,
    "overlong_keys": "trimmed",
    "overlong_rows": "last" if IS_STABLE else "first",
    "grouped_heads": IS_STABLE,
    "cache": IS_STABLE,
    "layouts": True,
    "returns": ["output", "weights", "scores", "gradients"],
}


if __name__ == "__main__":
    common = {"open": open_session, "libraries": ["torch", "transformers", "transformer_lens"]}
    serve_one_of(
        {
            "default": {
                **common,
                "name": "transformer-lens",
                "supports": {
                    **SUPPORTS,
                    "fully_masked_row": {"boolean": "uniform", "finfo": "uniform", "inf": "nan"},
                    "score_sentinel": "finfo_min",
                    "precision": torch_precision.huggingface_eager(finfo_fill=sentinel),
                },
                "attend": one_by_one(attending(False)),
            },
            "compat": {
                **common,
                "name": "transformer-lens-compat",
                "supports": {
                    **SUPPORTS,
                    "fully_masked_row": "zeros",
                    "score_sentinel": "-inf",
                    "precision": torch_precision.huggingface_eager(),
                },
                "attend": one_by_one(attending(True)),
            },
        }
    )
