"""What a suite is made of, and how loads run in interleaved rounds."""

import sys
from dataclasses import dataclass, field

from .failure import Failure


@dataclass
class Load:
    """One thing that is measured of each contender. Figures end in their unit."""

    name: str
    title: str
    run: object  # (world, contender, quick) -> {figure: number}
    # Contenders that it makes no sense for.
    without: tuple = ()


@dataclass
class Results:
    """What the rounds of one load yielded."""

    load: Load
    # contender -> figures of each round, None for a round that failed
    rounds: dict = field(default_factory=dict)
    failures: list = field(default_factory=list)

    def add(self, name, measure):
        """Takes the figures of one round; a failure is counted, and ends nothing but this round."""
        try:
            self.rounds.setdefault(name, []).append(measure())
        except Failure as failure:
            self.fail(name, failure)

    def fail(self, name, failure):
        print(f"{self.load.name}: {name}: {failure}", file=sys.stderr)
        self.failures.append({"contender": name, "reason": str(failure)})
        self.rounds.setdefault(name, []).append(None)


def interleave(world, contenders, loads, rounds, quick, title):
    """Each load visits every contender before the next round begins."""
    results = {load.name: Results(load) for load in loads}
    for turn in range(rounds):
        # Whoever comes first meets another machine than whoever comes last, so the order turns.
        first = turn % len(contenders)
        for load in loads:
            for contender in contenders[first:] + contenders[:first]:
                if contender.name not in load.without:
                    results[load.name].add(contender.name, lambda: load.run(world, contender, quick))
        print(f"{title}: round {turn + 1} of {rounds}", file=sys.stderr)
    return list(results.values())


def microseconds(quantiles):
    return {f"{name}_us": quantiles[name] / 1000 for name in ("p50", "p90", "p99", "p999")}
