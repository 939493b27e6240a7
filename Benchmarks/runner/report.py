"""Medians over rounds, and their presentation as a table and as JSON."""

import statistics

ADDED = ("p50_us", "p99_us")


def medians(rounds):
    """Figures of rounds -> median of each figure, over the rounds that did not fail."""
    done = [figures for figures in rounds if figures]
    return {name: statistics.median(figures[name] for figures in done) for name in (done[0] if done else {})}


def added(mine, direct, figure):
    """Median over the rounds of what a contender adds to direct in the same round; None where no round has both."""
    differences = [one[figure] - other[figure] for one, other in zip(mine, direct) if one and other]
    return statistics.median(differences) if differences else None


def summarise(results):
    """Results of a load -> {contender: {figure: number}}, with what each adds to direct."""
    summary = {name: medians(rounds) for name, rounds in results.rounds.items()}
    direct = results.rounds.get("direct")
    for name, figures in summary.items() if direct else ():
        for figure in [figure for figure in ADDED if figure in figures]:
            difference = added(results.rounds[name], direct, figure)
            if name != "direct" and difference is not None:
                figures[f"added_{figure}"] = difference
    return summary


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def aligned(rows):
    """Lines of cells, the first column to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]


def table(results, summary):
    """A load as text: a row for each contender, then what failed."""
    figures = list(dict.fromkeys(figure for values in summary.values() for figure in values))
    rows = [["", *figures]]
    rows += [[name, *(number(values.get(figure)) for figure in figures)] for name, values in summary.items()]
    lines = [results.load.title, *aligned(rows)]
    for name, rounds in results.rounds.items():
        if failed := sum(figures is None for figures in rounds):
            lines.append(f"  {name}: {failed} of {len(rounds)} rounds failed")
    return "\n".join(lines)
