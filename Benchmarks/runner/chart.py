"""One picture of the newest results of all suites, as SVG: medians, tails, and ratios to Envoy."""

import json
from dataclasses import dataclass
from html import escape

from .report import number

COLOURS = {
    "culvert": "#1f6f8b", "envoy": "#b65b6e", "haproxy": "#c98f4e", "bare": "#7a9e7e", "floor": "#a8a29a", "direct": "#cdd3d8",
    "openssl": "#a8a29a", "tunnel": "#61a5c2",
}  # fmt: skip
COLUMN_COUNT, MARGIN, GAP = 2, 24, 16
PANEL_WIDTH, ROW_HEIGHT, BAR_HEIGHT = 460, 24, 14
HEADING_HEIGHT, PANEL_HEADING_HEIGHT, PANEL_FOOT_HEIGHT = 64, 52, 10
NAME_WIDTH, VALUE_WIDTH = 66, 156


@dataclass(frozen=True)
class Panel:
    title: str
    note: str
    # The loads whose figures are averaged.
    loads: tuple
    figure: str
    # Drawn behind the bar.
    tail: str | None = None
    more_is_better: bool = False


PANELS = [
    Panel("Round trip, 64 B", "\u00b5s; median, and p99 behind it", ("pingpong",), "p50_us", "p99_us"),
    Panel("1,000 requests/s of 1 KiB, open loop", "\u00b5s; median, and p99 behind it", ("paced",), "p50_us", "p99_us"),
    Panel("New connections, warm tunnel", "per second; more is better", ("connect",), "rate_per_s", None, True),
    Panel("CPU of the pair for a new connection", "\u00b5s", ("connect",), "cpu_us"),
    Panel("Full mutual handshakes", "per second, and OpenSSL's own in a loop", ("cold",), "rate_per_s", None, True),
    Panel("Bulk, one flow", "Gbit/s, mean of both directions", ("upload-1", "download-1"), "gbit_per_s", None, True),
    Panel("CPU of the pair for bulk, one flow", "s/GB, mean of both directions", ("upload-1", "download-1"), "cpu_s_per_gb"),
    Panel("CPU of the pair for bulk, eight flows", "s/GB, mean of both directions", ("upload-8", "download-8"), "cpu_s_per_gb"),
    Panel("Round trip beside bulk in the same tunnel", "\u00b5s; median, and p99 behind it", ("same-tunnel",), "p50_us", "p99_us"),
    Panel("Memory for each of 1,000 idle connections", "KiB, anonymous, larger of the pair", ("streams",), "per_stream_1000_kib"),
]  # fmt: skip


def mean_of(medians, name, loads, figure):
    """A contender's figure, averaged over loads; None if one of them lacks it."""
    values = [medians.get(load, {}).get(name, {}).get(figure) for load in loads]
    return None if None in values else sum(values) / len(values)


def text(x, y, content, size=12, colour="#24292f", weight="normal", anchor="start"):
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(content)}</text>'
    )


def bar(x, y, width, colour, opacity=1.0, height=BAR_HEIGHT):
    return (
        f'<rect x="{x:.0f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" rx="2" '
        f'fill="{colour}" fill-opacity="{opacity}"/>'
    )


def rows_of(panel, medians):
    """[(contender, value, tail)] in the order of the legend."""
    rows = []
    for name in COLOURS:
        value = mean_of(medians, name, panel.loads, panel.figure)
        if value is not None:
            rows.append((name, value, mean_of(medians, name, panel.loads, panel.tail) if panel.tail else None))
    return rows


def draw(panel, rows, x, y):
    height = panel_height(rows)
    parts = [
        f'<rect x="{x}" y="{y}" width="{PANEL_WIDTH}" height="{height}" rx="8" fill="#ffffff" stroke="#d8dee4"/>',
        text(x + 14, y + 22, panel.title, 14, weight="600"),
        text(x + 14, y + 39, panel.note, 11, "#6e7781"),
    ]
    top = max(max(value, tail or 0) for _, value, tail in rows) or 1
    scale = (PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH - 28) / top
    envoy = next((value for name, value, _ in rows if name == "envoy"), None)
    for place, (name, value, tail) in enumerate(rows):
        line = y + PANEL_HEADING_HEIGHT + place * ROW_HEIGHT
        left = x + 14 + NAME_WIDTH
        parts.append(text(x + 14, line + 12, name, 12, weight="600" if name == "culvert" else "normal"))
        if tail is not None:
            parts.append(bar(left, line + 1, tail * scale, COLOURS[name], 0.28))
        parts.append(bar(left, line + 1, max(value, 0) * scale, COLOURS[name]))
        label = number(value) + (f" / {number(tail)}" if tail is not None else "")
        if envoy and envoy > 0 and name == "culvert":
            label += f"  (\u00d7{value / envoy:.2f} Envoy)"
        parts.append(text(left + max(value, tail or 0, 0) * scale + 6, line + 12, label, 11))
    return parts


def panel_height(rows):
    return PANEL_HEADING_HEIGHT + len(rows) * ROW_HEIGHT + PANEL_FOOT_HEIGHT


def write(folder):
    """Draws what the suites left in a folder."""
    medians = {}
    for file in sorted(folder.glob("*.json")):
        for name, load in json.loads(file.read_text())["loads"].items():
            medians[name] = load["medians"]
    drawn = [(panel, rows) for panel in PANELS if (rows := rows_of(panel, medians))]
    parts, y = [], HEADING_HEIGHT
    for first in range(0, len(drawn), COLUMN_COUNT):
        line = drawn[first : first + COLUMN_COUNT]
        for column, (panel, rows) in enumerate(line):
            parts += draw(panel, rows, MARGIN + column * (PANEL_WIDTH + GAP), y)
        y += max(panel_height(rows) for _, rows in line) + GAP
    width = 2 * MARGIN + COLUMN_COUNT * PANEL_WIDTH + (COLUMN_COUNT - 1) * GAP
    height = y - GAP + MARGIN
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="-apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#f6f8fa"/>',
        text(MARGIN, 32, "Culvert beside other ways to carry TCP between two pods", 18, weight="700"),
        text(MARGIN, 51, "Medians of interleaved rounds; one worker each, TLS 1.3, AES-128-GCM, same pods and redirects", 12, "#6e7781"),
    ]
    if drawn:
        (folder / "chart.svg").write_text("\n".join([*head, *parts, "</svg>", ""]))
