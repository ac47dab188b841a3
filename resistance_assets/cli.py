"""The `resistance` command: thin, each command calls one function elsewhere.

Dagster, polars and the numeric packages are imported inside the commands that need them, so that `--help` and `sql`
answer at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from resistance_assets import interruption
from resistance_assets.cli_options import (
    CatalogOption,
    ExportFormat,
    Format,
    GenesOption,
    JobsOption,
    JsonOption,
    MirrorOption,
    ProfileOption,
    StudiesOption,
    age_of,
    settings_of,
)
from resistance_assets.errors import Fault, UsageFault

if TYPE_CHECKING:
    pass

# What a command says of its time counts from here.
STARTED = time.perf_counter()

app = typer.Typer(
    name="resistance",
    help="A multi-omics warehouse for drug resistance in lung cancer: bring it up to date, ask it, look at it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

mirror_app = typer.Typer(help="Fill a mirror, for machines without a network.", no_args_is_help=True)
app.add_typer(mirror_app, name="mirror")

catalog_app = typer.Typer(help="Show, check and compare the catalog and what is laid over it.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")
study_app = typer.Typer(help="Describe a study of your own.", no_args_is_help=True)
app.add_typer(study_app, name="study")

OK, FAILED, BAD_USAGE = 0, 1, 2
INTERRUPTED = 130


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"resistance {version('resistance-warehouse')}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Entry point: faults become one line on stderr and an exit code; a signal becomes 128 and its number."""
    interruption.install()
    # Dagster's own remarks on what it calls beta are not for the people who run this.
    warnings.filterwarnings("ignore", message=".* is currently in beta, and may have breaking changes")
    try:
        # Outside its standalone mode Click hands the code of typer.Exit back instead of raising it.
        code = app(standalone_mode=False)
    except UsageFault as fault:
        _complain(str(fault))
        _leave(BAD_USAGE)
    except Fault as fault:
        if interruption.requested() is not None:
            _stop()
        for one in getattr(fault, "all", (fault,)):
            _complain(str(one))
        sys.exit(FAILED)
    except KeyboardInterrupt:
        _stop()
    except Exception as error:
        # What a signal interrupted may end with an error of its own: DuckDB's is "Query interrupted".
        if interruption.requested(wait=0.1) is not None:
            _stop()
        # Typer's own complaints (unknown option, missing argument) carry an exit code; anything else is a bug.
        show = getattr(error, "show", None)
        if show is None:
            if told := _disk_full_told(error):
                _complain(told)
                sys.exit(FAILED)
            raise
        show()
        sys.exit(getattr(error, "exit_code", BAD_USAGE))
    if code == INTERRUPTED or interruption.requested() is not None:
        # Typer makes an exit code of its own of a KeyboardInterrupt, whichever signal it came from.
        _stop()
    # A query that was cancelled may still be on its way out, and the interpreter does not survive it.
    _leave(code if isinstance(code, int) else OK)


def _disk_full_told(error: Exception) -> str | None:
    """The lake's own message where the disk was full for somebody else first, such as Dagster's records of runs."""
    import errno

    from resistance_assets.files import is_disk_refusal, storage_fault
    from resistance_assets.settings import load_settings

    folder = load_settings().data_dir
    if not is_disk_refusal(error, folder):
        return None
    return str(storage_fault(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), folder))


def _leave(code: int, *, wait: bool | None = None) -> NoReturn:
    """End the process; without waiting for a query that does not end."""
    if wait is None:
        wait = not any(thread.name == "query" for thread in threading.enumerate())
    if wait:
        sys.exit(code)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(code)


def _stop() -> NoReturn:
    code, told = interruption.settle()
    _complain(told)
    _leave(code, wait=False)


def _complain(message: str) -> None:
    from resistance_assets.commands.output.printing import plain

    typer.echo(f"resistance: {plain(message)}", err=True)


@app.command()
def run(
    profile: ProfileOption = None,
    mirror: MirrorOption = None,
    studies: StudiesOption = None,
    catalog: CatalogOption = None,
    select: Annotated[
        str | None,
        typer.Option(help="A table (`core.deg__contrast_genes`, with what it needs), a layer, or Dagster's syntax."),
    ] = None,
    genes: GenesOption = None,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring everything up to date and publish.

    Example: `resistance run --mirror ../shared/mirror --studies ../shared/studies`
    """
    from resistance_assets.commands.run import bring_up_to_date

    settings = settings_of(profile, mirror, studies, genes, catalog=catalog, jobs=jobs)
    summary = bring_up_to_date(settings, select=select, quiet=as_json, started=STARTED)
    if as_json:
        typer.echo(json.dumps(summary.as_document(), indent=1))
    else:
        summary.show()
    if not summary.ok:
        raise typer.Exit(FAILED)


@app.command()
def refresh(
    profile: ProfileOption = None,
    mirror: MirrorOption = None,
    studies: StudiesOption = None,
    catalog: CatalogOption = None,
    max_age: Annotated[
        str | None,
        typer.Option(
            help="Exit code 1 where a source was looked at longer ago: 36h, 3d, 2w, off.",
            show_default="RESISTANCE_MAX_AGE, or 3d",
        ),
    ] = None,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at every source, recompute only what changed, publish, and print what changed in the results.

    Example: `resistance refresh --profile public`
    """
    from resistance_assets.commands.refresh import refresh as bring_up

    settings = settings_of(profile, mirror, studies, catalog=catalog, jobs=jobs)
    refreshed = bring_up(settings, quiet=as_json, started=STARTED, max_age=age_of(max_age))
    if as_json:
        typer.echo(json.dumps(refreshed.as_document(), indent=1))
    else:
        refreshed.show()
    if not refreshed.ok:
        raise typer.Exit(FAILED)


@app.command()
def diff(
    before: Annotated[int, typer.Argument(help="Number of the earlier release.")],
    after: Annotated[int, typer.Argument(help="Number of the later release.")],
    full: Annotated[bool, typer.Option("--full", help="Everything, after the first five lines.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what changed between two releases, and whether data, code or a parameter was the cause.

    Example: `resistance diff 1 2`
    """
    from resistance_assets.commands.diff import compare, show_diff

    found = compare(settings_of(), before, after)
    if as_json:
        typer.echo(json.dumps(found.as_document(), indent=1))
    else:
        show_diff(found, full=full)


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="How many releases to keep, the newest.")],
    as_json: JsonOption = False,
) -> None:
    """Remove old releases, and the files that only they needed.

    Example: `resistance prune --keep 5`
    """
    from resistance_assets.commands.prune import prune_releases, trim_history

    settings = settings_of()
    pruned = prune_releases(settings, keep=keep, quiet=as_json)
    trimmed = trim_history(settings)
    if as_json:
        typer.echo(json.dumps({**_document(pruned), "dagster": _document(trimmed) if trimmed else None}, indent=1))
    else:
        typer.echo(pruned.describe() + (f"; {trimmed.describe()}" if trimmed else ""))


@app.command()
def status(
    profile: ProfileOption = None,
    mirror: MirrorOption = None,
    studies: StudiesOption = None,
    catalog: CatalogOption = None,
    everything: Annotated[bool, typer.Option("--all", help="List fresh tables too, one by one.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="One line for monitoring; exit code 0 fresh, 1 stale, 2 failed.")
    ] = False,
    slow: Annotated[bool, typer.Option("--slow", help="What took longest to build, cache hits apart.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say of every table whether it is fresh, stale, missing, failed or unavailable, and why.

    Exit code 1 where the last attempt at a table failed, or a study was left out.

    Example: `resistance status --all`
    """
    from resistance_assets.commands.output.printing import plain
    from resistance_assets.commands.status import check as check_states
    from resistance_assets.commands.status import read_states, show_slow, show_states
    from resistance_assets.orchestration.run_log import last_attempts, log_path

    settings = settings_of(profile, mirror, studies, catalog=catalog)
    if slow:
        show_slow(settings)
        return
    standing = read_states(settings)
    if check:
        verdict = check_states(settings, standing)
        typer.echo(plain(verdict.line))
        raise typer.Exit(verdict.exit_code)
    attempts = last_attempts(log_path(settings.lake_dir))
    if as_json:
        typer.echo(json.dumps(standing.as_document(attempts), indent=1))
    else:
        show_states(standing, everything=everything, attempts=attempts)
    if not standing.ok:
        raise typer.Exit(FAILED)


@app.command()
def sql(
    query: Annotated[
        str | None,
        typer.Argument(
            help="One SELECT, `.tables [WORD]`, `.schema TABLE`, `.help`; `-` reads one from standard input."
        ),
    ] = None,
    output_format: Annotated[
        Format | None,
        typer.Option("--format", help="How the answer is written; the suffix of -o says it.", show_default="table"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to this file: .csv, .json, .parquet or .txt.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of -o where it exists.")] = False,
    release: Annotated[int | None, typer.Option(help="Ask an old release.")] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds that the query may take; 0: no limit.")] = 120.0,
) -> None:
    """Ask the published warehouse. Read-only; the query can reach neither files nor the network.

    Without a query: a prompt with completion (Tab), history and `.help`; where standard input is no terminal, the
    statements that it holds, each ended by a semicolon, up to the first that is refused.

    Example: `resistance sql "SELECT * FROM marts.gene_evidence WHERE hgnc_symbol = 'CCL20'"`
    """
    if query is None:
        if output is not None:
            raise UsageFault("goes with a query", subject=f"-o {output}", remedy="Write the query too.")
        _ask_at_a_prompt(output_format.value if output_format else None, release, timeout)
        return
    from resistance_assets.commands.output.paging import page
    from resistance_assets.commands.sql import DOT_COMMANDS, answer, as_text, choose_output, write_result
    from resistance_assets.warehouse.reader import closed_after, open_warehouse

    settings = settings_of()
    text = sys.stdin.read() if query == "-" else query
    if text.strip() == ".help":
        typer.echo(DOT_COMMANDS, nl=False)
        return
    written_as = choose_output(
        output_format.value if output_format else None, output, data_dir=settings.data_dir, force=force
    )
    memory = settings.memory_bytes
    interruption.set_grace(0.8)
    with closed_after(open_warehouse(settings.data_dir, release, memory_bytes=memory)) as connection:
        frame = answer(connection, text, timeout_seconds=timeout or threading.TIMEOUT_MAX, largest_bytes=memory)
    if output is None and written_as == "table" and sys.stdout.isatty():
        page(as_text(frame))
    else:
        write_result(frame, written_as, output)


def _ask_at_a_prompt(written_as: str | None, release: int | None, timeout: float) -> None:
    """`sql` without a query."""
    from resistance_assets.commands.analysts.prompt import SHOWN, Shell, run_prompt, run_script

    if written_as is not None and written_as not in SHOWN:
        raise UsageFault(
            f"{written_as} needs a file", subject="--format", remedy="Write a query too, and a file with -o FILE."
        )
    settings = settings_of()
    interruption.set_grace(0.8)
    shell = Shell(settings.data_dir, release, timeout or None, settings.memory_bytes, written_as or "table")
    try:
        if sys.stdin.isatty() and sys.stdout.isatty():
            shell.is_timed = True
            run_prompt(shell)
        else:
            run_script(shell, sys.stdin)
    finally:
        shell.close()


@app.command()
def explain(
    gene: Annotated[str, typer.Argument(help="Symbol (approved, previous or alias), Ensembl or NCBI Gene id.")],
    as_json: JsonOption = False,
    as_page: Annotated[bool, typer.Option("--html", help="Write its page as one file, GENE.html.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="With --html: the file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Tell one gene's whole story: each number with its n, method, table, source and checksum, and what is missing.

    Example: `resistance explain IL8` answers for CXCL8; `resistance explain AXL --html -o axl.html`
    """
    if as_page:
        from resistance_assets.commands.analysts.gene_page import write_page_of

        written = write_page_of(settings_of().data_dir, gene, output, force=force)
        typer.echo(
            _json(_document(written)) if as_json else f"{written.path}: {written.gene}, release {written.release}"
        )
        return
    if output is not None:
        raise UsageFault("goes with --html", subject=f"-o {output}", remedy="Add --html, or redirect the text.")
    from resistance_assets.commands.output.printing import visible
    from resistance_assets.report.explain.evidence import explain_gene
    from resistance_assets.report.explain.text import explanation_as_text
    from resistance_assets.report.published import open_published

    with open_published(settings_of().data_dir) as published:
        document = explain_gene(published, gene)
    typer.echo(_json(document) if as_json else visible(explanation_as_text(document)), nl=as_json)


@app.command()
def report(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder of the site.")] = None,
    gene: Annotated[
        list[str] | None,
        typer.Option(help="Pages of these genes instead of the usual ones: A,B or repeated, whatever their rank."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the pages of the release published last: a folder that opens in any browser, without a network.

    Example: `resistance report --gene AXL,MET -o pages` and then open pages/index.html
    """
    from resistance_assets.report.site import write_report

    genes = [name.strip() for names in gene or () for name in names.split(",") if name.strip()]
    written = write_report(settings_of().data_dir, output, genes=genes)
    if as_json:
        typer.echo(_json({**_document(written), "index": str(written.index)}))
    else:
        size = f"{written.bytes / 1e6:.1f} MB in {written.seconds:.1f} s"
        typer.echo(f"{written.pages} pages of release {written.release}, {size}: {written.index}")


@app.command()
def export(
    table: Annotated[str | None, typer.Argument(help="A table, as layer.table or by its name alone.")] = None,
    mart: Annotated[str | None, typer.Option(help="A table of the layer marts.")] = None,
    output_format: Annotated[
        ExportFormat | None, typer.Option("--format", help="Of the file.", show_default="its suffix")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file: .parquet, .csv, .xlsx or .json.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="CSV: leave texts that a spreadsheet runs as formulas as they are.")
    ] = False,
    release: Annotated[int | None, typer.Option(help="Of an old release.")] = None,
    workbook: Annotated[
        Path | None, typer.Option(help="Instead of one table: a sheet for each question, into this .xlsx.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files where they exist.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a table as a file, with its data dictionary beside it (FILE.dictionary.csv); or the release as a workbook.

    The workbook holds contrasts, shared genes, overlaps, pathways, survival, dictionary and sources.

    Example: `resistance export --mart gene_evidence -o gene_evidence.xlsx`
    """
    if sum(one is not None for one in (table, mart, workbook)) != 1:
        raise UsageFault(
            "what to write is not clear",
            subject="export",
            expected="one of TABLE, --mart NAME and --workbook FILE",
            remedy="Name one; `resistance sql .tables` lists the tables.",
        )
    if workbook is not None:
        if output is not None or output_format is not None or release is not None or exact:
            raise UsageFault(
                "goes without -o, --format, --release and --exact", subject="--workbook", remedy="Leave them out."
            )
        _export_workbook(workbook, force=force, as_json=as_json)
        return
    from resistance_assets.commands.analysts.export_table import choose_format, export_table, resolve_table
    from resistance_assets.commands.output.printing import plain
    from resistance_assets.commands.sql import require_own_place
    from resistance_assets.warehouse.reader import closed_after, open_warehouse

    settings = settings_of()
    chosen, file = choose_format(output_format.value if output_format else None, output)
    require_own_place(file, data_dir=settings.data_dir, force=force)
    with closed_after(open_warehouse(settings.data_dir, release, memory_bytes=settings.memory_bytes)) as connection:
        address = resolve_table(connection, table, mart)
        written = export_table(connection, address, file, chosen, force=force, exact=exact)
    if as_json:
        typer.echo(_json(_document(written)))
        return
    typer.echo(plain(f"{written.path}: {written.rows:,} rows of {written.table}, release {written.release}"))
    typer.echo(plain(f"{written.dictionary}: its data dictionary"))
    for remark in written.remarks:
        typer.echo(plain(f"look at this: {remark}"), err=True)


def _export_workbook(workbook: Path, *, force: bool, as_json: bool) -> None:
    from resistance_assets.report.published import open_published
    from resistance_assets.report.workbook import write_workbook

    with open_published(settings_of().data_dir) as published:
        written = write_workbook(published, workbook.expanduser().absolute(), force=force)
    if as_json:
        typer.echo(_json(_document(written)))
    else:
        rows = ", ".join(f"{name} {rows:,}" for name, rows in written.sheets.items())
        typer.echo(f"{written.path}: release {written.release}; rows: {rows}")


@app.command()
def figure(
    kind: Annotated[str, typer.Argument(help="volcano, forest, km, heatmap or upset.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .svg, .pdf or .png.")],
    contrast: Annotated[
        str | None, typer.Option(help="Of a volcano; of a heatmap, several joined by a comma, or all.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Of a volcano.", show_default="the leading one")] = None,
    gene: Annotated[
        list[str] | None, typer.Option(help="To name, to draw a row of, or whose curves. May be repeated.")
    ] = None,
    cohort: Annotated[str | None, typer.Option(help="Of curves, and of a forest of several genes.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="As --cohort.")] = None,
    family: Annotated[str | None, typer.Option(help="Family of lists of an UpSet plot.")] = None,
    top: Annotated[int, typer.Option(min=1, max=200, help="Names, rows or combinations, without --gene.")] = 10,
    width: Annotated[float, typer.Option(min=40, max=600, help="Millimetres.")] = 120.0,
    font_size: Annotated[float, typer.Option(min=4, max=30, help="Points.")] = 8.0,
    caption: Annotated[bool, typer.Option(help="The caption below the drawing; it is printed in any case.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it exists.")] = False,
) -> None:
    """Draw a figure for a paper or a slide, and print its caption with n and method.

    Example: `resistance figure volcano --contrast luad_tumour_vs_normal --gene CCL20 --gene AXL -o volcano.svg`
    """
    from resistance_assets.commands.output.printing import visible
    from resistance_assets.report.print_figures import Wanted, write_figure
    from resistance_assets.report.published import open_published

    wanted = Wanted(contrast, method, tuple(gene or ()), cohort, endpoint, family, top, width, font_size, caption)
    with open_published(settings_of().data_dir) as published:
        drawn = write_figure(published, kind, output.expanduser().absolute(), wanted, force=force)
    typer.echo(f"{drawn.path}\n{visible(drawn.caption)}")


@app.command()
def lineage(
    column: Annotated[str, typer.Argument(help="layer.table.column")],
    partition: Annotated[
        str | None, typer.Option(help="A contrast, study or cohort: without the files of the others.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Walk a published column back to the files it comes from, with their checksums.

    Example: `resistance lineage marts.gene_evidence.os_hazard_ratio`
    """
    from resistance_assets.commands.output.printing import visible
    from resistance_assets.report.lineage import lineage_as_text, walk_lineage
    from resistance_assets.report.published import open_published

    with open_published(settings_of().data_dir) as published:
        node = walk_lineage(published, column, partition)
    typer.echo(_json(node.as_document()) if as_json else visible(lineage_as_text(node)), nl=as_json)


@app.command()
def claims(
    paper: Annotated[str | None, typer.Option(help="Only this paper: its id, or the beginning of it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the claims report: what the papers say, what the data say, and an assessment of each figure.

    Example: `resistance claims --paper wang_2022`
    """
    from resistance_assets.commands.claims import read_claims, show_claims

    rows = read_claims(settings_of().data_dir, paper)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        show_claims(rows)


@app.command()
def work(
    tables: Annotated[list[str], typer.Argument(metavar="TABLE...", help="`layer.table`; `-`: read from stdin.")],
    profile: ProfileOption = None,
    mirror: MirrorOption = None,
    studies: StudiesOption = None,
    catalog: CatalogOption = None,
    run_id: Annotated[str, typer.Option(help="Recorded with what is built.")] = "",
) -> None:
    """Bring these tables alone up to date, without Dagster; answers are lines of JSON, for an engine.

    Example: `resistance work core.deg__contrast_genes`
    """
    from resistance_assets.commands.engines.work import do_work

    if not do_work(settings_of(profile, mirror, studies, catalog=catalog), tables, run_id=run_id):
        raise typer.Exit(FAILED)


@app.command()
def sources(
    mirror: MirrorOption = None,
    studies: StudiesOption = None,
    catalog: CatalogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every source: version, checksum, size, licence, what it feeds, and its state.

    Example: `resistance sources --json`
    """
    from resistance_assets.commands.sources import list_sources, show_sources

    frame = list_sources(settings_of(None, mirror, studies, catalog=catalog))
    if as_json:
        typer.echo(json.dumps(frame.to_dicts(), indent=1))
    else:
        show_sources(frame)


@app.command()
def ui(
    profile: ProfileOption = None,
    mirror: MirrorOption = None,
    studies: StudiesOption = None,
    catalog: CatalogOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
) -> None:
    """Open the Dagster UI: the asset graph, Materialize all, runs and checks.

    Example: `resistance ui --profile demo --port 3000`
    """
    from resistance_assets.commands.ui import serve_ui

    raise typer.Exit(serve_ui(settings_of(profile, mirror, studies, catalog=catalog), port=port))


@app.command()
def notebook(
    folder: Annotated[Path, typer.Argument(help="Where the notebook goes; one that is there is kept and opened.")] = (
        Path()
    ),
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser after it is written.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Write it anew where it is there.")] = False,
) -> None:
    """Write a marimo notebook with ten worked questions and plots, connected to the warehouse, and open it.

    Needs the extra `notebook`: `pip install "resistance-warehouse[notebook]"`.

    Example: `resistance notebook my_analysis`
    """
    from resistance_assets.commands.analysts.notebook import HOW_TO_INSTALL, is_marimo_there, open_notebook
    from resistance_assets.commands.analysts.notebook import write_notebook as write
    from resistance_assets.commands.output.printing import plain

    file = write(settings_of(), folder, force=force)
    typer.echo(plain(str(file)))
    if not is_marimo_there():
        typer.echo(
            f"marimo, which opens it, is not installed: {HOW_TO_INSTALL}; then: marimo edit {file.name}", err=True
        )
        raise typer.Exit(FAILED if opens else OK)
    if opens:
        raise typer.Exit(open_notebook(file))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; another than this machine's own needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 8765,
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the token that callers must show; or set RESISTANCE_SERVE_TOKEN.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name under which the server may be asked. May be repeated.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Of an answer, at most.")] = 10_000,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that a query may take.")] = 30.0,
) -> None:
    """Serve the report with a live SQL box and JSON endpoints, read-only, until Ctrl-C.

    `/sql`, any gene's page at `/gene?name=NAME`, `/api/sql`, `/api/gene/NAME`, `/api/tables`, `/api/health`. A newly
    published release is served without a restart. RESISTANCE_MEMORY bounds what all queries together may use.

    Example: `resistance serve` and then open http://127.0.0.1:8765/
    """
    from resistance_assets.commands.analysts.serving.queries import Limits
    from resistance_assets.commands.analysts.serving.server import serve as serve_release

    settings = settings_of()
    limits = Limits(rows=rows, seconds=timeout, memory_bytes=settings.memory_bytes)
    serve_release(settings.data_dir, limits, host=host, port=port, names=tuple(allow_host or ()), token_file=token_file)


@app.command()
def doctor(
    profile: ProfileOption = None,
    mirror: MirrorOption = None,
    studies: StudiesOption = None,
    catalog: CatalogOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read every byte of the lake.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check folder, disk, tools, catalog, sources and the lake, and say what to do.

    Example: `resistance doctor`
    """
    from resistance_assets.commands.doctor import diagnose, show_findings

    findings = diagnose(settings_of(profile, mirror, studies, catalog=catalog), verify=verify)
    if as_json:
        typer.echo(json.dumps([_document(finding) for finding in findings], indent=1))
    else:
        show_findings(findings)
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(FAILED)


@mirror_app.command()
def pull(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The mirror, new or not; what it holds is kept.")],
    source: Annotated[list[str] | None, typer.Option(help="Only this source of the catalog. May be repeated.")] = None,
    reads: Annotated[bool, typer.Option("--reads", help="FASTQ files, too: many gigabytes.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask for everything anew.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the sources into a folder that `--mirror` reads; a pull that was cut goes on where it ended.

    Example: `resistance mirror pull /data/mirror --source hgnc_complete_set`
    """
    from resistance_assets.commands.mirror import pull_sources, show_pulled

    frame = pull_sources(settings_of(), folder, source or [], reads=reads, refresh=refresh, quiet=as_json)
    if as_json:
        typer.echo(json.dumps(frame.to_dicts(), indent=1))
    else:
        show_pulled(frame, folder)
    if "unavailable" in frame["state"]:
        raise typer.Exit(FAILED)


@app.command()
def add(
    accession: Annotated[
        str, typer.Argument(help="GSE..., E-MTAB-..., PRJ..., cbioportal:STUDY, or a folder of tables.")
    ],
    mirror: MirrorOption = None,
    profile: ProfileOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write what is proposed without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the proposal and write nothing.")] = False,
) -> None:
    """Propose a study from an accession's sample sheet: groups sample by sample, and the contrasts that are sure.

    Example: `resistance add GSE38310 --profile public`
    """
    from resistance_assets.commands.adding.hosts import add_accession
    from resistance_assets.commands.output.printing import visible

    if Path(accession).expanduser().is_dir():
        if not dry_run:
            return new(Path(accession), yes=yes)
        from resistance_assets.commands.study_new import propose_study

        typer.echo(visible(propose_study(Path(accession).expanduser().absolute()).text))
        return None
    if not add_accession(settings_of(profile, mirror), accession, yes=yes, dry_run=dry_run):
        raise typer.Exit(FAILED)
    return None


@catalog_app.command(name="show")
def catalog_show(catalog: CatalogOption = None, as_json: JsonOption = False) -> None:
    """Show every entry of the catalog in use and the file that it comes from.

    Example: `resistance catalog show --catalog my_catalog`
    """
    from resistance_assets.commands.catalog import list_entries, sets_line, show_entries

    settings = settings_of(catalog=catalog)
    rows = list_entries(settings)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        show_entries(rows)
        typer.echo(sets_line(settings))


@catalog_app.command(name="check")
def catalog_check(catalog: CatalogOption = None, studies: StudiesOption = None) -> None:
    """Check the catalog, what is laid over it and the studies: the first fault is told with its file and entry.

    Example: `resistance catalog check --catalog my_catalog`
    """
    from resistance_assets.commands.catalog import count_checked

    typer.echo(count_checked(settings_of(studies=studies, catalog=catalog)))


@catalog_app.command(name="diff")
def catalog_diff(catalog: CatalogOption = None, as_json: JsonOption = False) -> None:
    """Show what the catalog in use adds to the built-in one, and which values it changes.

    Example: `resistance catalog diff --json`
    """
    from resistance_assets.commands.catalog import list_differences, show_differences

    rows = list_differences(settings_of(catalog=catalog))
    if as_json:
        typer.echo(json.dumps(rows, indent=1, default=str))
    else:
        show_differences(rows)


@study_app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Where the study's tables lie; study.toml is written beside them.")],
    yes: Annotated[bool, typer.Option("--yes", help="Write what is proposed without asking.")] = False,
) -> None:
    """Read the headers of a study's tables and propose its `study.toml`: kind, columns, contrasts and universe.

    Example: `resistance study new data/studies/my_line`
    """
    from resistance_assets.commands.output.printing import visible
    from resistance_assets.commands.study_new import propose_study, write_study

    proposal = propose_study(folder.expanduser().absolute())
    typer.echo(visible(proposal.text))
    for remark in proposal.remarks:
        typer.echo(visible(f"look at this: {remark}"), err=True)
    if not yes and not typer.confirm(f"Write {proposal.path}?", default=True, err=True):
        raise typer.Exit(FAILED)
    typer.echo(f"{write_study(proposal)}; next: resistance run --studies {proposal.path.parent}")


@app.command(name="next-steps", hidden=True)
def next_steps() -> None:
    """Say where to look after the demo."""
    from resistance_assets.commands.output.printing import show_next_steps

    show_next_steps(settings_of())


def _json(document: Any) -> str:
    """JSON of a document whose times and dates are written as ISO 8601."""
    return json.dumps(document, indent=1, ensure_ascii=False, default=str)


def _document(entry: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(entry)


if __name__ == "__main__":
    main()
