"""All suites by name, and where each of them runs."""

from . import connections, contenders, fairness, inprocess, latency, memory, scale, throughput
from .contenders import check_policy
from .loads import interleave
from .manifests import CLIENT, NEIGHBOUR, SERVER, STRANGER
from .world import World


def in_pods(title, loads, names, rounds, quick):
    """Loads in the standard lab."""
    allowed = [CLIENT, NEIGHBOUR]
    with World([CLIENT, NEIGHBOUR, STRANGER, SERVER], allowed) as world:
        started = contenders.start(world, names)
        check_policy(world, STRANGER)
        return interleave(world, started, loads, rounds, quick, title)


def pod_suite(title, loads):
    return lambda names, rounds, quick: in_pods(title, loads, names, rounds, quick)


# More would use up half of the ports between two addresses within the minute that the kernel keeps them for; then each
# connect searches for one, and takes milliseconds.
CONNECTION_ROUNDS_MAX = 5


def connection_suite(names, rounds, quick):
    rounds = min(rounds, CONNECTION_ROUNDS_MAX)
    warm = in_pods("connections", connections.LOADS, names, rounds, quick)
    return warm + connections.run_cold(names, rounds, quick)


# name -> (names of contenders, rounds, quick) -> [Results]
SUITES = {
    "latency": pod_suite("latency", latency.LOADS),
    "connections": connection_suite,
    "throughput": pod_suite("throughput", throughput.LOADS),
    "memory": lambda names, rounds, quick: memory.run(names, quick),
    "fairness": pod_suite("fairness", fairness.LOADS),
    "decisions": lambda names, rounds, quick: inprocess.decisions(rounds, quick),
    "scale": lambda names, rounds, quick: scale.run(rounds, quick),
    "allocations": lambda names, rounds, quick: inprocess.allocations(quick),
}
