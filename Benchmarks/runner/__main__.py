"""Runs suites of benchmarks; `Benchmarks/run` is the way in."""

import argparse
import platform
import sys

from . import report
from .contenders import MAKERS, start
from .suites import SUITES
from .world import REPOSITORY, Failure, World

CHARTED = ["added_p50_us", "rate_per_s", "gbit_per_s", "cpu_s_per_gb"]


def run_suite(world, contenders, suite, rounds, quick):
    results = {load.name: {contender.name: [] for contender in contenders} for load in SUITES[suite]}
    for turn in range(rounds):
        # Whoever comes first meets another machine than whoever comes last, so the order turns.
        order = contenders[turn % len(contenders) :] + contenders[: turn % len(contenders)]
        for load in SUITES[suite]:
            for contender in order:
                results[load.name][contender.name].append(load.run(world, contender, quick))
        print(f"{suite}: round {turn + 1} of {rounds}", file=sys.stderr)
    return results


def present(suite, contenders, results, rounds):
    document = {"suite": suite, "rounds": rounds, "machine": platform.platform(), "loads": {}}
    document["contenders"] = {contender.name: contender.meaning for contender in contenders}
    sections, charts = [], {}
    for load in SUITES[suite]:
        summary = report.summarise(results[load.name])
        ratios = report.ratios(summary)
        document["loads"][load.name] = {"medians": summary, "ratios": ratios, "rounds": results[load.name]}
        sections.append(report.table(load.title, summary))
        sections.append("\n".join(f"  {name} = {value:.2f}" for name, value in ratios.items()))
        for figure in CHARTED:
            if figure in next(iter(summary.values())):
                charts[f"{load.name}-{figure}"] = report.chart(load.title, summary, figure)
    text = "\n\n".join(section for section in sections if section)
    print(text)
    report.write(REPOSITORY / "Benchmarks/results", suite, text, document, charts)


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/run", description="Measures Culvert beside other proxies.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="little work, two rounds: a check that it runs")
    parser.add_argument("--rounds", type=int, help="how often each load visits each contender")
    parser.add_argument("--contenders", default=",".join(MAKERS), help="comma-separated")
    options = parser.parse_args()
    names = options.contenders.split(",")
    for unknown in [name for name in options.suites if name not in SUITES]:
        parser.error(f"no suite is called {unknown}")
    for unknown in [name for name in names if name not in MAKERS]:
        parser.error(f"no contender is called {unknown}")
    rounds = options.rounds or (2 if options.quick else 7)
    try:
        with World() as world:
            contenders = start(world, names)
            for suite in options.suites or SUITES:
                present(suite, contenders, run_suite(world, contenders, suite, rounds, options.quick), rounds)
    except Failure as failure:
        sys.exit(f"Benchmarks/run: {failure}")


main()
