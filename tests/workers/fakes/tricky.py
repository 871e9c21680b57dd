"""A worker in Python that prints wherever it can, writes into its inputs, and says what it was given."""
import os
import subprocess
import sys

print("printed before anything is imported")
os.write(1, b"written to the descriptor\n")

from maskproof_worker import serve_one_of

print("printed while importing")
subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)


def attend(session, cases):
    print("printed while attending")
    answers = []
    for case in cases:
        output = case.query.copy()
        assert case.query.ctypes.data % 64 == 0 and case.value.ctypes.data % 64 == 0
        if case.mask is not None and case.mask.form == "boolean":
            case.mask.array[...] = False
        answers.append({"output": output})
    return answers


def echo(session, cases):
    """Sends back what arrived, bit for bit."""
    return [{"output": case.value, "weights": case.key, "scores": case.query} for case in cases]


def open_counting(options):
    open_counting.count += 1
    return open_counting.count


open_counting.count = 0


def count(session, cases):
    return [{"output": case.query * 0 + session} for case in cases]


def raise_on_two(session, cases):
    answers = []
    for case in cases:
        if case.key.shape[2] == 2:
            answers.append(ValueError("two keys"))
        else:
            answers.append({"output": case.query})
    return answers


def raise_always(session, cases):
    raise RuntimeError("nothing works")


def answer_int(session, cases):
    return [{"output": (case.query * 0).astype("int32")} for case in cases]


SUPPORTS = {"mask_ranks": [2], "dtypes": ["float32", "float64", "float16", "bfloat16"]}
serve_one_of(
    {
        name: {"name": name, "supports": SUPPORTS, "attend": attend, "open": open}
        for name, attend, open in [
            ("prints", attend, None),
            ("echo", echo, None),
            ("count", count, open_counting),
            ("raise_on_two", raise_on_two, None),
            ("raise_always", raise_always, None),
            ("answer_int", answer_int, None),
        ]
    }
)
