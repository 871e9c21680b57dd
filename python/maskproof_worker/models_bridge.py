"""Whole models behind TransformerLens' TransformerBridge, booted from a local folder: FILE.py:bridge/gpt2

    maskproof fuzz --backend transformer-bridge:gpt2
"""
import sys

from maskproof_worker import one_by_one

import torch
from transformer_lens.model_bridge import TransformerBridge

from maskproof_worker.model_calls import Loaded, answer, serve_model, split
from maskproof_worker.model_zoo import LIMITS, folder_of


def forward_of(bridge):
    def forward(tokens, cache=None, use_cache=False, **arguments):
        if not use_cache:
            return bridge(tokens, return_type="logits", **arguments), None
        if cache is not None:
            arguments["past_key_values"] = cache
        return bridge(tokens, return_type="logits_and_cache", use_cache=True, **arguments)

    return forward


def attend_one(bridges, case):
    bridge = bridges[case.dtype]
    return answer(case, forward_of(bridge), bridge.embed)


if __name__ == "__main__":
    _, architecture = split(sys.argv[1])
    folder = folder_of(architecture)
    bridges = Loaded(
        lambda dtype: TransformerBridge.boot_transformers(folder, device="cpu", dtype=getattr(torch, dtype)).eval()
    )
    serve_model(
        "transformer-bridge",
        architecture,
        open=lambda options: bridges,
        attend=one_by_one(attend_one),
        libraries=["transformer_lens"],
        # The bridge counts them itself, whatever the model would do, where the model takes any.
        **({} if architecture in LIMITS else {"positions": "mask"}),
    )
