"""TransformerLens' joint-QKV bridges with the mask handed over as it is, for docs/masks.md."""
from maskproof_worker import one_by_one, serve_one_of

from types import SimpleNamespace

import torch
from torch import nn
from transformer_lens.model_bridge.generalized_components import (
    JointQKVAttentionBridge,
    JointQKVPositionEmbeddingsAttentionBridge,
)

from maskproof_worker.torch_tensors import from_torch, to_torch

torch.set_num_threads(1)
torch.set_grad_enabled(False)


class Original(nn.Module):
    """What the bridge asks of the attention that it stands for."""

    def __init__(self):
        super().__init__()
        self.attn_dropout = nn.Identity()


def attending_with(bridge_class, compatible):
    def attend_one(session, case):
        query, key, value = (to_torch(x).transpose(1, 2) for x in (case.query, case.key, case.value))
        heads, head_dim = query.shape[2:]
        bridge = bridge_class("attn", SimpleNamespace(n_heads=heads, d_model=heads * head_dim), split_qkv_matrix=lambda _: None)
        # The joint bridge's own method would split the stand-in's projections, and it has none.
        bridge.add_module("_original_component", Original())
        bridge.is_causal = case.is_causal
        bridge.compatibility_mode = compatible
        mask = case.mask and to_torch(case.mask.array)
        output, _ = bridge._reconstruct_attention(query, key, value, attention_mask=mask)
        batch, q_len = query.shape[:2]
        return {"output": from_torch(output.reshape(batch, q_len, heads, head_dim).transpose(1, 2).contiguous())}

    return attend_one


def backend(name, bridge_class, compatible=False):
    return {
        "name": name,
        "supports": {"causal": "bottom_right"},
        "attend": one_by_one(attending_with(bridge_class, compatible)),
        "libraries": ["transformer_lens", "transformers", "torch"],
    }


if __name__ == "__main__":
    serve_one_of(
        {
            "base": backend("JointQKVAttentionBridge", JointQKVAttentionBridge),
            "base-compatible": backend("JointQKVAttentionBridge, compatibility mode", JointQKVAttentionBridge, True),
            "rotary": backend("JointQKVPositionEmbeddingsAttentionBridge", JointQKVPositionEmbeddingsAttentionBridge),
        }
    )
