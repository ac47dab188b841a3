"""Answers as JSON and HTML: faults, templates, and what the server adds to the pages of the report."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import escape
from starlette.responses import Response

from resistance_assets.commands.sql import finite, plain_value
from resistance_assets.errors import DataFault, Fault

ASSETS = Path(__file__).parent / "assets"
_NAVIGATION_END = re.compile(r"</ul>\s*</nav>")
_LIVE = '<link rel="stylesheet" href="/live/live.css">\n<script defer src="/live/live.js"></script>\n'
_HEADING = re.compile(r"<h1[ >]")


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip


def template(name: str) -> Template:
    return _environment().get_template(name)


class JsonAnswer(Response):
    """JSON of rows and documents: times as ISO 8601, null for infinity and NaN."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(finite(content), default=plain_value, ensure_ascii=False, allow_nan=False).encode()


def error_document(problem: str, remedy: str, **others: str | None) -> dict[str, Any]:
    """What every error of the endpoints looks like."""
    return {"error": {"problem": problem, **others, "remedy": remedy}}


def fault_answer(fault: Fault) -> JsonAnswer:
    """A fault as JSON: 503 where the warehouse cannot be read, else 400, since the question was at fault."""
    status = 503 if isinstance(fault, DataFault) else 400
    place = {"subject": fault.subject, "place": fault.place, "expected": fault.expected}
    return JsonAnswer(error_document(fault.problem, fault.remedy, **place), status)


def with_live_parts(
    html: str, *, pages_release: int | None = None, release: int | None = None, is_sql: bool = False
) -> str:
    """A page of the report with the entry SQL in its navigation, and a word where it is of an older release."""
    current = ' aria-current="page"' if is_sql else ""
    html = _NAVIGATION_END.sub(lambda end: f'<li><a href="/sql"{current}>SQL</a></li>{end.group()}', html, count=1)
    html = html.replace("</head>", f"{_LIVE}</head>", 1)
    if release is not None and pages_release is not None and pages_release != release:
        told = (
            f"These pages are of release {pages_release}; release {release} was published since, and SQL and the pages "
            "of genes on demand are of that. `resistance report` writes the pages anew."
        )
        html = _HEADING.sub(
            lambda found: f'<p class="synthetic" role="note">{escape(told)}</p>\n{found.group()}', html, count=1
        )
    return html
