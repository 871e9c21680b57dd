"""Whole models as NNsight traces them: FILE.py:nnsight/gpt2

    maskproof fuzz --backend nnsight:gpt2
"""
import sys

from maskproof_worker import one_by_one

import torch
from nnsight import TransformersModel

from maskproof_worker.model_calls import Loaded, answer, serve_model, split
from maskproof_worker.model_zoo import ARCHITECTURES, folder_of


def forward_of(model):
    def forward(tokens, cache=None, use_cache=False, **arguments):
        inputs = {"input_ids": tokens, **arguments}
        if cache is not None:
            inputs["past_key_values"] = cache
        with model.trace(inputs, use_cache=use_cache):
            output = model.output.save()
        return output.logits, output.past_key_values

    return forward


def attend_one(models, case):
    model = models[case.dtype]
    return answer(case, forward_of(model), model._module.get_input_embeddings())


if __name__ == "__main__":
    _, architecture = split(sys.argv[1])
    folder = folder_of(architecture)
    models = Loaded(
        lambda dtype: TransformersModel(
            folder, task="text-generation", dtype=getattr(torch, dtype), dispatch=True
        )
    )
    _, positions = ARCHITECTURES[architecture]
    serve_model(
        "nnsight",
        architecture,
        open=lambda options: models,
        attend=one_by_one(attend_one),
        libraries=["nnsight"],
        # NNsight counts the tokens of rows that are padded on the left, and leaves the others to the model.
        **({"positions": "left"} if positions == "index" else {}),
    )
