"""HTTP/2 frames as a hostile hand writes them (RFC 9113 6)."""

import struct

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 6, 7, 8, 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    numbers = {"table": 1, "push": 2, "streams": 3, "window": 4, "frame": 5, "fields": 6}
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", numbers[name], v) for name, v in values.items()))


def padded(stream, data, size):
    """DATA with so many bytes of padding."""
    return frame(DATA, PADDED, stream, bytes([size]) + data + bytes(size))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def literal(name, value, index=0x00):
    """A field that is not indexed (0x00), or is (0x40); nothing is compressed."""
    encoded = bytes([index])
    for text in (name, value):
        encoded += integer(len(text), 7) + text
    return encoded


def integer(value, bits):
    """RFC 7541 5.1, with nothing in the bits before."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    encoded, value = bytes([most]), value - most
    while value >= 128:
        encoded, value = encoded + bytes([value % 128 | 128]), value // 128
    return encoded + bytes([value])


def block(authority, *fields):
    """The fields of a CONNECT request, without any memory of those before."""
    known = [(":method", "CONNECT"), (":authority", authority), *fields]
    return hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(*field) for field in known], huffman=False)


def connect(stream, authority, *fields, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block(authority, *fields))
