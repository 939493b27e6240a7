"""New connections through what is there already, and with a full handshake each."""

import json
import sys
import time

from . import contenders
from .failure import Failure
from .loads import Load, Results, microseconds
from .manifests import APPLICATION_PORT, CLIENT, SERVER, several
from .processes import processor_seconds
from .world import BENCH, REPOSITORY, World, command

HANDSHAKES = REPOSITORY / ".build/benchmarks/handshakes"
# Shorter than the pause between two connections to the same pod, so that each of them needs a tunnel of its own. The pause
# is short beside the time that a connection takes among so many: while all lanes pause, nobody works.
COLD_SETTINGS = {"POOL_UNUSED_RELEASE_TIMEOUT": "1ms"}
COLD_PAUSE_MILLISECONDS = 5
COLD_LANES = 32
# On a busy machine, where connections take longer than usual, many find a tunnel that was to go. Handshakes are counted, and
# what such connections cost counts against the contender.
COLD_SHARE_MIN = 0.15
COLD_CONTENDERS = ("culvert", "haproxy", "bare", "floor")


def rates(measured, count, spent):
    """Of `count` things for which a pair of proxies, if there is one, has spent so many seconds."""
    figures = microseconds(measured["connection_ns"])
    figures["rate_per_s"] = count / (measured["elapsed_ns"] / 1e9)
    if spent > 0:
        figures["cpu_us"] = spent / count * 1e6
    return figures


def connect(world, contender, quick):
    total = 300 if quick else 2000
    # The first connection opens the tunnel, where there is one.
    world.measure("connect", "--to", contender.target, "--total", 1)
    before = processor_seconds(contender.pids)
    measured = world.measure("connect", "--to", contender.target, "--total", total, "--at-once", 4)
    time.sleep(0.05)
    return rates(measured, total, processor_seconds(contender.pids) - before)


def cold(world, contender, quick):
    """Connections that all make a handshake of their own: several pods are called in turn, so that no tunnel is left."""
    total = 256 if quick else 2048
    options = ["--total", total, "--at-once", COLD_LANES, "--pause", COLD_PAUSE_MILLISECONDS]
    targets = [contender.target]
    if contender.name == "culvert":
        targets = [f"{pod.address}:{APPLICATION_PORT}" for pod in world.pods if pod.node == SERVER.node]
    dialled, spent = world.dialled(CLIENT), processor_seconds(contender.pids)
    measured = world.measure("connect", "--to", ",".join(targets), *options)
    time.sleep(0.05)
    spent = processor_seconds(contender.pids) - spent
    handshakes = world.dialled(CLIENT) - dialled - total
    if handshakes < COLD_SHARE_MIN * total:
        raise Failure(f"only {handshakes} of {total} connections made a handshake")
    return rates(measured, handshakes, spent)


def openssl_loop(world, quick):
    """What OpenSSL needs for the same with both ends in one thread and nothing between them."""
    folder = world.certificates()
    words = [f"{folder}/{name}" for name in ("client.pem", "client.key", "server.pem", "server.key", "root.pem")]
    measured = json.loads(command(HANDSHAKES, *words, 200 if quick else 1000))
    return {
        "rate_per_s": measured["count"] / (measured["elapsed_ns"] / 1e9),
        "cpu_us": measured["processor_ns"] / measured["count"] / 1000,
    }


def run_cold(names, rounds, quick):
    """Full handshakes. Where every connection makes one, this is how connections are made; Envoy never does."""
    load = Load("cold", "New connection with a full mutual handshake, and OpenSSL's handshakes in a loop", None)
    pods = [CLIENT, SERVER, *several("server", SERVER.node, COLD_LANES - 1)]
    with World(pods, [CLIENT], COLD_SETTINGS) as world:
        started = contenders.start(world, [name for name in names if name in COLD_CONTENDERS])
        for pod in pods[2:]:
            world.spawn(pod, BENCH, "serve", "--listen", f"0.0.0.0:{APPLICATION_PORT}")
        results = Results(load)
        for turn in range(rounds):
            results.add("openssl", lambda: openssl_loop(world, quick))
            for contender in started:
                results.add(contender.name, lambda: cold(world, contender, quick))
            print(f"connections, cold: round {turn + 1} of {rounds}", file=sys.stderr)
    return [results]


LOADS = [Load("connect", "New connection, 64 bytes and back, close; 4 at a time, warm tunnel", connect)]
