"""Takes the real standard input and output for the frames, once, when first imported."""
import os
import sys

if sys.platform == "win32":
    import msvcrt

    for _fd in (0, 1):
        msvcrt.setmode(_fd, os.O_BINARY)

# Copies of the pipes, which children do not inherit.
FRAMES_IN = os.dup(0)
FRAMES_OUT = os.dup(1)

# Who prints, from Python or from C, prints to standard error; who reads, reads nothing.
sys.stdout.flush()
os.dup2(2, 1)
_nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(_nothing, 0)
os.close(_nothing)
