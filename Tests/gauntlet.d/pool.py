"""An application of an enrolled pod attacks through its own node proxy, whose tunnels carry that as they carry everything
else of the pod. Bystanders are another application of the same pod, on the same tunnel, another pod of the same node, and
one of the node at the far end: none of them is to be cut off for what the attacker did."""

import collections
import contextlib
import random
import resource
import socket
import struct
import time

import gauntlet
import lab
import resets
import sources
from peer import Bare

SECONDS = 4
# Those of the innocent twins, and those that are open at once.
SOME, MANY = 300, 1000
# Connections that end in order keep their ports for minutes, of which the pod has 28,000.
ENDED_COUNT_MAX = 6000
# What one bystander opens a second.
OPENED = 45


def knock(port):
    return socket.create_connection((lab.LEDGER, port), timeout=10)


def abandon(connection):
    """Ends it with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def through(run, body):
    """What `body` does in the attacker's pod; it says how many connections it has made. The far node dials no more for
    them, and neither node cuts the other off."""

    def attack():
        north, south = run.measured
        mark, refused = north.mark(), south.counted("culvert_peers_refused_total")
        dialled, started = resets.dials(), time.monotonic()
        with lab.inside(lab.WEB):
            made = body()
        span = time.monotonic() - started
        opened = resets.dials() - dialled
        assert south.counted("culvert_peers_refused_total") == refused, "the far node has cut off the near one"
        assert "tunnel to a server cut off" not in north.said(mark), "the near node has cut off the far one"
        told = f"{made} connections, {made / span:.0f} a second, and {opened} dials, the bystanders' among them"
        assert opened <= made + OPENED * len(run.bystanders) * (span + 1), told
        outcome = Bare(False, span, 0)
        outcome.note = told
        return outcome

    return attack


def resets_at_once():
    """Connections that are reset as soon as they are there, as fast as one process can."""
    return abandoned(b"")


def unanswered():
    """The same to a port that does not answer, so that there is no connection yet when they end."""
    # Another each time: the kernel remembers for two minutes who has called in vain, and from where.
    port = random.randrange(10000, 15000)
    with lab.deaf(lab.LEDGER, port):
        return abandoned(b"", port)


def one_byte():
    """The same with one byte before the reset."""
    return abandoned(b"k")


def abandoned(data, port=lab.SINK):
    made, started = 0, time.monotonic()
    while time.monotonic() - started < SECONDS:
        made += 1
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            connection = knock(port)
            if data:
                connection.sendall(data)
            abandon(connection)
    return made


def half_closed():
    """Connections that say at once that they have nothing to say; 200 of them are there at once, and each is told that the
    other end has nothing to say either."""
    made, held, started = 0, collections.deque(), time.monotonic()
    while held or not made:
        while len(held) < 200 and time.monotonic() - started < SECONDS and made < ENDED_COUNT_MAX:
            made += 1
            held.append(knock(lab.SINK))
            held[-1].shutdown(socket.SHUT_WR)
        with held.popleft() as connection:
            assert connection.recv(1) == b"", "bytes came"
    return made


def trickling():
    """A thousand connections at once, five bytes a second on each, one at a time; all of these come back."""
    made, sent = [knock(lab.ECHO) for _ in range(MANY)], 5 * SECONDS
    due, step = time.monotonic(), SECONDS / sent / MANY
    for _ in range(sent):
        for connection in made:
            connection.sendall(b"k")
            due += step
            time.sleep(max(0, due - time.monotonic()))
    for connection in made:
        answer = b""
        while len(answer) < sent:
            data = connection.recv(1 << 10)
            assert data, "the connection ended"
            answer += data
        assert answer == b"k" * sent, "the bytes differ"
        connection.close()
    return len(made)


def refused():
    """Connections to an application that accepts and resets whoever comes: each is told, and by a reset."""
    made, started = 0, time.monotonic()
    while time.monotonic() - started < SECONDS:
        calls = []
        for _ in range(50):
            made += 1
            with contextlib.suppress(ConnectionResetError):
                calls.append(knock(lab.RESET))
        for connection in calls:
            with contextlib.suppress(ConnectionResetError):
                raise AssertionError(f"no reset came, but {connection.recv(1)}")
            connection.close()
    return made


def twin(connection):
    connection.sendall(b"ask")
    answer = b""
    while len(answer) < 3:
        data = connection.recv(3 - len(answer))
        assert data, "the connection ended"
        answer += data
    assert answer == b"ask", "the bytes differ"


def changes_its_mind():
    """The innocent twin: connections that are answered, and then reset."""
    with lab.inside(lab.WEB):
        for _ in range(SOME):
            connection = knock(lab.ECHO)
            twin(connection)
            abandon(connection)


def ends():
    """The innocent twin: connections that ask, say that they have nothing more to say, and hear the answer to its end."""
    with lab.inside(lab.WEB):
        for _ in range(SOME):
            with knock(lab.ECHO) as connection:
                connection.sendall(b"ask and end")
                connection.shutdown(socket.SHUT_WR)
                answer = b""
                while data := connection.recv(100):
                    answer += data
                assert answer == b"ask and end", f"{answer} came"


def crowd():
    """The innocent twin: as many connections at once, each with a question and its answer."""
    with lab.inside(lab.WEB):
        made = [knock(lab.ECHO) for _ in range(MANY)]
        for connection in made:
            twin(connection)
            connection.close()


def over(run, descriptors):
    """Both nodes are as they were."""
    return "; ".join(sources.at_rest(*each) for each in zip(run.measured, descriptors))


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with gauntlet.Gauntlet(beside=(lab.TILL, lab.CART), ZTUNNEL_WORKER_THREADS=1) as run:
        run.measured = [lab.Program(name) for name in ("node-north", "node-south")]
        descriptors = [program.descriptors() for program in run.measured]
        for name, body, innocent in [
            ("an application that resets its connections at once", resets_at_once, changes_its_mind),
            ("an application that resets what is not answered", unanswered, changes_its_mind),
            ("an application that says one byte and resets", one_byte, changes_its_mind),
            ("an application that ends its half at once", half_closed, ends),
            ("an application that trickles on 1,000 connections", trickling, crowd),
            ("an application that is called and resets", refused, ends),
        ]:
            run.attack(name, through(run, body), innocent=innocent, is_cut=False)
            run.check(f"{name}: the end", over, run, descriptors)
        run.finish()


if __name__ == "__main__":
    main()
