"""What the backends of whole models share: arguments out of a case, cached decoding, the loss, and what a model declares."""
import torch
import torch.nn.functional as F

from maskproof_worker import serve
from maskproof_worker.model_zoo import ARCHITECTURES, LIMITS, MAX_LENGTH, VOCAB, WINDOWED
from maskproof_worker.torch_tensors import from_torch, to_torch


class Loaded(dict):
    """One model in every precision that it is asked for, made by `load(dtype)` when it is."""

    def __init__(self, load):
        super().__init__()
        self.load = load

    def __missing__(self, dtype):
        self[dtype] = self.load(dtype)
        return self[dtype]


def supports_of(architecture, **others):
    """What a model of that architecture takes as HuggingFace has it; `others` are what a library does otherwise."""
    _, positions = ARCHITECTURES[architecture]
    return {
        "model": {
            "vocab": VOCAB,
            "max_length": MAX_LENGTH,
            # float64 is what errors of the others are measured against.
            "dtypes": ["float32", "float64", "float16", "bfloat16"],
            "masks": ["boolean", "integer", "float"],
            # An explicit mask takes the place of the windows as well: it cannot say what differs from layer to layer.
            "explicit_masks": [] if architecture in WINDOWED else ["boolean", "additive"],
            "position_ids": True,
            "positions": positions,
            "sliding_window": architecture in WINDOWED,
            "cache": True,
            "gradients": True,
            "bitwise": True,
            **LIMITS.get(architecture, {}),
            **others,
        }
    }


class Arguments:
    """The arguments of one call, or of the pieces that it is cut into: tokens, mask and position_ids as PyTorch has them."""

    def __init__(self, case):
        self.tokens = to_torch(case.tokens)
        self.mask = case.mask and mask_of(case)
        self.position_ids = None if case.position_ids is None else to_torch(case.position_ids)
        self.chunks = case.chunks

    @property
    def whole(self):
        return self.piece(0, self.tokens.shape[1])

    def pieces(self):
        end = 0
        for length in self.chunks:
            start, end = end, end + length
            yield self.piece(start, end)

    def piece(self, start, end):
        """Tokens start .. end; the mask says of all tokens up to the end whether they count."""
        named = {}
        if self.mask is not None:
            named["attention_mask"] = self.mask[:, :end] if self.mask.dim() == 2 else self.mask[:, :, start:end, :end]
        if self.position_ids is not None:
            named["position_ids"] = self.position_ids[:, start:end]
        return self.tokens[:, start:end], named


def mask_of(case):
    mask = to_torch(case.mask.array)
    if case.mask.form != "additive":
        return mask
    # The sentinel of the dtype that the model computes in.
    dtype = getattr(torch, case.dtype)
    return torch.where(mask < 0, torch.finfo(dtype).min, mask).to(dtype)


def answer(case, forward, embedding):
    """The answer to a case: `forward(tokens, cache=None, **arguments)` gives (logits, cache), `embedding` is the module whose output has a gradient."""
    arguments = Arguments(case)
    if "gradients" in case.want:
        return with_gradient(case, arguments, forward, embedding)
    if case.chunks is None:
        tokens, named = arguments.whole
        return {"logits": from_torch(forward(tokens, **named)[0])}
    logits, cache = [], None
    for tokens, named in arguments.pieces():
        piece, cache = forward(tokens, cache=cache, use_cache=True, **named)
        logits.append(piece)
    return {"logits": from_torch(torch.cat(logits, dim=1))}


def with_gradient(case, arguments, forward, embedding):
    embedded = []

    def keep(module, inputs, output):
        output.requires_grad_() if output.is_leaf else output.retain_grad()
        embedded.append(output)

    handle = embedding.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            tokens, named = arguments.whole
            logits = forward(tokens, **named)[0]
            gradient = torch.autograd.grad(loss_of(logits, tokens, torch.from_numpy(case.real())), embedded[0])[0]
    finally:
        handle.remove()
    return {"logits": from_torch(logits), "gradients": {"embedding": from_torch(gradient)}}


def loss_of(logits, tokens, real):
    """Mean cross entropy of the next token, where it and the token before it are real; 0 where there is none."""
    counted = real[:, 1:] & real[:, :-1]
    if not counted.any():
        return 0 * logits[real].sum()
    return F.cross_entropy(logits[:, :-1][counted], tokens[:, 1:][counted])


def split(asked):
    """'eager/gpt2' as ('eager', 'gpt2')."""
    variant, _, architecture = asked.rpartition("/")
    return variant, architecture


def serve_model(name, architecture, open, attend, libraries, **others):
    """`name:architecture` is what reports call it; `others` are declared."""
    serve(
        name=f"{name}:{architecture}",
        supports=supports_of(architecture, **others),
        open=open,
        attend=attend,
        libraries=["torch", "transformers", *libraries],
    )
