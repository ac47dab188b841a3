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
