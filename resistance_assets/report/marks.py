"""Small drawings inside a table, as SVG in the page: studies for and against, and an interval on a common scale.

They need no script, print as they are, and say the same in words. Direction is shown by shape and by colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from resistance_assets.report.explain.text import number

STEP = 14
HEIGHT = 16
BAR_WIDTH = 96


@dataclass(frozen=True)
class StudyMark:
    """What one independent study says of a gene.

    Attributes:
        name: of the study, in words.
        direction: `up`, `down` or None (no change, or not measured).
        is_measured: whether the study measured the gene.
        is_inferential: whether its design supports a p-value.
        is_significant: q below the threshold.
        log2_fold_change: told in the mark's own words.
    """

    name: str
    direction: str | None
    is_measured: bool
    is_inferential: bool
    is_significant: bool = False
    log2_fold_change: float | None = None

    @property
    def words(self) -> str:
        if not self.is_measured:
            return f"{self.name}: not measured"
        kind = "q < 0.05" if self.is_significant else "not significant" if self.is_inferential else "effect only"
        return f"{self.name}: {self.direction or 'no change'}, log2 FC {number(self.log2_fold_change)}, {kind}"


def study_strip(marks: Sequence[StudyMark]) -> Markup:
    """One mark per study: a triangle by direction, hollow where it is effect only, a dash where nothing was measured.

    A study with q below the threshold has a line under its mark.
    """
    drawn = "".join(_mark(at, one) for at, one in enumerate(marks))
    said = escape("; ".join(one.words for one in marks))
    width = max(STEP * len(marks), STEP)
    return Markup(
        f'<svg class="strip" role="img" aria-label="{said}" width="{width}" height="{HEIGHT + 3}"'
        f' viewBox="0 0 {width} {HEIGHT + 3}">{drawn}</svg>'
    )


def _mark(at: int, mark: StudyMark) -> str:
    left, middle, right = at * STEP + 2, at * STEP + STEP / 2, (at + 1) * STEP - 2
    title = f"<title>{escape(mark.words)}</title>"
    if not mark.is_measured or mark.direction is None:
        kind = "none" if mark.is_measured else "absent"
        return f'<g class="{kind}">{title}<path d="M{left + 1} {HEIGHT / 2}H{right - 1}"/></g>'
    top, bottom = (3, HEIGHT - 3) if mark.direction == "up" else (HEIGHT - 3, 3)
    shape = f'<path d="M{left} {bottom}L{middle} {top}L{right} {bottom}Z"/>'
    line = f'<path class="line" d="M{left} {HEIGHT + 1}H{right}"/>' if mark.is_significant else ""
    kind = mark.direction if mark.is_inferential else f"{mark.direction} hollow"
    return f'<g class="{kind}">{title}{shape}{line}</g>'


def interval_bar(low: float | None, middle: float, high: float | None, frame: tuple[float, float]) -> Markup:
    """An estimate with its interval on the scale that all rows of the table share, with a line at 0."""
    span = (frame[1] - frame[0]) or 1.0

    def place(value: float) -> float:
        return round(2 + (BAR_WIDTH - 4) * min(max((value - frame[0]) / span, 0.0), 1.0), 1)

    zero = f'<path class="zero" d="M{place(0.0)} 0V14"/>' if frame[0] <= 0.0 <= frame[1] else ""
    line = "" if low is None or high is None else f'<path class="line" d="M{place(low)} 7H{place(high)}"/>'
    kind = "up" if middle > 0 else "down"
    point = (
        f'<circle cx="{place(middle)}" cy="7" r="3.5"/>'
        if line
        else f'<circle class="hollow" cx="{place(middle)}" cy="7" r="3"/>'
    )
    return Markup(
        f'<svg class="bar {kind}" aria-hidden="true" width="{BAR_WIDTH}" height="14" viewBox="0 0 {BAR_WIDTH} 14">'
        f"{zero}{line}{point}</svg>"
    )


def legend_markup() -> Markup:
    """What the marks of `study_strip` mean, beside the marks themselves."""
    shown = (
        ("up, with replicates", StudyMark("", "up", True, True)),
        ("down", StudyMark("", "down", True, True)),
        ("up, effect only (no replicates)", StudyMark("", "up", True, False)),
        ("not measured", StudyMark("", None, False, False)),
        ("underlined: q < 0.05", StudyMark("", "up", True, True, is_significant=True)),
    )
    items = "".join(
        f'<li><svg class="strip" aria-hidden="true" width="{STEP}" height="{HEIGHT + 3}">'
        f"{_mark(0, mark).replace('<title>: ', '<title>')}</svg> {escape(words)}</li>"
        for words, mark in shown
    )
    return Markup(f'<ul class="legend">{items}</ul>')
