"""The loop of a worker: it says hello, and then answers until its input ends."""
import gc
import json
import os
import platform
import signal
import sys
from importlib import metadata

import numpy as np

from . import stdio
from .case import Case, error_on_wire, tensor_names
from .frames import read_frame, write_frame
from .model_case import ModelCase, model_tensor_names
from .safetensors import File, file_parts

PROTOCOL = 1
# The key of the metadata that holds the message.
KEY = "maskproof"
# What is sent whether it is asked for or not; the rest of OUTPUTS only where it is.
UNASKED = ("output", "logits")
OUTPUTS = (*UNASKED, "weights", "scores")


def serve(*, name, supports, attend, open=None, close=None, libraries=(), sessions="shared"):
    """Answers until the input ends.

    open(options) makes a session and close(session) ends it; attend(session, cases) returns one answer a case, in order:
    {"output": array, "weights"?, "scores"?, "gradients"?: {"query", "key", "value"}}, or an exception (raised for all, or
    returned for one). A whole model, which declares supports["model"], gets ModelCase and answers {"logits": array, "gradients"?:
    {"embedding"}}. `libraries` are the modules whose versions reports tell. sessions="process" asks for a process a session,
    where opening another leaves something behind.
    """
    if threadable(signal):
        # Ctrl-C is for whoever started us.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    reader = os.fdopen(stdio.FRAMES_IN, "rb", buffering=1 << 20)
    writer = os.fdopen(stdio.FRAMES_OUT, "wb", buffering=1 << 20)
    hello = {"type": "hello", "protocol": PROTOCOL, "name": name, "supports": supports, "versions": versions_of(libraries), "sessions": sessions}
    say(writer, hello)
    # What is imported stays: the collector need not look at it again and again while cases come and go.
    gc.collect()
    gc.freeze()
    # A batch makes thousands of objects that end with it.
    gc.set_threshold(50_000)
    answer = Answerer(attend, open or (lambda options: None), close or (lambda session: None))
    while True:
        frame = read_frame(reader)
        if frame is None:
            break
        file = File(frame)
        message, arrays = answer(json.loads(file.metadata[KEY]), file)
        say(writer, message, arrays)


def serve_one_of(backends):
    """Serves the backend that is named after the file (FILE.py:NAME), the first one where none is. `backends`: name to arguments of `serve`."""
    asked = sys.argv[1] if len(sys.argv) > 1 else next(iter(backends))
    if asked not in backends:
        sys.exit(f"{os.path.basename(sys.argv[0])} has no backend {asked!r}; it has {', '.join(backends)}.")
    serve(**backends[asked])


def threadable(module):
    """Whether signals can be set here: only in the main thread."""
    import threading

    return threading.current_thread() is threading.main_thread() and hasattr(module, "SIGINT")


def versions_of(libraries):
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    for library in libraries:
        module = sys.modules.get(library) or __import__(library)
        versions[library] = getattr(module, "__version__", None) or installed_version(library)
    return versions


def installed_version(library):
    """What the package says of itself that was found first; a module need not tell."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "unknown"


def say(writer, message, arrays=None):
    try:
        parts = file_parts(arrays or {}, {KEY: json.dumps(message, separators=(",", ":"), allow_nan=False)})
        write_frame(writer, parts)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        # The answer cannot be written; nothing of it has been.
        if message["type"] != "answer":
            raise
        say(writer, {"type": "error", "id": message["id"], "error": error_on_wire(error)})


class Answerer:
    """Gives each request its reply."""

    def __init__(self, attend, open, close):
        self.attend = attend
        self.open = open
        self.close = close
        self.sessions = {}

    def __call__(self, request, file):
        reply = {"id": request["id"]}
        try:
            kind = request["type"]
            if kind == "attend":
                answers, arrays = self.answers(self.sessions[request["session"]], request["cases"], file)
                return {"type": "answer", **reply, "answers": answers}, arrays
            if kind == "open":
                self.sessions[request["session"]] = self.open(request.get("options", {}))
                return {"type": "opened", **reply}, None
            if kind == "close":
                self.close(self.sessions.pop(request["session"]))
                return {"type": "closed", **reply}, None
            raise ValueError(f"There is no request of type {kind!r}.")
        except Exception as error:
            return {"type": "error", **reply, "error": error_on_wire(error)}, None

    def answers(self, session, wire_cases, file):
        # A worker is asked for one kind of case and no other.
        is_model = bool(wire_cases) and wire_cases[0].get("kind") == "model"
        make, names_of = (ModelCase, model_tensor_names) if is_model else (Case, tensor_names)
        names = [names_of(wire) for wire in wire_cases]
        # Two cases may name one tensor; each gets a copy of its own.
        copies = file.copies([tensor for of_case in names for tensor in of_case.values()])
        arrays = iter(copies.arrays)
        cases = [make(wire, dict(zip(of_case, arrays)), file.dtype) for wire, of_case in zip(wire_cases, names)]
        given = self.attend(session, cases)
        changed = set(copies.changed())
        arrays = {}
        answers = []
        first = 0
        for n, answer in enumerate(given):
            if isinstance(answer, Exception):
                said = {"error": error_on_wire(answer)}
            else:
                said = answer_on_wire(answer, f"{n}.", arrays, cases[n].want if n < len(cases) else OUTPUTS)
            if changed and n < len(names):
                said["changed"] = [name for place, name in enumerate(names[n], first) if place in changed]
                first += len(names[n])
            answers.append(said)
        return answers, arrays


def answer_on_wire(answer, prefix, arrays, want):
    """The answer with its arrays put into `arrays` and named in their place; what nobody asked for stays here."""
    said = {}
    for name, array in answer.items():
        if array is None:
            continue
        if name == "gradients":
            said[name] = {}
            for leaf, gradient in array.items():
                said[name][leaf] = f"{prefix}gradients.{leaf}"
                arrays[f"{prefix}gradients.{leaf}"] = np.asarray(gradient)
        elif name in want or name in UNASKED:
            said[name] = where = prefix + name
            arrays[where] = np.asarray(array)
    return said
