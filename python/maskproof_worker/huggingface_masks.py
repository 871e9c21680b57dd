"""Masks on HuggingFace's own road: what its models make of a mask before their attention sees it."""
from types import SimpleNamespace

from transformers.masking_utils import create_bidirectional_mask, create_causal_mask

from maskproof_worker.torch_tensors import laid_out, lifted_mask, to_torch, with_causality


class Past:
    """As much of a cache as the making of masks asks for: `length` tokens were seen before."""

    def __init__(self, length):
        self.length = length

    def get_query_offset(self, layer):
        return self.length

    def get_mask_sizes(self, q_len, layer):
        return self.length + q_len, 0


def prepared_mask(case, implementation):
    """The `attention_mask` of an attention function, in the form that models prepare for "eager" or "sdpa"; None where they give none.

    A mask of two axes says which tokens are padding, and one of four is handed on as it is. HuggingFace has no additive mask of
    two axes (it would read 0 as "drop"): that is written out in four.
    """
    mask = case.mask
    if mask is not None and mask.rank == 2 and mask.form == "additive":
        lifted = lifted_mask(case)
        return with_causality(lifted, case.query.shape[2], case.key.shape[2]) if case.is_causal else lifted
    (_, _, q_len, _), kv_len = case.query.shape, case.key.shape[2]
    arguments = {
        "config": SimpleNamespace(_attn_implementation=implementation),
        # [batch, q_len, hidden]: looked at for its sizes and dtype.
        "inputs_embeds": to_torch(case.query)[:, 0],
        "attention_mask": mask and laid_out(to_torch(mask.array), case.mask_layout),
        "past_key_values": Past(kv_len - q_len) if q_len < kv_len else None,
    }
    if case.is_causal:
        return create_causal_mask(**arguments)
    if q_len > kv_len:
        # Cross attention: the keys are those of an encoder.
        arguments["encoder_hidden_states"] = to_torch(case.key)[:, 0]
    return create_bidirectional_mask(**arguments)
