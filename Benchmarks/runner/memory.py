"""Memory of proxies: at rest, for each pod, tunnel and stream, and after the load has gone."""

import time
from contextlib import ExitStack
from statistics import median

from . import contenders, manifests
from .failure import Failure
from .loads import Load, Results
from .manifests import APPLICATION_PORT, CLIENT, SERVER
from .processes import memory_kib
from .world import BENCH, World

POD_COUNT = 100
STREAM_COUNTS = (1000, 10000)
QUICK_POD_COUNT = 10
QUICK_STREAM_COUNTS = (100, 300)
# A node proxy gives memory back a second or two after it has become quiet.
SETTLING_SECONDS = 3.0
QUICK_SETTLING_SECONDS = 0.5
# Relays without a tunnel have a connection on either side.
FILES_PER_STREAM = {"haproxy": 2, "bare": 2, "floor": 2}
SPARE_FILES = 200
# Code leaves a quiet node's memory once a minute, and what the next message needs comes back with it: what is resident is a
# median over a minute.
SAMPLED_SECONDS = 60
QUICK_SAMPLED_SECONDS = 2
# From the end of the load to the end of that minute: then tunnels go that nobody uses, which takes code of its own.
AFTER_SECONDS = 300
QUICK_AFTER_SECONDS = 4

REST = Load("rest", "Resident and anonymous memory of a node proxy at rest, and of what it keeps", None)
STREAMS = Load("streams", "Anonymous memory of a proxy for each idle connection, and what is resident; the larger of a pair", None)


def settle(quick):
    time.sleep(QUICK_SETTLING_SECONDS if quick else SETTLING_SECONDS)


def usual(pairs, quick):
    """What is usually resident of the processes of each pair, in KiB."""
    samples = []
    for _ in range(QUICK_SAMPLED_SECONDS if quick else SAMPLED_SECONDS):
        samples.append([resident(pids) for pids in pairs])
        time.sleep(1)
    return [[median(values) for values in zip(*pair)] for pair in zip(*samples)]


def growth(before, after, count):
    """Memory that each of `count` things takes, in KiB, in each process; the larger."""
    return max((new - old) / count for old, new in zip(before, after))


def resident(pids):
    return [memory_kib(pid)[0] for pid in pids]


def anonymous(pids):
    """Without the code that comes into memory with the first connection, and stays for all of them."""
    return [memory_kib(pid)[1] for pid in pids]


def lab_pids(world):
    return [world.node_pid("north"), world.node_pid("south")]


def rest(quick):
    """A node with one pod, with many, and with a tunnel to each of many."""
    count = QUICK_POD_COUNT if quick else POD_COUNT
    figures = {}
    with World([CLIENT, SERVER]) as world:
        settle(quick)
        few = resident(lab_pids(world))
        figures["anon_mib"] = max(anonymous(lab_pids(world))) / 1024
        figures["rss_mib"] = max(usual([lab_pids(world)], quick)[0]) / 1024
    many_south = manifests.several("server", "south", count - 1)
    many_north = manifests.several("client", "north", count - 1)
    with World([CLIENT, SERVER, *many_north, *many_south]) as world:
        settle(quick)
        pids = lab_pids(world)
        figures["rss_many_mib"] = max(resident(pids)) / 1024
        figures["per_pod_kib"] = growth(few, resident(pids), count - 1)
        servers = [SERVER, *many_south]
        for pod in servers:
            world.spawn(pod, BENCH, "serve", "--listen", f"0.0.0.0:{APPLICATION_PORT}")
        # Each pod is another destination, and so has a tunnel of its own, which stays for a while. The first brings code
        # into memory, too.
        targets = [f"{pod.address}:{APPLICATION_PORT}" for pod in servers]
        world.measure("connect", "--to", targets[0], "--total", 1)
        settle(quick)
        before = anonymous(pids)
        world.measure("connect", "--to", ",".join(targets[1:]), "--total", count - 1, "--at-once", count - 1)
        settle(quick)
        figures["per_tunnel_kib"] = growth(before, anonymous(pids), count - 1)
    return figures


class IdleStreams:
    """A fresh pair of one contender under idle connections."""

    def __init__(self, world, name, quick):
        self.world, self.name, self.quick = world, name, quick
        (self.contender,) = contenders.start(world, [name])
        self.pids = self.contender.pids
        settle(quick)
        self.start_anonymous = anonymous(self.pids)
        self.figures = {"anon_mib": max(self.start_anonymous) / 1024}
        self.samples = []

    def load(self):
        """Many idle connections, then more, then none."""
        for count in QUICK_STREAM_COUNTS if self.quick else STREAM_COUNTS:
            if FILES_PER_STREAM.get(self.name, 1) * count > self.world.open_files - SPARE_FILES:
                continue
            options = ["--to", self.contender.target, "--total", count]
            holder = self.world.spawn(CLIENT, BENCH, "idle", *options, holds=True)
            settle(self.quick)
            self.figures[f"per_stream_{count}_kib"] = growth(self.start_anonymous, anonymous(self.pids), count)
            self.figures[f"rss_{count}_mib"] = max(resident(self.pids)) / 1024
            self.world.end(holder)
            self.ended = time.monotonic()
            settle(self.quick)

    def look(self):
        """Takes note of what is resident if it is time to; whether it will be again."""
        gone = time.monotonic() - self.ended
        end = QUICK_AFTER_SECONDS if self.quick else AFTER_SECONDS
        if gone >= end - (QUICK_SAMPLED_SECONDS if self.quick else SAMPLED_SECONDS):
            self.samples.append(resident(self.pids))
        return gone < end

    def finish(self, before):
        """What is left once the load has been gone for a while, and what was resident before."""
        after = [median(values) for values in zip(*self.samples)]
        self.figures |= {"rss_mib": max(before) / 1024, "rss_after_mib": max(after) / 1024}
        self.figures["anon_after_mib"] = max(anonymous(self.pids)) / 1024
        self.figures["after_ratio"] = max(new / old for old, new in zip(before, after))
        return self.figures


def attempt(results, name, body):
    """What `body` makes; None, and a failure that is counted, where it fails."""
    try:
        return body()
    except Failure as failure:
        results.fail(name, failure)
        return None


def streams(names, quick, results):
    """All contenders, each in a lab of its own, so that they wait together."""
    started = []
    with ExitStack() as stack:
        for name in names:
            world = stack.enter_context(World([CLIENT, SERVER], allowed=[CLIENT]))
            idle = attempt(results, name, lambda: IdleStreams(world, name, quick))
            if idle:
                started.append(idle)
        before = usual([idle.pids for idle in started], quick)
        loaded = []
        for idle, pair in zip(started, before):
            if attempt(results, idle.name, lambda: idle.load() or True):
                loaded.append((idle, pair))
        waiting = [idle for idle, _ in loaded]
        while waiting:
            waiting = [idle for idle in waiting if idle.look()]
            time.sleep(1)
        for idle, before in loaded:
            results.add(idle.name, lambda: idle.finish(before))


def run(names, quick):
    """All loads of the suite; memory is much the same each time, so there is one round."""
    results = [Results(REST), Results(STREAMS)]
    if "culvert" in names:
        results[0].add("culvert", lambda: rest(quick))
    streams([name for name in names if name != "direct"], quick, results[1])
    return results
