"""Frames that are legal one by one, a million of each."""

import os
import struct

import frames
import gauntlet
import lab
from peer import Peer

PING = frames.frame(frames.PING, 0, 0, b"culverts")
UNKNOWN = frames.frame(0x77, 0, 0, b"what is this")


def flood(piece, hears, prepare=lambda peer: None):
    def attack():
        peer = Peer.dial().begin()
        made = prepare(peer)
        one = piece(made) if callable(piece) else piece
        outcome = peer.flood(one * max(1, (1 << 16) // len(one)), hears=hears)
        peer.close()
        return outcome

    return attack


def patience(piece, count, answers=None):
    """So many of them at once are nothing; a stream on the same connection goes on as if there were none."""

    def innocent():
        peer = Peer.dial().begin()
        stream = peer.open()
        one = piece(stream) if callable(piece) else piece
        peer.echo(stream, b"before")
        peer.send(one * count)
        peer.echo(stream, b"after")
        if answers:
            answered = lambda: sum(1 for f in peer.frames if f[0] == answers and f[1] & frames.ACK) >= count
            assert peer.wait(answered), "not all were answered"
        assert peer.goaway is None, peer.reason
        peer.close()

    return innocent


def terminals():
    """1,000 streams that speak in single bytes."""
    peer = Peer.dial().begin()
    streams = []
    for _ in range(20):
        asked = [peer.request(f"{lab.LEDGER}:{lab.ECHO}") for _ in range(50)]
        assert all(peer.status(stream) == "200" for stream in asked)
        streams += asked
    for _ in range(10):
        peer.send(b"".join(frames.frame(frames.DATA, 0, stream, b"k") for stream in streams))
    wanted = 10 * len(streams)
    assert peer.wait(lambda: sum(len(f[3]) for f in peer.frames if f[0] == frames.DATA) == wanted), "keys were lost"
    assert peer.goaway is None, peer.reason
    peer.close()


def disguised():
    """A stream whose every DATA frame is padded to one length: ten times its window, of which little is data."""
    peer = Peer.dial().begin()
    stream = peer.open()
    for _ in range(20):
        said = [os.urandom(length) for length in range(1, 129)]
        expected = len(peer.received(stream)), b"".join(said)
        peer.send(frames.window_update(stream, len(expected[1])))
        peer.send(b"".join(frames.padded(stream, data, 256 - len(data) - 1) for data in said))
        arrived = lambda: len(peer.received(stream)) - expected[0] >= len(expected[1])
        assert peer.wait(arrived), "the echo does not come"
        assert peer.received(stream)[expected[0] :] == expected[1], "the echo differs"
    assert peer.goaway is None, peer.reason
    peer.close()


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        for name, piece, count, reason, answers in [
            ("PING", PING, 1500, "too many PING frames", frames.PING),
            ("SETTINGS", frames.settings(window=65535), 100, "too many SETTINGS frames", frames.SETTINGS),
            ("PRIORITY", frames.frame(frames.PRIORITY, 0, 3, struct.pack(">IB", 0, 16)), 1000,
             "too many PRIORITY frames", None),
            ("WINDOW_UPDATE", frames.window_update(0, 1), 10000, "too many WINDOW_UPDATE frames", None),
            ("unknown frames", UNKNOWN, 1000, "too many frames of types that carry nothing", None),
            ("RST_STREAM of a closed stream", frames.reset(1), 5000, "too many resets of closed streams", None),
        ]:
            prepare = withdrawn if "closed" in name else lambda peer: None
            innocent = None if "closed" in name else patience(piece, count, answers)
            run.attack(f"flood of {name}, answers read", flood(piece, True, prepare), reason, innocent)
            run.attack(f"flood of {name}, answers not read", flood(piece, False, prepare), reason)
        sink = lambda peer: peer.open(f"{lab.LEDGER}:{lab.SINK}")
        empty = lambda stream: frames.frame(frames.DATA, 0, stream)
        run.attack("flood of empty DATA", flood(empty, True, sink), "too many empty DATA frames", patience(empty, 3000))
        padded = lambda stream: frames.frame(frames.DATA, frames.PADDED, stream, b"\x05" + bytes(5))
        run.attack("flood of padding", flood(padded, True, sink), "too many small DATA frames", disguised)
        one = lambda stream: frames.frame(frames.DATA, 0, stream, b"k")
        run.attack("flood of one-byte DATA", flood(one, True, sink), "too many small DATA frames", terminals)
        run.finish()


def withdrawn(peer):
    stream = peer.open()
    peer.send(frames.reset(stream))


if __name__ == "__main__":
    main()
