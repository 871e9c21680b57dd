"""Whole models as HuggingFace runs them, one attention implementation each: FILE.py:eager/gpt2

    maskproof fuzz --backend hf-model-eager:gpt2 --backend hf-model-sdpa:llama
"""
import sys

from maskproof_worker import one_by_one

from maskproof_worker.model_calls import Loaded, answer, serve_model, split
from maskproof_worker.model_zoo import load


def forward_of(model):
    def forward(tokens, cache=None, use_cache=False, **arguments):
        output = model(input_ids=tokens, past_key_values=cache, use_cache=use_cache, **arguments)
        return output.logits, output.past_key_values

    return forward


def attend_one(models, case):
    model = models[case.dtype]
    return answer(case, forward_of(model), model.get_input_embeddings())


if __name__ == "__main__":
    implementation, architecture = split(sys.argv[1])
    models = Loaded(lambda dtype: load(architecture, implementation, dtype))
    serve_model(
        f"hf-model-{implementation}",
        architecture,
        open=lambda options: models,
        attend=one_by_one(attend_one),
        libraries=[],
    )
