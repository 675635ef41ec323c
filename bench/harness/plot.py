"""Lines over logarithmic axes, drawn as SVG."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

Points = Sequence[tuple[float, float]]
PANEL_WIDTH, PANEL_HEIGHT, PANELS_A_ROW = 300, 220, 3
#: Room around the axes of a panel.
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 40, 34
LINE, AXIS, TEXT = "#1f5fa8", "#8a8f98", "#2b2f36"
#: A panel spans a factor of ten at least, so that noise looks like noise.
LEAST_SPAN = 10.0


def write_plot(path: Path, title: str, panels: Mapping[str, Points]) -> None:
    """Write panels beside each other, by the title of each: (events, value) points, both above 0."""
    path.write_text(plot(title, panels))


def plot(title: str, panels: Mapping[str, Points]) -> str:
    """The picture."""
    rows = math.ceil(len(panels) / PANELS_A_ROW)
    width, height = PANEL_WIDTH * min(len(panels), PANELS_A_ROW), PANEL_HEIGHT * rows + 28
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="sans-serif" font-size="11" fill="{TEXT}" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="19" font-size="14">{escape(title)}</text>',
    ]
    for number, (name, points) in enumerate(panels.items()):
        row, column = divmod(number, PANELS_A_ROW)
        parts.append(f'<g transform="translate({column * PANEL_WIDTH} {row * PANEL_HEIGHT + 24})">')
        parts += _panel(name, [(x, y) for x, y in points if x > 0 and y > 0])
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def _panel(name: str, points: Points) -> list[str]:
    parts = [f'<text x="{LEFT}" y="{TOP - 14}" font-weight="bold">{escape(name)}</text>']
    if not points:
        return [*parts, f'<text x="{LEFT}" y="{PANEL_HEIGHT // 2}">not measured</text>']
    across, up = _span([x for x, _ in points]), _span([y for _, y in points])
    right, bottom = PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM

    def x_of(value: float) -> float:
        return LEFT + (right - LEFT) * _share(value, across)

    def y_of(value: float) -> float:
        return bottom - (bottom - TOP) * _share(value, up)

    for tick in _powers(across):
        parts.append(_line(x_of(tick), TOP, x_of(tick), bottom))
        parts.append(f'<text x="{x_of(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{short(tick)}</text>')
    for tick in _powers(up):
        parts.append(_line(LEFT, y_of(tick), right, y_of(tick)))
        parts.append(f'<text x="{LEFT - 6}" y="{y_of(tick) + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="1.8"/>')
    parts += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{LINE}"/>' for x, y in points]
    return parts


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{AXIS}" stroke-width="0.5" stroke-dasharray="2 3"/>'


def _span(values: Sequence[float]) -> tuple[float, float]:
    """From one power of ten to another around values."""
    low, high = 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)))
    return low, max(high, low * LEAST_SPAN)


def _share(value: float, span: tuple[float, float]) -> float:
    low, high = span
    return math.log(value / low) / math.log(high / low)


def _powers(span: tuple[float, float]) -> list[float]:
    low, high = (round(math.log10(end)) for end in span)
    return [10.0**power for power in range(low, high + 1)]


def short(value: float) -> str:
    """A power of ten in few letters: 100k, 1M, 0.1."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"
