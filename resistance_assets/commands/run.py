"""What `run` does: prepare a data folder, load definitions, bring tables up to date, publish, and say how it went.

It imports `defs` late, and Dagster only where something is stale, because that takes seconds to import.
"""

from __future__ import annotations

import functools
import os
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from resistance_assets.commands.output.summary import Summary
from resistance_assets.commands.run_lock import run_lock
from resistance_assets.errors import DataFault, Fault, UsageFault

if TYPE_CHECKING:
    from resistance_assets.catalog.registry import Registry
    from resistance_assets.orchestration.events import ProgressEvent
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.run_outcome import Launch
    from resistance_assets.orchestration.steps import Step
    from resistance_assets.settings import Settings


# SQLAlchemy reads `sqlite:///folder?options`, and decodes `%41` in it; Dagster writes folders as they are.
_NOT_IN_AN_ADDRESS = re.compile(r"\?|%[0-9A-Fa-f]{2}")


def prepare(settings: Settings) -> None:
    """Make the data folder, and the demo's mirror where the demo runs.

    Raises:
        DataFault: the folder cannot be written.
        UsageFault: Dagster cannot keep its records in a folder of that name.
    """
    from resistance_assets.files import storage_fault

    if found := _NOT_IN_AN_ADDRESS.search(str(settings.data_dir.absolute())):
        raise UsageFault(
            f"holds {found[0]!r}, which means something else in the addresses of Dagster's SQLite files",
            subject=str(settings.data_dir.absolute()),
            remedy="Set RESISTANCE_DATA_DIR to a folder without it.",
        )
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
    steps: Mapping[str, Step] | None = None,
    started: float | None = None,
) -> Summary:
    """Materialise what is selected (everything, by default) in this process, and publish.

    Where everything is up to date, Dagster is not asked: publication and report are written without it.

    Args:
        settings: where, and from which sources.
        select: a table, a layer or Dagster's syntax.
        quiet: print nothing.
        addresses: tables to look at, in place of a selection; to publish, name `warehouse` among them.
        steps: the graph, where it is loaded already.
        started: when the command began, on the clock of `time.perf_counter`; by default now.
    """
    from resistance_assets.commands.output.printing import say, where_sources_come_from

    started = time.perf_counter() if started is None else started
    everything = select is None and addresses is None
    put_damaged_records_aside(settings, quiet=quiet)
    if everything and (summary := lookup_summary(settings)) is not None:
        say(quiet, f"data folder {settings.data_dir}; sources from {where_sources_come_from(settings)}")
        summary.launch.elapsed = time.perf_counter() - started
        return summary
    prepare(settings)
    say(quiet, f"data folder {settings.data_dir}; sources from {where_sources_come_from(settings)}")
    with run_lock(settings, waiting=functools.partial(say, quiet)):
        return _bring_up_to_date(
            settings, select=select, quiet=quiet, addresses=addresses, steps=steps, started=started
        )


def _bring_up_to_date(
    settings: Settings,
    *,
    select: str | None,
    quiet: bool,
    addresses: Iterable[str] | None,
    steps: Mapping[str, Step] | None,
    started: float,
) -> Summary:
    """`bring_up_to_date` in a folder that is held."""
    everything = select is None and addresses is None
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry, open_origins
    from resistance_assets.defs.staging.configuration import stage_configuration
    from resistance_assets.orchestration.attempts import forget_unknown
    from resistance_assets.orchestration.lake import open_lake
    from resistance_assets.orchestration.run_outcome import PRODUCTS, WAREHOUSE, look_up
    from resistance_assets.orchestration.source_log import note_looks
    from resistance_assets.orchestration.status import stale_outputs, with_dependants

    registry = current_registry()
    steps = load_steps(registry) if steps is None else steps
    lake = open_lake(settings.data_dir)
    lake.remove_orphans()
    forget_unknown(lake, steps)
    up_to_date: Launch | None = None
    stage_configuration(settings, registry)
    if everything:
        origins = open_origins(settings, stages=True)
        stale = with_dependants(steps, stale_outputs(lake, steps, origins))
        note_looks(settings.data_dir, origins.looks)
        up_to_date = look_up(lake, steps, origins, [address for address in steps if address not in stale])
        addresses = (*stale, *PRODUCTS)
    if up_to_date is not None and addresses == PRODUCTS:
        done = up_to_date
        publish_products(settings, lake, registry, steps, done)
    else:
        done = _run_in_dagster(settings, registry, steps, lake, select=select, addresses=addresses, quiet=quiet)
        if up_to_date is not None:
            done.follow(up_to_date)
    done.elapsed = time.perf_counter() - started
    release, is_new = None, False
    if done.outcomes.get(WAREHOUSE) in ("built", "cache hit"):
        release = int(done.messages[WAREHOUSE].split()[-1])
        is_new = done.outcomes[WAREHOUSE] == "built"
    from resistance_assets.commands.output.study_notes import notes_of_run

    effect_only = contrasts_without_p_value(lake)
    asked = [gene for study in registry.local_studies.values() for gene in study.genes_of_interest]
    if settings.genes is not None:
        from resistance_assets.connectors.gene_lists.gene_list_file import read_gene_list

        asked += read_gene_list(settings.genes)[0]["symbol"].to_list()
    notes = notes_of_run(lake, asked)
    summary = Summary(done, release, is_new, registry.study_faults, settings.data_dir, effect_only, notes)
    if everything and summary.ok and release is not None:
        remember_state(settings, steps, lake, release)
    return summary


def remember_state(settings: Settings, steps: Mapping[str, Step], lake: Lake, release: int) -> None:
    """Keep what the next run would find and `status` would say, if nothing is stale and as long as nothing moves."""
    from resistance_assets.commands.output.study_notes import notes_of_run
    from resistance_assets.commands.up_to_date import fingerprint_of, remember
    from resistance_assets.defs.resources import open_origins
    from resistance_assets.orchestration.run_outcome import PRODUCTS, WAREHOUSE, look_up
    from resistance_assets.orchestration.status import stale_outputs, states_of

    still = functools.partial(fingerprint_of, settings)
    before = still()
    if before is None:
        return
    origins = open_origins(settings)
    if stale_outputs(lake, steps, origins):
        return
    launch = look_up(lake, steps, origins, list(steps))
    found = {
        "release": release,
        "outcomes": {**launch.outcomes, **dict.fromkeys(PRODUCTS, "cache hit")},
        "messages": {**launch.messages, WAREHOUSE: f"release {release}"},
        "effect_only": {reason: list(contrasts) for reason, contrasts in contrasts_without_p_value(lake).items()},
        "notes": list(notes_of_run(lake)),
    }
    states = states_of(lake, steps, origins, ask_sources=True)
    remember(settings, "run", before, found, still=still)
    remember(
        settings, "status", before, {"tables": [asdict(state) for state in states], "studies_left_out": []}, still=still
    )


def lookup_summary(settings: Settings) -> Summary | None:
    """What a run would find, where nothing moved since one found everything up to date."""
    from resistance_assets.commands.up_to_date import fingerprint_of, lookup
    from resistance_assets.orchestration.run_outcome import Launch

    found = lookup(settings, "run", fingerprint_of(settings))
    if found is None:
        return None
    launch = Launch(outcomes=found["outcomes"], messages=found["messages"])
    effect_only = {reason: tuple(contrasts) for reason, contrasts in found["effect_only"].items()}
    notes = tuple(found.get("notes", ()))
    return Summary(launch, found["release"], False, (), settings.data_dir, effect_only, notes)


def put_damaged_records_aside(settings: Settings, *, quiet: bool) -> None:
    """Let Dagster begin anew where its SQLite files are no databases; no result is in them."""
    from resistance_assets.commands.output.printing import say
    from resistance_assets.orchestration.dagster.run_records import put_damaged_aside

    for path in put_damaged_aside(settings.dagster_home):
        say(quiet, f"{path} was no database and was put aside; the history of runs begins anew")


def _run_in_dagster(
    settings: Settings,
    registry: Registry,
    steps: Mapping[str, Step],
    lake: Lake,
    *,
    select: str | None,
    addresses: Iterable[str] | None,
    quiet: bool,
) -> Launch:
    from resistance_assets.commands.engines.pool import pool_for
    from resistance_assets.definitions import definitions_of
    from resistance_assets.orchestration.dagster.executors.by_settings import queue_of
    from resistance_assets.orchestration.dagster.run import launch, open_instance
    from resistance_assets.orchestration.dagster.table_assets import key_of
    from resistance_assets.orchestration.events import subscribe
    from resistance_assets.orchestration.workers.pool import serving

    run_id = str(uuid.uuid4())
    # What a selection in Dagster's syntax asks for is known only by Dagster, later.
    stale = None if addresses is None else list(addresses)
    with serving(pool_for(settings, lake, steps, stale, run_id) if stale and not settings.uses_cluster else None):
        if settings.uses_cluster:
            queue_of(settings)
        definitions = definitions_of(registry, steps)
        if stale is not None:
            selection = {key_of(address) for address in stale}
        else:
            selection = resolve_selection(definitions, steps, select) if select else None
        instance = open_instance(settings.dagster_home)
        with _Progress(quiet, len(definitions.resolve_all_asset_specs())) as on_event, subscribe(on_event):
            return launch(
                definitions,
                steps,
                instance,
                lake,
                selection=selection,
                run_id=run_id,
                by_executor=settings.uses_cluster,
            )


def publish_products(
    settings: Settings, lake: Lake, registry: Registry, steps: Mapping[str, Step], done: Launch
) -> None:
    """Publish and write the report where anything of them changed; what comes of it is noted in ``done``."""
    from resistance_assets.defs.publication import missing_in_file, publish_current
    from resistance_assets.orchestration.run_outcome import WAREHOUSE
    from resistance_assets.report.site import write_report

    try:
        result = publish_current(settings, lake, registry, steps)
        if missing := missing_in_file(settings.data_dir):
            raise DataFault(
                f"the published file lacks {', '.join(missing)}",
                subject=str(settings.warehouse_path),
                remedy="Remove it and run again.",
            )
    except Fault as fault:
        done.outcomes[WAREHOUSE], done.messages[WAREHOUSE] = "failed", str(fault)
        return
    done.outcomes[WAREHOUSE] = "built" if result.is_new else "cache hit"
    done.seconds[WAREHOUSE] = result.seconds
    done.messages[WAREHOUSE] = f"release {result.release}"
    try:
        is_written = settings.report and write_report(settings.data_dir, only_if_changed=True).is_new
    except Fault as fault:
        done.outcomes["report"], done.messages["report"] = "failed", str(fault)
        return
    done.outcomes["report"] = "built" if is_written else "cache hit"


def contrasts_without_p_value(lake: Lake) -> dict[str, tuple[str, ...]]:
    """Contrasts whose design supports effects alone, by the reason in a few words."""
    address = "core.deg__designs"
    if lake.current(address) is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    columns = ("contrast_id", "n_numerator", "n_denominator", "evidence_kind", "fitted_to")
    for contrast_id, top, bottom, kind, fitted in lake.read(address).select(columns).sort("contrast_id").iter_rows():
        if kind == "effect_only":
            single = (top == 1) + (bottom == 1)
            reason = ("no residual degree of freedom", "one sample in an arm", "one sample per arm")[single]
            if fitted == "as published":
                reason = "none was published"
            found[reason] = (*found.get(reason, ()), contrast_id)
    return found


def load_definitions() -> Any:
    """Dagster's definitions for the present settings.

    Raises:
        CatalogFault: the catalog or a SQL model is wrong.
    """
    from resistance_assets.definitions import definitions_of
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry

    registry = current_registry()
    return definitions_of(registry, load_steps(registry))


def resolve_selection(definitions: Any, steps: Mapping[str, Step], select: str) -> set[Any]:
    """Asset keys of a table with all that it needs, of a layer, or of a selection in Dagster's syntax; and publish.

    Raises:
        UsageFault: it selects nothing.
    """
    import difflib

    import dagster as dg
    from dagster_shared.error import DagsterError

    from resistance_assets.orchestration.dagster.table_assets import address_of, key_of

    graph = definitions.resolve_asset_graph()
    keys = graph.get_all_asset_keys()
    text = select
    if "." in select and key_of(select) in keys:
        text = f'+key:"{select.replace(".", "/", 1)}"'
    chosen: set[Any] = {key for key in keys if len(key.path) > 1 and key.path[0] == select}  # a layer
    problem = "selects nothing"
    try:
        chosen = chosen or set(dg.AssetSelection.from_string(text).resolve(graph))
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
    together = {key_of(other) for key in chosen if (step := steps.get(address_of(key))) for other in step.outputs}
    return chosen | together | {dg.AssetKey(["warehouse"])}


class _Progress:
    """A line that says what is being worked on, and how much is done; on a pipe, a line per thing that took a while."""

    def __init__(self, quiet: bool, total: int) -> None:
        from resistance_assets.commands.output.printing import terminal

        self._quiet = quiet
        self._total = total
        self._done = 0
        self._console = terminal(is_error=True)
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Any:
        if self._quiet:
            return lambda event: None
        if self._console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(),
                TextColumn("{task.description}", markup=False), console=self._console, transient=True,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total)
        return self.on_event

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def on_event(self, event: ProgressEvent) -> None:
        from resistance_assets.commands.output.printing import plain

        if event.kind in ("waiting", "note"):
            self._console.print(plain(event.message), soft_wrap=True)
        elif self._bar is not None:
            self._show_on_terminal(event)
        elif event.kind == "finished" and event.outcome == "built" and event.seconds > 1:
            self._console.print(plain(f"built {event.subject} in {event.seconds:.1f} s"), soft_wrap=True)

    def _show_on_terminal(self, event: ProgressEvent) -> None:
        if event.kind == "started":
            self._bar.update(self._task, description=event.subject)
        elif event.kind == "bytes":
            share = f" of {event.total / 1e6:.1f}" if event.total else ""
            self._bar.update(self._task, description=f"{event.subject}: {event.done / 1e6:.1f}{share} MB")
        elif event.kind == "finished":
            self._bar.advance(self._task)
