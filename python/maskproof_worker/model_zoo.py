"""Tiny models with random weights, made from configs and kept in a folder: every library loads the same ones, and none needs a hub."""
import hashlib
import inspect
import json
import os
import shutil
import tempfile

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

VOCAB = 32
# Tokens that a row may have.
MAX_LENGTH = 64
SEED = 20261123

torch.set_num_threads(1)
torch.set_grad_enabled(False)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

LLAMA_LIKE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": MAX_LENGTH,
}
# TransformerLens still reads n_ctx.
GPT2_LIKE = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": MAX_LENGTH, "n_ctx": MAX_LENGTH}
GEMMA_LIKE = {**LLAMA_LIKE, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}

# By architecture: the config, and what the family does without position_ids: "index" learns a vector for each place and counts padding,
# "distance" turns queries and keys by how far they are apart, "mask" counts the tokens that the mask calls real.
ARCHITECTURES = {
    "gpt2": (GPT2_LIKE, "index"),
    "gpt_neox": (
        {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "rotary_pct": 0.5,
            "max_position_embeddings": MAX_LENGTH,
        },
        "distance",
    ),
    "llama": (LLAMA_LIKE, "distance"),
    "gptj": ({**GPT2_LIKE, "rotary_dim": 4}, "distance"),
    "gpt_neo": (
        {
            "hidden_size": 16,
            "num_layers": 2,
            "num_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": MAX_LENGTH,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 4,
        },
        "index",
    ),
    "phi": ({**LLAMA_LIKE, "num_key_value_heads": 4, "partial_rotary_factor": 0.5}, "distance"),
    "phi3": (LLAMA_LIKE, "distance"),
    "qwen2": (LLAMA_LIKE, "distance"),
    "qwen3": ({**LLAMA_LIKE, "head_dim": 4}, "distance"),
    "gemma": (GEMMA_LIKE, "distance"),
    "gemma2": ({**GEMMA_LIKE, "sliding_window": 4, "query_pre_attn_scalar": 8}, "distance"),
    "gemma3_text": (
        {
            **GEMMA_LIKE,
            "sliding_window": 4,
            "query_pre_attn_scalar": 8,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        "distance",
    ),
    "mistral": ({**LLAMA_LIKE, "head_dim": 4, "sliding_window": 4}, "distance"),
    "starcoder2": ({**LLAMA_LIKE, "sliding_window": 4}, "distance"),
    # A quarter of a head of 4, its default, would be one dimension, and one cannot be turned.
    "stablelm": ({**LLAMA_LIKE, "num_key_value_heads": 4, "partial_rotary_factor": 0.5}, "distance"),
    "olmo2": ({**LLAMA_LIKE, "num_key_value_heads": 4}, "distance"),
    "falcon": (
        {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "multi_query": True,
            "alibi": False,
            "new_decoder_architecture": False,
        },
        "distance",
    ),
    "opt": (
        {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "ffn_dim": 32,
            "word_embed_proj_dim": 16,
            "max_position_embeddings": MAX_LENGTH,
        },
        "mask",
    ),
    "gpt_bigcode": (GPT2_LIKE, "index"),
    "biogpt": (
        {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": MAX_LENGTH,
        },
        "mask",
    ),
    "bloom": ({"hidden_size": 16, "n_layer": 2, "n_head": 2}, "mask"),
    "mpt": ({"d_model": 16, "n_layers": 2, "n_heads": 2, "max_seq_len": MAX_LENGTH, "expansion_ratio": 2}, "distance"),
}

# Some of their layers see no further than a window of 4.
WINDOWED = {"gpt_neo", "gemma2", "gemma3_text", "mistral", "starcoder2"}

# What an architecture cannot take, by the signature of its forward or by what its documentation says.
LIMITS = {
    # Its positions are biases that are made from a mask of two axes, and from no other.
    "bloom": {"position_ids": False, "explicit_masks": []},
    "mpt": {"position_ids": False},
}


def config_of(architecture):
    values, _ = ARCHITECTURES[architecture]
    return AutoConfig.for_model(
        architecture, vocab_size=VOCAB, bos_token_id=0, eos_token_id=1, pad_token_id=2, dtype="float32", **values
    )


def folder_of(architecture):
    """A folder that `from_pretrained` takes: config, weights and a tokenizer of a word for each id. Made where it is missing."""
    config = config_of(architecture)
    made_of = [config.to_dict(), SEED, inspect.getsource(make_model), transformers.__version__, torch.__version__]
    print_ = json.dumps(made_of, sort_keys=True, default=str)
    # Libraries read architectures off names: TransformerLens takes a folder with "llama" in it for one of Meta's own.
    name = hashlib.sha256(print_.encode()).hexdigest()[:16]
    folder = os.path.join(cache_folder(), name)
    if not os.path.exists(folder):
        os.makedirs(cache_folder(), exist_ok=True)
        making = tempfile.mkdtemp(dir=cache_folder())
        make_model(config).save_pretrained(making)
        tokenizer().save_pretrained(making)
        try:
            os.rename(making, folder)
        except OSError:
            # Another process was faster.
            shutil.rmtree(making)
    return folder


def cache_folder():
    base = os.environ.get("MASKPROOF_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "maskproof"
    )
    return os.path.join(base, "models")


def make_model(config):
    """
    Weights so large that attention is far from uniform: what a mask lets through then shows in the logits. They are numbers of both
    float16 and bfloat16, so that a model is the same function in every dtype, and differs from itself by arithmetic alone.
    """
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    generator = torch.Generator().manual_seed(SEED)
    for name, weight in sorted(model.named_parameters()):
        noise = torch.randn(weight.shape, generator=generator)
        if weight.dim() > 1:
            weight.copy_(0.3 * noise)
        else:
            # Norms and biases stay near what they were made as: 1 or 0.
            weight.add_(0.1 * noise)
        weight.copy_(weight.to(torch.float16).to(torch.bfloat16))
    model.tie_weights()
    return model


def tokenizer():
    """A word for each id, 't3' for 3; the special ones are those of the config."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({f"t{n}": n for n in range(VOCAB)}, unk_token="t0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, bos_token="t0", eos_token="t1", pad_token="t2", unk_token="t0")


def loaded_as(dtype):
    """The dtype that a library loads a model in, to be widened afterwards: what it keeps in float32 whatever the dtype stays so in float64."""
    return "float32" if dtype == "float64" else dtype


def load(architecture, implementation, dtype):
    """
    The model as HuggingFace loads it. 'float64' is the float32 one widened, with what it keeps in float32 whatever its dtype, such as
    the frequencies of rotary positions: it is what the others approach.
    """
    model = AutoModelForCausalLM.from_pretrained(
        folder_of(architecture), attn_implementation=implementation, dtype=getattr(torch, loaded_as(dtype))
    ).eval()
    return model.double() if dtype == "float64" else model
