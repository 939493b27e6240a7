"""Memory of proxies: at rest, for each pod, tunnel and stream, and after the load has gone."""

import time

from . import contenders, manifests
from .loads import Load, Results
from .manifests import APPLICATION_PORT, CLIENT, SERVER
from .processes import memory_kib
from .world import BENCH, World

POD_COUNT = 100
STREAM_COUNTS = (1000, 10000)
QUICK_POD_COUNT = 10
QUICK_STREAM_COUNTS = (200, 1000)
# A node proxy gives its start-up pages back two seconds after it began.
SETTLING_SECONDS = 3.0
# Relays without a tunnel have a connection on either side.
FILES_PER_STREAM = {"haproxy": 2, "bare": 2, "floor": 2}
SPARE_FILES = 200
AFTER_SECONDS = 300
QUICK_AFTER_SECONDS = 10

REST = Load("rest", "Resident and anonymous memory of a node proxy at rest, and of what it keeps", None)
STREAMS = Load("streams", "Memory of a proxy for each idle connection that it carries; the larger of the pair", None)


def together(pids):
    """The larger of a pair of proxies: (resident, anonymous) in KiB."""
    pairs = [memory_kib(pid) for pid in pids]
    return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def growth(before, after, count):
    """Resident memory that each of `count` things takes, in KiB, in each process; the larger."""
    return max((new - old) / count for old, new in zip(before, after))


def resident(pids):
    return [memory_kib(pid)[0] for pid in pids]


def lab_pids(world):
    return [world.node_pid("north"), world.node_pid("south")]


def rest(quick):
    """A node with one pod, with many, and with a tunnel to each of many."""
    count = QUICK_POD_COUNT if quick else POD_COUNT
    figures = {}
    with World([CLIENT, SERVER]) as world:
        time.sleep(SETTLING_SECONDS)
        one_resident, one_anonymous = together(lab_pids(world))
        figures |= {"rss_mib": one_resident / 1024, "anon_mib": one_anonymous / 1024}
        few = resident(lab_pids(world))
    many_south = manifests.several("server", "south", count - 1)
    many_north = manifests.several("client", "north", count - 1)
    with World([CLIENT, SERVER, *many_north, *many_south]) as world:
        time.sleep(SETTLING_SECONDS)
        pids = lab_pids(world)
        figures["rss_many_mib"] = together(pids)[0] / 1024
        figures["per_pod_kib"] = growth(few, resident(pids), count - 1)
        servers = [SERVER, *many_south]
        for pod in servers:
            world.spawn(pod, BENCH, "serve", "--listen", f"0.0.0.0:{APPLICATION_PORT}")
        # Each pod is another destination, and so has a tunnel of its own, which stays for a while. The first brings code
        # into memory, too.
        targets = [f"{pod.address}:{APPLICATION_PORT}" for pod in servers]
        world.measure("connect", "--to", targets[0], "--total", 1)
        before = resident(pids)
        world.measure("connect", "--to", ",".join(targets[1:]), "--total", count - 1, "--at-once", count - 1)
        time.sleep(SETTLING_SECONDS)
        figures["per_tunnel_kib"] = growth(before, resident(pids), count - 1)
    return figures


def streams(name, quick):
    """Idle connections through a fresh pair; then they go."""
    small, large = QUICK_STREAM_COUNTS if quick else STREAM_COUNTS
    with World([CLIENT, SERVER], allowed=[CLIENT]) as world:
        (contender,) = contenders.start(world, [name])
        pids = contender.pids
        time.sleep(SETTLING_SECONDS)
        start, start_pair = resident(pids), together(pids)
        figures = {"rss_mib": start_pair[0] / 1024, "anon_mib": start_pair[1] / 1024}
        for count in (small, large):
            if FILES_PER_STREAM.get(name, 1) * count > world.open_files - SPARE_FILES:
                continue
            holder = world.spawn(CLIENT, BENCH, "idle", "--to", contender.target, "--total", count, holds=True)
            time.sleep(SETTLING_SECONDS)
            figures[f"per_stream_{count}_kib"] = growth(start, resident(pids), count)
            world.end(holder)
            time.sleep(SETTLING_SECONDS)
        time.sleep(QUICK_AFTER_SECONDS if quick else AFTER_SECONDS)
        figures["rss_after_mib"], figures["anon_after_mib"] = (kib / 1024 for kib in together(pids))
        figures["after_ratio"] = max(new / old for old, new in zip(start, resident(pids)))
    return figures


def run(names, quick):
    """All loads of the suite; memory is much the same each time, so there is one round."""
    results = [Results(REST), Results(STREAMS)]
    if "culvert" in names:
        results[0].add("culvert", lambda: rest(quick))
    for name in names:
        if name != "direct":
            results[1].add(name, lambda: streams(name, quick))
    return results
