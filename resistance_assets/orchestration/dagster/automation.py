"""Automation: conditions on assets, the comparison of two observations of the sources, and freshness policies.

Here belong the conditions and the pure comparison of two observations of the sources. Which assets and sources there
are, and how a source is observed, is decided elsewhere; that a known result is not computed again is in `steps.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster import AutomationCondition

RETRY_CRON = "0 * * * *"
REPUBLISH_CRON = "30 5 * * *"
DATA_VERSION_TAG = "dagster/data_version"
_NAMED = re.compile(r"^[^():]*\(https?://[^)]*\): ")

# The warehouse is brought up at least once a day (a cache hit where nothing changed), so that it can be late too.
WAREHOUSE_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))


def on_data_change() -> AutomationCondition:
    """Due once after the content of an input changed, or its own code, or it is missing; not before it can succeed.

    Children do not join the run of a parent: only when the parent is done is it known whether its content changed.
    (`any_deps_updated`, and so `eager`, would request them at once.) Every reason is kept until the asset was
    requested, because data_version_changed and the others are true for one tick only, in which a gate may be shut: a
    run under way, a failed check. A failed run is tried again at the next full hour and not at once: the operand of
    `execution_failed().newly_true()` turns false while the retry runs and true when it fails, so it would try for ever.
    Held up is what rests on a check that failed, and not (as with `all_deps_blocking_checks_passed`) on one that a
    killed or cancelled run planned and never made: a table that did not pass is not written, so what is there did.
    """
    return (
        _reasons()
        & ~AutomationCondition.in_progress()
        & ~AutomationCondition.any_deps_in_progress()
        & ~AutomationCondition.any_deps_missing()
        & ~AutomationCondition.any_deps_match(
            AutomationCondition.any_checks_match(AutomationCondition.check_failed(), blocking_only=True)
        )
    ).with_label("on_data_change")


def on_settled_change() -> AutomationCondition:
    """For the publication: requested when an input changed and none is about to change again; and once a day.

    A change takes a tick per layer. Published in the midst of it, a release would hold new patients beside old survival
    times, so publication waits until nothing that it rests on, partitions included, runs or was requested. It does not
    wait for what failed: the rest of the tables is as right as it was.
    """
    moving = AutomationCondition.any_deps_match(
        AutomationCondition.in_progress() | AutomationCondition.will_be_requested() | _pending()
    )
    daily = AutomationCondition.cron_tick_passed(REPUBLISH_CRON).since(AutomationCondition.newly_requested())
    return ((_reasons() | daily) & ~AutomationCondition.in_progress() & ~moving).with_label("on_settled_change")


def _reasons() -> AutomationCondition:
    asked = AutomationCondition.newly_requested()
    changed = AutomationCondition.any_deps_match(AutomationCondition.data_version_changed()).since(
        asked | AutomationCondition.initial_evaluation()
    )
    own = (AutomationCondition.code_version_changed() | AutomationCondition.newly_missing()).since(asked)
    retry = AutomationCondition.execution_failed() & AutomationCondition.cron_tick_passed(RETRY_CRON)
    return changed | own | retry


def _pending() -> AutomationCondition:
    # Requested in the tick before: the daemon may not have started the run yet, so that nothing is in progress.
    return AutomationCondition.newly_requested()


# ---- observations of the sources -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SourceObservation:
    """What was observed of one source: a version, or why there was none to be had.

    Attributes:
        version: token that changes when the source does; None where it could not be looked at.
        problem: why it could not be looked at.
        is_remote: whether a host was asked; false for the files of a laboratory study.
        host: name of the host that holds it; None for files of this machine.
        is_wanted: false where the licence asks for a decision that was not taken, so that nobody was asked.
        details: what the version was read from.
    """

    version: str | None
    problem: str | None = None
    is_remote: bool = True
    host: str | None = None
    is_wanted: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ObservationDiff:
    """Two observations of the sources compared.

    Attributes:
        changed: sources with a version other than the one before -> version before (None at first) and now.
        kept: sources that newly cannot be looked at and keep their version -> that version (None: never seen), reason.
        recovered: sources that can be looked at again, at the version that they had.
        failing: every source that cannot be looked at now -> reason.
        nothing_seen: not one host could be looked at.
        cursor: what the next comparison needs.
    """

    changed: Mapping[str, tuple[str | None, str]]
    kept: Mapping[str, tuple[str | None, str]]
    recovered: Mapping[str, str]
    failing: Mapping[str, str]
    nothing_seen: bool
    cursor: str

    @property
    def is_quiet(self) -> bool:
        return not (self.changed or self.kept or self.recovered)


def compare_observations(previous_cursor: str | None, observations: Mapping[str, SourceObservation]) -> ObservationDiff:
    """Compare the observations of all sources with those before.

    A source that could not be looked at keeps its version: "could not look" is not "unchanged", and not "changed"
    either. One that went and came back with the same version has not changed.

    Args:
        previous_cursor: `ObservationDiff.cursor` of the time before, None or unreadable at first.
        looks: source -> what was found.
    """
    versions, failing_before = _read_cursor(previous_cursor)
    changed: dict[str, tuple[str | None, str]] = {}
    kept: dict[str, tuple[str | None, str]] = {}
    recovered: dict[str, str] = {}
    failing: dict[str, str] = {}
    now = {name: version for name, version in versions.items() if name in observations}
    for name, observation in observations.items():
        before = versions.get(name)
        if observation.version is None:
            failing[name] = observation.problem or "no reason given"
            if name not in failing_before:
                kept[name] = (before, failing[name])
        elif observation.version != before:
            changed[name] = (before, observation.version)
            now[name] = observation.version
        elif name in failing_before:
            recovered[name] = observation.version
    remote = [observation for observation in observations.values() if observation.is_remote]
    return ObservationDiff(
        changed=changed,
        kept=kept,
        recovered=recovered,
        failing=failing,
        nothing_seen=bool(remote) and all(observation.version is None for observation in remote),
        cursor=json.dumps({"versions": now, "failing": sorted(failing)}, sort_keys=True),
    )


def _read_cursor(cursor: str | None) -> tuple[dict[str, str], frozenset[str]]:
    try:
        document = json.loads(cursor or "{}")
        return dict(document.get("versions", {})), frozenset(document.get("failing", ()))
    except (ValueError, AttributeError, TypeError):
        return {}, frozenset()


def asset_observations(
    diff: ObservationDiff, observations: Mapping[str, SourceObservation], key_of: Any
) -> list[dg.AssetObservation]:
    """Events for Dagster: one observation per source of which something is new, none for the others."""
    found = []
    for name, (before, version) in diff.changed.items():
        found.append(
            dg.AssetObservation(
                asset_key=key_of(name),
                metadata={"previous_version": before or "none", **observations[name].details},
                tags={DATA_VERSION_TAG: version},
            )
        )
    for name, version in diff.recovered.items():
        found.append(
            dg.AssetObservation(
                asset_key=key_of(name),
                metadata={"could_be_looked_at_again": True, **observations[name].details},
                tags={DATA_VERSION_TAG: version},
            )
        )
    for name, (before, reason) in diff.kept.items():
        # One that was never seen has no version to keep, and an observation without one would count as a new one.
        if before is not None:
            found.append(
                dg.AssetObservation(
                    asset_key=key_of(name),
                    metadata={"warning": f"could not be looked at, keeps its version: {reason}"},
                    tags={DATA_VERSION_TAG: before},
                )
            )
    return found


def describe_failures(observations: Mapping[str, SourceObservation]) -> str:
    """Sources that could not be looked at, in one line: hosts, their sources, and the reason that these have in common.

    Sources that were not asked for because of their licence come last, without a reason each.
    """
    groups: dict[str, list[str]] = {}
    for name, observation in sorted(observations.items()):
        if observation.version is None and observation.is_wanted:
            # Every source says its own name and address before the reason.
            reason = _NAMED.sub("", observation.problem or "no reason given").removeprefix(f"{name}: ")
            groups.setdefault(reason, []).append(name)
    told = []
    for reason, names in groups.items():
        hosts = sorted({host for name in names if (host := observations[name].host)})
        told.append(f"{', '.join(hosts) or 'this machine'} ({', '.join(names)}): {reason}")
    unwanted = [name for name, seen in sorted(observations.items()) if seen.version is None and not seen.is_wanted]
    if unwanted:
        told.append(f"not asked, since their licences ask for a decision: {', '.join(unwanted)}")
    return "; ".join(told)


def automation_sensor(
    default_status: dg.DefaultSensorStatus, *, name: str = "recompute_what_changed"
) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of every asset, sources included, since changes begin there."""
    return dg.AutomationConditionSensorDefinition(
        name,
        target=dg.AssetSelection.all(include_sources=True),
        default_status=default_status,
        minimum_interval_seconds=30,
        description="Requests each table whose inputs, code or parameters changed, one layer per tick.",
        run_tags={"resistance/launched_by": "automation"},
    )


def nightly_observation(
    keys: Sequence[dg.AssetKey], default_status: dg.DefaultScheduleStatus, *, cron: str, timezone: str
) -> dg.ScheduleDefinition:
    """A schedule that looks at every source and starts nothing else: what follows is left to the conditions.

    A schedule over all assets would run all of them, because Dagster skips nothing within a run.
    """
    return dg.ScheduleDefinition(
        name="observe_sources_nightly",
        job=dg.define_asset_job("observe_all_sources", selection=dg.AssetSelection.assets(*keys)),
        cron_schedule=cron,
        execution_timezone=timezone,
        default_status=default_status,
        description="Looks at every source, so that each is known to have been looked at.",
    )
