"""A node proxy with 100,000 workloads, 10,000 services and 10,000 policies of ten rules: how it comes to know them, what they
take, how fast a change reaches the workers, and what a thousand changes a second do to the data path."""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from .failure import Failure
from .loads import Load, Results
from .scaled import PODS, SERVICE, Node, Source, check, start_application
from .world import World

WORKLOADS, POLICIES = 100_000, 10_000
QUICK_WORKLOADS, QUICK_POLICIES = 2000, 200
WORKERS = 2
ROUNDS_MAX = 3
UPDATES_PER_SECOND = 1000
# A quiet node gives memory back.
SETTLING_SECONDS = 8
FLIP_SECONDS = 0.1

FIRST = Load("first-load", "First load of 100,000 workloads, 10,000 services, 10,000 policies of 10 rules", None)
RESYNC = Load("resync", "All of it again, as it was, as after a restart of the control plane, while connections go on", None)
AGAIN = Load("load-again", "All of it again, in new versions, while connections go on and others are made", None)
REACH = Load("reach", "One changed workload until every new connection is decided by it; adoption is that of each worker", None)
UPDATES = Load("updates", "1,000 requests a second of 1 KiB beside 1,000 changed workloads a second", None)


def pace(world, seconds):
    options = ["--bytes", 1024, "--rate", 1000, "--connections", 4, "--seconds", seconds]
    return world.measure("paced", "--to", SERVICE, *options, seconds_max=seconds + 60)["request_ns"]


def first_load(node, source, quick):
    node.start()
    ready = node.seconds_to_ready()
    figures = {"subscription_to_ready_s": source.taken(), "start_to_ready_s": ready}
    check(node.world)
    time.sleep(1 if quick else SETTLING_SECONDS)
    figures["rss_mib"], figures["peak_mib"] = node.memory_mib()
    return figures


def load_again(node, source, quick, command):
    """Every connection and every request must come through, or there are no figures."""
    world, seconds = node.world, 1 if quick else 3
    alone = pace(world, seconds)
    with ThreadPoolExecutor() as pool:
        requests = pool.submit(pace, world, seconds)
        connections = pool.submit(
            world.measure, "connect", "--to", SERVICE, "--total", 50 * seconds, "--pause", 15)
        time.sleep(0.2)
        source.tell(command)
        figures = {"load_s": source.taken()}
        beside, made = requests.result(), connections.result()["connection_ns"]
    figures |= {"alone_p99_us": alone["p99"] / 1000, "p99_us": beside["p99"] / 1000, "max_us": beside["max"] / 1000}
    figures |= {"connect_p99_us": made["p99"] / 1000, "connect_max_us": made["max"] / 1000}
    time.sleep(1 if quick else SETTLING_SECONDS)
    figures["rss_mib"], figures["peak_mib"] = node.memory_mib()
    return figures


def adoptions(node):
    """How long workers took to take new states, {upper bound in ms: count}."""
    name, counts = "culvert_mesh_adoption_seconds_bucket", {}
    for line in node.metrics():
        if line.startswith(name):
            bound = line.split('le="')[1].split('"')[0]
            counts[float(bound) * 1000] = int(float(line.split()[-1]))
    return counts


def adopted_within_ms(before, after, fraction):
    """The bound of the bucket that holds this fraction of what came between two readings."""
    total = max(after.values()) - max(before.values())
    return min(bound for bound, count in after.items() if count - before[bound] >= total * fraction)


def reach_of(connections, sent, until, port):
    """From the sending of a change to the answer on the first connection from which on all were decided by it, in ms."""
    during = [each for each in connections if sent <= each[0] < until]
    former = max((begin for begin, _, reached in during if reached != port), default=0)
    later = [end for begin, end, reached in during if begin > former]
    if not later:
        raise Failure("a change did not reach new connections")
    return (min(later) - sent) / 1e6


def reach(node, source, quick):
    world, count = node.world, 5 if quick else 40
    before = adoptions(node)
    with ThreadPoolExecutor() as pool:
        options = ["--at-once", 4, "--pause", 1, "--seconds", int(count * FLIP_SECONDS) + 2]
        prober = pool.submit(world.measure, "reach", "--to", SERVICE, *options)
        time.sleep(0.5)
        flips = []
        for _ in range(count):
            source.tell("flip")
            flips += source.wait("flipped")
            time.sleep(FLIP_SECONDS)
        connections = prober.result()["connections"]
    ends = [flip["ns"] for flip in flips[1:]] + [flips[-1]["ns"] + FLIP_SECONDS * 1e9]
    spans = [reach_of(connections, flip["ns"], end, flip["port"]) for flip, end in zip(flips, ends)]
    after = adoptions(node)
    workers = (max(after.values()) - max(before.values())) / count
    if workers != WORKERS:
        raise Failure(f"each change was adopted by {workers} workers")
    return {
        "p50_ms": statistics.median(spans), "max_ms": max(spans), "connections": len(connections),
        "adopted_p50_ms": adopted_within_ms(before, after, 0.5), "adopted_all_ms": adopted_within_ms(before, after, 1),
    }  # fmt: skip


def updates(node, source, quick):
    """Without, with, without: the machine changes from minute to minute."""
    world, seconds = node.world, 2 if quick else 60
    without = [pace(world, seconds // 2)]
    source.tell(f"updates {UPDATES_PER_SECOND} {seconds}")
    beside = pace(world, seconds)
    told = source.wait("updated", seconds_max=seconds + 30)[0]
    without.append(pace(world, seconds // 2))
    figures = {f"alone_{name}_us": statistics.mean(each[name] for each in without) / 1000 for name in ("p50", "p99")}
    figures |= {f"{name}_us": beside[name] / 1000 for name in ("p50", "p99", "p999")}
    figures["p99_ratio"] = figures["p99_us"] / figures["alone_p99_us"]
    figures["acknowledged_p99_us"] = told["ack_ns"]["p99"] / 1000
    figures["rss_mib"], figures["peak_mib"] = node.memory_mib()
    return figures


def run(rounds, quick):
    results = [Results(load) for load in (FIRST, RESYNC, AGAIN, REACH, UPDATES)]
    with World(PODS, settings={"ZTUNNEL_WORKER_THREADS": str(WORKERS)}) as world:
        start_application(world)
        source = Source(world, QUICK_WORKLOADS if quick else WORKLOADS, QUICK_POLICIES if quick else POLICIES)
        node = Node(world, source)
        source.tell("mesh")
        made = source.wait("made")[0]
        print(f"scale: {made['addresses']} addresses, {made['policies']} policies, {made['bytes']} bytes", file=sys.stderr)
        rounds = min(rounds, ROUNDS_MAX)
        for turn in range(rounds):
            results[0].add("culvert", lambda: first_load(node, source, quick))
            results[1].add("culvert", lambda: load_again(node, source, quick, "resync"))
            results[2].add("culvert", lambda: load_again(node, source, quick, "again"))
            print(f"scale: round {turn + 1} of {rounds}", file=sys.stderr)
        results[3].add("culvert", lambda: reach(node, source, quick))
        results[4].add("culvert", lambda: updates(node, source, quick))
    return results
