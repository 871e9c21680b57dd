"""Rotary embedding as HuggingFace's models have it: the tables of a case, and features in the order that they expect."""
from types import SimpleNamespace

import torch

from maskproof_worker.torch_tensors import to_torch


def cos_and_sin(embedding, case):
    """cos and sin, [batch, kv_len, rotary_dim] each in the dtype of the case, by the rotary module `embedding` of a model; None for the base bridge.

    They are for the keys; the last q_len are for the queries.
    """
    rotary = case.rotary
    if rotary is None:
        return None
    parameters = {"rope_type": "default", "rope_theta": rotary.rotary_base}
    config = SimpleNamespace(rope_parameters=parameters, head_dim=rotary.rotary_dim, max_position_embeddings=4096)
    return embedding(config)(to_torch(case.query), to_torch(rotary.position_ids))


def in_halves(tensor, rotary):
    """GPT-J's neighbours as GPT-NeoX's halves: the first feature of each pair, then the second of each, then what is not turned."""
    if rotary is None or rotary.layout == "half":
        return tensor
    turned = rotary.rotary_dim
    return torch.cat([tensor[..., :turned:2], tensor[..., 1:turned:2], tensor[..., turned:]], -1)
