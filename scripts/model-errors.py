"""
How far right models are off, by depth and dtype, in roundoffs of the largest logit: the table of docs/numerics.md.

    OMP_NUM_THREADS=1 .cache/python/venv/bin/python scripts/model-errors.py
"""
import copy
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "python"))

import torch
from transformers import AutoModelForCausalLM

from maskproof_worker import stdio
from maskproof_worker.model_zoo import VOCAB, config_of, loaded_as, make_model

# A worker keeps standard output for its frames.
table = os.fdopen(stdio.FRAMES_OUT, "w", buffering=1)

ROUNDOFFS = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
DEPTHS = [2, 8, 24]
ARCHITECTURES = ["gpt2", "gpt_neox", "llama", "gemma", "opt"]
CASES = 60


def config_with(architecture, layers):
    """The zoo's, with more layers."""
    config = config_of(architecture)
    config.num_hidden_layers = layers
    return config


def loaded(config, weights, implementation, dtype):
    model = AutoModelForCausalLM.from_config(
        copy.deepcopy(config), attn_implementation=implementation, dtype=getattr(torch, loaded_as(dtype))
    )
    model.load_state_dict(weights)
    return model.eval().double() if dtype == "float64" else model.eval()


def left_padded(generator):
    """Tokens [1, seq_len], their mask, and positions that are counted from it."""
    tokens, padding = (int(torch.randint(1, most, (1,), generator=generator)) for most in (8, 4))
    mask = torch.cat([torch.zeros(1, padding, dtype=torch.long), torch.ones(1, tokens, dtype=torch.long)], dim=1)
    ids = torch.randint(0, VOCAB, mask.shape, generator=generator)
    return ids, mask, (mask.cumsum(1) - 1).clamp(min=0)


def measured(architecture, layers, dtype):
    """A case each: the error without a mask, two right answers apart, and what it does to be blind to the mask, in largest logits."""
    config = config_with(architecture, layers)
    weights = make_model(config).state_dict()
    exact = loaded(config, weights, "eager", "float64")
    eager, sdpa = (loaded(config, weights, implementation, dtype) for implementation in ("eager", "sdpa"))
    generator = torch.Generator().manual_seed(1)
    for _ in range(CASES):
        ids, mask, position_ids = left_padded(generator)
        real = mask[0] == 1
        plain = exact(input_ids=ids).logits
        size = plain.abs().max()
        error = (eager(input_ids=ids).logits - plain).abs().max()
        right, other = (m(input_ids=ids, attention_mask=mask, position_ids=position_ids).logits for m in (eager, sdpa))
        blind = eager(input_ids=ids, position_ids=position_ids).logits
        apart, wrong = ((right - logits)[:, real].double().abs().max() for logits in (other, blind))
        unit = ROUNDOFFS[dtype] * size
        yield (error / unit).item(), (apart / unit).item(), (wrong / size).item()


if __name__ == "__main__":
    print("| layers | dtype | e, median | e, largest | eager and sdpa apart | in 2 e | blind to the mask, in s |", file=table)
    print("|---|---|---|---|---|---|---|", file=table)
    for layers in DEPTHS:
        for dtype in ROUNDOFFS:
            lines = [line for architecture in ARCHITECTURES for line in measured(architecture, layers, dtype)]
            errors, apart, wrong = zip(*lines)
            multiple = max(x / (2 * max(1, e)) for e, x, _ in lines)
            numbers = [statistics.median(errors), max(errors), max(apart), multiple, statistics.median(wrong)]
            print(f"| {layers} | {dtype} | {' | '.join(f'{x:.3g}' for x in numbers)} |", file=table)
