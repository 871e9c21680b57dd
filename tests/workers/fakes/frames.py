"""The protocol by hand, with the standard library alone: what the misbehaving workers beside this file are made of."""
import json
import os
import struct
import sys

HELLO = {
    "type": "hello",
    "protocol": 1,
    "name": "fake",
    "supports": {"dtypes": ["float32"], "mask_ranks": [2, 4], "mask_forms": ["boolean"], "bidirectional": True},
    "versions": {"fake": "1"},
}


def say(message, tensors=None):
    """One frame; `tensors` maps a name to a shape and its float32 numbers."""
    header = {"__metadata__": {"maskproof": json.dumps(message)}}
    data = b""
    for name, (shape, numbers) in (tensors or {}).items():
        piece = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    file = struct.pack("<Q", len(text)) + text + data
    write(struct.pack("<I", len(file)) + file)


def write(data):
    while data:
        data = data[os.write(1, data) :]


def hear():
    """The next message, and the shapes of its tensors by name; the process ends where the input does."""
    prefix = read(4)
    file = read(struct.unpack("<I", prefix)[0])
    size = struct.unpack("<Q", file[:8])[0]
    header = json.loads(file[8 : 8 + size])
    message = json.loads(header.pop("__metadata__")["maskproof"])
    return message, {name: entry["shape"] for name, entry in header.items()}


def read(count):
    data = b""
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data


def zeros(request, shapes):
    """An answer of zeros in the right shapes."""
    answers = []
    tensors = {}
    for n, case in enumerate(request["cases"]):
        batch, heads, q_len, _ = shapes[case["query"]]
        shape = [batch, heads, q_len, shapes[case["value"]][3]]
        answers.append({"output": f"{n}.output"})
        tensors[f"{n}.output"] = (shape, [0.0] * (shape[0] * shape[1] * shape[2] * shape[3]))
    return {"type": "answer", "id": request["id"], "answers": answers}, tensors


def serve(attend=zeros, hello=HELLO, on_open=None):
    """A well-behaved loop but for what `attend` and `on_open` do."""
    say(hello)
    while True:
        request, shapes = hear()
        if request["type"] == "attend":
            reply = attend(request, shapes)
            if reply is not None:
                say(*reply)
        elif request["type"] == "open":
            say((on_open and on_open(request)) or {"type": "opened", "id": request["id"]})
        else:
            say({"type": "closed", "id": request["id"]})
