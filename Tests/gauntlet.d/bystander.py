"""An innocent pod's traffic through the node that is attacked: every byte is compared and every round trip timed."""

import multiprocessing
import os
import socket
import time

import lab

INTERVAL = 0.003
NEW_INTERVAL = 0.025


class Bystander:
    """A pod, web unless another is named, calls ledger: one connection that stays, 300 messages a second, and a new one
    40 times a second."""

    def __init__(self, place=lab.WEB):
        self.place = place
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=run, args=(theirs, place), daemon=True)
        self.process.start()
        self.take()

    def take(self):
        """Round trips, and times to a first answer on a new connection, in seconds since the last call."""
        self.ours.send("take")
        assert self.ours.poll(20), "the bystander hangs"
        times, firsts, failure = self.ours.recv()
        assert failure is None, f"the bystander was hurt: {failure}\n{blame(self.place)}"
        return times, firsts

    def stop(self):
        self.process.terminate()
        self.process.join()


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


def run(pipe, place):
    times, firsts, failure = [], [], None
    lab.favour(os.getpid())
    with lab.inside(place):
        kept = socket.create_connection((lab.LEDGER, lab.QUIET), timeout=10)
        kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due = time.monotonic()
        new_due = due
        while True:
            try:
                if failure is None:
                    times.append(exchange(kept, 64, due))
                    if time.monotonic() >= new_due:
                        firsts.append(first())
                        new_due = time.monotonic() + NEW_INTERVAL
            except (OSError, AssertionError) as error:
                failure = repr(error)
            while pipe.poll():
                pipe.recv()
                pipe.send((times, firsts, failure))
                times, firsts = [], []
            due = max(due + INTERVAL, time.monotonic() - INTERVAL)
            time.sleep(max(0, due - time.monotonic()))


def exchange(connection, size, due):
    message = os.urandom(size)
    started = max(due, time.monotonic() - INTERVAL)
    connection.sendall(message)
    answer = b""
    while len(answer) < size:
        data = connection.recv(1 << 16)
        assert data, "the connection ended"
        answer += data
    assert answer == message, "the bytes differ"
    return time.monotonic() - started


def first():
    started = time.monotonic()
    with socket.create_connection((lab.LEDGER, lab.QUIET), timeout=10) as connection:
        connection.settimeout(10)
        exchange(connection, 64, started)
    return time.monotonic() - started
