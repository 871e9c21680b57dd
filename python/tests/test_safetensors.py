"""Our safetensors against the official package, which is needed here and nowhere else."""
import json
import struct
import unittest

import numpy as np

from maskproof_worker.safetensors import ALIGNMENT, File, file_parts

try:
    import safetensors.numpy as official
    from safetensors import deserialize
except ImportError:
    official = None

ARRAYS = {
    "mask": np.array([True, False, True]),
    "half": np.array([[65504, -0.0], [6e-8, np.inf]], np.float16),
    "ids": np.array([-1, 2**40]),
    "double": np.array([5e-324, np.nan]),
    "single": np.zeros((2, 0, 3), np.float32),
    "scalar": np.array(1.5, np.float32),
}


def file_of(arrays, metadata):
    return b"".join(file_parts(arrays, metadata))


def arrays_of(data):
    """All arrays of a file, by name."""
    file = File(bytearray(data))
    return dict(zip(file, file.copies(file).arrays))


class Files(unittest.TestCase):
    def assertSame(self, found, due):
        self.assertEqual(found.keys(), due.keys())
        for name, array in due.items():
            self.assertEqual((found[name].dtype, found[name].shape), (array.dtype, array.shape), name)
            self.assertEqual(found[name].tobytes(), array.tobytes(), name)

    def test_come_back_bit_for_bit(self):
        data = file_of(ARRAYS, {"maskproof": "é"})
        self.assertSame(arrays_of(data), ARRAYS)
        self.assertEqual(File(data).metadata, {"maskproof": "é"})

    @unittest.skipIf(official is None, "the package safetensors is not installed")
    def test_are_read_by_the_official_package(self):
        self.assertSame(official.load(file_of(ARRAYS, {"a": "b"})), ARRAYS)

    @unittest.skipIf(official is None, "the package safetensors is not installed")
    def test_of_the_official_package_are_read(self):
        data = official.save(ARRAYS, {"a": "b"})
        self.assertSame(arrays_of(data), ARRAYS)
        self.assertEqual(File(data).metadata, {"a": "b"})

    @unittest.skipIf(official is None, "the package safetensors is not installed")
    def test_hold_bfloat16_as_words(self):
        words = np.array([0x3FC0, 0xFF80], np.uint16)
        [(_, entry)] = deserialize(file_of({"x": words}, {}))
        self.assertEqual((entry["dtype"], list(entry["shape"]), bytes(entry["data"])), ("BF16", [2], words.tobytes()))
        data = file_of({"x": words}, {})
        self.assertEqual(File(data).dtype("x"), "bfloat16")
        self.assertSame(arrays_of(data), {"x": words})

    def test_may_list_their_tensors_in_any_order(self):
        header = json.dumps({"b": {"dtype": "I64", "shape": [1], "data_offsets": [8, 16]}, "a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}})
        file = struct.pack("<Q", len(header)) + header.encode() + struct.pack("<qq", 1, 2)
        arrays = arrays_of(file)
        self.assertEqual((arrays["a"][0], arrays["b"][0]), (1, 2))

    def test_keep_what_a_view_shows(self):
        array = np.arange(12.0).reshape(3, 4).T[::2]
        self.assertTrue(np.array_equal(arrays_of(file_of({"x": array}, {}))["x"], array))

    def test_of_another_dtype_are_refused(self):
        with self.assertRaisesRegex(TypeError, "x is an array of int32"):
            file_parts({"x": np.zeros(1, np.int32)}, {})


class Copied(unittest.TestCase):
    """The arrays that a library may do with as it likes."""

    NAMES = ["half", "mask", "half"]

    def setUp(self):
        self.copies = File(bytearray(file_of(ARRAYS, {}))).copies(self.NAMES)

    def test_are_aligned_and_writable(self):
        for array in self.copies.arrays:
            self.assertEqual(array.ctypes.data % ALIGNMENT, 0)
            self.assertTrue(array.flags.writeable and array.flags.c_contiguous)

    def test_tell_what_was_written_to(self):
        first, mask, second = self.copies.arrays
        self.assertEqual(self.copies.changed(), [])
        second[1, 0] = 1
        mask[0] = True
        self.assertEqual(self.copies.changed(), [2])
        self.assertEqual(first.tobytes(), ARRAYS["half"].tobytes())

    def test_tell_a_sign_that_was_written(self):
        self.copies.arrays[0][0, 1] = 0.0
        self.assertEqual(self.copies.changed(), [0])


if __name__ == "__main__":
    unittest.main()
