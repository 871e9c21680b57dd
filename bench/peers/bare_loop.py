"""What a worker's file costs by itself: its `attend` on cases that were written to a file of frames, in a loop that does nothing else.

    python bare_loop.py FILE.py NAME FRAMES ROUNDS

Prints JSON: microseconds of CPU a call, the best of the rounds; for PyTorch also those of scaled_dot_product_attention alone.
"""
import json
import os
import sys
import time

file, name, frames, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
folder = os.path.dirname(os.path.dirname(os.path.abspath(file)))
sys.path[:1] = [folder]
answer = os.fdopen(os.dup(1), "w")

import maskproof_worker  # noqa: E402
from maskproof_worker.case import Case, tensor_names  # noqa: E402
from maskproof_worker.frames import read_frame  # noqa: E402
from maskproof_worker.safetensors import File  # noqa: E402
from maskproof_worker.serve import KEY  # noqa: E402

served = {}
maskproof_worker.serve = lambda **backend: served.update({"": backend})
maskproof_worker.serve_one_of = served.update
import runpy  # noqa: E402

runpy.run_path(file, run_name="__main__")
backend = served.get(name) or next(iter(served.values()))
attend = backend["attend"]
session = backend.get("open", lambda options: None)({})


def cases_in(frame):
    file = File(frame)
    wires = json.loads(file.metadata[KEY])["cases"]
    names = [tensor_names(wire) for wire in wires]
    arrays = iter(file.copies([tensor for of_case in names for tensor in of_case.values()]).arrays)
    return [Case(wire, dict(zip(of_case, arrays)), file.dtype) for wire, of_case in zip(wires, names)]


def best(work, calls):
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) / calls * 1e6


with open(frames, "rb") as stream:
    batches = [cases_in(frame) for frame in iter(lambda: read_frame(stream), None)]
calls = sum(map(len, batches))


def attend_all():
    for cases in batches:
        attend(session, cases)


told = {"attend": best(attend_all, calls)}
if "torch" in sys.modules:
    import torch.nn.functional as F

    kernel = F.scaled_dot_product_attention
    asked = []

    def remember(*args, **options):
        asked.append((args, options))
        return kernel(*args, **options)

    F.scaled_dot_product_attention = remember
    attend_all()
    F.scaled_dot_product_attention = kernel

    def kernel_alone():
        for args, options in asked:
            kernel(*args, **options)

    # In the same kernel that the file chooses.
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.FLASH_ATTENTION if name == "flash" else SDPBackend.MATH):
        told["kernel"] = best(kernel_alone, len(asked))
print(json.dumps(told), file=answer, flush=True)
os._exit(0)
