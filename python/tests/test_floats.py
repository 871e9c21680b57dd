"""bfloat16 by hand."""
import unittest

import numpy as np

from maskproof_worker import float32_of, from_float32, sentinel

try:
    import torch
except ImportError:
    torch = None

EVERY_WORD = np.arange(1 << 16, dtype=np.uint16)


class Bfloat16(unittest.TestCase):
    def test_comes_back_from_float32(self):
        numbers = float32_of(EVERY_WORD)
        back = from_float32(numbers, "bfloat16")
        is_nan = np.isnan(numbers)
        self.assertTrue(np.array_equal(back[~is_nan], EVERY_WORD[~is_nan]))
        self.assertTrue((back[is_nan] == 0x7FC0).all())

    def test_rounds_to_even(self):
        cases = {1 + 2**-8: 1.0, 1 + 3 * 2**-8: 1 + 2**-6, 3.4e38: np.inf, -1e-45: -0.0, 2.0**-134: 0.0, 1.5 * 2.0**-133: 2.0**-132}
        found = float32_of(from_float32(np.array(list(cases), np.float32), "bfloat16"))
        self.assertEqual(found.tolist(), list(cases.values()))

    @unittest.skipIf(torch is None, "torch is not installed")
    def test_rounds_as_torch_does(self):
        bits = np.random.default_rng(1).integers(0, 1 << 32, 200_000, dtype=np.uint32)
        numbers = bits.view(np.float32)
        numbers = numbers[~np.isnan(numbers)]
        due = torch.from_numpy(numbers).bfloat16().view(torch.int16).numpy().view(np.uint16)
        self.assertTrue(np.array_equal(from_float32(numbers, "bfloat16"), due))

    def test_leaves_the_others_as_they_are(self):
        for dtype in (np.float64, np.float32):
            self.assertEqual(float32_of(np.zeros(1, dtype)).dtype, dtype)
        self.assertEqual(float32_of(np.zeros(1, np.float16)).dtype, np.float32)
        self.assertEqual(from_float32(np.array([1 / 3], np.float32), "float16").dtype, np.float16)


class Sentinel(unittest.TestCase):
    def test_is_the_lowest_number(self):
        self.assertEqual(sentinel("float16"), -65504)
        self.assertEqual(sentinel("float32"), np.finfo(np.float32).min)
        self.assertEqual(float32_of(np.array([0xFF7F], np.uint16))[0], sentinel("bfloat16"))


if __name__ == "__main__":
    unittest.main()
