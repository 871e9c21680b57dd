"""The safetensors format, as much of it as cases and answers need, with numpy alone.

A bfloat16 tensor is an array of uint16 that holds its words; no other tensor is one.
"""
import json

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
        self._header = json.loads(bytes(file[8 : 8 + size]))
        self._data = memoryview(file)[8 + size :]
        self.metadata = self._header.pop("__metadata__", {})

    def __iter__(self):
        return iter(self._header)

    def dtype(self, name):
        """What cases call the dtype of a tensor: "bfloat16" where its array holds words."""
        return DTYPES[self._header[name]["dtype"]]

    def copies(self, names):
        return Copies([self._header[name] for name in names], self._data)


class Copies:
    """An array for each entry of a header, in order: it begins at a multiple of 64 bytes and can be written to."""

    def __init__(self, entries, data):
        parts = []
        places = []
        place = 0
        for entry in entries:
            begin, end = entry["data_offsets"]
            size = end - begin
            gap = -size % ALIGNMENT
            places.append(place)
            parts += data[begin:end], _PADDING[gap]
            place += size + gap
        self._sent = b"".join(parts)
        memory = np.empty(place + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        self._memory = memory[start : start + place]
        self._memory[:] = np.frombuffer(self._sent, np.uint8)
        self._places = places
        array, formats = np.ndarray, FORMATS
        self.arrays = [
            array(entry["shape"], formats[entry["dtype"]], memory, start + place)
            for entry, place in zip(entries, places)
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
    header = {"__metadata__": metadata} if metadata else {}
    data = []
    place = 0
    for name, dtype, array in entries:
        piece = array.tobytes()
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": (place, place + len(piece))}
        place += len(piece)
        data.append(piece)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little"), text, *data]
