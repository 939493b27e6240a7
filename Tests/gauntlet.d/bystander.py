"""An innocent pod's traffic through the node that is attacked: every byte is compared and every round trip timed."""

import multiprocessing
import os
import socket
import time

import lab

INTERVAL = 0.003
NEW_INTERVAL = 0.025


class Bystander:
    """A pod, web unless another is named, calls ledger: on one connection that stays, 300 messages a second, and on a new
    one 40 times a second. Each has a process of its own, lest one waits for the other."""

    def __init__(self, place=lab.WEB):
        self.place = place
        self.callers = [Caller(body, interval, place) for body, interval in ((stay, INTERVAL), (come, NEW_INTERVAL))]
        self.take()

    def take(self):
        """Round trips, and times to a first answer on a new connection, in seconds since the last call."""
        for caller in self.callers:
            caller.ours.send("take")
        seen = [caller.taken() for caller in self.callers]
        for caller in self.callers:
            assert caller.failure is None, f"the bystander was hurt: {caller.failure}\n{blame(self.place)}"
        return seen

    def stop(self):
        for caller in self.callers:
            caller.process.terminate()
            caller.process.join()


class Caller:
    """Calls again and again, and says how long each time took."""

    def __init__(self, body, interval, place):
        self.failure = None
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=run, args=(theirs, body, interval, place), daemon=True
        )
        self.process.start()

    def taken(self):
        assert self.ours.poll(20), "the bystander hangs"
        times, self.failure = self.ours.recv()
        return times


def blame(place):
    """What the nodes have logged last of connections of this pod that failed."""
    lines = []
    for name in ("north", "south"):
        text = (lab.FOLDER / f"log/node-{name}.log").read_text(errors="replace")
        told = [line for line in text.splitlines() if place in line and "error=" in line]
        lines += [f"node-{name}: {line}" for line in told[-3:]]
    return "\n".join(lines)


def p99(times):
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)] if times else 0.0


def run(pipe, body, interval, place):
    times, failure = [], None
    lab.favour(os.getpid())
    with lab.inside(place):
        due = time.monotonic()
        calls = body()
        while True:
            # Time that one call is late, because the one before took so long, is time that it waits.
            started = max(due, time.monotonic() - interval)
            try:
                if failure is None:
                    next(calls)
                    times.append(time.monotonic() - started)
            except (OSError, AssertionError) as error:
                failure = repr(error)
            while pipe.poll():
                pipe.recv()
                pipe.send((times, failure))
                times = []
            due = max(due + interval, time.monotonic() - interval)
            time.sleep(max(0, due - time.monotonic()))


def stay():
    """Messages on one connection."""
    with socket.create_connection((lab.LEDGER, lab.QUIET), timeout=10) as kept:
        kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            exchange(kept, 64)
            yield


def come():
    """A message on a connection of its own, each time."""
    while True:
        with socket.create_connection((lab.LEDGER, lab.QUIET), timeout=10) as connection:
            exchange(connection, 64)
        yield


def exchange(connection, size):
    message = os.urandom(size)
    connection.sendall(message)
    answer = b""
    while len(answer) < size:
        data = connection.recv(1 << 16)
        assert data, "the connection ended"
        answer += data
    assert answer == message, "the bytes differ"
