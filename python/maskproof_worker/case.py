"""One attention call, in the names of the wire."""
import traceback


class Mask:
    """What a caller says about which keys count.

    rank 2 is [batch, kv_len], rank 3 [batch, q_len, kv_len], rank 4 [batch or 1, num_heads or 1, q_len or 1, kv_len].
    form "boolean": True keeps; "additive": finfo(dtype).min or -inf drops, anything else is added to the score;
    "integer" (rank 2): 1 keeps.
    """

    __slots__ = ("rank", "form", "array", "dtype")

    def __init__(self, rank, form, array, dtype):
        self.rank = rank
        self.form = form
        self.array = array
        self.dtype = dtype


class Rotary:
    """Turns the first `rotary_dim` features by position_ids [batch, kv_len]; layout "half" is GPT-NeoX, "interleaved" GPT-J."""

    __slots__ = ("rotary_dim", "rotary_base", "layout", "position_ids")

    def __init__(self, rotary_dim, rotary_base, layout, position_ids):
        self.rotary_dim = rotary_dim
        self.rotary_base = rotary_base
        self.layout = layout
        self.position_ids = position_ids


class Case:
    """query [batch, num_heads, q_len, head_dim], key and value [batch, num_kv_heads, kv_len, ...] and what is asked of them.

    `dtype` is "float64", "float32", "float16" or "bfloat16"; arrays of bfloat16 are uint16 words. What is absent is None.
    `want` holds the names of what is asked for beside the output: "weights", "scores", "gradients".
    """

    bridge = "base"
    mask = None
    rotary = None
    left_window_size = None
    right_window_size = None
    softcap = None
    segments = None
    mask_layout = None
    want = frozenset()
    grad_output = None

    def __init__(self, wire, arrays, dtype):
        """`arrays` by the names of `tensor_names`; `dtype` tells that of a tensor on the wire."""
        self.query = arrays["query"]
        self.key = arrays["key"]
        self.value = arrays["value"]
        self.dtype = dtype(wire["query"])
        self.is_causal = wire["is_causal"]
        # "NaN" and the like are strings on the wire, and float() reads them.
        self.scale = float(wire["scale"])
        # Most cases have little of the rest.
        if "mask" in wire:
            mask = wire["mask"]
            self.mask = Mask(mask["rank"], mask["form"], arrays["mask"], dtype(mask["tensor"]))
        if "bridge" in wire:
            self.bridge = wire["bridge"]
        if "rotary" in wire:
            rotary = wire["rotary"]
            self.rotary = Rotary(
                rotary["rotary_dim"], float(rotary["rotary_base"]), rotary["layout"], arrays["position_ids"]
            )
        if "left_window_size" in wire:
            self.left_window_size = wire["left_window_size"]
        if "right_window_size" in wire:
            self.right_window_size = wire["right_window_size"]
        if "softcap" in wire:
            self.softcap = float(wire["softcap"])
        if "segments" in wire:
            self.segments = arrays["segments"]
        if "mask_layout" in wire:
            self.mask_layout = wire["mask_layout"]
        if "want" in wire:
            self.want = frozenset(name for name, yes in wire["want"].items() if yes)
        if "grad_output" in wire:
            self.grad_output = arrays["grad_output"]


def tensor_names(wire):
    """The tensors of a case on the wire: what they are called there, by the name that reports use."""
    names = {"query": wire["query"], "key": wire["key"], "value": wire["value"]}
    if "mask" in wire:
        names["mask"] = wire["mask"]["tensor"]
    if "rotary" in wire:
        names["position_ids"] = wire["rotary"]["position_ids"]
    if "segments" in wire:
        names["segments"] = wire["segments"]
    if "grad_output" in wire:
        names["grad_output"] = wire["grad_output"]
    return names


def one_by_one(attend_one):
    """Makes attend(session, cases) out of attend_one(session, case): what one case raises is that case's answer."""

    def attend(session, cases):
        answers = []
        for case in cases:
            try:
                answers.append(attend_one(session, case))
            except Exception as error:
                answers.append(error)
        return answers

    return attend


def error_on_wire(error):
    """An exception as { type, message, traceback }."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {"type": type(error).__name__, "message": str(error), "traceback": "".join(lines)[-8000:]}
