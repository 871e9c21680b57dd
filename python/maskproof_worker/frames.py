"""Frames on a pipe: a little-endian u32 with the length of what follows, and that many bytes."""

# docs/protocol.md says why it is this.
MAX_FRAME = 0x08000000


def read_frame(stream):
    """The next frame's bytes, or None where the stream ends."""
    prefix = stream.read(4)
    if not prefix:
        return None
    length = int.from_bytes(prefix, "little")
    frame = bytearray(length)
    if len(prefix) < 4 or stream.readinto(frame) < length:
        return None
    return frame


def write_frame(stream, parts):
    """Writes the parts as one frame."""
    length = sum(map(len, parts))
    if length > MAX_FRAME:
        raise OverflowError(f"A frame of {length} bytes is due, and the longest has {MAX_FRAME}.")
    stream.write(length.to_bytes(4, "little") + b"".join(parts))
    stream.flush()
