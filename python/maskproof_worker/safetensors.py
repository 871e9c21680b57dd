"""The safetensors format, as much of it as cases and answers need, with numpy alone.

A bfloat16 tensor is an array of uint16 that holds its words; no other tensor is one.
"""
import json
from itertools import accumulate
from json.encoder import encode_basestring_ascii as quoted

import numpy as np

FORMATS = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "BOOL": np.dtype("?"),
}
NAMES = {dtype: name for name, dtype in FORMATS.items()}
ITEM_SIZES = {name: dtype.itemsize for name, dtype in FORMATS.items()}
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "BOOL": "bool"}

# Kernels may sum in another order where an array begins at an odd place.
ALIGNMENT = 64
_PADDING = [bytes(n) for n in range(ALIGNMENT)]


class File:
    """A file that was read: its metadata, and its tensors by name."""

    def __init__(self, file):
        size = int.from_bytes(file[:8], "little")
        view = memoryview(file)
        self._header = json.loads(str(view[8 : 8 + size], "utf-8"))
        self._data = view[8 + size :]
        self.metadata = self._header.pop("__metadata__", {})

    def __iter__(self):
        return iter(self._header)

    def dtype(self, name):
        """What cases call the dtype of a tensor: "bfloat16" where its array holds words."""
        return DTYPES[self._header[name]["dtype"]]

    def copies(self, names):
        return Copies(names, self._header, self._data)


def _tensor_of(entry, data):
    """A tensor's bytes up to the next multiple of 64, its shape and dtype."""
    begin, end = entry["data_offsets"]
    return b"".join((data[begin:end], _PADDING[(begin - end) % ALIGNMENT])), entry["shape"], FORMATS[entry["dtype"]]


class Copies:
    """An array for each name, in order, however often: it begins at a multiple of 64 bytes and can be written to."""

    def __init__(self, names, header, data):
        # Cases are asked about in twins, which share most of their tensors.
        known = {name: _tensor_of(header[name], data) for name in set(names)}
        tensors = [known[name] for name in names]
        pieces = [piece for piece, _, _ in tensors]
        self._places = list(accumulate(map(len, pieces), initial=0))
        self._sent = b"".join(pieces)
        memory = np.empty(len(self._sent) + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        self._memory = memory[start : start + len(self._sent)]
        self._memory[:] = np.frombuffer(self._sent, np.uint8)
        array = np.ndarray
        self.arrays = [
            array(shape, dtype, memory, start + place)
            for (_, shape, dtype), place in zip(tensors, self._places)
        ]

    def changed(self):
        """The positions of the arrays that are no longer what was read."""
        if self._memory.tobytes() == self._sent:
            return []
        return [n for n, (place, array) in enumerate(zip(self._places, self.arrays)) if self._is_changed(place, place + array.nbytes)]

    def _is_changed(self, begin, end):
        return self._memory[begin:end].tobytes() != self._sent[begin:end]


def file_parts(arrays, metadata):
    """The pieces of a file: `arrays` by name, wide numbers first so that each lies at a multiple of its size."""
    entries = []
    for name, array in arrays.items():
        dtype = NAMES.get(array.dtype)
        if dtype is None:
            raise TypeError(f"{name} is an array of {array.dtype}; answers are float64, float32, float16, or uint16 with the words of bfloat16.")
        entries.append((name, dtype, array))
    if len({dtype for _, dtype, _ in entries}) > 1:
        entries.sort(key=lambda entry: -ITEM_SIZES[entry[1]])
    # Put together by hand: the header is most of what writing an answer costs.
    texts = [f'"__metadata__":{json.dumps(metadata, separators=(",", ":"))}'] if metadata else []
    data = []
    place = 0
    for name, dtype, array in entries:
        piece = array.tobytes()
        end = place + len(piece)
        texts.append(f'{quoted(name)}:{{"dtype":"{dtype}","shape":{list(array.shape)},"data_offsets":[{place},{end}]}}')
        place = end
        data.append(piece)
    text = f"{{{','.join(texts)}}}".encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little"), text, *data]
