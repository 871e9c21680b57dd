"""bfloat16 where numpy has none: arrays of uint16 that hold the words. And the number that drops a key in an additive mask."""
import numpy as np

# finfo(dtype).min
LOWEST = {"float64": np.finfo(np.float64).min, "float32": np.finfo(np.float32).min, "float16": np.finfo(np.float16).min}


def float32_of(array):
    """The numbers of an array in float32 or wider: words of bfloat16 become numbers, float16 is widened."""
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def from_float32(array, dtype):
    """The array rounded to nearest even in `dtype`, as answers want it."""
    if dtype != "bfloat16":
        return array.astype(dtype)
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), 0x7FC0, rounded).astype(np.uint16)


def sentinel(dtype):
    """finfo(dtype).min as a float."""
    return -3.3895313892515355e38 if dtype == "bfloat16" else float(LOWEST[dtype])
