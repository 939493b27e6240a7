"""The machine has no more of something: the node does less, recovers, and loses nothing that it had."""

import contextlib
import itertools
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import gauntlet
import lab
import stalls
from peer import Peer


def connect(place, to, port, timeout=5):
    with lab.inside(place):
        connection = socket.create_connection((to, port), timeout=timeout)
    connection.settimeout(timeout)
    return connection


def exchanges(connection, message=b"bytes that count"):
    """Whether they come back."""
    try:
        connection.sendall(message)
        answer = b""
        while len(answer) < len(message):
            data = connection.recv(1 << 16)
            if not data:
                return False
            answer += data
        return answer == message
    except OSError:
        return False


def recovers(place=lab.WEB, within=10):
    """New connections work again."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            with connect(place, lab.LEDGER, lab.ECHO) as connection:
                if exchanges(connection):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("no new connection works")


def crowd(kept, count=40):
    """So many more connections; how many of them work."""
    made = []
    for _ in range(count):
        try:
            made.append(connect(lab.WEB, lab.LEDGER, lab.ECHO, timeout=0.4))
        except OSError:
            pass
    working = sum(1 for connection in made if exchanges(connection))
    assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
    for connection in made:
        connection.close()
    return working


def descriptors(run):
    """Either node may open twenty descriptors more, and no others."""
    told = []
    for name in ("node-south", "node-north"):
        program = lab.Program(name)
        kept = [connect(lab.WEB, lab.LEDGER, lab.ECHO) for _ in range(5)]
        assert all(exchanges(connection) for connection in kept)
        before = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
        started = program.processor_seconds()
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (program.descriptors() + 20, before[1]))
        try:
            working = crowd(kept)
            spent = program.processor_seconds() - started
            assert working < 40, "the limit was not met"
        finally:
            resource.prlimit(program.pid, resource.RLIMIT_NOFILE, before)
        recovers()
        assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
        told.append(f"{name}: {working} of 40 worked, {spent:.1f} s of processor time")
    return "; ".join(told)


# Why a node has no port to dial from.
NO_PORT = "Cannot assign requested address (os error 99)"


def ports(run):
    """In a pod there are thirty ports to dial from: on the caller's side, then on the callee's. There the node has others
    for connections in a client's name."""
    told = []
    for place in (lab.WEB, lab.LEDGER):
        kept = [connect(lab.WEB, lab.LEDGER, lab.ECHO) for _ in range(5)]
        assert all(exchanges(connection) for connection in kept)
        before = lab.shell(place, "cat", "/proc/sys/net/ipv4/ip_local_port_range").split()
        lab.shell(place, "sh", "-c", "echo 20000 20029 > /proc/sys/net/ipv4/ip_local_port_range")
        try:
            # Those on the caller's side fail in the application's own connect already.
            working = crowd(kept)
        finally:
            lab.shell(place, "sh", "-c", f"echo {' '.join(before)} > /proc/sys/net/ipv4/ip_local_port_range")
        assert 0 < working <= 30 or place == lab.LEDGER, f"{working} of 40 worked with thirty ports"
        assert place != lab.LEDGER or working == 40, f"{working} of 40 worked in the callers' names"
        recovers()
        assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
        told.append(f"{working} of 40 worked")
    return "; ".join(told)


def ports_for_tunnels(run):
    """The caller's node has no port to dial a tunnel from. Its other tunnels stay, and so does who calls through them."""
    program = lab.Program("node-north")
    kept = [connect(lab.WEB, lab.LEDGER, lab.ECHO) for _ in range(5)]
    assert all(exchanges(connection) for connection in kept)
    mark, started, working = program.mark(), program.processor_seconds(), 0
    with failing(program, "connect:error=EADDRNOTAVAIL"):
        for _ in range(8):
            with contextlib.suppress(ConnectionResetError), connect(lab.WEB, lab.CART, lab.ECHO) as connection:
                working += exchanges(connection)
        assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
        recovers()
    spent = program.processor_seconds() - started
    assert working == 0, f"{working} connections work without a tunnel"
    assert spent < 1, f"{spent:.1f} s of processor time"
    program.says(mark, "connection complete", f"dst.hbone_addr={lab.CART}:", NO_PORT)
    with connect(lab.WEB, lab.CART, lab.ECHO) as connection:
        assert exchanges(connection), "no new connection works"
    assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
    return f"{spent:.2f} s of processor time"


def memory(run):
    """The node may have 40 MiB more, its sockets' included, and would be killed if it took more. Eight peers fill what
    they may meanwhile. (Without memory for its own objects a program in Swift ends; so what counts is that nobody can
    make it need more.)"""
    kept = [connect(lab.WEB, lab.LEDGER, lab.ECHO) for _ in range(5)]
    with lab.MemoryGroup(run.target.pid, 40 << 20) as group:
        told = stalls.fill(run, 8)
        assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
        recovers()
        most = group.most()
    recovers()
    assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
    return f"{most >> 10} KiB of 40960 used; {told}"


def is_welcome():
    """Once they are gone, who comes from the same address is as welcome as ever."""
    time.sleep(1)
    peer = Peer.dial().begin()
    peer.echo(peer.open(), b"after")
    peer.close()


POD_CONNECTIONS_MAX = 2048
# Another for each attempt: the kernel remembers for two minutes who has called in vain, and from where.
mute_ports = itertools.count(9900)


def one_pod(run):
    """A pod of the attacked node opens 4,000 connections to an address that never answers. It gets as many as one pod may
    have; the others of its node are served as ever, and so is it once they are gone."""
    port = next(mute_ports)
    with lab.deaf(lab.STRANGER, port):
        before = run.at_rest()
        at_rest, mark, held = run.target.resident(), run.target.mark(), run.target.descriptors()
        made = []
        for _ in range(4000):
            try:
                made.append(connect(lab.CART, lab.STRANGER, port))
            except ConnectionResetError:
                pass
        time.sleep(0.5)
        grown = run.target.resident() - at_rest
        during = run.take()
        waiting = sum(1 for connection in made if waits(connection))
        for connection in made:
            connection.close()
    assert 1000 < waiting <= POD_CONNECTIONS_MAX + 2, f"{waiting} of {len(made)} wait"
    assert grown <= gauntlet.MEMORY_KIB, f"{grown} KiB more"
    run.target.says(mark, "connection failed", lab.CART, "too many connections of this pod at once")
    assert run.target.counted("culvert_connections_refused_total", reporter="source") > 0, "no counter was raised"
    recovers()
    recovers(lab.CART)
    deadline = time.monotonic() + 10
    while (left := run.target.descriptors() - held) > 20:
        assert time.monotonic() < deadline, f"{left} descriptors are left"
        time.sleep(0.1)
    return f"{waiting} waited, {grown} KiB more; {gauntlet.compare(before, during)}"


def waits(connection):
    """Whether nobody has ended it."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def many_silent(run):
    """A stranger opens 600 connections to a pod and says nothing on any of them."""
    at_rest, mark = run.target.resident(), run.target.mark()
    made = []
    for _ in range(600):
        try:
            made.append(connect(lab.STRANGER, lab.LEDGER, 15008))
        except OSError:
            break
    time.sleep(1)
    grown = run.target.resident() - at_rest
    assert grown <= gauntlet.MEMORY_KIB, f"{grown} KiB more"
    run.target.says(mark, "connection failed", lab.STRANGER, "too many handshakes at once")
    assert run.target.counted("culvert_peers_refused_total", reason="too_many_handshakes") > 0, "no counter was raised"
    recovers()
    # The innocent twin, from the same address: once they are gone it is as welcome as ever.
    for connection in made:
        connection.close()
    is_welcome()
    return f"{len(made)} connections, {grown} KiB more"


def many_tunnels(run):
    """A stranger opens 1,000 tunnels, shows on each who it is, and keeps them. Beside it others are served as ever."""
    at_rest, mark = run.target.resident(), run.target.mark()
    made, refused = [], 0
    for _ in range(1000):
        try:
            made.append(Peer.dial().begin())
        except (OSError, AssertionError):
            refused += 1
    grown = run.target.resident() - at_rest
    assert grown <= gauntlet.MEMORY_KIB, f"{grown} KiB more for {len(made)} tunnels"
    assert refused > 0, "no tunnel was refused"
    run.target.says(mark, "connection failed", lab.STRANGER, "too many tunnels at once")
    assert run.target.counted("culvert_peers_refused_total", reason="too_many_tunnels") > 0, "no counter was raised"
    recovers()
    # The innocent twin has as many pods to call as there are, and its tunnels stay.
    for peer in made[:300]:
        peer.echo(peer.open(), b"one of many")
    for peer in made:
        peer.close()
    is_welcome()
    return f"{len(made)} tunnels, {grown} KiB more"


@contextlib.contextmanager
def failing(program, *faults):
    """Meanwhile system calls of a program fail, of these kinds and in these ways."""
    words = ["strace", "-qq", "-f", "-o", "/dev/null", "-p", str(program.pid)]
    names = ",".join(fault.split(":")[0] for fault in faults)
    words += ["-e", f"trace={names}", *(word for fault in faults for word in ("-e", f"inject={fault}"))]
    tracer = subprocess.Popen(words, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 5
        while any("TracerPid:\t0" in path.read_text() for path in Path(f"/proc/{program.pid}/task").glob("*/status")):
            assert tracer.poll() is None, tracer.stderr.read()
            assert time.monotonic() < deadline, "strace does not come to it"
            time.sleep(0.01)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()


def kernel_memory(run):
    """The kernel has no memory for what belongs to a new connection: to accept it, to dial for it, to watch it. Those that
    are there need nothing more."""
    told = []
    for name, call in [("north", "accept4"), ("north", "epoll_ctl"), ("south", "socket"), ("south", "epoll_ctl")]:
        program = lab.Program(f"node-{name}")
        kept = [connect(lab.WEB, lab.LEDGER, lab.ECHO) for _ in range(5)]
        assert all(exchanges(connection) for connection in kept)
        mark, started = program.mark(), program.processor_seconds()
        with failing(program, f"{call}:error=ENOMEM"):
            working = crowd(kept, 8)
        spent = program.processor_seconds() - started
        assert working == 0, f"{working} connections work without {call}"
        assert spent < 1, f"{spent:.1f} s of processor time"
        program.says(mark, "Cannot allocate memory (os error 12)")
        recovers()
        assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
        told.append(f"{name} without {call}: {spent:.2f} s of processor time")
    return "; ".join(told)


def buffers(run):
    """Now and then the kernel has no buffer for what a node sends. That connection may be lost, but says so: no byte is
    left out and none comes twice; the others stay."""
    told = []
    for name in ("south", "north"):
        program = lab.Program(f"node-{name}")
        # Their tunnel is another, on which nothing is sent meanwhile.
        others = [connect(lab.WEB, lab.CART, lab.ECHO) for _ in range(3)]
        assert all(talks(connection) for connection in others)
        mark, started = program.mark(), program.processor_seconds()
        kept, right, lost = [], 0, 0
        with failing(program, "sendto:error=ENOBUFS:when=40+40"):
            end = time.monotonic() + 3
            while time.monotonic() < end:
                while len(kept) < 5:
                    try:
                        kept.append(connect(lab.WEB, lab.LEDGER, lab.ECHO, timeout=2))
                    except OSError:
                        lost += 1
                for connection in list(kept):
                    if talks(connection):
                        right += 1
                    else:
                        lost += 1
                        kept.remove(connection)
        spent = program.processor_seconds() - started
        program.says(mark, "No buffer space available (os error 105)")
        assert right > 0 and lost > 0, f"{right} answers, {lost} lost"
        recovers()
        assert all(talks(connection) for connection in kept + others), "a connection was lost for which nothing failed"
        told.append(f"{name}: {right} answers, {lost} connections lost, {spent:.1f} s of processor time")
    return "; ".join(told)


def talks(connection):
    """Whether it goes on; what it brings is right in any case."""
    message, answer = os.urandom(3000), b""
    try:
        connection.sendall(message)
        while len(answer) < len(message):
            data = connection.recv(1 << 16)
            assert data, "a clean end in the midst"
            answer += data
            assert message.startswith(answer), "other bytes than were sent"
        return True
    except TimeoutError:
        raise AssertionError(f"silence after {len(answer)} bytes") from None
    except OSError:
        return False


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with gauntlet.Gauntlet(
        ZTUNNEL_WORKER_THREADS=2, CULVERT_MAX_CONNECTIONS_PER_POD=POD_CONNECTIONS_MAX
    ) as run:
        run.check("a pod with connections in great number", gauntlet.persist, lambda _: one_pod(run))
        # New connections fail for a while, and that is all right.
        run.bystander.stop()
        run.apps.append(run.start("apps.py", place=lab.CART))
        run.check("no descriptors left", descriptors, run)
        run.check("no ports left", ports, run)
        run.check("no ports left to dial tunnels from", ports_for_tunnels, run)
        run.check("silent connections in great number", many_silent, run)
        run.check("tunnels in great number", many_tunnels, run)
        run.check("little memory", memory, run)
        run.check("no memory for new sockets", kernel_memory, run)
        run.check("no buffers now and then", buffers, run)
        run.finish()


if __name__ == "__main__":
    main()
