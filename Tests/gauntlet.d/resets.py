"""Streams that end as soon as they have begun: by the peer's will, or by ours, to which it drives us."""

import struct

import frames
import gauntlet
import lab
from peer import Peer

SELF = f"{lab.LEDGER}:{lab.ECHO}"
SINK = f"{lab.LEDGER}:{lab.SINK}"
BLOCK = frames.block(SELF)


def connect(stream, more=b""):
    """A request to an application that answers."""
    return frames.frame(frames.HEADERS, frames.END_HEADERS, stream, BLOCK + more)


def dials():
    """Connections that were opened inside the ledger's pod so far."""
    for line in lab.shell(lab.LEDGER, "cat", "/proc/net/snmp").splitlines():
        if line.startswith("Tcp: ") and "ActiveOpens" in line:
            names = line.split()
        elif line.startswith("Tcp: "):
            return int(dict(zip(names, line.split()))["ActiveOpens"])


def open_sockets():
    """From the node to the applications; what has been closed waits in the kernel only."""
    words = ["ss", "-Htn", "state", "big", f"( dport = :{lab.ECHO} or dport = :{lab.SINK} )"]
    return len(lab.shell(lab.LEDGER, *words).splitlines())


def streaming(make, hears=True, settings={}, prepare=lambda peer: None):
    """Sends what `make` says for stream after stream, in pieces of many streams."""

    def attack():
        peer = Peer.dial().begin(**settings)
        prepare(peer)

        def chunk():
            first = peer.next_stream
            peer.next_stream += 2 * 500
            return b"".join(make(stream) for stream in range(first, first + 1000, 2))

        outcome = peer.flood(chunk, hears=hears)
        peer.close()
        return outcome

    return attack


def bounded(attack):
    """The same, with a bound on the connections that it makes us open."""

    def counted():
        before = dials()
        outcome = attack()
        opened = dials() - before
        assert opened < 6000, f"{opened} connections were opened for nothing"
        return outcome

    return counted


def churn():
    """Connections that applications end as they like: 3,000 answered ones are reset."""
    peer = Peer.dial().begin()
    for _ in range(60):
        asked = [peer.request(SINK) for _ in range(50)]
        assert all(peer.status(stream) == "200" for stream in asked), peer.reason
        peer.send(b"".join(frames.reset(stream) for stream in asked))
        peer.frames = []
    peer.echo(peer.open(), b"after")
    peer.close()


def impatience():
    """1,000 requests that a tunnel full of clients withdraws at once."""
    peer = Peer.dial().begin()
    streams = range(1, 2001, 2)
    peer.next_stream = 2001
    peer.send(b"".join(frames.connect(stream, SELF) for stream in streams))
    peer.send(b"".join(frames.reset(stream) for stream in streams))
    peer.echo(peer.open(), b"after")
    assert peer.goaway is None
    peer.close()


def refusals():
    """1,000 requests to a closed port: each is answered, and the connection stays."""
    peer = Peer.dial().begin()
    for _ in range(20):
        asked = [peer.request(f"{lab.LEDGER}:9999") for _ in range(50)]
        assert all(peer.status(stream) == "503" for stream in asked), peer.reason
        peer.frames = []
    peer.echo(peer.open(), b"after")
    peer.close()


def crowd():
    """A few streams more than are allowed: those are refused, the others go on."""
    peer = Peer.dial().begin()
    asked = [peer.request(SELF) for _ in range(1100)]
    told = [peer.status(stream) for stream in asked]
    assert told.count("200") == 1024 and told.count(frames.REFUSED_STREAM) == 76, {a: told.count(a) for a in set(told)}
    peer.echo(asked[0], b"after")
    peer.close()


def announced():
    """Requests that say how much DATA will come, and as much comes."""
    peer = Peer.dial().begin()
    for size in (0, 1, 5, 3000):
        stream = peer.open(SELF, ("content-length", str(size)))
        data = bytes(range(250)) * (size // 250) + bytes(size % 250)
        peer.send(frames.frame(frames.DATA, 0, stream, data[:2]) + frames.frame(frames.DATA, 1, stream, data[2:]))
        assert peer.wait(lambda: peer.saw(frames.DATA, stream, frames.END_STREAM)), "the end did not come"
        assert peer.received(stream) == data, "other bytes came back"
        assert not peer.saw(frames.RST_STREAM, stream), "the stream was reset"
    assert peer.goaway is None, peer.reason
    peer.close()


def fill(peer):
    for _ in range(1024):
        peer.request(SINK)


def nothing_left(at_rest):
    """All that they opened is closed."""
    import time

    for _ in range(50):
        if open_sockets() <= at_rest + 2:
            return
        time.sleep(0.1)
    raise AssertionError(f"{open_sockets()} connections are left, {at_rest} before")


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        at_rest = open_sockets()
        rapid = lambda stream: connect(stream) + frames.reset(stream)
        reason = "too many requests withdrawn before their answer"
        run.attack("rapid reset", bounded(streaming(rapid)), reason, impatience)
        run.attack("rapid reset, answers not read", bounded(streaming(rapid, hears=False)), reason, churn)
        # Each of these makes us reset the stream.
        broken, large = "protocol_violation", "WINDOW_UPDATE: window size overflow"
        # Of these, now and then something else comes first: the streams that may be open, or what comes beyond them.
        either = ("flood", broken)
        overflow = lambda stream: connect(stream) + frames.window_update(stream, 0x7FFFFFFF)
        run.attack("a window that overflows", bounded(streaming(overflow)), large, refusals, kind=broken)
        run.attack("a window that overflows, answers not read", bounded(streaming(overflow, hears=False)), large,
                   kind=broken)
        strange = frames.literal(b":method", b"CONNECT") + frames.literal(b"X-Upper", b"y")
        malformed = lambda stream: frames.frame(frames.HEADERS, frames.END_HEADERS, stream, strange)
        run.attack("malformed requests", streaming(malformed), "too many invalid frames")
        itself = lambda stream: connect(stream) + frames.frame(
            frames.PRIORITY, 0, stream, struct.pack(">IB", stream, 1))
        run.attack("streams that depend on themselves", bounded(streaming(itself)), "too many PRIORITY frames",
                   kind=either)
        ended = lambda stream: connect(stream) + frames.frame(frames.DATA, frames.END_STREAM, stream) * 2
        run.attack("DATA after the end", bounded(streaming(ended)),
                   "DATA: stream in half-closed(remote)", kind=either)
        long = lambda stream: connect(stream, frames.literal(b"content-length", b"1")) + frames.frame(
            frames.DATA, 0, stream, b"more than one")
        run.attack("more DATA than was announced", bounded(streaming(long)),
                   "too many requests beyond the streams that may be open", announced, kind=either)
        run.attack("streams beyond what is allowed", bounded(streaming(connect, prepare=fill)),
                   "request HEADERS: max concurrent streams exceeded", crowd, kind=either)
        run.check("what they opened is closed", nothing_left, at_rest)
        run.finish()


if __name__ == "__main__":
    main()
