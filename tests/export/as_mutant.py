"""Runs exported tests with a mutant in their slot: as_mutant.py COMMAND FILE=MUTANT... prints what each came to."""
import json
import math
import shlex
import subprocess
import sys

import torch

server = subprocess.Popen(shlex.split(sys.argv[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wire(x):
    def number(value):
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
        return "-0" if value == 0 and math.copysign(1, value) < 0 else int(value) if x.dtype == torch.bool else value

    flat = x.detach().reshape(-1)
    values = (flat.double() if flat.is_floating_point() else flat).tolist()
    return {"dtype": str(x.dtype).removeprefix("torch."), "shape": list(x.shape), "data": [number(v) for v in values]}


def tensor(told):
    return torch.tensor([float(v) for v in told["data"]], dtype=torch.float64).reshape(told["shape"]).to(getattr(torch, told["dtype"]))


def layout(mask):
    if mask.is_contiguous():
        return "offset" if mask.storage_offset() else None
    if any(stride == 0 and size > 1 for stride, size in zip(mask.stride(), mask.shape)):
        return "expanded"
    return "transposed" if mask.mT.is_contiguous() else "strided"


def ask(line):
    server.stdin.write(json.dumps(line) + "\n")
    server.stdin.flush()
    answer = json.loads(server.stdout.readline())
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer


class Mutant(torch.autograd.Function):
    @staticmethod
    def forward(ctx, case, query, key, value, mask):
        ctx.case = case
        answer = ask({"case": case})
        for name, mine in {"query": query, "key": key, "value": value, "mask": mask}.items():
            if mine is not None and wire(mine)["data"] != answer["inputs"][name]["data"]:
                mine.data.copy_(tensor(answer["inputs"][name]))
        return tuple(tensor(answer[part]) for part in ("output", "weights", "scores") if part in answer)

    @staticmethod
    def backward(ctx, grad_output, *_):
        case = {**ctx.case, "grad_output": wire(grad_output), "want": {"gradients": True}}
        gradients = ask({"case": case})["gradients"]
        return None, *(tensor(gradients[name]) for name in ("query", "key", "value")), None


def slot(returns):
    """In the place of `attention`, with the arguments of any of them."""
    wanted = {part: True for part in ("weights", "scores") if part in returns}

    def attention(query, key, value, mask=None, is_causal=False, scale=None, left_window_size=-1, right_window_size=-1,
                  softcap=None, segments=None, position_ids=None, rotary_dim=0, rotary_base=10000.0, rotary_layout="half"):
        case = {"bridge": "base" if position_ids is None else "rotary", "is_causal": is_causal, "want": wanted,
                "query": wire(query), "key": wire(key), "value": wire(value)}
        if mask is not None:
            form = {torch.bool: "boolean", torch.int64: "integer"}.get(mask.dtype, "additive")
            case["mask"] = {"rank": mask.dim(), "form": form, "tensor": wire(mask)}
            if layout(mask):
                case["mask_layout"] = layout(mask)
        if scale is not None:
            case["scale"] = scale
        if left_window_size >= 0 or right_window_size >= 0:
            case |= {"left_window_size": left_window_size, "right_window_size": right_window_size}
        if softcap is not None:
            case["softcap"] = softcap
        if segments is not None:
            case["segments"] = wire(segments)
        if position_ids is not None:
            case["rotary"] = {"rotary_dim": rotary_dim, "rotary_base": rotary_base, "layout": rotary_layout, "position_ids": wire(position_ids)}
        results = Mutant.apply(case, query, key, value, mask)
        return results[0] if not wanted else results

    return attention


for argument in sys.argv[2:]:
    file, mutant = argument.rsplit("=", 1)
    with open(file) as opened:
        source = opened.read()
    # Functions look names up where they were defined: the slot is filled from outside.
    names = {"__name__": "exported"}
    exec(compile(source, file, "exec"), names)
    server.stdin.write(json.dumps({"mutant": mutant}) + "\n")
    names["attention"] = slot(names["attention"].__doc__.rsplit("Returns", 1)[1])
    [test] = [value for name, value in names.items() if name.startswith("test_")]
    try:
        test()
        print(f"{mutant}: passed")
    except AssertionError as error:
        print(f"{mutant}: failed: {str(error).splitlines()[0]}")
    except RuntimeError as error:
        print(f"{mutant}: erred: {error}")
server.stdin.close()
