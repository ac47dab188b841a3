"""What the commands do: prepare a data folder, launch a run, look at states and sources, and show it to a person.

Here belongs everything between `cli.py` and the other packages. It may import `defs`, late, because Dagster takes
seconds to import.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from resistance_assets.errors import CatalogFault, Fault, UsageFault

if TYPE_CHECKING:
    import polars as pl

    from resistance_assets.orchestration.events import Announcement
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.run import Launch
    from resistance_assets.orchestration.status import TableState
    from resistance_assets.settings import Settings

LEAST_FREE_BYTES = 200_000_000
WORKSPACE = """\
load_from:
  - python_module:
      module_name: resistance_assets.definitions
      location_name: resistance_warehouse
"""
LAYER_ORDER = ("raw", "staging", "core", "marts", "parts", "warehouse", "report")
OUTCOME_ORDER = ("built", "memo hit", "kept", "unavailable", "failed")


@dataclass
class Summary:
    """A run as the last thing that a person sees of it."""

    launch: Launch
    release: int | None
    is_new_release: bool
    study_faults: tuple[tuple[Path, CatalogFault], ...]
    data_dir: Path
    # Contrasts whose design supports no p-value, by the reason in a few words.
    effect_only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.launch.failed and not self.study_faults and self.release is not None

    def as_document(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "release": self.release,
            "new_release": self.is_new_release,
            "seconds": round(self.launch.elapsed, 2),
            "layers": {layer: dict(counts) for layer, counts in self.launch.by_layer().items()},
            "failed": {address: self.launch.messages[address] for address in self.launch.failed},
            "unavailable": {
                address: self.launch.messages.get(address, "")
                for address, outcome in self.launch.outcomes.items()
                if outcome in ("unavailable", "kept")
            },
            "not_reached": list(self.launch.not_reached),
            "effect_only": {reason: list(contrasts) for reason, contrasts in self.effect_only.items()},
            "study_faults": {str(folder): str(fault) for folder, fault in self.study_faults},
            "run_ids": self.launch.run_ids,
        }

    def show(self) -> None:
        from rich.console import Console
        from rich.table import Table

        console, errors = Console(), Console(stderr=True)
        counts = self.launch.by_layer()
        seconds: dict[str, float] = {}
        for address, spent in self.launch.seconds.items():
            if self.launch.outcomes[address] == "built":
                layer = address.split(".", 1)[0]
                seconds[layer] = seconds.get(layer, 0.0) + spent
        table = Table(title=None, pad_edge=False)
        for name in ("layer", *OUTCOME_ORDER, "seconds"):
            table.add_column(name, justify="left" if name == "layer" else "right")
        for layer in LAYER_ORDER:
            if layer in counts:
                numbers = [str(counts[layer].get(outcome, 0) or "·") for outcome in OUTCOME_ORDER]
                table.add_row(layer, *numbers, f"{seconds.get(layer, 0.0):.1f}")
        console.print(table)
        reasons = {
            self.launch.messages.get(address, "")
            for address, outcome in self.launch.outcomes.items()
            if outcome in ("unavailable", "kept")
        }
        # What lacks because something above it lacks has nothing to add to that.
        for reason in sorted(reason for reason in reasons if ": its input " not in reason):
            console.print(f"[yellow]unavailable[/] {reason}", highlight=False, soft_wrap=True)
        if self.effect_only:
            groups = (f"{', '.join(contrasts)}, because {reason}" for reason, contrasts in self.effect_only.items())
            console.print(f"effect only (no p-value): {'; '.join(groups)}", highlight=False, soft_wrap=True)
        shown = set()
        for address in self.launch.failed:
            message = self.launch.messages[address]
            if message not in shown:
                errors.print(f"[red]failed[/] {message}", highlight=False, soft_wrap=True)
                shown.add(message)
        for folder, fault in self.study_faults:
            errors.print(f"[red]study left out[/] {folder.name}: {fault}", highlight=False, soft_wrap=True)
        if self.launch.not_reached:
            errors.print(
                f"not built, because they rest on what failed: {', '.join(self.launch.not_reached)}", soft_wrap=True
            )
        if self.release is None:
            errors.print("[red]nothing was published[/]; the warehouse is as it was")
        else:
            word = "new release" if self.is_new_release else "nothing changed, still release"
            console.print(
                f"{word} {self.release} in {self.launch.elapsed:.1f} s: {self.data_dir / 'warehouse.duckdb'}",
                soft_wrap=True,
            )
            pages = self.data_dir / "report" / "index.html"
            if pages.exists():
                console.print(f"pages: {pages}", soft_wrap=True)


def prepare(settings: Settings) -> None:
    """Make the data folder, and the demo's mirror where the demo runs.

    Raises:
        DataFault: the folder cannot be written.
    """
    from resistance_assets.orchestration.lake import storage_fault

    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe = settings.data_dir / f".writable.{os.getpid()}"
        probe.write_text("x", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise storage_fault(error, settings.data_dir) from None
    if settings.is_demo:
        from resistance_assets.demo import write_demo

        try:
            write_demo(settings.demo_dir)
        except OSError as error:
            raise storage_fault(error, settings.demo_dir) from None


def bring_up_to_date(
    settings: Settings,
    *,
    select: str | None = None,
    quiet: bool = False,
    addresses: Iterable[str] | None = None,
    definitions: Any = None,
) -> Summary:
    """Materialise what is selected (everything, by default) in this process, and publish.

    Args:
        settings: where, and from which sources.
        select: a table, a layer or Dagster's syntax.
        quiet: print nothing.
        addresses: tables to look at, in place of a selection; to publish, name `warehouse` among them.
        definitions: where they are loaded already.
    """
    prepare(settings)
    _say(quiet, f"data folder {settings.data_dir}; sources from {_where(settings)}")
    definitions = definitions or load_definitions()
    from resistance_assets.defs.resources import current_registry, open_origins
    from resistance_assets.orchestration.events import listening
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.run import PRODUCTS, WAREHOUSE, launch, look_up, open_instance
    from resistance_assets.orchestration.status import unsettled, with_dependants
    from resistance_assets.orchestration.table_assets import STEPS, key_of

    lake = Lake(settings.lake_dir)
    lake.sweep()
    selection = resolve_selection(definitions, select) if select else None
    settled: Launch | None = None
    if select is None and addresses is None:
        origins = open_origins(settings)
        due = with_dependants(STEPS, unsettled(lake, STEPS, origins))
        settled = look_up(lake, origins, [address for address in STEPS if address not in due])
        addresses = (*due, *PRODUCTS)
    if addresses is not None:
        selection = {key_of(address) for address in addresses}
    instance = open_instance(settings.dagster_home)
    with _Progress(quiet, len(definitions.resolve_all_asset_specs())) as hear, listening(hear):
        done = launch(definitions, instance, lake, selection=selection)
    if settled is not None:
        done.follow(settled)
    release, is_new = None, False
    if done.outcomes.get(WAREHOUSE) in ("built", "memo hit"):
        release = int(done.messages[WAREHOUSE].split()[-1])
        is_new = done.outcomes[WAREHOUSE] == "built"
    return Summary(
        done, release, is_new, current_registry().study_faults, settings.data_dir, contrasts_without_p_value(lake)
    )


def contrasts_without_p_value(lake: Lake) -> dict[str, tuple[str, ...]]:
    """Contrasts whose design supports effects alone, by the reason in a few words."""
    address = "core.deg__designs"
    if lake.pointer(address) is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    columns = ("contrast_id", "n_numerator", "n_denominator", "evidence_kind")
    for contrast_id, top, bottom, kind in lake.read(address).select(columns).sort("contrast_id").iter_rows():
        if kind == "effect_only":
            single = (top == 1) + (bottom == 1)
            reason = ("no residual degree of freedom", "one sample in an arm", "one sample per arm")[single]
            found[reason] = (*found.get(reason, ()), contrast_id)
    return found


def load_definitions() -> Any:
    """The code location's definitions, loaded for the present settings.

    Raises:
        CatalogFault: the catalog or a SQL model is wrong. Dagster wraps what goes wrong while it loads; the fault
            itself is what a person can act on.
    """
    from resistance_assets.definitions import defs
    from resistance_assets.defs.resources import current_registry
    from resistance_assets.orchestration.table_assets import STEPS

    current_registry()
    # Steps of definitions that were loaded before, for other settings, are no longer this process's business.
    STEPS.clear()
    try:
        return defs()
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, Fault):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        raise cause from None


def resolve_selection(definitions: Any, select: str) -> set[Any]:
    """Asset keys of a table with all that it needs, of a layer, or of a selection in Dagster's syntax; and publish.

    Raises:
        UsageFault: it selects nothing.
    """
    import difflib

    import dagster as dg
    from dagster_shared.error import DagsterError

    from resistance_assets.orchestration.table_assets import STEPS, address_of, key_of

    graph = definitions.resolve_asset_graph()
    keys = graph.get_all_asset_keys()
    text = select
    if "." in select and key_of(select) in keys:
        text = f'+key:"{select.replace(".", "/", 1)}"'
    elif any(key.path[0] == select for key in keys):
        text = f'group:"{select}"'
    chosen: set[Any] = set()
    problem = "selects nothing"
    try:
        chosen = set(dg.AssetSelection.from_string(text).resolve(graph))
    except (DagsterError, ValueError) as error:
        problem = f"is no selection ({str(error).split('.')[0]})"
    if not chosen:
        near = difflib.get_close_matches(select, [".".join(key.path) for key in keys], n=1)
        raise UsageFault(
            problem,
            subject=f"--select {select}",
            remedy=f"Did you mean {near[0]}?" if near else "See `resistance status --all` for the tables.",
        )
    # Tables that are computed together are selected together.
    together = {key_of(other) for key in chosen if (step := STEPS.get(address_of(key))) for other in step.outputs}
    return chosen | together | {dg.AssetKey(["warehouse"])}


def look_at_tables(settings: Settings) -> list[TableState]:
    """State of every table, beginning with those that a person must look at."""
    load_definitions()
    from resistance_assets.defs.resources import open_origins
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.status import states_of
    from resistance_assets.orchestration.table_assets import STEPS

    origins = open_origins(settings) if _mirror_is_there(settings) else None
    return states_of(
        Lake(settings.lake_dir), STEPS, origins, look_at_sources=origins is not None and not origins.is_live
    )


def _mirror_is_there(settings: Settings) -> bool:
    mirror = settings.effective_mirror
    return mirror is None or mirror.exists()


def show_states(states: list[TableState], *, everything: bool) -> None:
    from collections import Counter

    from rich.console import Console

    console = Console()
    colour = {"fresh": "green", "stale": "yellow", "missing": "magenta", "unavailable": "yellow"}
    for state in states:
        if everything or state.state != "fresh":
            rows = f" {state.rows:,} rows" if state.rows is not None and state.state == "fresh" else ""
            why = f": {'; '.join(state.reasons)}" if state.reasons else ""
            console.print(
                f"[{colour[state.state]}]{state.state:<11}[/] {state.address}{rows}{why}",
                highlight=False,
                soft_wrap=True,
            )
    counts = Counter(state.state for state in states)
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()) or "no table is defined")


def list_sources(settings: Settings) -> pl.DataFrame:
    """Every source of the catalog and of the laboratory studies with its state."""
    from resistance_assets.defs.resources import current_registry
    from resistance_assets.defs.warehouse import state_of_sources
    from resistance_assets.orchestration.lake import Lake

    return state_of_sources(current_registry(), Lake(settings.lake_dir))


def show_sources(frame: pl.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(pad_edge=False)
    for name in ("source", "state", "version", "sha256", "bytes", "retrieved", "licence", "feeds"):
        table.add_column(name, overflow="fold")
    for row in frame.iter_rows(named=True):
        size = f"{row['bytes']:,}" if row["bytes"] is not None else ""
        table.add_row(
            row["source_id"],
            row["state"] if row["state"] == "loaded" else f"{row['state']}: {row['reason']}",
            row["version"] or row["last_modified"] or "",
            (row["sha256"] or "")[:12],
            size,
            (row["retrieved_at"] or "")[:10],
            row["licence"],
            row["feeds"],
        )
    Console().print(table)


def pull_sources(
    settings: Settings,
    folder: Path,
    wanted: list[str],
    *,
    reads: bool = False,
    refresh: bool = False,
    quiet: bool = False,
) -> pl.DataFrame:
    """Fill a mirror with the sources of the catalog, or those that are named, from their hosts.

    Raises:
        UsageFault: a source is not in the catalog.
        DataFault: the folder cannot be written.
    """
    import difflib

    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.connectors.mirror_pull import pull_mirror
    from resistance_assets.connectors.transport.transport import open_transport
    from resistance_assets.orchestration.lake import storage_fault

    known = load_registry().sources
    for source_id in wanted:
        if source_id not in known:
            near = difflib.get_close_matches(source_id, known, n=1)
            raise UsageFault(
                f"there is no such source{f'; did you mean {near[0]}?' if near else ''}",
                subject=source_id,
                remedy="See `resistance sources`.",
            )
    # A mirror that is named is copied from; the demo's own is not meant here.
    transport = open_transport(
        mirror=settings.mirror, cache_dir=settings.cache_dir, host_map=settings.host_map, contact=settings.contact
    )
    try:
        return pull_mirror(
            [source for source_id, source in known.items() if source_id in wanted or not wanted],
            folder,
            transport,
            opt_in=settings.opt_in,
            reads=reads,
            refresh=refresh,
            announce=lambda source_id, number, total: _say(quiet, f"{number} of {total}: {source_id}"),
        )
    except OSError as error:
        raise storage_fault(error, folder) from None


def show_pulled(frame: pl.DataFrame, folder: Path) -> None:
    """What a pull brought, as a table, and what could not be had."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(pad_edge=False)
    for name in ("source", "fetched", "kept", "unavailable", "MB"):
        table.add_column(name, justify="left" if name == "source" else "right")
    for (source_id,), rows in frame.group_by("source_id", maintain_order=True):
        states = rows["state"].to_list()
        counts = [str(states.count(state) or "·") for state in ("fetched", "kept", "unavailable")]
        table.add_row(str(source_id), *counts, f"{int(rows['size_bytes'].sum() or 0) / 1e6:.1f}")
    console.print(table)
    for source_id, reason in frame.filter(frame["state"] == "unavailable").select("source_id", "reason").rows():
        console.print(f"[yellow]unavailable[/] {source_id}: {reason}", highlight=False, soft_wrap=True)
    console.print(f"mirror {folder}; use it with `resistance run --mirror {folder}`", soft_wrap=True)


def serve_ui(settings: Settings, *, port: int) -> int:
    """Run the Dagster UI until it is stopped; returns its exit code."""
    from resistance_assets.orchestration.run import open_instance

    prepare(settings)
    home = settings.dagster_home
    open_instance(home).dispose()
    workspace = home / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    environment = {**os.environ, "DAGSTER_HOME": str(home), "RESISTANCE_DATA_DIR": str(settings.data_dir)}
    _say(False, f"Dagster UI on http://127.0.0.1:{port} (Ctrl-C ends it); data folder {settings.data_dir}")
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    try:
        return subprocess.run(command, env=environment, cwd=settings.data_dir, check=False).returncode
    except KeyboardInterrupt:
        return 0


@dataclass(frozen=True)
class Finding:
    """One thing that `doctor` looked at."""

    subject: str
    state: Literal["ok", "warning", "failed"]
    message: str


def diagnose(settings: Settings) -> list[Finding]:
    """Folder, disk, tools, catalog, sources and warehouse, each with what to do."""
    findings: list[Finding] = []

    def look(subject: str, act: Any) -> None:
        try:
            findings.append(Finding(subject, *act()))
        except Fault as fault:
            findings.append(Finding(subject, "failed", str(fault)))

    def folder() -> tuple[str, str]:
        prepare(settings)
        return "ok", f"{settings.data_dir} can be written"

    def disk() -> tuple[str, str]:
        free = shutil.disk_usage(settings.data_dir).free
        if free < LEAST_FREE_BYTES:
            return (
                "failed",
                f"{free / 1e6:,.0f} MB free; at least {LEAST_FREE_BYTES / 1e6:,.0f} MB are needed. Free some space.",
            )
        return "ok", f"{free / 1e9:,.1f} GB free"

    def catalog() -> tuple[str, str]:
        from resistance_assets.defs.resources import current_registry

        registry = current_registry()
        if registry.study_faults:
            return "failed", "; ".join(str(fault) for _, fault in registry.study_faults)
        return "ok", (
            f"{len(registry.sources)} sources, {len(registry.contrasts())} contrasts, "
            f"{len(registry.local_studies)} laboratory studies"
        )

    def models() -> tuple[str, str]:
        from resistance_assets.catalog.tables import TABLES
        from resistance_assets.orchestration.sql_models import load_models, models_folder

        return "ok", f"{len(load_models(models_folder(), TABLES))} SQL models parse"

    def reach() -> tuple[str, str]:
        from resistance_assets.defs.resources import current_registry, open_origins

        origins = open_origins(settings)
        had, lacking = 0, []
        for source in current_registry().sources.values():
            try:
                origins.probe(source)
                had += 1
            except Fault as fault:
                lacking.append((source.id, fault))
        if not had:
            return "failed", f"no source can be had from {_where(settings)}; the first: {lacking[0][1]}"
        if lacking:
            names = ", ".join(name for name, _ in lacking)
            return "warning", (
                f"{had} sources can be had from {_where(settings)}, not: {names}. Of the first: {lacking[0][1]}"
            )
        return "ok", f"all {had} sources can be had from {_where(settings)}"

    def permissions() -> tuple[str, str]:
        from resistance_assets.defs.resources import current_registry

        files = [path for local in current_registry().local_studies.values() for path in local.files]
        closed = [str(path) for path in files if not os.access(path, os.R_OK)]
        if closed:
            return "failed", f"{', '.join(closed)} cannot be read. Give the person who runs this read permission."
        return "ok", f"{len(files)} files of laboratory studies can be read"

    def tools() -> tuple[str, str]:
        from resistance_assets.connectors.arrayexpress.kallisto import find_kallisto

        try:
            return "ok", f"kallisto at {find_kallisto()}"
        except Fault as fault:
            return "warning", f"{fault} (needed only where a study is quantified from its reads)"

    def licences() -> tuple[str, str]:
        from resistance_assets.catalog.registry import load_registry

        asking = [source for source in load_registry().sources.values() if source.opt_in]
        waiting = [source.id for source in asking if source.id not in settings.opt_in]
        if settings.effective_mirror is not None or not waiting:
            return "ok", "no source waits for a decision on its licence"
        return "warning", (
            f"left out until you decide: {', '.join(waiting)}. Read their licences with `resistance sources`, then "
            "name those that your use allows in RESISTANCE_OPT_IN, separated by commas."
        )

    def warehouse() -> tuple[str, str]:
        from contextlib import closing

        from resistance_assets.warehouse.reader import open_warehouse

        if not settings.warehouse_path.exists():
            return "warning", "not published yet: run `resistance run`"
        with closing(open_warehouse(settings.data_dir)) as connection:
            row = connection.execute("SELECT max(release) FROM meta.releases").fetchone()
        return "ok", f"release {row[0] if row else '?'} opens"

    for subject, act in (
        ("data folder", folder),
        ("disk", disk),
        ("catalog", catalog),
        ("permissions", permissions),
        ("tools", tools),
        ("licences", licences),
        ("SQL models", models),
        ("sources", reach),
        ("warehouse", warehouse),
    ):
        look(subject, act)
        if subject == "data folder" and findings[-1].state == "failed":
            break
    return findings


def show_findings(findings: Iterable[Finding]) -> None:
    from rich.console import Console

    console = Console()
    colour = {"ok": "green", "warning": "yellow", "failed": "red"}
    for finding in findings:
        console.print(
            f"[{colour[finding.state]}]{finding.state:<8}[/] {finding.subject}: {finding.message}",
            highlight=False,
            soft_wrap=True,
        )


def show_next_steps(settings: Settings) -> None:
    """Where to look after the demo."""
    from rich.console import Console

    prefix = "" if shutil.which("resistance") else ".venv/bin/"
    Console().print(
        "\nThe demo's data are synthetic; their planted truth is in "
        f"{settings.demo_dir / 'truth.json'}.\nNow look around:\n\n"
        f"  {prefix}resistance sql \"SELECT * FROM marts.gene_evidence WHERE hgnc_symbol = 'CCL20'\"\n"
        f'  {prefix}resistance sql "SELECT * FROM marts.cohort_endpoints"\n'
        f"  {prefix}resistance explain CCL20 # one gene's whole story\n"
        f"  {settings.data_dir / 'report' / 'index.html'}  # the same as pages: open it in a browser\n"
        f"  {prefix}resistance ui            # the asset graph in a browser\n"
        f"  {prefix}resistance status        # fresh, stale and why\n"
        f"  {prefix}resistance sources       # what came from where, under which licence\n",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _where(settings: Settings) -> str:
    if settings.is_demo:
        return "the demo (synthetic)"
    return f"the mirror {settings.mirror}" if settings.mirror else "live hosts"


def _say(quiet: bool, message: str) -> None:
    if not quiet:
        from rich.console import Console

        Console().print(message, highlight=False, soft_wrap=True)


class _Progress:
    """A line that says what is being worked on, and how much is done; on a pipe, a line per thing that took a while."""

    def __init__(self, quiet: bool, total: int) -> None:
        from rich.console import Console

        self._quiet = quiet
        self._total = total
        self._done = 0
        self._console = Console(stderr=True)
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Any:
        if self._quiet:
            return lambda announcement: None
        if self._console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"),
                console=self._console, transient=True,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total)
        return self.hear

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def hear(self, announcement: Announcement) -> None:
        if announcement.kind in ("waiting", "note"):
            self._console.print(announcement.message, highlight=False)
        elif self._bar is not None:
            self._hear_on_terminal(announcement)
        elif announcement.kind == "finished" and announcement.outcome == "built" and announcement.seconds > 1:
            self._console.print(f"built {announcement.subject} in {announcement.seconds:.1f} s", highlight=False)

    def _hear_on_terminal(self, announcement: Announcement) -> None:
        if announcement.kind == "started":
            self._bar.update(self._task, description=announcement.subject)
        elif announcement.kind == "bytes":
            share = f" of {announcement.total / 1e6:.1f}" if announcement.total else ""
            self._bar.update(self._task, description=f"{announcement.subject}: {announcement.done / 1e6:.1f}{share} MB")
        elif announcement.kind == "finished":
            self._bar.advance(self._task)
