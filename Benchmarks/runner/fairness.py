"""A round trip beside somebody's bulk."""

import time

from .failure import Failure
from .loads import Load, microseconds
from .manifests import CLIENT, NEIGHBOUR
from .world import BENCH

# More than can be moved meanwhile; the mover is ended.
MEGABYTES = 10_000_000
SETTLING_SECONDS = 0.5


def ping(world, contender, quick):
    options = ["--bytes", 64, "--rounds", 200 if quick else 8000, "--warmup", 20, "--seconds", 5]
    measured = world.measure("pingpong", "--to", contender.target, *options)
    if measured["round_trip_ns"]["count"] == 0:
        raise Failure("nothing came back")
    return microseconds(measured["round_trip_ns"])


def beside(pod):
    def run(world, contender, quick):
        """In the same round without bulk, then with it: the machine changes from minute to minute."""
        alone = ping(world, contender, quick)
        bulk = ["--direction", "upload", "--flows", 1, "--megabytes", MEGABYTES]
        mover = world.spawn(pod, BENCH, "bulk", "--to", contender.target, *bulk, announces=False)
        try:
            time.sleep(SETTLING_SECONDS)
            figures = ping(world, contender, quick)
            if mover.poll() is not None:
                raise Failure("the bulk ended early")
        finally:
            world.end(mover)
            time.sleep(SETTLING_SECONDS)
        figures |= {f"alone_{name}": alone[name] for name in ("p50_us", "p99_us")}
        figures["p99_ratio"] = figures["p99_us"] / alone["p99_us"]
        return figures

    return run


LOADS = [
    Load("same-tunnel", "Round trip of 64 bytes while the same pod moves bulk through the same tunnel", beside(CLIENT)),
    # The others have no node: theirs is in the pod.
    Load(
        "same-node", "Round trip of 64 bytes while another pod moves bulk through the same node proxy", beside(NEIGHBOUR),
        without=("envoy", "haproxy", "bare", "floor", "tunnel"),
    ),
]  # fmt: skip
