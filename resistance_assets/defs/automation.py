"""What the daemon does by itself: watch the sources, recompute what changed, observe every source once a night."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping

import dagster as dg

from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.transport import absent_hosts
from resistance_assets.defs.alerts import raise_alerts
from resistance_assets.defs.bring_up import bring_up_sensor, keep_versions
from resistance_assets.defs.resources import open_origins
from resistance_assets.defs.source_freshness import freshness_evaluations
from resistance_assets.defs.sources import note_observations, observe_sources, source_key, study_key
from resistance_assets.orchestration.dagster.automation import (
    ObservationDiff,
    SourceObservation,
    asset_observations,
    automation_sensor,
    compare_observations,
    describe_failures,
    nightly_observation,
)
from resistance_assets.orchestration.dagster.retention import trim_records
from resistance_assets.orchestration.steps import Step
from resistance_assets.settings import load_settings
from resistance_assets.warehouse.alerts import Alert

ALERT_SECONDS = 300
FAILURE_SECONDS = 120
TRIM_SECONDS = 12 * 3600
NIGHTLY_CRON = "15 3 * * *"


def update_watch(registry: Registry, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """One sensor over all sources: reports those that changed, and starts nothing itself."""

    @dg.sensor(
        name="watch_sources",
        minimum_interval_seconds=load_settings().watch_seconds,
        default_status=default_status,
        description="Looks at every source, once an hour by default, and reports a new version where there is one.",
    )
    def watch_sources(context) -> dg.SensorResult:  # Dagster refuses a postponed annotation of `context`
        # This process lives on; a host that was away an hour ago is asked again.
        absent_hosts.OF_THIS_PROCESS.forget()
        observations = observe_sources(registry, functools.cache(lambda: open_origins(load_settings())))
        looks = note_observations(observations)
        diff = compare_observations(context.cursor, observations)
        keep_versions(load_settings().data_dir, json.loads(diff.cursor)["versions"])
        missed = {name: seen for name, seen in observations.items() if seen.version is None and seen.is_wanted}
        for name, seen in missed.items():
            context.log.warning(f"{name} could not be looked at and keeps its version: {seen.problem}")
        instance = _instance_of(context)
        verdicts = freshness_evaluations(registry, looks, instance)
        # What a study on this machine shows is reported first; the next observation complains of the hosts.
        if diff.nothing_seen and not diff.changed:
            # A tick that fails reports no events of its own; how old the looks are by now is seen all the same.
            if instance is not None:
                for verdict in verdicts:
                    instance.report_runless_asset_event(verdict)
            raise dg.Failure(
                description=f"no source could be looked at: {describe_failures(observations)}", allow_retries=False
            )
        # Dagster reports the events of a tick that starts no run, and shows its reason: which hosts were silent.
        return dg.SensorResult(
            asset_events=[
                *asset_observations(diff, observations, lambda name: dg.AssetKey(["source", name])),
                *verdicts,
            ],
            skip_reason=_found_in_words(diff, observations),
            cursor=diff.cursor,
        )

    return watch_sources


def _found_in_words(diff: ObservationDiff, observations: Mapping[str, SourceObservation]) -> str:
    same = sum(seen.version is not None for seen in observations.values()) - len(diff.changed)
    missed = sum(seen.version is None and seen.is_wanted for seen in observations.values())
    told = [f"{same} sources have the versions that they had"]
    if diff.changed:
        told.append(f"{len(diff.changed)} have another: {', '.join(sorted(diff.changed))}")
    if missed:
        told.append(f"{missed} could not be looked at and keep theirs")
    silent = describe_failures(observations)
    return "; ".join(told) + (f": {silent}" if silent else "")


def _instance_of(context: dg.SensorEvaluationContext) -> dg.DagsterInstance | None:
    with contextlib.suppress(dg.DagsterInvariantViolationError):
        return context.instance
    return None


def alert_sensor(registry: Registry, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Tells people what is wrong, as `refresh` does; nothing where the settings name no channel."""

    @dg.sensor(
        name="tell_alerts",
        minimum_interval_seconds=min(ALERT_SECONDS, load_settings().watch_seconds),
        default_status=default_status,
        description="Tells failed tables, stale sources, studies left out and turned claims by webhook or e-mail.",
    )
    def tell(context) -> dg.SkipReason:  # Dagster refuses a postponed annotation of `context`
        told = raise_alerts(load_settings(), registry)
        if told is None:
            return dg.SkipReason("no channel is set (RESISTANCE_ALERT_WEBHOOK, RESISTANCE_ALERT_EMAIL)")
        for problem in told.problems:
            context.log.error(f"an alert could not be sent: {problem}")
        return dg.SkipReason(f"{len(told.news)} new, {len(told.again)} lasting, {len(told.over)} over")

    return tell


def run_failure_alerts(registry: Registry, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Tells of a run that failed; which tables did is told with it."""

    @dg.run_failure_sensor(
        name="tell_run_failures",
        default_status=default_status,
        minimum_interval_seconds=min(FAILURE_SECONDS, load_settings().watch_seconds),
        monitor_all_code_locations=False,
    )
    def tell(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        text = f"run {run.run_id[:8]} of {run.job_name} failed: {context.failure_event.message}"
        raise_alerts(load_settings(), registry, [Alert("run_failed", run.run_id, text)])

    return tell


def trim_sensor(default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Trims Dagster's own records, twice a day."""

    @dg.sensor(
        name="trim_records",
        minimum_interval_seconds=TRIM_SECONDS,
        default_status=default_status,
        description="Removes runs, events and ticks older than RESISTANCE_KEEP_DAYS; what is current stays.",
    )
    def trim(context) -> dg.SkipReason:  # Dagster refuses a postponed annotation of `context`
        settings = load_settings()
        return dg.SkipReason(trim_records(context.instance, settings.dagster_home, days=settings.keep_days).describe())

    return trim


def automation_definitions(registry: Registry, steps: Mapping[str, Step], *, is_on: bool) -> dg.Definitions:
    """Sensors and schedule; on from the first start where ``is_on``, else to be switched on by hand in the UI.

    Of the two that recompute, `bring_up_to_date` is the one that starts: it requests whole descendants in one run. The
    other, one layer per tick by the conditions of the assets, may be switched on in its place.
    """
    sensors = dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED
    schedules = dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED
    keys = [source_key(source_id) for source_id in registry.sources]
    keys += [study_key(study_id) for study_id in registry.local_studies]
    return dg.Definitions(
        sensors=[
            bring_up_sensor(registry, steps, sensors),
            automation_sensor(dg.DefaultSensorStatus.STOPPED),
            update_watch(registry, sensors),
            alert_sensor(registry, sensors),
            run_failure_alerts(registry, sensors),
            trim_sensor(sensors),
        ],
        schedules=[nightly_observation(keys, schedules, cron=NIGHTLY_CRON, timezone="UTC")],
    )
