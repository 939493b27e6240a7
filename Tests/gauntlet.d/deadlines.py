"""Peers that come and then do nothing, or next to nothing, at each stage; all at once, since each takes seconds."""

import socket
import threading
import time

import frames
import gauntlet
import lab
import servers
from peer import Peer

# What the handshake may take, with some slack.
HANDSHAKE = 14
# Silence after the handshake: a ping after ten seconds, and twenty for its answer.
SILENCE = 40
# What half-closed connections are allowed here, and may take with some slack.
HALF_CLOSED, HALF_CLOSED_CUT = 6, 9
# The same for those that have ended nothing: longer than what others here wait for while they say nothing.
SILENT, SILENT_CUT = 45, 50
# Three requests, twenty-five seconds each.
ANSWER = 80


def cut_within(connection, seconds, tick=lambda: None):
    """How long the other side bears it."""
    started = time.monotonic()
    connection.settimeout(0.5)
    while time.monotonic() - started < seconds:
        try:
            tick()
            if not connection.recv(1 << 16):
                return time.monotonic() - started
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - started
    raise AssertionError(f"borne for {seconds} s")


def dial():
    with lab.inside(lab.STRANGER):
        return socket.create_connection((lab.LEDGER, 15008), timeout=10)


def silent():
    """It never says a word."""
    return cut_within(dial(), HANDSHAKE)


def dribbling():
    """A ClientHello, a byte at a time."""
    peer = Peer.dial()
    hello = iter(peer.hello())
    return cut_within(peer.socket, HANDSHAKE, lambda: peer.socket.send(bytes([next(hello)])))


def no_preface():
    """It shows who it is, and then says nothing."""
    peer = Peer.dial().shake()
    return cut_within(peer.socket, SILENCE)


def half_preface():
    """It stops in the midst of the preface."""
    peer = Peer.dial().shake()
    # Nothing is heard, and so nothing acknowledged, which would be no preface any more.
    peer.queue(frames.PREFACE[:10])
    peer.socket.sendall(peer.unsent)
    took = cut_within(peer.socket, SILENCE)
    assert took > HANDSHAKE, f"cut after {took:.1f} s already"
    return took


def no_pong():
    """It speaks HTTP/2, and then answers nothing any more."""
    peer = Peer.dial().begin()
    peer.open()
    peer.socket.setblocking(True)
    return cut_within(peer.socket, SILENCE)


def open_block():
    """A header block that is never ended: no ping can be answered meanwhile."""
    peer = Peer.dial().begin()
    peer.send(frames.frame(frames.HEADERS, 0, 1, frames.literal(b":method", b"CONNECT")))
    peer.socket.setblocking(True)
    return cut_within(peer.socket, SILENCE)


def unanswered():
    """A server that answers pings, and no request: the application that called it is let go."""
    with servers.Host() as host:
        host.application.setblocking(False)
        peer = host.take()
        started = time.monotonic()
        while not servers.is_over(host.application):
            assert time.monotonic() - started < ANSWER, f"the application waits for {ANSWER} s"
            peer.wait(lambda: False, within=0.5)
        requests = sum(1 for frame in peer.frames if frame[0] == frames.HEADERS)
        assert requests <= 3, f"{requests} requests for one connection"
        took = time.monotonic() - started
        peer.close()
    return took


def late():
    """The innocent twin: the answer takes fifteen seconds."""
    with servers.Host() as host:
        peer = host.take()
        peer.wait(lambda: False, within=15)
        peer.send(servers.OK(peer.asked))
        host.application.setblocking(True)
        host.application.sendall(b"at last")
        assert peer.wait(lambda: peer.received(peer.asked) == b"at last"), "nothing came"
        peer.close()
    return 15


def half_closed():
    """It ends its half of a stream to an application that says nothing, and says nothing more. The tunnel stays."""
    peer = Peer.dial().begin()
    # The application has not read this byte, and so does not see the end behind it.
    stream = peer.open(f"{lab.LEDGER}:{lab.MUTE}")
    peer.send(frames.frame(frames.DATA, 0, stream, b"x"))
    peer.send(frames.frame(frames.DATA, frames.END_STREAM, stream))
    started = time.monotonic()
    assert peer.wait(lambda: peer.saw(frames.RST_STREAM, stream), within=HALF_CLOSED_CUT), "borne"
    took = time.monotonic() - started
    assert took >= HALF_CLOSED - 0.5, f"cut after {took:.1f} s already"
    peer.echo(peer.open(), b"another stream")
    peer.close()
    return took


def half_closed_reader():
    """Its innocent twin: half-closed as well, but a few bytes come the other way every second."""
    peer = Peer.dial().begin()
    stream = peer.open(f"{lab.LEDGER}:{lab.SOURCE}")
    peer.send(frames.frame(frames.DATA, frames.END_STREAM, stream))
    for _ in range(3 * HALF_CLOSED):
        before = len(peer.received(stream))
        peer.send(frames.window_update(stream, 4096))
        peer.wait(lambda: peer.saw(frames.RST_STREAM, stream), within=1)
        assert not peer.saw(frames.RST_STREAM, stream), "it was cut"
        assert len(peer.received(stream)) > before, "nothing came"
    peer.close()
    return 3 * HALF_CLOSED


def call(port, caller=lab.WEB, called=lab.LEDGER):
    with lab.inside(caller):
        return socket.create_connection((called, port), timeout=10)


def say_and_wait(application):
    """Ends its half after a word to an application that says nothing."""
    application.sendall(b"x")
    application.shutdown(socket.SHUT_WR)
    took = cut_within(application, HALF_CLOSED_CUT)
    assert took >= HALF_CLOSED - 0.5, f"cut after {took:.1f} s already"
    return took


def listen(application):
    """Has nothing to say any more, and reads a little every second."""
    application.shutdown(socket.SHUT_WR)
    for _ in range(3 * HALF_CLOSED):
        # More than what its kernel holds back before it takes anything from the node again.
        left = 8 << 20
        while left > 0:
            data = application.recv(1 << 16)
            assert data, "it was cut"
            left -= len(data)
        time.sleep(1)
    application.close()
    return 3 * HALF_CLOSED


def keep_silent(application):
    """Says nothing for as long, and has ended nothing."""
    time.sleep(3 * HALF_CLOSED)
    application.sendall(b"at last")
    assert application.recv(100) == b"at last"
    application.close()
    return 3 * HALF_CLOSED


def half_closed_application():
    """An application in the mesh does the same: both nodes would wait for it."""
    return say_and_wait(call(lab.MUTE))


def half_closed_listener():
    """Its innocent twin: it has nothing to say any more, and reads a little every second."""
    return listen(call(lab.SOURCE))


def plain_caller():
    """It calls somebody outside the mesh, and does the same: its own node alone would wait."""
    return say_and_wait(call(lab.MUTE, called=lab.STRANGER))


def plain_caller_listens():
    """Its innocent twin reads a little every second."""
    return listen(call(lab.SOURCE, called=lab.STRANGER))


def plain_caller_silent():
    """Another has nothing to say for a while, and has not ended anything."""
    return keep_silent(call(lab.ECHO, called=lab.STRANGER))


def plain_called():
    """Somebody outside the mesh calls a pod, and does the same: the pod's node would wait."""
    return say_and_wait(call(lab.MUTE, lab.STRANGER, lab.CART))


def plain_called_listened():
    """Its innocent twin reads a little every second."""
    return listen(call(lab.SOURCE, lab.STRANGER, lab.CART))


def plain_called_silent():
    """Another has nothing to say for a while, and has not ended anything."""
    return keep_silent(call(lab.ECHO, lab.STRANGER, lab.CART))


def without_credit():
    """It answers pings, and gives no credit for what it asked for. The tunnel stays."""
    peer = Peer.dial().begin(window=0)
    stream = peer.open(f"{lab.LEDGER}:{lab.SOURCE}")
    started = time.monotonic()
    assert peer.wait(lambda: peer.saw(frames.RST_STREAM, stream), within=SILENT_CUT), "borne"
    took = time.monotonic() - started
    assert took >= SILENT - 0.5, f"cut after {took:.1f} s already"
    peer.send(frames.settings(window=65535))
    peer.echo(peer.open(), b"another stream")
    peer.close()
    return took


def now_and_then():
    """Its innocent twin: a byte every now and then."""
    peer = Peer.dial().begin()
    stream = peer.open()
    gap = 2 * SILENT // 3
    for _ in range(3):
        peer.wait(lambda: peer.saw(frames.RST_STREAM, stream), within=gap)
        peer.echo(stream, b"x")
    peer.close()
    return 3 * gap


def say_nothing(application):
    took = cut_within(application, SILENT_CUT)
    assert took >= SILENT - 0.5, f"cut after {took:.1f} s already"
    return took


def silent_application():
    """An application in the mesh calls another, and neither ever says a word."""
    return say_nothing(call(lab.ECHO))


def plain_silent():
    """It calls somebody outside the mesh, and neither ever says a word."""
    return say_nothing(call(lab.ECHO, called=lab.STRANGER))


def patient():
    """The innocent twin: it has nothing to say for a while, but answers pings."""
    peer = Peer.dial().begin()
    stream = peer.open()
    peer.wait(lambda: False, within=SILENCE)
    peer.echo(stream, b"still here")
    return SILENCE


def main():
    bounds = {"CULVERT_HALF_CLOSED_DURATION": f"{HALF_CLOSED}s", "CULVERT_SILENT_DURATION": f"{SILENT}s"}
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1, **bounds) as run:
        run.apps += [run.start("apps.py", place=place) for place in (lab.CART, lab.STRANGER)]
        peers = [silent, dribbling, no_preface, half_preface, no_pong, open_block, patient, unanswered,
                 without_credit, now_and_then, silent_application, plain_silent,
                 half_closed, half_closed_reader, half_closed_application, half_closed_listener,
                 plain_caller, plain_caller_listens, plain_caller_silent,
                 plain_called, plain_called_listened, plain_called_silent]
        results = {}

        def observe(peer):
            try:
                results[peer] = peer()
            except Exception as failure:
                results[peer] = failure

        threads = [threading.Thread(target=observe, args=(peer,)) for peer in peers]
        # Both need the host's port.
        run.check(f"deadlines, late: {late.__doc__}", late)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        def told(peer):
            if isinstance(results[peer], Exception):
                raise results[peer]
            return f"{results[peer]:.1f} s"

        for peer in peers:
            run.check(f"deadlines, {peer.__name__}: {peer.__doc__}", told, peer)
        why = "half-closed and silent for too long"
        run.check("deadlines: the log says why", lambda: run.target.says(0, why, lab.STRANGER) and None)
        for place, name, called in [("own", "node-north", lab.STRANGER), ("pod's", "node-south", lab.CART)]:
            run.check(
                f"deadlines, plain: the {place} node says why",
                lambda name=name, called=called: lab.Program(name).says(0, why, f"dst.addr={called}:{lab.MUTE} ") and None)
        why = 'error="silent for too long"'
        run.check("deadlines: the log says who was silent", lambda: run.target.says(0, why, lab.STRANGER) and None)
        run.check(
            "deadlines, plain: the own node says who was silent",
            lambda: lab.Program("node-north").says(0, why, f"dst.addr={lab.STRANGER}:{lab.ECHO} ") and None)
        run.check("deadlines: the bystander", lambda: run.bystander.take() and None)
        run.finish()


if __name__ == "__main__":
    main()
