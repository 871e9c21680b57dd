"""Whole models as HookedTransformer runs them, with HuggingFace's weights, none of them folded or centred: FILE.py:hooked/gpt2

    maskproof fuzz --backend hooked-transformer:gpt2

HookedTransformer was taken out of TransformerLens 4.0: `npm run setup:python` puts 3.9.0 beside the environment.
"""
import sys

from maskproof_worker import one_by_one

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig, loading_from_pretrained
from transformer_lens.cache.key_value_cache import TransformerLensKeyValueCache

from maskproof_worker.model_calls import Loaded, answer, serve_model, split
from maskproof_worker.model_zoo import folder_of, load, loaded_as


def hooked(architecture, dtype):
    """from_pretrained takes names of the hub alone; these are the steps that it is made of. float64 is float32 widened, as in `load`."""
    folder = folder_of(architecture)
    # It computes scores and norms in float32 where the config tells of a half dtype.
    own = loaded_as(dtype)
    config = HookedTransformerConfig.from_dict(
        {
            **loading_from_pretrained.convert_hf_model_config(folder),
            "model_name": architecture,
            "init_weights": False,
            "device": "cpu",
            "dtype": getattr(torch, own),
            "default_prepend_bos": False,
        }
    )
    weights = loading_from_pretrained.get_pretrained_state_dict(
        folder, config, load(architecture, "eager", own), dtype=getattr(torch, own)
    )
    model = HookedTransformer(config, move_to_device=False)
    model.load_and_process_state_dict(
        weights, fold_ln=False, center_writing_weights=False, center_unembed=False, fold_value_biases=False
    )
    return model.eval().to(getattr(torch, dtype))


def forward_of(model):
    def forward(tokens, cache=None, use_cache=False, attention_mask=None, position_ids=None):
        if position_ids is not None:
            raise ValueError("HookedTransformer takes no position_ids.")
        if use_cache and cache is None:
            cache = TransformerLensKeyValueCache.init_cache(model.cfg, "cpu", tokens.shape[0])
        if attention_mask is not None:
            # The cache remembers the mask of what was read before.
            attention_mask = attention_mask[:, -tokens.shape[1] :]
        logits = model(
            tokens, return_type="logits", prepend_bos=False, attention_mask=attention_mask, past_kv_cache=cache
        )
        return logits, cache

    return forward


def attend_one(models, case):
    model = models[case.dtype]
    return answer(case, forward_of(model), model.embed)


if __name__ == "__main__":
    _, architecture = split(sys.argv[1])
    models = Loaded(lambda dtype: hooked(architecture, dtype))
    serve_model(
        "hooked-transformer",
        architecture,
        open=lambda options: models,
        attend=one_by_one(attend_one),
        libraries=["transformer_lens"],
        masks=["boolean", "integer"],
        explicit_masks=[],
        position_ids=False,
        positions="mask",
        # ALiBi's biases are the last rows of a table that grows with the longest text so far: a call rounds otherwise after a longer
        # one, and after the first piece of its own text. Between two that find the same table no bit differs, as in all the others.
        bitwise=architecture != "bloom",
    )
