"""Hostile servers: what the node proxy of a pod bears from those whom the pod calls."""

import contextlib
import socket
import time

import floods
import frames
import gauntlet
import headers
import lab
from peer import Outcome, Peer

PORT = 80
STATUS = frames.literal(b":status", b"200")


def answer(fields, flags=frames.END_HEADERS):
    """HEADERS on a stream."""
    return lambda stream: frames.frame(frames.HEADERS, flags, stream, fields)


OK = answer(STATUS)


class Host:
    """Answers for a pod that speaks HBONE by itself, to an application that calls it."""

    def __init__(self):
        with lab.inside(lab.HOST):
            self.listener = socket.create_server((lab.HOST, 15008), backlog=16)
        self.listener.settimeout(10)
        self.application = self.call()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Whoever still comes for this application is not to meet the next one's server.
        self.application.close()
        self.listener.settimeout(0.1)
        try:
            while True:
                self.listener.accept()[0].close()
        except OSError:
            pass
        self.listener.close()

    def take(self, **settings):
        """The next tunnel, with the request of the application."""
        peer = Peer(self.listener.accept()[0], "host", is_server=True)
        peer.begin(**settings)
        assert peer.wait(lambda: peer.saw(frames.HEADERS)), "no request came"
        peer.asked = peer.saw(frames.HEADERS)[2]
        return peer

    def call(self):
        """Another connection of the application's pod."""
        with lab.inside(lab.WEB):
            return socket.create_connection((lab.HOST, PORT), timeout=10)

    def exchange(self, application, peer, stream):
        """Bytes there and back."""
        before = len(peer.received(stream))
        application.sendall(b"there")
        assert peer.wait(lambda: peer.received(stream)[before:] == b"there"), "nothing came"
        peer.send(frames.frame(frames.DATA, 0, stream, b"and back"))
        assert application.recv(100) == b"and back"

    def ended(self, within=10):
        """Whether the application's connection is over."""
        self.application.settimeout(within)
        try:
            return not self.application.recv(1 << 16)
        except TimeoutError:
            return False
        except OSError:
            return True


def flood(piece, hears=True, opening=lambda stream: b""):
    """The same again and again, after the answer or instead of it."""

    def attack():
        with Host() as host:
            peer = host.take()
            if before := opening(peer.asked):
                peer.send(before)
            one = piece(peer.asked) if callable(piece) else piece
            outcome = peer.flood(one * max(1, (1 << 16) // len(one)), hears=hears)
            peer.close()
        return outcome

    return attack


def served():
    """The innocent twin: 1xx, then 200, and the bytes of the application come back; a few pings and settings beside."""
    with Host() as host:
        peer = host.take(streams=10)
        stream = peer.asked
        peer.send(answer(frames.literal(b":status", b"103"))(stream) * 5)
        peer.send(floods.PING * 100 + frames.settings(window=65535) * 20 + OK(stream))
        host.application.sendall(b"there and back")
        assert peer.wait(lambda: peer.received(stream) == b"there and back"), "nothing came"
        peer.send(frames.frame(frames.DATA, 0, stream, b"back again"))
        assert host.application.recv(100) == b"back again"
        assert peer.goaway is None, peer.reason
        peer.send(frames.frame(frames.DATA, frames.END_STREAM, stream))
        assert host.ended(), "the end did not come"
        peer.close()


def withdraws():
    """The innocent twin: a server resets one stream, and serves the next on the same tunnel."""
    with Host() as host:
        peer = host.take()
        peer.send(OK(peer.asked) + frames.reset(peer.asked))
        assert host.ended(), "the application was not told"
        with host.call() as application:
            requests = lambda: [frame[2] for frame in peer.frames if frame[0] == frames.HEADERS]
            assert peer.wait(lambda: len(requests()) == 2), "no request came"
            stream = requests()[1]
            peer.send(OK(stream))
            host.exchange(application, peer, stream)
        assert peer.goaway is None, peer.reason
        peer.close()


def leaves():
    """The innocent twin: a server says in order that it goes, twice; the stream that it has goes on, and who comes
    meanwhile finds another tunnel."""
    with Host() as host:
        peer = host.take()
        stream = peer.asked
        last = stream.to_bytes(4, "big")
        peer.send(OK(stream) + frames.frame(frames.GOAWAY, payload=b"\x7f\xff\xff\xff" + bytes(4)))
        host.exchange(host.application, peer, stream)
        peer.send(frames.frame(frames.GOAWAY, payload=last + bytes(4)))
        host.exchange(host.application, peer, stream)
        with host.call() as application:
            other = host.take()
            other.send(OK(other.asked))
            host.exchange(application, other, other.asked)
            host.exchange(host.application, peer, stream)
        peer.send(frames.frame(frames.DATA, frames.END_STREAM, stream))
        assert host.ended(), "the end did not come"
        peer.close()
        other.close()


def concludes():
    """The innocent twin: a server that ends its stream with trailers."""
    with Host() as host:
        peer = host.take()
        stream = peer.asked
        peer.send(OK(stream))
        host.exchange(host.application, peer, stream)
        trailers = answer(frames.literal(b"grpc-status", b"0"), frames.END_HEADERS | frames.END_STREAM)
        peer.send(frames.frame(frames.DATA, 0, stream, b"and last") + trailers(stream))
        assert host.application.recv(100) == b"and last"
        assert host.application.recv(100) == b"", "no clean end came"
        assert peer.goaway is None and not peer.saw(frames.RST_STREAM), peer.reason
        peer.close()


def refuses(says):
    """A server that says this to every request: the application learns of it soon, and there are few attempts."""

    def attack():
        with Host() as host:
            tunnels, asked = [], 0
            host.listener.setblocking(False)
            host.application.setblocking(False)
            started = time.monotonic()
            while not is_over(host.application):
                assert time.monotonic() - started < 5, f"the application waits; {len(tunnels)} tunnels, {asked} requests"
                with contextlib.suppress(BlockingIOError):
                    tunnels.append(host.take())
                for peer in tunnels:
                    with contextlib.suppress(OSError, AssertionError):
                        peer.wait(lambda: peer.saw(frames.HEADERS), within=0.02)
                        requests = [frame[2] for frame in peer.frames if frame[0] == frames.HEADERS]
                        peer.frames = []
                        for stream in requests:
                            asked += 1
                            peer.send(says(stream))
            # Three attempts, and one more as a tunnel that is lost says nothing of where it led, once.
            assert asked <= 4 and len(tunnels) <= 8, f"{asked} requests on {len(tunnels)} tunnels for one connection"
            outcome = Outcome(tunnels[0], True, time.monotonic() - started)
            for peer in tunnels:
                peer.close()
        return outcome

    return attack


def is_over(application):
    try:
        return not application.recv(1 << 16)
    except BlockingIOError:
        return False
    except OSError:
        return True


def main():
    words = ("tunnel to a server cut off", lab.HOST)
    with gauntlet.Gauntlet("node-north", words, ZTUNNEL_WORKER_THREADS=1) as run:
        run.attack("a server's flood of PING", flood(floods.PING), "too many PING frames", served)
        run.attack("a server's flood of PING, answers not read", flood(floods.PING, False), "too many PING frames")
        run.attack("a server's flood of SETTINGS", flood(frames.settings(window=65535), opening=OK), "too many SETTINGS frames")
        run.attack("a server's flood of RST_STREAM", flood(frames.reset), "too many resets of closed streams",
                   withdraws)
        goaway = lambda stream: frames.frame(frames.GOAWAY, 0, 0, stream.to_bytes(4, "big") + bytes(4))
        run.attack("a server's flood of GOAWAY", flood(goaway, opening=OK), "too many frames of types that carry nothing",
                   leaves)
        empty = lambda stream: frames.frame(frames.DATA, 0, stream)
        run.attack("a server's flood of empty DATA", flood(empty, opening=OK), "too many empty DATA frames")
        interim = answer(frames.literal(b":status", b"100"))
        run.attack("interim responses without end", flood(interim), "too many interim responses")
        piece = lambda stream: frames.frame(frames.CONTINUATION, 0, stream, b"\x00")
        run.attack("a server's CONTINUATION without end", flood(piece, opening=answer(STATUS, 0)),
                   "too many CONTINUATION frames")
        bomb = answer(STATUS + frames.literal(b"bomb", b"x" * 3900, index=0x40) + b"\xbe" * 15000)
        run.attack("a server's HPACK bomb", flood(bomb), "a header block of too many bytes", concludes)
        push = lambda stream: frames.frame(frames.PUSH_PROMISE, 4, stream, bytes(4) + STATUS)
        run.attack("a server that pushes", flood(push), "PUSH_PROMISE: push disabled", kind="protocol_violation")
        early = lambda stream: frames.frame(frames.DATA, 0, stream, b"too early")
        away = lambda _: frames.frame(frames.GOAWAY, 0, 0, bytes(8))
        refused = lambda stream: frames.reset(stream, frames.REFUSED_STREAM)
        none = lambda stream: frames.settings(streams=0) + frames.reset(stream)
        for name, says, why in [
            ("DATA before the answer", early, "HTTP/2 failed: DATA: stream not opened"),
            ("GOAWAY before the answer", away, "the peer went away before it took the stream"),
            ("every stream refused", refused, "the peer reset the stream: REFUSED_STREAM"),
            ("every stream refused, and none allowed", none, "the peer reset the stream: CANCEL"),
        ]:
            run.attack(name, refuses(says), innocent=served, trace=gauntlet.Trace(
                "connection complete", f"dst.addr={lab.HOST}:", 'direction="outbound"', f'error="{why}"',
                counter="istio_tcp_connections_failed_total", reporter="source", destination_workload="host"))
        run.finish()


if __name__ == "__main__":
    main()
