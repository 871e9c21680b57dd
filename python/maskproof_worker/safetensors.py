"""The safetensors format, as much of it as cases and answers need, with numpy alone.

A bfloat16 tensor is an array of uint16 that holds its words; no other tensor is one.
"""
import json
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


def _place_of(entry, data):
    """A tensor's bytes, the gap to the next multiple of 64, the bytes of both, its shape and dtype."""
    begin, end = entry["data_offsets"]
    gap = _PADDING[(begin - end) % ALIGNMENT]
    return data[begin:end], gap, end - begin + len(gap), entry["shape"], FORMATS[entry["dtype"]]


class Copies:
    """An array for each name, in order, however often: it begins at a multiple of 64 bytes and can be written to."""

    def __init__(self, names, header, data):
        # Cases are asked about in twins, which share most of their tensors.
        known = {name: _place_of(header[name], data) for name in set(names)}
        parts = []
        places = []
        place = 0
        for name in names:
            piece, gap, size, _, _ = known[name]
            places.append(place)
            parts.append(piece)
            parts.append(gap)
            place += size
        self._sent = b"".join(parts)
        memory = np.empty(place + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        self._memory = memory[start : start + place]
        self._memory[:] = np.frombuffer(self._sent, np.uint8)
        self._places = places
        array = np.ndarray
        self.arrays = [
            array(shape, dtype, memory, start + place)
            for (_, _, _, shape, dtype), place in zip(map(known.__getitem__, names), places)
        ]

    def changed(self):
        """The positions of the arrays that are no longer what was read."""
        if self._memory.tobytes() == self._sent:
            return []
        return [n for n, place in enumerate(self._places) if self._is_changed(place, place + self.arrays[n].nbytes)]

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
