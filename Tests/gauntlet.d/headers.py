"""Header blocks that do not end, or that are larger than they look."""

import os

import frames
import gauntlet
import lab
from peer import Peer

SELF = f"{lab.LEDGER}:{lab.ECHO}".encode()
REQUEST = frames.literal(b":method", b"CONNECT") + frames.literal(b":authority", SELF)


def endless(piece, opening=REQUEST):
    """A block of CONTINUATION frames that never says that it ends."""

    def attack():
        peer = Peer.dial().begin()
        peer.send(frames.frame(frames.HEADERS, 0, 1, opening))
        one = frames.frame(frames.CONTINUATION, 0, 1, piece)
        outcome = peer.flood(one * max(1, (1 << 16) // len(one)))
        peer.close()
        return outcome

    return attack


def again_and_again(make, prepare=lambda peer: None):
    """One block after the other."""

    def attack():
        peer = Peer.dial().begin()
        prepare(peer)

        def chunk():
            first = peer.next_stream
            peer.next_stream += 2 * 50
            return b"".join(make(stream) for stream in range(first, first + 100, 2))

        outcome = peer.flood(chunk)
        peer.close()
        return outcome

    return attack


def remember(peer):
    """Puts a long field where one byte can name it: 4,000 bytes for each."""
    field = frames.literal(b"bomb", b"x" * 3900, index=0x40)
    peer.send(frames.frame(frames.HEADERS, frames.END_HEADERS, peer.next_stream, REQUEST + field))
    peer.next_stream += 2


def bomb(stream, count=15000):
    return frames.frame(frames.HEADERS, frames.END_HEADERS, stream, REQUEST + b"\xbe" * count)


def update(size):
    """Another size of the table."""
    return bytes([0x20 | frames.integer(size, 5)[0]]) + frames.integer(size, 5)[1:]


# The table is emptied and filled again, many times in one block.
THRASH = update(0) + update(4096) + REQUEST + b"".join(
    frames.literal(b"a%d" % n, b"b", index=0x40) for n in range(1000))


def thrash(stream):
    return frames.frame(frames.HEADERS, frames.END_HEADERS, stream, THRASH)


def pieces():
    """A request with 40 KiB of fields in four pieces, one that says the same twice, and one with a table of its own."""
    peer = Peer.dial().begin()
    long = REQUEST + b"".join(frames.literal(b"field-%d" % n, b"v" * 1000) for n in range(40))
    cuts = [long[at : at + 11000] for at in range(0, len(long), 11000)]
    peer.send(
        frames.frame(frames.HEADERS, 0, 1, cuts[0])
        + b"".join(frames.frame(frames.CONTINUATION, 0, 1, cut) for cut in cuts[1:-1])
        + frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, cuts[-1])
    )
    assert peer.status(1) == "200", peer.reason
    peer.next_stream = 3
    remember(peer)
    peer.send(frames.frame(frames.HEADERS, frames.END_HEADERS, 5, REQUEST + b"\xbe" * 10))
    assert peer.status(5) == "200", peer.reason
    peer.echo(5, b"after")
    peer.close()


def nothing(index, name, value, count=1000):
    """Requests with so many fields that are next to nothing, in one block, remembered or not."""
    return lambda stream: frames.frame(
        frames.HEADERS, frames.END_HEADERS, stream, REQUEST + frames.literal(name, value, index) * count)


def some_without_value():
    """A request with twenty fields without a value."""
    peer = Peer.dial().begin()
    stream = peer.open(SELF.decode(), *((f"field-{number}", "") for number in range(20)))
    peer.echo(stream, b"after")
    assert peer.goaway is None, peer.reason
    peer.close()


def oversized():
    """One list of fields that is too large is answered, and costs nobody else anything."""
    peer = Peer.dial().begin()
    stream = peer.open()
    peer.next_stream = 3
    remember(peer)
    peer.send(bomb(5, 20))
    assert peer.status(5) == "431", peer.reason
    peer.echo(stream, b"after")
    peer.close()


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        reason = "too many CONTINUATION frames"
        run.attack("CONTINUATION without end, empty", endless(b""), reason, pieces)
        run.attack("CONTINUATION without end, byte by byte", endless(b"\x00"), reason)
        large = "a header block of too many bytes"
        junk = bytes(byte | 0x80 for byte in os.urandom(1000))
        run.attack("CONTINUATION without end, large", endless(frames.literal(b"a", b"b" * 16000)), large)
        # A name that claims a megabyte of Huffman code.
        claim = REQUEST + b"\x00" + b"\xff" + frames.integer(1 << 20, 7)[1:]
        run.attack("CONTINUATION without end, Huffman junk", endless(b"\xff" * 16000, claim), "COMPRESSION_ERROR",
                   kind="protocol_violation")
        whole = lambda stream: frames.frame(frames.HEADERS, frames.END_HEADERS, stream, frames.literal(b"a", b"b") * 150000)
        run.attack("one block of 1 MiB", again_and_again(whole), large)
        run.attack("HPACK bomb", again_and_again(bomb, remember), large, oversized)
        reason = "too many field lists that are too large"
        run.attack("many small HPACK bombs", again_and_again(lambda stream: bomb(stream, 20), remember), reason)
        run.attack("HPACK table thrashed", again_and_again(thrash), "too many fields")
        for what, index in [("", 0x00), (", remembered", 0x40)]:
            run.attack(f"fields without name and value{what}", again_and_again(nothing(index, b"", b"", 1000)),
                       "too many fields", some_without_value)
            run.attack(f"fields without value{what}", again_and_again(nothing(index, b"a", b"")), "too many fields")
        run.attack("blocks that do not decode", again_and_again(
            lambda stream: frames.frame(frames.HEADERS, frames.END_HEADERS, stream, junk)), "COMPRESSION_ERROR",
            kind="protocol_violation")
        run.finish()


if __name__ == "__main__":
    main()
