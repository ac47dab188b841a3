"""What the daemon recomputes: whole descendants of what changed, in one run, and the publication with them.

Tables whose inputs keep their content are cache hits of milliseconds, so a run over everything that rests on a change
costs what a refresh costs, and a release takes one run, not one tick per layer. An idle tick compares the times of
a few files and stops there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import published_tables
from resistance_assets.defs.resources import open_origins
from resistance_assets.errors import Fault
from resistance_assets.files import write_json
from resistance_assets.orchestration.attempts import all_failures
from resistance_assets.orchestration.dagster.run import close_dead_runs
from resistance_assets.orchestration.dagster.table_assets import key_of
from resistance_assets.orchestration.lake import Lake, open_lake
from resistance_assets.orchestration.package_hash import hash_of_code
from resistance_assets.orchestration.run_log import last_attempts, log_path
from resistance_assets.orchestration.run_outcome import PRODUCTS
from resistance_assets.orchestration.status import TableState, stale_outputs, states_of, with_dependants
from resistance_assets.orchestration.steps import Step
from resistance_assets.orchestration.stores.objects import ObjectStore
from resistance_assets.orchestration.stores.opening import open_objects
from resistance_assets.orchestration.stores.sources import CONFIGURATION
from resistance_assets.orchestration.stores.sources import FOLDER as SOURCES
from resistance_assets.settings import Settings, load_settings
from resistance_assets.warehouse.releases import read_manifests

VERSIONS_FILE = "source_versions.json"
RETRY_AFTER = timedelta(hours=1)
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Due:
    """What a run should bring up to date.

    Attributes:
        tables: addresses, whole steps with everything that rests on them.
        publish: whether the published file differs from the lake, or will.
        waiting: tables whose last attempt failed less than an hour ago.
    """

    tables: tuple[str, ...]
    publish: bool
    waiting: tuple[str, ...]


def keep_versions(data_dir: Path, versions: Mapping[str, str]) -> None:
    """Keep the versions of the sources that the watch saw last, for the sensor that recomputes."""
    if data_dir.is_dir() and read_versions(data_dir) != versions:
        write_json(data_dir / VERSIONS_FILE, dict(versions))


def read_versions(data_dir: Path) -> dict[str, str]:
    try:
        return dict(json.loads((data_dir / VERSIONS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def fingerprint(settings: Settings, study_files: Collection[Path]) -> str:
    """Hash of the times of everything that may make a table stale: records of the lake, studies, mirror, versions."""
    digest = hashlib.sha256()
    mirror = settings.effective_mirror
    index = [mirror / "index.jsonl" if mirror.is_dir() else mirror] if mirror is not None else []
    for path in (*study_files, *index, settings.data_dir / VERSIONS_FILE, settings.warehouse_path):
        digest.update(f"{path} {_times(path)}\n".encode())
    objects = open_objects(settings.data_dir)
    for line in sorted(_records(settings.lake_dir) if objects is None else _records_in(objects)):
        digest.update(line.encode())
    return digest.hexdigest()


def _times(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:
        return "absent"
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"


def _records(lake_dir: Path) -> Iterator[str]:
    """The record of every current version, and of every failure."""
    for name in ("current.json", "failed.json"):
        for path in lake_dir.glob(f"*/*/{name}"):
            yield f"{path} {_times(path)}\n"


def _records_in(store: ObjectStore) -> Iterator[str]:
    """As `_records`, what was published, and what was had of sources, of a lake in an object store."""
    for entry in store.list():
        is_source = entry.key == CONFIGURATION or entry.key.startswith(f"{SOURCES}/")
        if is_source or entry.key.endswith(("/current.json", "/failed.json")):
            yield f"{entry.key} {entry.etag} {entry.modified_at.isoformat()}\n"


def what_is_due(settings: Settings, steps: Mapping[str, Step], changed_sources: Collection[str], now: datetime) -> Due:
    """What a run should bring up to date now.

    A mirror is asked itself; live hosts were asked by the watch, which names the sources that changed.

    Args:
        settings: of the daemon.
        steps: the graph.
        changed_sources: ids, and `study_<id>`, of sources with another version than before.
        now: the clock's time.
    """
    lake = open_lake(settings.data_dir)
    if settings.effective_mirror is not None or settings.is_from_lake:
        stale = set(stale_outputs(lake, steps, open_origins(settings)))
    else:
        states = states_of(lake, steps, None, ask_sources=False)
        stale = {state.address for state in states if state.state == "failed" or _is_stale_by_itself(state)}
        for step in steps.values():
            if set(step.sources) & set(changed_sources):
                stale.update(step.outputs)
    failures = all_failures(lake)
    recent = {
        output
        for name, failure in failures.items()
        if name in steps and now - datetime.fromisoformat(failure.failed_at) < RETRY_AFTER
        for output in steps[name].outputs
    }
    tables = tuple(name for name in with_dependants(steps, stale - recent) if name not in recent)
    # What rests on a failure alone finds its inputs as they were; it is no reason for a run.
    return Due(tables, bool(tables) or not is_published(settings, lake), tuple(sorted(recent)))


def untried(
    steps: Mapping[str, Step], asked: Mapping[str, str], attempts: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """Changed sources over which a run was requested that did not come so far, of those asked for.

    Args:
        steps: the graph.
        asked: changed source -> when a run over it was requested.
        attempts: table -> when, and with what outcome, it was tried last.
    """
    found = {}
    for name, at in asked.items():
        tables = [output for step in steps.values() if name in step.sources for output in step.outputs]
        since = datetime.fromisoformat(at).replace(microsecond=0)
        if any(table not in attempts or datetime.fromisoformat(attempts[table][0]) < since for table in tables):
            found[name] = at
    return found


def _is_stale_by_itself(state: TableState) -> bool:
    """Whether a table is stale for another reason than that something it rests on is, or failed."""
    if state.state in ("fresh", "unavailable"):
        return False
    return any(not reason.endswith((" failed", " is stale")) for reason in state.reasons)


def is_published(settings: Settings, lake: Lake) -> bool:
    """Whether the newest release holds the versions that are current in the lake."""
    manifests = read_manifests(settings.data_dir)
    if not manifests:
        return False
    published = manifests[max(manifests)]["tables"]
    for table in published_tables():
        current = lake.current(table.address)
        if current is not None and published.get(table.address, {}).get("data_version") != current.data_version:
            return False
    return True


def bring_up_sensor(
    registry: Registry, steps: Mapping[str, Step], default_status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """Requests one run over everything that rests on what changed, and the publication."""
    study_files = [
        path
        for study in registry.local_studies.values()
        for path in (study.folder / "study.toml", *study.files, *study.list_files)
    ]

    loaded = hash_of_code()

    @dg.sensor(
        name="bring_up_to_date",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=load_settings().tick_seconds,
        default_status=default_status,
        description="Requests one run over everything that rests on what changed, and the publication.",
    )
    def bring_up(context) -> dg.SensorResult | dg.SkipReason:  # Dagster refuses a postponed annotation of `context`
        settings, now = load_settings(), datetime.now(UTC)
        cursor = _cursor(context.cursor)
        # After an upgrade tables may be stale although no file of theirs moved.
        seen = f"{loaded[:16]} {fingerprint(settings, study_files)}"
        retry_due = cursor.get("retry_at") and now >= datetime.fromisoformat(cursor["retry_at"])
        if seen == cursor.get("seen") and not retry_due:
            return dg.SkipReason("nothing moved since the last look")
        close_dead_runs(context.instance)
        if context.instance.get_runs_count(dg.RunsFilter(statuses=UNDER_WAY)):
            return dg.SkipReason("a run is under way")
        if hash_of_code() != loaded:
            # Runs start with the code of now: what this process holds stale would be stale after each of them.
            raise dg.Failure(
                description="the code changed since this location was loaded: reload it, or restart `resistance ui`",
                allow_retries=False,
            )
        versions = read_versions(settings.data_dir)
        # At the first tick nobody knows whether the lake holds what the hosts have now: one run finds out.
        before = cursor.get("versions", {})
        changed = {name for name, version in versions.items() if before.get(name) != version}
        asked = untried(steps, cursor.get("asked", {}), last_attempts(log_path(settings.lake_dir)))
        changed |= set(asked)
        try:
            due = what_is_due(settings, steps, changed, now)
        except Fault as fault:
            raise dg.Failure(description=str(fault), allow_retries=False) from fault
        after: dict[str, Any] = {"seen": seen, "versions": versions}
        if changed:
            at = now.isoformat()
            after["asked"] = {name: at if due.tables else asked.get(name, at) for name in sorted(changed)}
        if due.waiting or due.publish:
            # Also where a run is requested: one that is killed before it did anything moves no file.
            after["retry_at"] = (now + RETRY_AFTER).isoformat()
        waiting = f"; {len(due.waiting)} failed tables wait for the next hour" if due.waiting else ""
        if not due.tables and not due.publish:
            return dg.SensorResult(skip_reason=f"everything is up to date{waiting}", cursor=json.dumps(after))
        keys = [key_of(name) for name in due.tables] + [dg.AssetKey([name]) for name in PRODUCTS]
        context.log.info(f"{len(due.tables)} tables rest on what changed{waiting}")
        return dg.SensorResult(
            run_requests=[dg.RunRequest(asset_selection=keys, tags={"resistance/launched_by": "bring_up_to_date"})],
            cursor=json.dumps(after),
        )

    return bring_up


def _cursor(text: str | None) -> dict[str, Any]:
    try:
        return dict(json.loads(text or "{}"))
    except (ValueError, TypeError):
        return {}
