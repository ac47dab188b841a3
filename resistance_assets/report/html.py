"""HTML of the pages: the frame around every page, tables, facts and figures, all readable without a network.

Markup stands in `templates/`, filled by Jinja2 with autoescape: text is text unless it is a `Markup`. What is shown is
decided in the modules named after the pages; how a figure is drawn from its columns stands in `figures` and
`assets/report.js`.
"""

from __future__ import annotations

import base64
import functools
import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from resistance_assets.report.explain.text import number
from resistance_assets.report.figures import Figure
from resistance_assets.report.published import Published
from resistance_assets.report.titled import Titled

TEMPLATES = Path(__file__).parent / "templates"

NAVIGATION = (
    ("index.html", "Overview"),
    ("contrasts.html", "Contrasts"),
    ("intersections.html", "Intersections"),
    ("enrichment.html", "Enrichment"),
    ("reversal.html", "Reversal"),
    ("cohorts.html", "Survival"),
    ("genes.html", "Genes"),
    ("bench.html", "Bench"),
    ("claims.html", "Claims"),
    ("dictionary.html", "Dictionary"),
    ("sources.html", "Sources"),
)


# Characters of a packed document up to which it stands in the page as it is.
PLAIN_UP_TO = 20_000
# Characters beyond which a cell gets a least width: otherwise it becomes a column of single words.
LEAST_WIDTHS = ((120, "vast"), (40, "long"), (20, "mid"))
# The column of tables and files stays on one line, however long.
SOURCE_KEY = "from"
# Below this a table needs no filter.
FEWEST_ROWS_WITH_FILTER = 8

text = escape
"""Text made safe for HTML, as a `Markup`."""


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def fill(template: str, **values: Any) -> Markup:
    """A template of `templates/` with values; every text among them is escaped."""
    return Markup(_environment().get_template(template).render(**values).strip())


def prose(markup: str, **values: Any) -> Markup:
    """A sentence that is HTML already, with values in `{braces}`, which are escaped unless they are a `Markup`."""
    return Markup(markup).format(**values)


def joined(parts: Iterable[Any], separator: str = ", ") -> Markup:
    """Parts in one line; each is escaped unless it is a `Markup`."""
    return escape(separator).join(parts)


def link(href: str, label: Any) -> Markup:
    """A link; an address of another kind than a page or a web address (`javascript:`) stays text."""
    if isinstance(label, Titled):
        label = label.words
    scheme = re.match(r"\s*([a-zA-Z][\w+.-]*):", href)
    if scheme and scheme.group(1).lower() not in ("http", "https"):
        return escape(label)
    return prose('<a href="{href}">{label}</a>', href=href, label=label)


@dataclass(frozen=True)
class Shortened:
    """A cell that shows the beginning of a text, or a drawing of it; the CSV file holds the whole."""

    shown: str | Markup
    whole: str


@dataclass(frozen=True)
class Frame:
    """What every page says around its own content."""

    release: int
    written_at: str
    code_revision: str
    is_synthetic: bool


@dataclass
class Page:
    """One file of the site. ``path`` is relative to the site's folder, with `/`."""

    path: str
    title: str
    parts: list[str] = field(default_factory=list)
    has_figures: bool = False

    @property
    def root(self) -> str:
        """Prefix that leads from this page to the site's folder."""
        return "../" * self.path.count("/")

    @property
    def section(self) -> str:
        """The entry of the navigation that the page belongs to."""
        return self.path.split("/")[0].removesuffix(".html") + ".html"

    def add(self, *parts: str) -> None:
        """Parts below what is there; a text that is no `Markup` is escaped when the page is rendered."""
        self.parts.extend(parts)

    def heading(self, title: str, level: int = 2, anchor: str | None = None) -> None:
        ident = prose(' id="{anchor}"', anchor=anchor) if anchor else ""
        self.parts.append(prose("<h{level}{ident}>{title}</h{level}>", level=level, ident=ident, title=title))

    def paragraph(self, *sentences: str) -> None:
        """Sentences with a blank between them; a text that is no `Markup` (see `prose`) is escaped."""
        self.parts.append(prose("<p>{content}</p>", content=joined(sentences, " ")))

    def figure(self, figure: Figure) -> None:
        self.has_figures = True
        self.parts.append(figure_markup(figure))

    def fold(self, title: str, parts: Sequence[str]) -> None:
        """A section that a reader opens."""
        self.parts.append(fill("folded.html", title=title, parts=parts))


def render(page: Page, frame: Frame) -> str:
    """The whole file."""
    return str(fill("page.html", page=page, frame=frame, navigation=NAVIGATION, inline=None)) + "\n"


def frame_of_release(published: Published) -> Frame:
    """What the pages of a release say of it."""
    return Frame(
        release=published.release,
        written_at=published.facts.get("written_at", ""),
        code_revision=published.facts.get("code_revision", ""),
        is_synthetic=published.is_synthetic,
    )


# ---- tables ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heading:
    """A column of a table on a page.

    Attributes:
        key: of the row.
        label, explanation: above the column, and what it means.
        is_number: whether it is aligned to the right.
        is_detail: whether paper does without it.
    """

    key: str
    label: str
    explanation: str | None = None
    is_number: bool = False
    is_detail: bool = False

    @property
    def classes(self) -> str:
        """Classes of its heading."""
        return " ".join(name for name, holds in (("n", self.is_number), ("detail", self.is_detail)) if holds)


_MISSING = Markup('<span title="not there">·</span>')
_LONG_NAME = re.compile(r"\w{28,}")
_UNDERSCORES = re.compile(r"(_+)")
_UNSAFE = re.compile(r"""[&<>"']""")


def cell(value: Any) -> Markup:
    """A value as a cell shows it."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return _MISSING
    return Markup(_content(value))


def _content(value: Any) -> str:
    """The same as HTML in a plain string: a site has a quarter of a million cells."""
    if value is None:
        return _MISSING
    if isinstance(value, Markup):
        return value
    if isinstance(value, Titled):
        return link(value.href, value.words) if value.href else escape(value.words)
    if isinstance(value, Shortened):
        value = value.shown
        if isinstance(value, Markup):
            return value
    shown = number(value)
    if _UNSAFE.search(shown):
        shown = str(escape(shown))
    # Long names joined by underscores may break between their parts.
    return _LONG_NAME.sub(_breaking, shown) if "_" in shown else shown


def _breaking(name: re.Match[str]) -> str:
    return _UNDERSCORES.sub(r"\1<wbr>", name.group())


def table(
    caption: str,
    headings: Sequence[Heading],
    rows: Iterable[Mapping[str, Any]],
    *,
    filter_by: Sequence[str] = (),
    most: int | None = None,
    is_searchable: bool | None = None,
) -> Markup:
    """A table that sorts by its headings, filters by text and by choices, and is downloaded whole as CSV.

    Args:
        caption: what the table shows; every table has one.
        headings: its columns; one that is empty in every row is left out.
        rows: every row, cells by key. A `Markup` is put as it is; `<key>_sort` overrides what a column is sorted by.
        filter_by: keys whose values are offered as a choice.
        most: rows that the page shows; the CSV file holds all of them.
        is_searchable: whether there is a text field; by default from eight rows on.
    """
    listed = list(rows)
    if not listed:
        return prose('<p class="empty">{caption}: none.</p>', caption=caption)
    headings = [
        heading
        for at, heading in enumerate(headings)
        if at == 0 or heading.key in filter_by or any(row.get(heading.key) is not None for row in listed)
    ]
    shown = listed[:most]
    is_cut = len(shown) < len(listed)
    is_shortened = any(isinstance(row.get(heading.key), Shortened) for heading in headings for row in shown)
    interactive = len(listed) >= FEWEST_ROWS_WITH_FILTER if is_searchable is None else is_searchable
    return fill(
        "table.html",
        caption=caption,
        headings=headings,
        body=Markup("\n".join(_row(headings, row) for row in shown)),
        choices=[_choice(headings, shown, key) for key in filter_by] if interactive else None,
        count=f"{len(shown):,}",
        has_file=interactive or is_cut or is_shortened,
        more=f"Shown are the first {len(shown):,} of {len(listed):,} rows; the CSV file holds all." if is_cut else None,
        whole=_whole(headings, listed) if is_cut or is_shortened else None,
    )


def _row(headings: Sequence[Heading], row: Mapping[str, Any]) -> str:
    """One row of a table's body. Written without a template, which costs more than everything else on a page."""
    cells = [f"<td{_attributes(heading, row)}>{_content(row.get(heading.key))}</td>" for heading in headings]
    cells[0] = f"<th scope=row{cells[0][3:-5]}</th>"
    return f"<tr>{''.join(cells)}</tr>"


def _attributes(heading: Heading, row: Mapping[str, Any]) -> str:
    """Class of a cell, what it is sorted by where that is a number, and the id behind a title."""
    value = row.get(heading.key)
    key = row.get(f"{heading.key}_sort", value)
    kind = "from" if heading.key == SOURCE_KEY else "n" if heading.is_number else _width(value)
    if heading.is_detail:
        kind = f"{kind} detail".strip()
    attributes = f' class="{kind}"' if kind else ""
    if isinstance(value, Titled) and value.words != value:
        attributes += f' data-id="{escape(str(value))}"'
    if isinstance(key, int | float) and not isinstance(key, bool):
        # Eight digits are what a sort and a reader need; the warehouse holds the rest.
        attributes += f' data-v="{float(f"{key:.8g}") if isinstance(key, float) else key!r}"'
    return attributes


def _whole(headings: Sequence[Heading], rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Every row of a table that the page does not show whole, in full, for its CSV file."""

    def plain(value: Any) -> Any:
        if isinstance(value, Shortened):
            return value.whole
        if isinstance(value, Titled):
            return value.words
        if isinstance(value, Markup):
            return value.striptags()
        if isinstance(value, float):
            return value if value - value == 0 else None
        return value if value is None or isinstance(value, bool | int | str) else str(value)

    # Ids go behind the columns that the page shows, whose places the filters know.
    titled = [heading for heading in headings if any(isinstance(row.get(heading.key), Titled) for row in rows)]

    def ident(value: Any) -> str | None:
        return str(value) if isinstance(value, Titled) else None

    document = {
        "head": [heading.label for heading in headings] + [f"{heading.label} id" for heading in titled],
        "rows": [
            [plain(row.get(heading.key)) for heading in headings] + [ident(row.get(heading.key)) for heading in titled]
            for row in rows
        ],
    }
    return data_element(json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False), "whole")


# The words of a drawing are heard and hovered over, not seen.
_TAG = re.compile(r"<title>.*?</title>|<[^>]*>")
# Two numbers, which are read as one thing and stay on one line.
_INTERVAL = re.compile(r"-?[0-9][0-9.e+-]* to (-?[0-9][0-9.e+-]*|no limit)")


def _width(value: Any) -> str:
    """Class of a cell by the characters that are seen of its text; empty for short texts and for what is no text."""
    if isinstance(value, Shortened):
        value = value.shown
    if isinstance(value, Titled):
        value = value.words
    if value is None or isinstance(value, int | float):
        return ""
    seen = _TAG.sub("", value) if isinstance(value, Markup) else value if isinstance(value, str) else ""
    if _INTERVAL.fullmatch(seen.strip()):
        return "span"
    return next((name for length, name in LEAST_WIDTHS if len(seen) > length), "")


def _choice(headings: Sequence[Heading], rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    at = next(number for number, heading in enumerate(headings) if heading.key == key)
    values = {
        row[key].words if isinstance(row[key], Titled) else str(row[key])
        for row in rows
        if row.get(key) is not None and not isinstance(row[key], Markup)
    }
    return {"at": at, "label": headings[at].label, "options": sorted(values)}


def facts(pairs: Iterable[tuple[str, Any]]) -> Markup:
    """Names and values, one under the other."""
    return fill("facts.html", pairs=[(name, cell(value)) for name, value in pairs])


def query_markup(versions: str, query: str) -> Markup:
    """The tables and the SQL behind a number, folded."""
    return fill("query.html", versions=versions, query=query)


# ---- figures ---------------------------------------------------------------------------------------------------------


def figure_markup(figure: Figure) -> Markup:
    """A figure with its text alternative, its data, and n, method, table and SQL behind it."""
    document = json.dumps(figure.as_document(), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    versions = "; ".join(f"{address} (data version {version})" for address, version in figure.tables)
    return fill("figure.html", figure=figure, versions=versions, data=data_element(document))


def data_element(document: str, kind: str = "data") -> Markup:
    """JSON in the page. A long one is compressed: twenty thousand genes in a hundred kilobytes or two."""
    if len(document) < PLAIN_UP_TO:
        # Inside a script element, `</script>` and `<!--` would be read as markup.
        safe = Markup(document.replace("<", "\\u003c"))
        return prose('<script type="application/json" class="{kind}">{safe}</script>', kind=kind, safe=safe)
    packed = base64.b64encode(gzip.compress(document.encode(), compresslevel=6, mtime=0)).decode()
    return prose(
        '<script type="application/json" class="{kind}" data-encoding="gzip-base64">{packed}</script>',
        kind=kind,
        packed=packed,
    )
