"""HuggingFace's attention functions with the mask handed over as it is, for docs/masks.md."""
from maskproof_worker import one_by_one, serve_one_of

from importlib import import_module

import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from maskproof_worker.torch_tensors import from_torch, to_torch

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def attending_with(forward):
    def attend_one(session, case):
        module = nn.Module().eval()
        module.num_key_value_groups = case.query.shape[1] // case.key.shape[1]
        mask = case.mask and to_torch(case.mask.array)
        # The eager functions have no causality of their own; sdpa asks its module.
        module.is_causal = case.is_causal
        output, _ = forward(
            module, to_torch(case.query), to_torch(case.key), to_torch(case.value), mask, scaling=float(case.scale), dropout=0.0
        )
        return {"output": from_torch(output.transpose(1, 2).contiguous())}

    return attend_one


def eager(architecture):
    return import_module(f"transformers.models.{architecture}.modeling_{architecture}").eager_attention_forward


def backend(name, forward, causal="none"):
    return {"name": name, "supports": {"causal": causal}, "attend": one_by_one(attending_with(forward)), "libraries": ["transformers", "torch"]}


if __name__ == "__main__":
    serve_one_of(
        {
            "gpt2-eager": backend("GPT-2, eager", eager("gpt2")),
            "gpt_neox-eager": backend("GPT-NeoX, eager", eager("gpt_neox")),
            "llama-eager": backend("Llama, eager", eager("llama")),
            "sdpa": backend("sdpa, every architecture", sdpa_attention_forward, "top_left"),
        }
    )
