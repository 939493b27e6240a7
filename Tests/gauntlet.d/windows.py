"""Games with windows and sizes: peers that take little or nothing of what they asked for, and frames larger than may be."""

import time

import frames
import gauntlet
import lab
from peer import Outcome, Peer

SOURCE = f"{lab.LEDGER}:{lab.SOURCE}"
ECHO = f"{lab.LEDGER}:{lab.ECHO}"
GIANT = (1 << 24) - 1


def thirsty(peer, count):
    """So many streams to an application that sends without end."""
    asked = [peer.request(SOURCE) for _ in range(count)]
    assert all(peer.status(stream, 20) == "200" for stream in asked), "not all were answered"
    return asked


def closed_windows():
    """200 streams with windows of nothing, for a while: nothing is read for them, and nothing kept."""
    peer = Peer.dial().begin(window=0)
    thirsty(peer, 200)
    started = time.monotonic()
    peer.wait(lambda: False, within=1.5)
    assert not peer.saw(frames.DATA), "DATA came without credit"
    peer.close()
    return Outcome(peer, False, time.monotonic() - started)


def unread():
    """60 tunnels with large windows that are never read."""
    peers = []
    for _ in range(60):
        peer = Peer.dial().begin(window=(1 << 31) - 1, frame=1 << 20)
        thirsty(peer, 2)
        peers.append(peer)
    started = time.monotonic()
    time.sleep(2)
    for peer in peers:
        peer.close()
    return Outcome(peers[0], False, time.monotonic() - started)


def drops(size):
    """Credit for so many bytes, again and again, on 100 streams."""

    def attack():
        peer = Peer.dial().begin(window=0)
        streams = thirsty(peer, 100)
        credit = b"".join(frames.window_update(stream, size) for stream in streams)
        outcome = peer.flood(credit * max(1, (1 << 16) // len(credit)))
        peer.close()
        return outcome

    return attack


def flips(*sizes):
    """Initial windows that change all the time, with 500 streams open."""

    def attack():
        peer = Peer.dial().begin(window=0)
        thirsty(peer, 500)
        outcome = peer.flood(b"".join(frames.settings(window=size) for size in sizes) * 8)
        peer.close()
        return outcome

    return attack


def sent(piece, opening=lambda peer: 1, seconds=6):
    """The frame, whatever stream it takes, and then nothing but more of its payload."""

    def attack():
        peer = Peer.dial().begin()
        peer.send(piece(opening(peer)))
        outcome = peer.flood(bytes(1 << 16), seconds)
        peer.close()
        return outcome

    return attack


def header(kind, length):
    """What begins a frame of so many bytes."""
    return lambda stream: length.to_bytes(3, "big") + bytes([kind, 0]) + stream.to_bytes(4, "big")


def small_windows():
    """The innocent twin: windows of 1,000 bytes that are opened by and by, changed twice, and closed for a while."""
    peer = Peer.dial().begin(window=1000)
    stream = peer.open(SOURCE)
    for step in range(50):
        before = len(peer.received(stream))
        peer.send(frames.window_update(stream, 1000))
        assert peer.wait(lambda: len(peer.received(stream)) >= before + 1000), "the credit was not used"
    before = len(peer.received(stream))
    for size in (0, 2000):
        peer.send(frames.settings(window=size))
    assert peer.wait(lambda: len(peer.received(stream)) > before), "the window did not open again"
    peer.echo(peer.open(), b"after")
    peer.close()


def large_frames():
    """The innocent twin: as much as the window takes in one frame, four times what a peer takes that does not say so."""
    peer = Peer.dial().begin()
    stream = peer.open(ECHO)
    peer.echo(stream, bytes(range(256)) * 255)
    peer.close()


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        broken = "protocol_violation"
        run.attack("windows of nothing", closed_windows, None, small_windows, is_cut=False)
        run.attack("tunnels that are not read", unread, None, is_cut=False)
        run.attack("credit byte by byte", drops(1), "too many WINDOW_UPDATE frames")
        run.attack("credit of nothing", drops(0), "WINDOW_UPDATE: window_size_increment == 0", kind=broken)
        run.attack("windows of nothing and of one byte by turns", flips(0, 1), "too many SETTINGS frames")
        run.attack("windows of nothing and of all by turns", flips(0, (1 << 31) - 1), "too many SETTINGS frames")
        run.attack("a window beyond all", sent(lambda _: frames.settings(window=1 << 31)),
                   "SETTINGS: too large SETTINGS_INITIAL_WINDOW_SIZE", kind=broken)
        large = "too large frame size"
        opened = lambda peer: peer.open(ECHO)
        run.attack("DATA larger than may be", sent(header(frames.DATA, GIANT), opened), large, large_frames, kind=broken)
        # What follows it is DATA without bytes on no stream: the one or the other is noticed first.
        run.attack("DATA larger than its window", sent(header(frames.DATA, 1 << 20), opened), "", kind=("flood", broken))
        run.attack("HEADERS larger than may be", sent(header(frames.HEADERS, GIANT)), "a header block of too many bytes")
        run.attack("SETTINGS larger than may be", sent(lambda _: header(frames.SETTINGS, GIANT)(0)), large, kind=broken)
        run.attack("an unknown frame larger than may be", sent(lambda _: header(0x77, GIANT)(0)), large, kind=broken)
        run.attack("frame sizes that are none", sent(lambda _: frames.settings(frame=1000)),
                   "SETTINGS: invalid SETTINGS_MAX_FRAME_SIZE", kind=broken)
        run.finish()


if __name__ == "__main__":
    main()
