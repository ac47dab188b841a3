"""HTML of the pages: the frame around every page, tables, facts and figures, all readable without a network.

Here belongs markup alone. What is shown is decided in the modules named after the pages; how a figure is drawn from its
columns stands in `figures` and `assets/report.js`.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from resistance_assets.report.explain.text import number
from resistance_assets.report.figures import Figure

NAVIGATION = (
    ("index.html", "Overview"),
    ("contrasts.html", "Contrasts"),
    ("intersections.html", "Intersections"),
    ("enrichment.html", "Enrichment"),
    ("cohorts.html", "Survival"),
    ("genes.html", "Genes"),
    ("claims.html", "Claims"),
    ("dictionary.html", "Dictionary"),
    ("sources.html", "Sources"),
)


# Characters of a figure's data up to which they stand in the page as they are.
PLAIN_UP_TO = 20_000
# Characters beyond which a cell is given room, lest it becomes a column of single words.
ROOM = ((120, "vast"), (40, "long"), (20, "mid"))
# The column of tables and files stays on one line, however long.
SOURCE_KEY = "from"


def text(value: Any) -> str:
    """Text made safe for HTML."""
    return html.escape(str(value), quote=True)


def link(href: str, label: str) -> str:
    return f'<a href="{text(href)}">{text(label)}</a>'


@dataclass(frozen=True)
class Markup:
    """Text that is HTML already."""

    source: str


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

    def add(self, *parts: str) -> None:
        self.parts.extend(parts)

    def heading(self, title: str, level: int = 2, anchor: str | None = None) -> None:
        ident = f' id="{text(anchor)}"' if anchor else ""
        self.parts.append(f"<h{level}{ident}>{text(title)}</h{level}>")

    def paragraph(self, *sentences: str) -> None:
        """Sentences that are HTML already (see `text`)."""
        self.parts.append(f"<p>{' '.join(sentences)}</p>")

    def figure(self, figure: Figure) -> None:
        self.has_figures = True
        self.parts.append(figure_markup(figure))


def render(page: Page, frame: Frame) -> str:
    """The whole file."""
    links = "".join(
        f'<li><a href="{page.root}{href}"{_current(page.path, href)}>{label}</a></li>' for href, label in NAVIGATION
    )
    synthetic = (
        '<p class="synthetic" role="note"><strong>Synthetic data.</strong> Everything on this page was made up by the '
        "demo, with planted effects. It says nothing about any patient, tumour or drug.</p>"
        if frame.is_synthetic
        else ""
    )
    plotly = f'<script defer src="{page.root}assets/plotly.min.js"></script>' if page.has_figures else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(page.title)} · Resistance warehouse</title>
<link rel="icon" href="{page.root}assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{page.root}assets/style.css">
{plotly}
<script defer src="{page.root}assets/report.js"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><span class="name">Resistance warehouse</span><nav aria-label="Pages"><ul>{links}</ul></nav></header>
<main id="content" tabindex="-1">
{synthetic}
<h1>{text(page.title)}</h1>
{"".join(page.parts)}
</main>
<footer><p>Release {frame.release}, published {text(frame.written_at)}, code {text(frame.code_revision)}.
{"Synthetic data. " if frame.is_synthetic else ""}Every number is read from its <code>warehouse.duckdb</code>.</p>
</footer>
</body>
</html>
"""


def _current(path: str, href: str) -> str:
    section = path.split("/")[0].removesuffix(".html")
    return ' aria-current="page"' if href.removesuffix(".html") == section else ""


# ---- tables ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heading:
    """A column of a table on a page: key of the row, label, what it means, and whether it is a number."""

    key: str
    label: str
    explanation: str | None = None
    is_number: bool = False


def cell(value: Any) -> str:
    if isinstance(value, Markup):
        return value.source
    if value is None:
        return '<span class="none" title="not there">·</span>'
    # Names joined by underscores may break between their parts.
    return text(number(value)).replace("__", "__<wbr>")


def table(
    caption: str,
    headings: Sequence[Heading],
    rows: Iterable[Mapping[str, Any]],
    *,
    filter_by: Sequence[str] = (),
    total: int | None = None,
    is_searchable: bool | None = None,
) -> str:
    """A table that sorts by its headings and filters by text and by choices.

    Args:
        caption: what the table shows; every table has one.
        headings: its columns; one that is empty in every row is left out.
        rows: cells by key. A `Markup` is put as it is; `<key>_sort` overrides what a column is sorted by.
        filter_by: keys whose values are offered as a choice.
        total: how many rows there are where not all are shown.
        is_searchable: whether there is a text field; by default from eight rows on.
    """
    listed = list(rows)
    if not listed:
        return f'<p class="empty">{text(caption)}: none.</p>'
    headings = [
        heading
        for at, heading in enumerate(headings)
        if at == 0 or heading.key in filter_by or any(row.get(heading.key) is not None for row in listed)
    ]
    interactive = len(listed) >= 8 if is_searchable is None else is_searchable
    head = "".join(_heading(at, heading) for at, heading in enumerate(headings))
    body = []
    for row in listed:
        cells = []
        for at, heading in enumerate(headings):
            value = row.get(heading.key)
            key = row.get(f"{heading.key}_sort", value)
            sort = f' data-v="{key!r}"' if isinstance(key, int | float) and not isinstance(key, bool) else ""
            width = _width(value)
            kind = ' class="n"' if heading.is_number else f' class="{width}"' if width else ""
            if heading.key == SOURCE_KEY:
                kind = ' class="from"'
            tag = "th scope=row" if at == 0 else "td"
            cells.append(f"<{tag}{kind}{sort}>{cell(value)}</{tag.split()[0]}>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    tools = ""
    if interactive:
        choices = "".join(_choice(headings, listed, key) for key in filter_by)
        tools = (
            '<div class="tools"><label>Filter <input type="search" autocomplete="off" spellcheck="false"></label>'
            f'{choices}<button type="button" class="csv">CSV</button>'
            f'<output aria-live="polite">{len(listed):,} rows</output></div>'
        )
    more = (
        f'<p class="more">Shown are the first {len(listed):,} of {total:,} rows.</p>'
        if total is not None and total > len(listed)
        else ""
    )
    return (
        f'<div class="table">{tools}<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f"{more}</div>"
    )


_TAG = re.compile(r"<[^>]*>")


def _width(value: Any) -> str:
    """Class of a cell by the characters that are seen of its text; empty for short texts and for what is no text."""
    seen = _TAG.sub("", value.source) if isinstance(value, Markup) else value if isinstance(value, str) else ""
    return next((name for length, name in ROOM if len(seen) > length), "")


def _heading(at: int, heading: Heading) -> str:
    about = f' title="{text(heading.explanation)}"' if heading.explanation else ""
    kind = ' class="n"' if heading.is_number else ""
    return f'<th scope="col"{kind}{about}><button type="button" data-c="{at}">{text(heading.label)}</button></th>'


def _choice(headings: Sequence[Heading], rows: Sequence[Mapping[str, Any]], key: str) -> str:
    at = next(number for number, heading in enumerate(headings) if heading.key == key)
    values = sorted({str(row[key]) for row in rows if row.get(key) is not None and not isinstance(row[key], Markup)})
    options = "".join(f"<option>{text(value)}</option>" for value in values)
    label = text(headings[at].label)
    return f'<label>{label} <select data-c="{at}"><option value="">all</option>{options}</select></label>'


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """Names and values, one under the other."""
    items = "".join(f"<div><dt>{text(name)}</dt><dd>{cell(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{items}</dl>'


# ---- figures ---------------------------------------------------------------------------------------------------------


def figure_markup(figure: Figure) -> str:
    """A figure with its text alternative, its data, and n, method, table and SQL behind it."""
    document = json.dumps(figure.as_document(), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    ident = text(figure.ident)
    selectors = "".join(
        f'<label>{text(selector.label)} <select data-column="{text(selector.column)}">'
        + "".join(f'<option value="{text(value)}">{text(label)}</option>' for value, label in selector.options)
        + "</select></label>"
        for selector in figure.selectors
    )
    find = (
        '<label>Find gene <input type="search" class="find" autocomplete="off" spellcheck="false"></label>'
        '<output class="found" aria-live="polite"></output>'
        if figure.find_by
        else ""
    )
    versions = "; ".join(f"{address} (data version {version})" for address, version in figure.tables)
    return (
        f'<figure id="{ident}"><figcaption><strong>{text(figure.title)}.</strong> {text(figure.caption)}</figcaption>'
        f'<div class="tools">{selectors}{find}<button type="button" class="csv">CSV of the data</button></div>'
        f"{_opening_of_plot(figure)}<noscript>The figure needs JavaScript. {text(figure.alternative)}</noscript>"
        f"{'</div></div>' if figure.least_width else '</div>'}"
        f"<details><summary>n, method, table and SQL behind it</summary>{_behind(figure, versions)}</details>"
        f"{_data_element(document)}</figure>"
    )


def _opening_of_plot(figure: Figure) -> str:
    size = f"height:{figure.height}px" + (f";min-width:{figure.least_width}px" if figure.least_width else "")
    plot = f'<div class="plot" role="group" aria-label="{text(figure.alternative)}" style="{size}">'
    label = text(f"{figure.title}, scrollable")
    return f'<div class="wide" tabindex="0" role="group" aria-label="{label}">{plot}' if figure.least_width else plot


def _data_element(document: str) -> str:
    """The figure's data in the page. Long ones are compressed: twenty thousand genes in a hundred kilobytes or two."""
    if len(document) < PLAIN_UP_TO:
        # Inside a script element, `</script>` and `<!--` would be read as markup.
        return f'<script type="application/json">{document.replace("<", chr(92) + "u003c")}</script>'
    packed = base64.b64encode(gzip.compress(document.encode(), compresslevel=6, mtime=0)).decode()
    return f'<script type="application/json" data-encoding="gzip-base64">{packed}</script>'


def _behind(figure: Figure, versions: str) -> str:
    return (
        f"<dl><dt>n</dt><dd>{text(figure.n)}</dd><dt>Method</dt><dd>{text(figure.method)}</dd>"
        f"<dt>Table</dt><dd>{text(versions)}</dd>"
        f"<dt>SQL</dt><dd><pre tabindex=0><code>{text(figure.sql)}</code></pre></dd></dl>"
    )
