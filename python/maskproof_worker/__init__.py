"""What a maskproof worker in Python is made of. Import it before the library under test: that takes standard output away."""
from . import stdio  # noqa: F401  first, before anything can print

from .case import Case, Mask, Rotary, one_by_one
from .model_case import ModelCase
from .floats import float32_of, from_float32, sentinel
from .serve import serve, serve_one_of

__all__ = ["Case", "Mask", "ModelCase", "Rotary", "float32_of", "from_float32", "one_by_one", "sentinel", "serve", "serve_one_of"]
