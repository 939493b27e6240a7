"""Runs suites of benchmarks; `Benchmarks/run` is the way in."""

import argparse
import json
import platform
import signal
import sys

from . import chart, report, targets
from .contenders import MAKERS, STANDARD
from .failure import Failure
from .suites import SUITES
from .world import REPOSITORY

RESULTS = REPOSITORY / "Benchmarks/results"
# Whose rounds may fail; of all others' rounds each must go well.
OTHERS = ("envoy", "haproxy")


def present(suite, results, options):
    """Prints a suite and keeps it; whether all rounds of ours went well."""
    document = {"suite": suite, "machine": platform.platform(), "quick": options.quick, "loads": {}}
    sections, verdicts = [], []
    for result in results:
        summary = report.summarise(result)
        judged = targets.judge(result.load.name, summary)
        verdicts += judged
        sections.append(report.table(result, summary))
        document["loads"][result.load.name] = {
            "title": result.load.title,
            "medians": summary,
            "targets": [{"name": v.target.name, "value": v.value, "limit": v.target.limit, "met": v.is_met} for v in judged],
            "rounds": result.rounds,
            "failures": result.failures,
        }
    if verdicts:
        sections.append("\n".join(["targets", *report.aligned([verdict.cells() for verdict in verdicts])]))
    text = "\n\n".join(sections)
    print(f"{text}\n", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{suite}.txt").write_text(text + "\n")
    (RESULTS / f"{suite}.json").write_text(json.dumps(document, indent=2) + "\n")
    return all(failure["contender"] in OTHERS for result in results for failure in result.failures)


def arguments():
    parser = argparse.ArgumentParser(prog="Benchmarks/run", description="Measures Culvert beside other proxies.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="little work, one round: a check that it runs")
    parser.add_argument("--rounds", type=int, help="how often each load visits each contender")
    parser.add_argument("--contenders", default=",".join(STANDARD), help=f"of {', '.join(MAKERS)}; {', '.join(STANDARD)} by default")
    options = parser.parse_args()
    options.names = options.contenders.split(",")
    for unknown in [name for name in options.suites if name not in SUITES]:
        parser.error(f"no suite is called {unknown}")
    for unknown in [name for name in options.names if name not in MAKERS]:
        parser.error(f"no contender is called {unknown}")
    options.rounds = options.rounds or (1 if options.quick else 7)
    return options


def main():
    options = arguments()
    # Labs are taken down on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Benchmarks/run: ended"))
    went_well = True
    for suite in options.suites or SUITES:
        try:
            results = SUITES[suite](options.names, options.rounds, options.quick)
        except Failure as failure:
            sys.exit(f"Benchmarks/run: {suite}: {failure}")
        went_well = present(suite, results, options) and went_well
    chart.write(RESULTS)
    if not went_well:
        sys.exit("Benchmarks/run: rounds of ours failed")


main()
