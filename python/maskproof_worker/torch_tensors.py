"""Arrays of a case as PyTorch tensors, masks in the shape and layout that a library takes, and back."""
from functools import lru_cache

import numpy as np
import torch

# What numpy calls the type of the words that bfloat16 is made of.
WORDS = np.dtype(np.uint16).char
INFINITY = float("inf")

_device = None


def compute_on(device):
    """From now on tensors are on this device; on the CPU where nobody says so."""
    global _device
    _device = torch.device(device)


def to_torch(array):
    """A tensor over the array's own memory, or a copy on the device that was chosen; words of bfloat16 become bfloat16."""
    if array.dtype.char == WORDS:
        tensor = torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    else:
        tensor = torch.from_numpy(array)
    return tensor if _device is None else tensor.to(_device)


def from_torch(tensor):
    """The way back; bfloat16 becomes its words."""
    if tensor.requires_grad:
        tensor = tensor.detach()
    if _device is not None:
        tensor = tensor.cpu()
    if tensor.dtype is torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    return tensor.numpy()


def answer_to(case, attend):
    """The answer of attend(query, key, value), which returns {"output": tensor, ...}; with gradients where the case asks for them."""
    if "gradients" not in case.want:
        tensors = attend(to_torch(case.query), to_torch(case.key), to_torch(case.value))
        return {name: from_torch(tensor) for name, tensor in tensors.items()}
    # What is made in inference mode has no gradients.
    with torch.inference_mode(False), torch.enable_grad():
        leaves = {"query": to_torch(case.query), "key": to_torch(case.key), "value": to_torch(case.value)}
        for leaf in leaves.values():
            leaf.requires_grad_()
        tensors = attend(**leaves)
        tensors["output"].backward(to_torch(case.grad_output))
    answer = {name: from_torch(tensor) for name, tensor in tensors.items()}
    return {**answer, "gradients": {name: from_torch(leaf.grad) for name, leaf in leaves.items()}}


def lifted_mask(case):
    """The mask in four axes, [batch or 1, num_heads or 1, q_len or 1, kv_len], in the layout that the case asks for; None where there is none."""
    if case.mask is None:
        return None
    rank, array = case.mask.rank, case.mask.array
    mask = laid_out(to_torch(array), case.mask_layout)
    if rank == 4:
        return mask
    if array.shape[-1] < case.key.shape[-2]:
        # PyTorch stretches a mask of one column over all keys, as it documents. In two and three axes that is for us to refuse.
        raise ValueError(f"A mask with {array.shape[-1]} columns was given for {case.key.shape[-2]} keys.")
    return mask.unsqueeze(1) if rank == 3 else mask.unsqueeze(1).unsqueeze(1)


def with_causality(mask, q_len, kv_len):
    """The mask with what the causal rule drops put into it: False, or the sentinel that the mask itself uses."""
    may = causal(q_len, kv_len)
    if mask.dtype == torch.bool:
        return mask & may
    # Chosen, not added: two sentinels would sum past finfo.min.
    drop = -INFINITY if torch.isneginf(mask).any() else torch.finfo(mask.dtype).min
    return torch.where(may, mask, drop)


@lru_cache(maxsize=256)
def causal(q_len, kv_len):
    """[q_len, kv_len]: True where query i, which stands at i + kv_len - q_len, may see key j. Not to be written into."""
    # Kept for calls with gradients too, which refuse what was made in inference mode.
    with torch.inference_mode(False):
        return torch.ones(q_len, kv_len, dtype=torch.bool, device=_device).tril(kv_len - q_len)


def laid_out(tensor, layout):
    """The same values in other strides."""
    if layout == "transposed":
        return tensor.mT.contiguous().mT
    if layout == "strided":
        room = torch.zeros(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype, device=tensor.device)
        room[..., ::2] = tensor
        return room[..., ::2]
    if layout == "offset":
        room = torch.zeros(tensor.numel() + 1, dtype=tensor.dtype, device=tensor.device)
        room[1:] = tensor.reshape(-1)
        return room[1:].view(tensor.shape)
    if layout == "expanded":
        for axis in range(tensor.dim()):
            first = tensor.narrow(axis, 0, 1)
            if tensor.shape[axis] > 1 and torch.equal(first.expand_as(tensor), tensor):
                tensor = first.expand_as(tensor)
    return tensor
