"""Frames on streams."""
import io
import unittest

from maskproof_worker.frames import MAX_FRAME, read_frame, write_frame


class Long:
    """Something that claims to be long."""

    def __len__(self):
        return MAX_FRAME + 1


class Frames(unittest.TestCase):
    def test_come_back(self):
        stream = io.BytesIO()
        write_frame(stream, [b"one", b"", b"two"])
        write_frame(stream, [])
        stream.seek(0)
        self.assertEqual([read_frame(stream), read_frame(stream), read_frame(stream)], [b"onetwo", b"", None])

    def test_end_where_the_stream_does(self):
        self.assertIsNone(read_frame(io.BytesIO(b"\x05\x00")))
        self.assertIsNone(read_frame(io.BytesIO(b"\x05\x00\x00\x00abc")))

    def test_have_a_limit(self):
        stream = io.BytesIO()
        with self.assertRaises(OverflowError):
            write_frame(stream, [Long()])
        self.assertEqual(stream.getvalue(), b"")


if __name__ == "__main__":
    unittest.main()
