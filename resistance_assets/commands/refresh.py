"""What `refresh` does: look at every source, recompute what changed, publish, and say what moved and why."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from resistance_assets.errors import DataFault

if TYPE_CHECKING:
    from resistance_assets.commands.run import Summary
    from resistance_assets.orchestration.source_log import Look
    from resistance_assets.settings import Settings
    from resistance_assets.warehouse.release_diff import ReleaseDiff


@dataclass
class Refreshed:
    """What a refresh did.

    Attributes:
        looked_at: tables whose inputs, code and parameters were compared with what they were made from.
        summary: of the run; None where none was needed.
        release: the current one.
        diff: what the new release changed; None where there is no new one.
        seconds: in all.
        silent: sources that were had before and could not be looked at now.
        overdue: sources whose last good look is longer ago than allowed.
    """

    looked_at: int
    summary: Summary | None
    release: int | None
    diff: ReleaseDiff | None
    seconds: float
    silent: Mapping[str, Look] = field(default_factory=dict)
    overdue: Mapping[str, Look] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return (self.summary is None or self.summary.ok) and not self.overdue

    @property
    def recomputed(self) -> int:
        if self.summary is None:
            return 0
        return sum(
            outcome == "built" for address, outcome in self.summary.launch.outcomes.items() if address != "warehouse"
        )

    def as_document(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "looked_at": self.looked_at,
            "recomputed": self.recomputed,
            "release": self.release,
            "seconds": round(self.seconds, 2),
            "run": self.summary.as_document() if self.summary is not None else None,
            "changes": self.diff.as_document() if self.diff is not None else None,
            "not_looked_at": {name: asdict(look) for name, look in self.silent.items()},
            "overdue": sorted(self.overdue),
        }

    def show(self) -> None:
        from resistance_assets.commands.output.printing import tell

        if self.summary is None:
            unknown = f", as far as {len(self.silent)} silent sources tell" if self.silent else ""
            tell(
                f"nothing changed: {self.looked_at} tables are what their sources, code and parameters say{unknown}; "
                f"still release {self.release} ({self.seconds:.1f} s)"
            )
        else:
            self.summary.show()
            if self.diff is not None:
                from resistance_assets.commands.diff import show_diff

                show_diff(self.diff)
        self._show_silence()

    def _show_silence(self) -> None:
        """Every source that nobody answered for: silence is not "unchanged"."""
        from resistance_assets.commands.output.printing import tell
        from resistance_assets.orchestration.source_log import silence_in_words

        for name, look in {**self.silent, **self.overdue}.items():
            late = name in self.overdue
            tell(
                silence_in_words(name, look), label="too long ago" if late else "not looked at",
                style="red" if late else "yellow", is_error=True,
            )  # fmt: skip


def refresh(
    settings: Settings, *, quiet: bool = False, started: float | None = None, max_age: str | None = None
) -> Refreshed:
    """Look at every source, recompute what changed, publish, and tell what changed in the results.

    Where no step is stale, Dagster is given nothing to run: each step was asked for its cache key, with its sources
    looked up as a run looks them up, and each would find the result that is current.

    Args:
        settings: of the command.
        quiet: print nothing.
        started: when the command began.
        max_age: how long ago the last good look at a source may be; by default the setting of that name.
    """
    from resistance_assets.catalog.registry import source_ids
    from resistance_assets.orchestration.source_log import not_looked_at, overdue, parse_age, read_looks

    done = _looked_and_refreshed(settings, quiet=quiet, started=started)
    looks = read_looks(settings.data_dir)
    # What the catalog no longer declares is nobody's silence.
    known = source_ids(settings.catalog_dirs, settings.sets) & set(looks)
    _raise_alerts(settings, done, quiet=quiet)
    if done.summary is not None:
        # Where nothing ran, nothing was added to Dagster's records, and it is not imported.
        _trim_nightly(settings)
    return replace(
        done,
        silent=not_looked_at(looks, known),
        overdue=overdue(looks, known, parse_age(settings.max_age if max_age is None else max_age)),
    )


def _raise_alerts(settings: Settings, done: Refreshed, *, quiet: bool) -> None:
    """Tell people who are not here what is wrong, where the settings say through which channel."""
    if not (settings.alert_webhook or settings.alert_email):
        return
    from resistance_assets.commands.output.printing import tell
    from resistance_assets.defs.alerts import raise_alerts
    from resistance_assets.defs.resources import current_registry
    from resistance_assets.warehouse.alerts import Alert

    events: list[Alert] = []
    if done.summary is not None:
        launch = done.summary.launch
        run = (launch.run_ids or [""])[-1]
        # Tables that failed are told by the lake; publication, report and checks leave no trace there.
        others = [name for name in launch.failed if "." not in name or name.startswith("checks.")]
        events = [Alert("run_failed", f"{run}/{name}", f"{name}: {launch.messages[name]}") for name in others]
    told = raise_alerts(settings, current_registry(), events)
    for problem in told.problems if told is not None else ():
        tell(f"an alert could not be sent: {problem}", label="alert", style="red", is_error=True)


def _trim_nightly(settings: Settings) -> None:
    """Once a day, Dagster's old records go; a refresh is not refused because they could not be."""
    import contextlib
    import sqlite3

    from resistance_assets.commands.prune import trim_history

    with contextlib.suppress(OSError, sqlite3.Error):
        trim_history(settings, at_most_daily=True)


def _looked_and_refreshed(settings: Settings, *, quiet: bool, started: float | None) -> Refreshed:
    started = time.perf_counter() if started is None else started
    from resistance_assets.commands.run import lookup_summary, prepare, put_damaged_records_aside
    from resistance_assets.orchestration.source_log import note_looks, read_looks

    put_damaged_records_aside(settings, quiet=quiet)
    if (known := lookup_summary(settings)) is not None:
        # Nothing of the mirror moved, which is as good a look as reading it.
        note_looks(
            settings.data_dir,
            {name: None for name, look in read_looks(settings.data_dir).items() if look.problem is None},
        )
        tables = sum("." in name for name in known.launch.outcomes)
        return Refreshed(tables, None, known.release, None, time.perf_counter() - started)
    prepare(settings)
    from resistance_assets.commands.output.printing import say
    from resistance_assets.commands.run_lock import run_lock

    with run_lock(settings, waiting=functools.partial(say, quiet)):
        return _refresh(settings, quiet=quiet, started=started)


def _refresh(settings: Settings, *, quiet: bool, started: float) -> Refreshed:
    """`refresh` in a folder that is held."""
    from resistance_assets.commands.diff import compare
    from resistance_assets.commands.run import bring_up_to_date, remember_state
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.publication import publish_current
    from resistance_assets.defs.resources import current_registry, open_origins
    from resistance_assets.defs.staging.configuration import stage_configuration
    from resistance_assets.orchestration.lake import open_lake
    from resistance_assets.orchestration.run_outcome import PRODUCTS
    from resistance_assets.orchestration.source_log import note_looks
    from resistance_assets.orchestration.status import stale_outputs, with_dependants
    from resistance_assets.report.site import write_report

    lake = open_lake(settings.data_dir)
    before = _current_release(settings)
    origins = open_origins(settings, stages=True)
    registry = current_registry()
    stage_configuration(settings, registry)
    steps = load_steps(registry)
    stale = stale_outputs(lake, steps, origins)
    note_looks(settings.data_dir, origins.looks)
    first = None
    if stale and before is not None:
        # First what changed by itself: where its content comes out as it was, nothing else needs to be looked at.
        first = bring_up_to_date(settings, addresses=stale, steps=steps, quiet=quiet)
        # All outputs of a step that failed: the half of a step cannot be run, nor would it end otherwise.
        failed = {output for address in first.launch.failed if address in steps for output in steps[address].outputs}
        stale = tuple(address for address in stale_outputs(lake, steps, origins) if address not in failed)
    if not stale and before is not None and not registry.study_faults:
        result = publish_current(settings, lake, registry, steps)
        release = result.release
        if settings.report:
            write_report(settings.data_dir, only_if_changed=True)
        summary = first and replace(first, release=release, is_new_release=result.is_new)
    else:
        addresses = (*with_dependants(steps, stale), *PRODUCTS)
        summary = bring_up_to_date(settings, addresses=addresses, steps=steps, quiet=quiet)
        if first is not None:
            summary.launch.follow(first.launch)
        release = summary.release
    diff = compare(settings, before, release) if before is not None and release not in (None, before) else None
    done = Refreshed(len(steps), summary, release, diff, time.perf_counter() - started)
    if done.ok and release is not None and not registry.study_faults:
        remember_state(settings, steps, lake, release)
    return done


def _current_release(settings: Settings) -> int | None:
    from resistance_assets.warehouse.reader import list_releases

    try:
        return max(list_releases(settings.data_dir), default=None)
    except DataFault:
        return None
