"""torch.nn.functional.scaled_dot_product_attention on CUDA: with whichever kernel PyTorch takes, and with its math kernel.

    maskproof fuzz --backend torch-sdpa-cuda --backend torch-sdpa-cuda-math
"""
import sys
from contextlib import nullcontext

from maskproof_worker import serve_one_of

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from maskproof_worker import torch_precision, torch_tensors
from maskproof_worker.torch_sdpa import SUPPORTS, attending_in


def attending_on_cuda(context):
    attend = attending_in(context)

    def attend_or_end(session, cases):
        answers = attend(session, cases)
        try:
            torch.cuda.synchronize()
        except RuntimeError as error:
            # After an error of a kernel nothing is computed in this process any more: the next case is for another one.
            sys.exit(f"The GPU gave up: {str(error).splitlines()[0]}")
        return answers

    return attend_or_end


def backend(name, context, precision, **supports):
    return {
        "name": name,
        "supports": {**SUPPORTS, "value_dim": True, **supports, "precision": precision},
        "attend": attending_on_cuda(context),
        "libraries": ["torch"],
    }


if __name__ == "__main__":
    if not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU here: torch.cuda.is_available() is False.")
    torch_tensors.compute_on("cuda")
    serve_one_of(
        {
            "any": backend(
                "torch-sdpa-cuda",
                nullcontext,
                torch_precision.cuda_kernels(),
                # Of a query whose keys are all dropped by finfo.min, math answers the mean and the memory-efficient kernel zeros.
                fully_masked_row={"boolean": "zeros", "finfo": "unspecified", "inf": "zeros"},
            ),
            "math": backend(
                "torch-sdpa-cuda-math", lambda: sdpa_kernel(SDPBackend.MATH), torch_precision.cuda_math_kernel()
            ),
        }
    )
