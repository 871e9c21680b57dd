"""HuggingFace's attention functions, as its models call them: eager of GPT-2, GPT-NeoX and Llama, and the sdpa that all of them share.

    maskproof fuzz --backend hf-gpt2-eager --backend hf-gpt-neox-eager --backend hf-llama-eager --backend hf-sdpa
"""
from maskproof_worker import one_by_one, serve_one_of

from types import SimpleNamespace

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.gpt2 import modeling_gpt2 as gpt2
from transformers.models.gpt_neox import modeling_gpt_neox as gpt_neox
from transformers.models.llama import modeling_llama as llama

from maskproof_worker import torch_precision
from maskproof_worker.huggingface_masks import prepared_mask
from maskproof_worker.huggingface_rotary import cos_and_sin, in_halves
from maskproof_worker.torch_tensors import answer_to

# One thread: the order of a sum is then always the same.
torch.set_num_threads(1)
torch.set_grad_enabled(False)

SUPPORTS = {
    "dtypes": ["float32", "float64", "float16", "bfloat16"],
    # Masks of two axes are padding, masks of four are handed on; HuggingFace has none of three.
    "mask_ranks": [2, 4],
    "mask_forms": ["boolean", "additive", "integer"],
    "causal": "bottom_right",
    "bidirectional": True,
    "cache": True,
    "cross_length": True,
    "value_dim": True,
    "scale": True,
    "layouts": True,
}
ROTARY = {"bridges": ["base", "rotary"]}
EAGER = {
    **SUPPORTS,
    "fully_masked_row": {"boolean": "uniform", "finfo": "uniform", "inf": "nan"},
    "returns": ["output", "weights", "gradients"],
}


def turn(model, case, query, key):
    """Query and key turned by the model's own rotary embedding, each at its own positions."""
    if case.rotary is None:
        return query, key
    tables = cos_and_sin(model.Rotary, case)
    return turned(model, case, query, tables), turned(model, case, key, tables)


def turned(model, case, tensor, tables):
    tensor = in_halves(tensor, case.rotary)
    cos, sin = (table[:, -tensor.shape[2] :] for table in tables)
    # Llama turns whole heads; what is not turned stays apart, as in models that turn a part.
    head, rest = tensor[..., : case.rotary.rotary_dim], tensor[..., case.rotary.rotary_dim :]
    return torch.cat([model.apply_rotary_pos_emb(head, head, cos, sin)[0], rest], -1)


def attending(forward, implementation, model=None):
    def attend_one(session, case):
        module = SimpleNamespace(
            num_key_value_groups=case.query.shape[1] // case.key.shape[1], is_causal=case.is_causal, training=False
        )
        mask = prepared_mask(case, implementation)

        def attend(query, key, value):
            if case.rotary is not None:
                query, key = turn(model, case, query, key)
            output, weights = forward(module, query, key, value, mask, scaling=case.scale)
            # [batch, q_len, num_heads, head_dim], as the projection after it takes it.
            output = output.transpose(1, 2)
            return {"output": output, "weights": weights} if "weights" in case.want else {"output": output}

        return answer_to(case, attend)

    return one_by_one(attend_one)


if __name__ == "__main__":
    common = {"libraries": ["torch", "transformers"]}
    neox = SimpleNamespace(Rotary=gpt_neox.GPTNeoXRotaryEmbedding, apply_rotary_pos_emb=gpt_neox.apply_rotary_pos_emb)
    llama_rotary = SimpleNamespace(Rotary=llama.LlamaRotaryEmbedding, apply_rotary_pos_emb=llama.apply_rotary_pos_emb)
    serve_one_of(
        {
            "gpt2-eager": {
                **common,
                "name": "hf-gpt2-eager",
                "supports": {**EAGER, "precision": torch_precision.huggingface_eager()},
                "attend": attending(gpt2.eager_attention_forward, "eager"),
            },
            "gpt-neox-eager": {
                **common,
                "name": "hf-gpt-neox-eager",
                "supports": {**EAGER, **ROTARY, "precision": torch_precision.huggingface_eager("float32")},
                "attend": attending(gpt_neox.eager_attention_forward, "eager", neox),
            },
            "llama-eager": {
                **common,
                "name": "hf-llama-eager",
                "supports": {**EAGER, **ROTARY, "grouped_heads": True, "precision": torch_precision.huggingface_eager("float32")},
                "attend": attending(llama.eager_attention_forward, "eager", llama_rotary),
            },
            "sdpa": {
                **common,
                "name": "hf-sdpa",
                "supports": {
                    **SUPPORTS,
                    **ROTARY,
                    "fully_masked_row": {"boolean": "zeros", "finfo": "uniform", "inf": "zeros"},
                    "grouped_heads": True,
                    "returns": ["output", "gradients"],
                    "precision": torch_precision.huggingface_sdpa(),
                },
                "attend": attending(sdpa_attention_forward, "sdpa", llama_rotary),
            },
        }
    )
