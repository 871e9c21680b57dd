"""The tables of a rotary embedding as HuggingFace's own modules make them."""
from types import SimpleNamespace

import torch
from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding

from maskproof_worker.torch_tensors import to_torch


def in_halves(tensor, rotary):
    """GPT-J's neighbours as GPT-NeoX's halves: the first feature of each pair, then the second of each, then what is not turned."""
    if rotary is None or rotary.layout == "half":
        return tensor
    turned = rotary.rotary_dim
    return torch.cat([tensor[..., :turned:2], tensor[..., 1:turned:2], tensor[..., turned:]], -1)


def cos_and_sin(case):
    """cos and sin, [batch, kv_len, rotary_dim] each in the dtype of the case: for the keys; the last q_len are for the queries."""
    head_dim, rotary = case.query.shape[3], case.rotary
    parameters = {
        "rope_type": "default",
        "rope_theta": rotary.rotary_base,
        # The module rounds head_dim times this down.
        "partial_rotary_factor": (rotary.rotary_dim + 0.5) / head_dim,
    }
    module = GPTNeoXRotaryEmbedding(SimpleNamespace(rope_parameters=parameters, head_dim=head_dim, max_position_embeddings=4096))
    return module(to_torch(case.query), to_torch(case.rotary.position_ids))
