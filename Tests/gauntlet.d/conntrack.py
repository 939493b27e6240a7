"""The kernel's table of connections is full: who is there loses nothing, who comes fails, and no longer than it is full."""

import contextlib
import resource
import signal
import socket
import sys
from pathlib import Path

import exhaustion
import gauntlet
import lab

# More than the tables of other labs hold, for whom the limit is the same.
FILLED = 8000
# The whole machine's; each namespace is judged by its own count.
LIMIT = Path("/proc/sys/net/netfilter/nf_conntrack_max")
# When a node gives up an application that does not answer.
GIVEN_UP = 10


@contextlib.contextmanager
def filled(place):
    """So many connections of a pod with itself, which the kernel cannot forget to make room."""
    with contextlib.ExitStack() as made:
        with lab.inside(place):
            listener = made.enter_context(socket.create_server(("127.0.0.1", 0), backlog=16))
            for _ in range(FILLED):
                made.enter_context(socket.create_connection(listener.getsockname(), timeout=5))
                made.enter_context(listener.accept()[0])
        yield


@contextlib.contextmanager
def full(place):
    """No more connections meanwhile in a pod. Where the limit cannot be lowered, a rule drops what begins a connection, as
    the kernel would. Says which of the two it is."""
    before = LIMIT.read_text() if LIMIT.exists() else None
    with filled(place):
        try:
            LIMIT.write_text(str(FILLED))
        except OSError:
            with dropping(place):
                yield "by a rule"
            return
        try:
            yield "by its limit"
        finally:
            LIMIT.write_text(before)


@contextlib.contextmanager
def dropping(place):
    rules = [["iptables", "-w", "-t", "mangle", action, hook, "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP"]
             for action in ("-I", "-D") for hook in ("PREROUTING", "OUTPUT")]
    for rule in rules[:2]:
        lab.shell(place, *rule)
    try:
        yield
    finally:
        for rule in rules[2:]:
            lab.shell(place, *rule)


def dropped(place):
    """Packets for which the table had no room."""
    names, *counts = lab.shell(place, "cat", "/proc/net/stat/nf_conntrack").splitlines()
    column = names.split().index("drop")
    return sum(int(line.split()[column], 16) for line in counts)


def refuses(run, place, also=lambda: None):
    """New connections through the pod fail while its table is full, and work again at once."""
    kept = [exhaustion.connect(lab.WEB, lab.LEDGER, lab.ECHO) for _ in range(5)]
    assert all(exhaustion.exchanges(connection) for connection in kept)
    before = dropped(place)
    with full(place) as how:
        working = exhaustion.crowd(kept, 8)
        told = also()
        assert all(exhaustion.exchanges(connection) for connection in kept), "a connection was lost that was there before"
        count = dropped(place) - before
    assert working == 0, f"{working} of 8 worked"
    assert count > 0 or how != "by its limit", "the table was not full"
    exhaustion.recovers(within=2)
    assert all(exhaustion.exchanges(connection) for connection in kept), "a connection was lost that was there before"
    return f"full {how}, {count} packets dropped{told or ''}"


def given_up(run):
    """An application calls one whose pod is full, and waits: it is told in the end, and the node says why."""
    mark = run.target.mark()
    failed = lambda: run.target.counted("istio_tcp_connections_failed_total", reporter="destination")
    before = failed()
    with exhaustion.connect(lab.WEB, lab.LEDGER, lab.ECHO, timeout=GIVEN_UP + 5) as connection:
        assert not exhaustion.exchanges(connection), "it worked"
    said = run.target.says(mark, "connection complete", f"dst.addr={lab.LEDGER}:", "timed out")
    assert failed() > before, "no counter was raised"
    return f"; {said.rpartition('error=')[2]}"


def main():
    # What is to be put back is put back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=2) as run:
        # New connections fail for a while, and that is all right.
        run.bystander.stop()
        # The caller's comes last: what filled it is remembered for two minutes.
        run.check("no room in the table of connections: the callee", refuses, run, lab.LEDGER, lambda: given_up(run))
        run.check("no room in the table of connections: the caller", refuses, run, lab.WEB)
        run.finish()


if __name__ == "__main__":
    main()
