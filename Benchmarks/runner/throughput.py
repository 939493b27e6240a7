"""Bulk."""

import time

from .loads import Load
from .processes import processor_seconds


def bulk(direction, flows):
    def run(world, contender, quick):
        megabytes = 256 if quick else 1024
        options = ["--direction", direction, "--flows", flows, "--megabytes", megabytes]
        before = processor_seconds(contender.pids)
        measured = world.measure("bulk", "--to", contender.target, *options)
        # What is still being put away belongs to it too.
        time.sleep(0.05)
        spent = processor_seconds(contender.pids) - before
        figures = {"gbit_per_s": measured["bytes"] * 8 / measured["elapsed_ns"]}
        if contender.pids:
            figures["cpu_s_per_gb"] = spent / (measured["bytes"] / 1e9)
        return figures

    return run


LOADS = [
    Load(f"{direction}-{flows}", f"Bulk, {direction}, {flows} flow{'s' if flows > 1 else ''}", bulk(direction, flows))
    for flows in (1, 8)
    for direction in ("upload", "download")
]
