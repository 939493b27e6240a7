"""What is measured. A suite is a list of loads; a load runs against one contender and yields figures by name.

Figures end in their unit. Rounds are interleaved: each load visits every contender before the next round begins.
"""

import time
from dataclasses import dataclass

from .world import processor_seconds


@dataclass
class Load:
    name: str
    title: str
    run: object  # (world, contender, quick) -> {figure: number}


def microseconds(quantiles):
    return {f"{name}_us": quantiles[name] / 1000 for name in ("p50", "p90", "p99", "p999")}


def ping_pong(world, contender, quick):
    rounds = 2000 if quick else 10000
    measured = world.measure("pingpong", "--to", contender.target, "--bytes", 64, "--rounds", rounds)
    return microseconds(measured["round_trip_ns"])


def paced(world, contender, quick):
    seconds = 1 if quick else 5
    measured = world.measure(
        "paced", "--to", contender.target, "--bytes", 1024, "--rate", 1000, "--connections", 4, "--seconds", seconds
    )
    return microseconds(measured["request_ns"])


def connections(world, contender, quick):
    total = 300 if quick else 2000
    # The first connection opens the tunnel, where there is one.
    world.measure("connect", "--to", contender.target, "--total", 1)
    before = processor_seconds(contender.pids)
    measured = world.measure("connect", "--to", contender.target, "--total", total, "--at-once", 4)
    spent = processor_seconds(contender.pids) - before
    figures = microseconds(measured["connection_ns"])
    figures["rate_per_s"] = total / (measured["elapsed_ns"] / 1e9)
    figures["cpu_us"] = spent / total * 1e6
    return figures


def bulk(direction, flows):
    def run(world, contender, quick):
        megabytes = 256 if quick else 2048
        before = processor_seconds(contender.pids)
        measured = world.measure(
            "bulk", "--to", contender.target, "--direction", direction, "--flows", flows, "--megabytes", megabytes
        )
        # What is still being put away belongs to it too.
        time.sleep(0.05)
        spent = processor_seconds(contender.pids) - before
        return {
            "gbit_per_s": measured["bytes"] * 8 / measured["elapsed_ns"],
            "cpu_s_per_gb": spent / (measured["bytes"] / 1e9),
        }

    return run


SUITES = {
    "latency": [
        Load("pingpong", "Round trip of 64 bytes on one connection", ping_pong),
        Load("paced", "1,000 requests a second of 1 KiB over 4 connections, open loop", paced),
    ],
    "connections": [Load("connect", "New connection, 64 bytes and back, close; 4 at a time", connections)],
    "throughput": [
        Load(f"{direction}-{flows}", f"Bulk, {direction}, {flows} flow{'s' if flows > 1 else ''}", bulk(direction, flows))
        for flows in (1, 8)
        for direction in ("upload", "download")
    ],
}
