"""Medians, ratios, and their presentation as a table, JSON and a chart."""

import json
import statistics
from pathlib import Path

COLOURS = {"direct": "#9aa0a6", "floor": "#c5a880", "bare": "#8ab17d", "envoy": "#b56576", "tunnel": "#61a5c2", "culvert": "#2a6f97"}


def medians(rounds):
    """[{figure: number}] -> {figure: median}."""
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def added(results, contender, figure):
    """Median over the rounds of what a contender adds to direct in the same round."""
    pairs = zip(results[contender], results["direct"])
    return statistics.median(mine[figure] - direct[figure] for mine, direct in pairs)


def summarise(results):
    """{contender: [figures of a round]} -> {contender: {figure: number}}, with what each adds to direct."""
    summary = {name: medians(rounds) for name, rounds in results.items()}
    if "direct" in results:
        for name, figures in summary.items():
            for figure in [figure for figure in figures if figure in ("p50_us", "p99_us")]:
                figures[f"added_{figure}"] = added(results, name, figure)
    return summary


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(title, summary):
    figures = list(next(iter(summary.values())))
    rows = [["", *figures]] + [[name, *(number(values[f]) for f in figures)] for name, values in summary.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [title]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells))
    return "\n".join(lines)


def ratios(summary):
    """The project's targets, as ratios within this run."""
    wanted = [("added_p50_us", "bare", "floor"), ("cpu_s_per_gb", "bare", "floor")]
    for ours in ("tunnel", "culvert"):
        wanted += [("added_p50_us", ours, "bare"), ("cpu_s_per_gb", ours, "bare")]
        for figure in ("added_p50_us", "added_p99_us", "rate_per_s", "cpu_us", "cpu_s_per_gb", "gbit_per_s"):
            wanted.append((figure, ours, "envoy"))
    found = {}
    for figure, one, other in wanted:
        divisor = summary.get(other, {}).get(figure)
        if divisor and figure in summary.get(one, {}):
            found[f"{figure}: {one} / {other}"] = summary[one][figure] / divisor
    return found


def chart(title, summary, figure):
    """A bar chart of one figure, as SVG."""
    names = [name for name in summary if figure in summary[name]]
    top = max(summary[name][figure] for name in names) or 1
    width, bar, left = 640, 26, 90
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{len(names) * (bar + 8) + 40}" '
        'font-family="sans-serif" font-size="13">',
        f'<text x="8" y="20" font-weight="bold">{title}: {figure}</text>',
    ]
    for row, name in enumerate(names):
        y = 34 + row * (bar + 8)
        value = summary[name][figure]
        length = max(1, (width - left - 90) * max(0, value) / top)
        parts.append(f'<text x="8" y="{y + 18}">{name}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{length:.0f}" height="{bar}" fill="{COLOURS.get(name, "#777")}"/>')
        parts.append(f'<text x="{left + length + 6:.0f}" y="{y + 18}">{number(value)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def write(folder, suite, text, document, charts):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{suite}.txt").write_text(text + "\n")
    (folder / f"{suite}.json").write_text(json.dumps(document, indent=2) + "\n")
    for name, svg in charts.items():
        (folder / f"{suite}-{name}.svg").write_text(svg)
