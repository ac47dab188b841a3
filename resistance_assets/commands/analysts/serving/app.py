"""Routes of the server: pages of the report, the SQL box, genes on demand, and the JSON endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from resistance_assets.commands.analysts.serving.access import COOKIE, LOGIN, Gate, Token, login_page
from resistance_assets.commands.analysts.serving.documents import (
    ASSETS,
    JsonAnswer,
    error_document,
    fault_answer,
    template,
    with_live_parts,
)
from resistance_assets.commands.analysts.serving.queries import (
    LONGEST_QUERY_BYTES,
    ROWS_UNLESS_ASKED,
    Answer,
    Limits,
    Queries,
    Question,
    as_document,
)
from resistance_assets.commands.sql import as_csv
from resistance_assets.errors import Fault, UsageFault
from resistance_assets.report.explain.evidence import explain_gene, resolve_gene
from resistance_assets.report.html import Markup, Page, frame_of_release, render
from resistance_assets.report.pages.genes import gene_page
from resistance_assets.report.published import Published
from resistance_assets.report.site import release_of_pages
from resistance_assets.report.style import ASSETS as REPORT_ASSETS
from resistance_assets.report.style import style_sheet
from resistance_assets.warehouse.reader import closed_after

Made = TypeVar("Made")
KINDS = {
    ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain",
}  # fmt: skip
WAIT_AFTER_A_WRONG_TOKEN_SECONDS = 0.3
EXAMPLES = (
    ("One gene in one row", "SELECT * FROM marts.gene_evidence WHERE hgnc_symbol = 'CCL20'"),
    (
        "The candidates of each drug class",
        """SELECT drug_class, rank, hgnc_symbol, direction, score, n_studies, q_value_bh
FROM marts.resistance_candidates WHERE rank <= 20 ORDER BY drug_class, rank""",
    ),
    (
        "What goes up in resistant cells",
        """SELECT contrast_id, hgnc_symbol, log2_fold_change, q_value_bh, n_numerator, n_denominator
FROM marts.deg_by_contrast WHERE in_list = 'up' AND drug IS NOT NULL ORDER BY q_value_bh LIMIT 50""",
    ),
    (
        "Does it matter in patients?",
        """SELECT cohort_id, endpoint, n, events, primary_scale, hazard_ratio_primary, p_primary, q_primary
FROM marts.survival_by_gene WHERE hgnc_symbol = 'CCL20' ORDER BY cohort_id, endpoint""",
    ),
    ("What was tested how often", "SELECT * FROM meta.hypotheses_tested ORDER BY n_tests DESC"),
    ("What is loaded, and what is not", "SELECT source_id, state, reason, licence FROM meta.sources ORDER BY state, 1"),
)


class Site:
    """What the routes answer from.

    Args:
        data_dir: holds the warehouse and, in `report`, the pages.
        limits: of each question.
        token: that a browser may log in with; None where nobody has to.
    """

    def __init__(self, data_dir: Path, limits: Limits, token: Token | None = None) -> None:
        self.data_dir, self.limits, self.token = data_dir, limits, token
        self.queries = Queries(data_dir, limits)
        self.under_way: set[Question] = set()
        self.folder = data_dir / "report"

    def cancel_all(self) -> None:
        """End every query that is under way, so that the server can end."""
        for question in tuple(self.under_way):
            question.cancel()

    # ---- endpoints ---------------------------------------------------------------------------------------------------

    async def sql(self, request: Request) -> Response:
        """`/api/sql`: `q`, `limit` and `format` in the address, or `sql`, `limit` and `format` as JSON."""
        asked = await _read_question(request)
        text, rows, written_as = (
            asked.get("sql"),
            asked.get("limit", min(ROWS_UNLESS_ASKED, self.limits.rows)),
            asked.get("format", "json"),
        )
        if not isinstance(text, str) or not text.strip():
            raise UsageFault("no query is given", subject="sql", remedy='Send {"sql": "SELECT ..."}, or ?q=SELECT...')
        if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= self.limits.rows:
            raise UsageFault(
                "is no number of rows that may be had", subject="limit", expected=f"1 to {self.limits.rows:,}",
                remedy="Send such a number, or none.",
            )  # fmt: skip
        if written_as not in ("json", "csv"):
            raise UsageFault("is no format", subject="format", expected="json or csv", remedy="Send one of them.")
        question = Question()
        found = await self._in_thread(request, question, lambda: self.queries.ask(text, rows, question))
        if isinstance(found, Response):
            return found
        return await anyio.to_thread.run_sync(_written, found, written_as)

    async def gene(self, request: Request) -> Response:
        """`/api/gene/NAME`: what `resistance explain NAME --json` prints."""
        name = request.path_params["name"]
        found = await self._in_thread(request, Question(), lambda: self._with_published(explain_gene, name))
        return found if isinstance(found, Response) else JsonAnswer(found)

    async def tables(self, request: Request) -> Response:
        """`/api/tables`: tables with rows and grain, and their columns with type, unit and meaning."""
        found = await self._in_thread(request, Question(), lambda: self._with_published(_list_tables))
        return found if isinstance(found, Response) else JsonAnswer(found)

    async def health(self, request: Request) -> Response:
        """`/api/health`: the release that is answered from, and that of the pages."""
        release = await anyio.to_thread.run_sync(self.queries.release)
        return JsonAnswer({"release": release, "pages_release": release_of_pages(self.data_dir)})

    # ---- pages -------------------------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """A file of the report; the page of a gene that has none is made."""
        name = request.path_params.get("path", "") or "index.html"
        file = await anyio.to_thread.run_sync(self._file, name)
        if file is None:
            gene = re.fullmatch(r"genes/([^/]+)\.html", name)
            if gene:
                return await self._gene_page(request, gene[1])
            if name == "index.html":
                return await self._without_report()
            if name in ("assets/style.css", "assets/icon.svg"):
                return _own_asset(name)
            raise HTTPException(404)
        if file.suffix != ".html":
            return FileResponse(file, media_type=KINDS[file.suffix], headers={"cache-control": "no-cache"})
        return HTMLResponse(await anyio.to_thread.run_sync(self._live, file))

    async def gene_by_name(self, request: Request) -> Response:
        """`/gene?name=NAME`: the page of any gene, by any of its names."""
        name = request.query_params.get("name", "").strip()
        if not name:
            return RedirectResponse("/genes.html", 303)
        return await self._gene_page(request, name)

    async def ask_page(self, request: Request) -> Response:
        """`/sql`: the SQL box; `?q=` fills it and runs nothing."""
        query = request.query_params.get("q", EXAMPLES[1][1])[:LONGEST_QUERY_BYTES]
        return HTMLResponse(await anyio.to_thread.run_sync(self._ask_page, query))

    async def login(self, request: Request) -> Response:
        """`/login`: a form that takes the token and gives a cookie."""
        if self.token is None:
            return RedirectResponse("/", 303)
        if request.method == "GET":
            return login_page()
        offered = parse_qs((await _body(request, 4_096)).decode("utf-8", "replace")).get("token", [""])[0]
        if not self.token.is_right(offered):
            await asyncio.sleep(WAIT_AFTER_A_WRONG_TOKEN_SECONDS)
            return login_page(401, "This is not the token.")
        reply = RedirectResponse("/", 303)
        reply.set_cookie(COOKIE, self.token.cookie, httponly=True, samesite="strict")
        return reply

    # ---- parts -------------------------------------------------------------------------------------------------------

    async def _in_thread(self, request: Request, question: Question, work: Callable[[], Made]) -> Made | Response:
        """The work's result, from a thread; ended where the caller hangs up. A fault is an answer, too."""
        if len(self.under_way) >= self.limits.at_once:
            busy = error_document(
                f"{self.limits.at_once} questions are being answered already", "Ask again in a moment."
            )
            return JsonAnswer(busy, 503, headers={"retry-after": "2"})
        self.under_way.add(question)

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            question.cancel()

        watching = asyncio.create_task(watch())
        try:
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
        except Fault as fault:
            return fault_answer(fault)
        finally:
            watching.cancel()
            self.under_way.discard(question)

    def _with_published(self, made: Callable[..., Made], *arguments: Any) -> Made:
        with closed_after(self.queries.open()) as connection:
            return made(Published(connection, self.data_dir), *arguments)

    def _file(self, name: str) -> Path | None:
        """A file of the report; None for what is not there, and for what lies elsewhere or is of another kind."""
        if "\0" in name or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
            return None
        folder = self.folder.resolve()
        try:
            file = (folder / name).resolve()
            is_there = file.is_relative_to(folder) and file.suffix in KINDS and file.is_file()
        except OSError:
            return None
        return file if is_there else None

    def _live(self, file: Path) -> str:
        release = None
        with contextlib.suppress(Fault):
            release = self.queries.release()
        html = file.read_text(encoding="utf-8")
        return with_live_parts(html, pages_release=release_of_pages(self.data_dir), release=release)

    async def _gene_page(self, request: Request, name: str) -> Response:
        found = await self._in_thread(request, Question(), lambda: self._with_published(_render_gene, name))
        if isinstance(found, str):
            return HTMLResponse(with_live_parts(found))
        if found.status_code == 400:
            error = json.loads(bytes(found.body))["error"]
            told = f"{error['subject']}: {error['problem']}. {error['remedy']}"
            return HTMLResponse(await anyio.to_thread.run_sync(self._message_page, "No such gene", told), 404)
        return found

    def _ask_page(self, query: str) -> str:
        page = Page("sql.html", "SQL")
        filled = template("sql.html").render(
            release=self.queries.release(), query=query, examples=EXAMPLES,
            rows=self.limits.rows, shown=min(ROWS_UNLESS_ASKED, self.limits.rows), seconds=f"{self.limits.seconds:g}",
        )  # fmt: skip
        page.add(Markup(filled))
        return self._rendered(page)

    async def _without_report(self) -> Response:
        told = "The pages of this release are not written yet: `resistance report` writes them, and so does each run."
        return HTMLResponse(await anyio.to_thread.run_sync(self._message_page, "Resistance warehouse", told))

    def _message_page(self, title: str, told: str) -> str:
        page = Page("message.html", title)
        page.paragraph(told)
        page.paragraph(Markup('<a href="/sql">SQL</a>, and the page of any gene, are there.'))
        return self._rendered(page)

    def _rendered(self, page: Page) -> str:
        """A page of the server's own, in the frame of the report's."""
        html = self._with_published(lambda published: render(page, frame_of_release(published)))
        return with_live_parts(html, is_sql=page.path == "sql.html")


def _render_gene(published: Published, name: str) -> str:
    symbol = resolve_gene(published, name)["hgnc_symbol"]
    return render(gene_page(published, symbol), frame_of_release(published))


def _list_tables(published: Published) -> dict[str, Any]:
    columns: dict[str, list[dict[str, Any]]] = {}
    for row in published.rows(
        "SELECT layer || '.' || table_name AS address, column_name, data_type, unit, is_key, description"
        " FROM meta.columns"
    ):
        columns.setdefault(row["address"], []).append(
            {"name": row["column_name"], "type": row["data_type"], "unit": row["unit"], "is_key": row["is_key"],
             "description": row["description"]}
        )  # fmt: skip
    tables = [
        {"table": address, "rows": row["row_count"], "status": row["status"], "grain": row["grain"],
         "limitation": row["limitation"], "columns": columns.get(address, [])}
        for address, row in published.tables.items()
    ]  # fmt: skip
    order = ("marts", "core", "staging", "raw")
    tables.sort(
        key=lambda one: (order.index(layer) if (layer := one["table"].split(".")[0]) in order else 9, one["table"])
    )
    return {"release": published.release, "tables": tables}


def _written(found: Answer, written_as: str) -> Response:
    if written_as == "json":
        return JsonAnswer(as_document(found))
    try:
        text = as_csv(found.frame)
    except Fault as fault:
        return fault_answer(UsageFault(fault.problem, subject=fault.subject, remedy="Ask for json, or take it apart."))
    headers = {"content-disposition": 'attachment; filename="answer.csv"', "x-is-cut": str(found.is_cut).lower()}
    return Response(text, media_type="text/csv", headers=headers)


def _own_asset(name: str) -> Response:
    """What the login and the server's own pages need where no report is written."""
    if name == "assets/style.css":
        return Response(style_sheet(), media_type="text/css")
    return FileResponse(REPORT_ASSETS / "icon.svg", media_type="image/svg+xml")


async def _live_file(request: Request) -> Response:
    """The script and the style of the live parts."""
    name = request.path_params["name"]
    if name not in ("live.js", "live.css"):
        raise HTTPException(404)
    kind = KINDS[Path(name).suffix]
    return FileResponse(ASSETS / name, media_type=kind, headers={"cache-control": "no-cache"})


async def _body(request: Request, most: int) -> bytes:
    """The body of a request, refused where it is too long before it is read whole."""
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > most:
                raise HTTPException(413, f"The body is longer than {most:,} bytes.")
    except ClientDisconnect:
        raise HTTPException(400, "The body ended too early.") from None
    return bytes(read)


async def _read_question(request: Request) -> dict[str, Any]:
    """Query, limit and format of a request, unchecked."""
    if request.method in ("GET", "HEAD"):
        asked: dict[str, Any] = {"sql": request.query_params.get("q"), **dict(request.query_params)}
        asked["sql"] = request.query_params.get("q")
        if "limit" in asked and re.fullmatch(r"\d{1,9}", asked["limit"]):
            asked["limit"] = int(asked["limit"])
        return asked
    body = await _body(request, LONGEST_QUERY_BYTES)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Send JSON with Content-Type: application/json.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageFault("the body is no JSON object", subject="body", remedy='Send {"sql": "SELECT ..."}.')
    return document


async def _on_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, Fault)
    if request.url.path.startswith("/api/"):
        return fault_answer(error)
    return PlainTextResponse(str(error), fault_answer(error).status_code)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/api/"):
        remedy = {404: "See /sql for what there is.", 405: "Use GET, or POST with JSON."}.get(error.status_code, "")
        return JsonAnswer(error_document(str(error.detail), remedy or "Correct the request."), error.status_code,
                          headers=error.headers)  # fmt: skip
    return PlainTextResponse(str(error.detail), error.status_code, headers=error.headers)


async def _on_error(request: Request, error: Exception) -> Response:
    return JsonAnswer(error_document("the server has a fault of its own", "Look at its standard error."), 500)


def make_app(site: Site, *, bound: str, names: tuple[str, ...] = ()) -> Gate:
    """The application, behind its gate.

    Args:
        site: what it answers from, with the token.
        bound: address that the server listens on.
        names: further names under which it may be asked.
    """
    reads = ["GET"]
    app = Starlette(
        routes=[
            Route("/api/sql", site.sql, methods=["GET", "POST"]),
            Route("/api/gene/{name}", site.gene, methods=reads),
            Route("/api/tables", site.tables, methods=reads),
            Route("/api/health", site.health, methods=reads),
            Route(LOGIN, site.login, methods=["GET", "POST"]),
            Route("/sql", site.ask_page, methods=reads),
            Route("/gene", site.gene_by_name, methods=reads),
            Route("/live/{name}", _live_file, methods=reads),
            Route("/{path:path}", site.page, methods=reads),
        ],
        exception_handlers={Fault: _on_fault, HTTPException: _on_http, 500: _on_error},
    )
    return Gate(app, bound=bound, names=names, token=site.token)
