"""What is measured inside one process of ours: decisions, and allocations on the data path."""

import json
import sys

from .failure import Failure
from .loads import Load, Results
from .world import BENCH, command

WORKLOAD_COUNTS = (100, 10_000, 100_000)
POLICY_COUNT = 10_000
QUICK_WORKLOAD_COUNTS = (100, 1000)
QUICK_POLICY_COUNT = 100
DECISIONS = ("route_to_service", "route_to_pod", "admit", "policy")
UPDATES = ("workload_update", "policy_update")

DECIDE = Load("decisions", "Decisions and updates by number of workloads, 10,000 policies of 10 rules; mean times", None)
ALLOCATE = Load("allocations", "Allocations and reference counting for each chunk, stream and tunnel, at either end", None)


def measured(*words):
    return json.loads(command(BENCH, *words))


def decide(workload_count, policy_count):
    found = measured("decisions", "--workloads", workload_count, "--policies", policy_count)
    figures = {f"{name}_us": found[name]["mean_ns"] / 1000 for name in (*DECISIONS, *UPDATES)}
    figures["bytes_per_workload"] = found["bytes_per_workload"]
    figures["bytes_per_policy"] = found["bytes_per_policy"]
    figures["load_s"] = found["load_ns"] / 1e9
    # Those that lead nowhere would be quick.
    shares = [found[name] for name in ("route_to_service_tunnelled", "route_to_pod_tunnelled", "admit_admitted")]
    if min(shares) < 0.9 or not 0 < found["policy_allowed"] <= 1:
        raise Failure("the decisions are not those that were asked for")
    return figures


def decisions(rounds, quick):
    counts = QUICK_WORKLOAD_COUNTS if quick else WORKLOAD_COUNTS
    results = Results(DECIDE)
    for turn in range(rounds):
        for count in counts:
            results.add(f"{count} workloads", lambda: decide(count, QUICK_POLICY_COUNT if quick else POLICY_COUNT))
        print(f"decisions: round {turn + 1} of {rounds}", file=sys.stderr)
    return [results]


def allocations(quick):
    """Counts are the same each time, so there is one round."""
    results = Results(ALLOCATE)
    for name, figures in measured("allocations", "--rounds", 1000 if quick else 10_000).items():
        results.add(name, lambda: figures)
    return [results]
