"""Figures as data: columns, traces that refer to them, and what must be said beside them.

A figure carries its data once, as columns. Traces name columns (`$log2_fold_change`), colours by role (`@up`) and the
rows that they take (`where`), so the drawing, the CSV and the text alternative cannot disagree. `assets/report.js`
draws them with plotly. No statistics here: what is drawn was read from a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# Okabe and Ito's colours, https://jfly.uni-koeln.de/color/, one of each pair for a light and one for a dark ground, so
# that every mark stands out by 3 : 1 or more. Direction is shown by the marker's shape as well.
PALETTE = {
    "light": {
        "ground": "#ffffff",
        "text": "#1a1d21",
        "muted": "#6b7178",
        "grid": "#e3e6e9",
        "up": "#d55e00",
        "down": "#0072b2",
        "none": "#8a9199",
        "marked": "#000000",
        "third": "#007a5a",
        "fourth": "#a64d79",
    },
    "dark": {
        "ground": "#15181c",
        "text": "#e8eaed",
        "muted": "#a4abb3",
        "grid": "#30363d",
        "up": "#e69f00",
        "down": "#56b4e9",
        "none": "#7d868f",
        "marked": "#ffffff",
        "third": "#00b386",
        "fourth": "#cc79a7",
    },
}


@dataclass(frozen=True)
class Selector:
    """A choice of the rows that are drawn: those whose ``column`` has the chosen value."""

    column: str
    label: str
    options: tuple[tuple[str, str], ...]


@dataclass
class Figure:
    """A figure and everything that belongs to it.

    Attributes:
        ident: unique on its page; the name of the CSV.
        title, caption: above the drawing.
        alternative: what the drawing shows, for who cannot see it.
        columns: the data; all of one length.
        traces: plotly traces in which `$name` stands for a column and `@name` for a colour of the palette; `where` is a
            list of [column, value] that rows must match.
        layout: plotly layout, colours likewise.
        height, least_width: in pixels; on a narrower screen the drawing is scrolled.
        n, method, tables, sql: said below; ``tables`` are addresses with their data versions.
        shares: the figure of the same page whose columns these are; then ``columns`` is only for what Python needs.
        derived: columns that are -log10 of another one; drawn, not kept, and not in the CSV.
        find_by: column that the field "Find gene" looks in; the found row is marked at ``find_at`` (x and y columns).
    """

    ident: str
    title: str
    caption: str
    alternative: str
    columns: dict[str, list[Any]]
    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    n: str
    method: str
    tables: Sequence[tuple[str, str | None]]
    sql: str
    height: int = 460
    least_width: int = 0
    selectors: Sequence[Selector] = field(default_factory=tuple)
    shares: str | None = None
    derived: dict[str, str] = field(default_factory=dict)
    find_by: str | None = None
    find_at: tuple[str, str] | None = None

    def as_document(self) -> dict[str, Any]:
        """What the page carries, with numbers cut to what a drawing and a reader need."""
        lengths = {len(values) for values in self.columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"figure {self.ident}: columns of different lengths")
        kept = {} if self.shares else self.columns
        return {
            "shares": self.shares,
            "derived": self.derived,
            "columns": {name: [_short(value) for value in values] for name, values in kept.items()},
            "traces": self.traces,
            "layout": self.layout,
            "find": {"by": self.find_by, "at": self.find_at} if self.find_by else None,
        }


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


def minus_log10(p: float | None, floor: float = 1e-300) -> float | None:
    """-log10 of a p-value; one that was rounded to 0 is drawn at 300."""
    return None if p is None else -math.log10(max(p, floor))


def axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, **more}


def line_at(*, x: float | None = None, y: float | None = None, dash: str = "dot") -> dict[str, Any]:
    """A thin line across the drawing."""
    line = {"type": "line", "line": {"color": "@muted", "width": 1, "dash": dash}}
    if x is not None:
        return {**line, "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1}
    return {**line, "y0": y, "y1": y, "xref": "paper", "x0": 0, "x1": 1}


def frame_of(values: Sequence[float | None], around: float, *, margin: float = 0.06) -> tuple[float, float]:
    """First and last value of an axis that shows all but stray points.

    A gene without a read in one group has a fold change of thirty doublings, and would press all others into a line.
    So a side whose last value lies beyond 2.5 times its 99th percentile ends at twice that percentile; any other side
    shows all it has.

    Args:
        values: what is drawn on the axis, on its scale.
        around: from where distances are measured; it is always shown.
        margin: free space on either side, as a share of the span.
    """
    distances = [value - around for value in values if value is not None and math.isfinite(value)]

    def reach(side: list[float]) -> float:
        if not side:
            return 0.0
        side.sort()
        usual = side[int(len(side) * 0.99)]
        return side[-1] if side[-1] <= 2.5 * usual else 2 * usual

    low = reach([-distance for distance in distances if distance < 0])
    high = reach([distance for distance in distances if distance > 0])
    free = margin * ((low + high) or 1.0)
    return around - low - free, around + high + free


_RATIOS = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1,
    1.1,
    1.2,
    1.4,
    1.6,
    2,
    3,
    5,
    10,
    20,
    50,
    100,
)


def ratio_axis(title: str, frame: tuple[float, float]) -> dict[str, Any]:
    """A log axis of ratios with whole numbers at its ticks; ``frame`` in log10."""
    shown = [ratio for ratio in _RATIOS if frame[0] <= math.log10(ratio) <= frame[1]]
    kept: list[float] = []
    for ratio in sorted(shown, key=lambda value: abs(math.log10(value))):
        # From 1 outwards, each with room for its label.
        if all(abs(math.log10(ratio / other)) > 0.05 * (frame[1] - frame[0]) for other in kept):
            kept.append(ratio)
    return axis(title, type="log", range=frame, tickvals=sorted(kept), ticktext=[f"{one:g}" for one in sorted(kept)])


def log_axis(title: str, values: Sequence[float | None]) -> dict[str, Any]:
    """A log axis with plain numbers at its ticks, as many as have room over the values that it shows."""
    logs = [math.log10(value) for value in values if value is not None and value > 0 and math.isfinite(value)]
    if not logs:
        return axis(title, type="log")
    low, high = min(logs), max(logs)
    digits = next(digits for most, digits in _DIGITS_BY_DECADES if high - low < most)
    ticks = [
        float(f"{digit}e{power}")
        for power in range(math.floor(low) - 1, math.ceil(high) + 1)
        for digit in digits
        if low - 0.35 <= power + math.log10(digit) <= high + 0.35
    ]
    return axis(title, type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])


_DIGITS_BY_DECADES = ((0.7, (1, 1.5, 2, 3, 4, 5, 6, 8)), (1.5, (1, 2, 3, 5)), (3.5, (1, 3)), (math.inf, (1,)))


def hazard_ratio_forest(
    label: str, log10_bounds: Sequence[float | None], *, marker_size: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Trace and layout of a forest plot of hazard ratios with 95 % intervals.

    Args:
        label: column of the figure's data that names the rows; the others are hazard_ratio, above, below and test.
        log10_bounds: what the axis must hold, in log10.
        marker_size: of a hazard ratio, in pixels.
    """
    trace = {
        "type": "scatter", "mode": "markers", "x": "$hazard_ratio", "y": f"${label}", "showlegend": False,
        "marker": {"color": "@down", "symbol": "square", "size": marker_size},
        "error_x": {"type": "data", "array": "$above", "arrayminus": "$below", "color": "@down", "thickness": 2},
        "customdata": "$test",
        "hovertemplate": "<b>%{y}</b><br>hazard ratio %{x:.3f}<br>%{customdata}<extra></extra>",
    }  # fmt: skip
    layout = {
        "xaxis": ratio_axis("hazard ratio (log scale)", frame_of(log10_bounds, 0.0)),
        "yaxis": axis("", type="category"),
        "shapes": [line_at(x=1, dash="solid")],
    }
    return trace, layout


def outside(values: Sequence[float | None], frame: tuple[float, float]) -> int:
    """How many values the frame leaves out."""
    return sum(1 for value in values if value is not None and not frame[0] <= value <= frame[1])


def spaced_labels(
    points: Sequence[tuple[float, float, str]],
    x_frame: tuple[float, float],
    y_frame: tuple[float, float],
    taken: Sequence[tuple[float, float]] = (),
) -> list[str]:
    """Labels of points, empty where one would stand on another; earlier points come first.

    Args:
        points: x, y and label, on the scale of the axes.
        x_frame, y_frame: what the axes show.
        taken: places where something is written already.
    """
    width, height = x_frame[1] - x_frame[0], y_frame[1] - y_frame[0]
    placed = [((x - x_frame[0]) / width, (y - y_frame[0]) / height) for x, y in taken]
    found = []
    for x, y, label in points:
        at = ((x - x_frame[0]) / width, (y - y_frame[0]) / height)
        is_seen = 0 <= at[0] <= 1 and 0 <= at[1] <= 1
        if is_seen and all(abs(at[0] - a) > 0.075 or abs(at[1] - b) > 0.042 for a, b in placed):
            placed.append(at)
            found.append(label)
        else:
            found.append("")
    return found


def name_points(
    genes: Sequence[str],
    x: Sequence[float],
    y: Sequence[float],
    *,
    first: Sequence[int],
    interest: Sequence[int],
    frames: tuple[tuple[float, float], tuple[float, float]],
    is_log_x: bool = False,
) -> list[dict[str, Any]]:
    """Traces that name the first genes, and ring and name the genes of interest, without names on names.

    Args:
        genes, x, y: the drawing's points.
        first, interest: rows to name.
        frames: what the two axes show, on their scales.
        is_log_x: whether x is drawn on a log scale (its frame is then in log10).
    """

    def place(row: int) -> tuple[float, float]:
        return (math.log10(x[row]) if is_log_x else x[row]), y[row]

    def pick(values: Sequence[Any], rows: Sequence[int]) -> list[Any]:
        return [values[row] for row in rows]

    ringed = spaced_labels([(*place(row), genes[row]) for row in interest], *frames)
    taken = [place(row) for row, label in zip(interest, ringed, strict=True) if label]
    others = [row for row in first if row not in interest]
    named = spaced_labels([(*place(row), genes[row]) for row in others], *frames, taken)
    return [
        {
            "type": "scatter", "mode": "text", "x": pick(x, others), "y": pick(y, others), "text": named,
            "textposition": "top center", "textfont": {"size": 11, "color": "@text"}, "showlegend": False,
            "hoverinfo": "skip",
        },
        {
            "type": "scatter", "mode": "markers+text", "name": "genes of interest", "x": pick(x, interest),
            "y": pick(y, interest), "text": ringed, "textposition": "bottom center",
            "textfont": {"size": 11, "color": "@text"}, "hoverinfo": "skip",
            "marker": {"symbol": "circle-open", "size": 9, "color": "@marked", "line": {"width": 1.5}},
        },
    ]  # fmt: skip
