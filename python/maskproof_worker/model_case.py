"""One call of a whole model, in the names of the wire."""
from .case import Mask


class ModelCase:
    """tokens [batch, seq_len] and what goes with them; what is absent is None.

    `dtype` is that in which the model computes. mask.rank 2 is [batch, seq_len] in form "boolean", "integer" or "float", 1 a token
    and 0 padding; rank 4 is [batch, 1, seq_len, seq_len] in form "boolean" (True keeps) or "additive". position_ids is
    [batch, seq_len]. `chunks` are the lengths of the pieces of cached decoding. `want` may hold "gradients".
    """

    __slots__ = ("tokens", "dtype", "mask", "position_ids", "chunks", "want")

    def __init__(self, wire, arrays, dtype):
        """`arrays` by the names of `model_tensor_names`; `dtype` tells that of a tensor on the wire."""
        self.tokens = arrays["tokens"]
        self.dtype = wire["dtype"]
        mask = wire.get("mask")
        self.mask = mask and Mask(mask["rank"], mask["form"], arrays["mask"], dtype(mask["tensor"]))
        self.position_ids = arrays.get("position_ids")
        self.chunks = wire.get("chunks")
        self.want = frozenset(name for name, yes in wire.get("want", {}).items() if yes)

    def real(self):
        """[batch, seq_len] of bool: where there is a token and no padding. Under an explicit mask padding does not see itself."""
        import numpy as np

        if self.mask is None:
            return np.ones(self.tokens.shape, dtype=bool)
        if self.mask.rank == 2:
            return self.mask.array != 0
        diagonal = np.diagonal(self.mask.array[:, 0], axis1=-2, axis2=-1)
        return diagonal != 0 if self.mask.form == "boolean" else diagonal == 0


def model_tensor_names(wire):
    """The tensors of a case on the wire: what they are called there, by the name that reports use."""
    names = {"tokens": wire["tokens"]}
    if "mask" in wire:
        names["mask"] = wire["mask"]["tensor"]
    if "position_ids" in wire:
        names["position_ids"] = wire["position_ids"]
    return names
