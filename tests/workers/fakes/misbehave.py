"""A worker that does one thing wrong: python3 misbehave.py WHAT"""
import os
import signal
import sys
import time

from frames import HELLO, hear, say, serve, write, zeros


def prints(request, shapes):
    write(b"Loading weights: 100%\n")
    return zeros(request, shapes)


def exits(request, shapes):
    print("about to give up", file=sys.stderr, flush=True)
    sys.exit(3)


def is_killed(request, shapes):
    os.kill(os.getpid(), signal.SIGKILL)


def crashes(request, shapes):
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(request, shapes):
    while True:
        time.sleep(60)


def spins(request, shapes):
    while True:
        pass


def answers_short(request, shapes):
    reply, tensors = zeros(request, shapes)
    return {**reply, "answers": reply["answers"][:-1]}, tensors


def answers_another(request, shapes):
    reply, tensors = zeros(request, shapes)
    return {**reply, "id": request["id"] + 100}, tensors


def answers_twice(request, shapes):
    say(*zeros(request, shapes))
    return zeros(request, shapes)


def announces_too_much(request, shapes):
    write((0x90000000).to_bytes(4, "little") + bytes(64))
    time.sleep(60)


def writes_rubbish(request, shapes):
    write(bytes([200, 0, 0, 0]) + bytes(range(1, 201)))
    time.sleep(60)


def stops_within_a_frame(request, shapes):
    write((1000).to_bytes(4, "little") + (500).to_bytes(8, "little") + b'{"__metadata__":{')
    sys.exit(0)


def names_a_missing_tensor(request, shapes):
    reply, _ = zeros(request, shapes)
    return (reply,)


def says_opened(request, shapes):
    return ({"type": "opened", "id": request["id"]},)


def says_no_json(request, shapes):
    text = b'{"__metadata__":{"maskproof":"not json"}}'
    file = len(text).to_bytes(8, "little") + text
    write(len(file).to_bytes(4, "little") + file)


def allocates(request, shapes):
    """As far as a limit of its own, as a container has one."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    try:
        bytearray(1 << 40)
    except MemoryError as error:
        return ({"type": "error", "id": request["id"], "error": {"type": "MemoryError", "message": str(error)}},)


def raises(request, shapes):
    return ({"type": "error", "id": request["id"], "error": {"type": "ValueError", "message": "no such mask", "traceback": "Traceback:\n  line 1"}},)


def refuses(request, shapes):
    return ({"type": "answer", "id": request["id"], "answers": [{"error": {"type": "ValueError", "message": "no"}} for _ in request["cases"]]},)


def only_on_two(request, shapes):
    """Dies of a case with two keys."""
    if any(shapes[case["key"]][2] == 2 for case in request["cases"]):
        os.kill(os.getpid(), signal.SIGSEGV)
    return zeros(request, shapes)


what = sys.argv[1]
if what == "exits_at_once":
    print("cannot find my configuration", file=sys.stderr)
    sys.exit(4)
elif what == "ends_without_a_word":
    pass
elif what == "says_nothing":
    time.sleep(600)
elif what == "prints_first":
    write(b"hello, world\n")
    serve()
elif what == "other_protocol":
    serve(hello={**HELLO, "protocol": 7})
elif what == "declares_nonsense":
    serve(hello={**HELLO, "supports": {"mask_ranks": [5]}})
elif what == "no_name":
    serve(hello={"type": "hello", "protocol": 1, "supports": {}})
elif what == "cannot_open":
    serve(on_open=lambda request: {"type": "error", "id": request["id"], "error": {"type": "RuntimeError", "message": "no device"}})
elif what == "out_of_order":
    # Two requests at a time, the later one first.
    say(HELLO)
    while True:
        request, shapes = hear()
        if request["type"] != "attend":
            say({"type": {"open": "opened", "close": "closed"}[request["type"]], "id": request["id"]})
            continue
        later, later_shapes = hear()
        say(*zeros(later, later_shapes))
        say(*zeros(request, shapes))
elif what == "leaves_a_child":
    # A wrapper whose child outlives it unless the whole group is ended.
    child = os.fork()
    if child == 0:
        serve(attend=hangs)
    os.waitpid(child, 0)
elif what == "tells_its_pid":
    serve(hello={**HELLO, "versions": {"pid": str(os.getpid())}})
elif what == "process_a_session":
    serve(hello={**HELLO, "sessions": "process", "versions": {"pid": str(os.getpid())}})
elif what == "behaves":
    serve()
else:
    serve(attend=globals()[what])
