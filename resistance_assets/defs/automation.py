"""What the daemon does by itself: watch the sources, recompute what changed, observe every source once a night."""

from __future__ import annotations

import functools

import dagster as dg

from resistance_assets.catalog.registry import Registry
from resistance_assets.defs.resources import open_origins
from resistance_assets.defs.sources import observe_sources, source_key, study_key
from resistance_assets.orchestration.dagster.automation import (
    asset_observations,
    automation_sensor,
    compare_observations,
    describe_failures,
    nightly_observation,
)
from resistance_assets.settings import load_settings

WATCH_SECONDS = 3600
NIGHTLY_CRON = "15 3 * * *"


def update_watch(registry: Registry, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """One sensor over all sources: reports those that changed, and starts nothing itself."""

    @dg.sensor(
        name="watch_sources",
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=default_status,
        description="Looks at every source once an hour and reports a new version where there is one.",
    )
    def watch_sources(context) -> dg.SensorResult:  # Dagster refuses a postponed annotation of `context`
        observations = observe_sources(registry, functools.cache(lambda: open_origins(load_settings())))
        diff = compare_observations(context.cursor, observations)
        for name, reason in diff.failing.items():
            context.log.warning(f"{name} could not be looked at and keeps its version: {reason}")
        # What a study on this machine shows is reported first; the next observation complains of the hosts.
        if diff.nothing_seen and not diff.changed:
            raise dg.Failure(
                description=f"no source could be looked at: {describe_failures(diff.failing)}", allow_retries=False
            )
        if diff.is_quiet:
            seen = len(observations) - len(diff.failing)
            could_not = (
                f"; {len(diff.failing)} could not be looked at and keep theirs: {describe_failures(diff.failing)}"
                if diff.failing
                else ""
            )
            return dg.SensorResult(
                skip_reason=f"{seen} sources have the versions that they had{could_not}", cursor=diff.cursor
            )
        return dg.SensorResult(
            asset_events=asset_observations(diff, observations, lambda name: dg.AssetKey(["source", name])),
            cursor=diff.cursor,
        )

    return watch_sources


def automation_definitions(registry: Registry, *, is_on: bool) -> dg.Definitions:
    """Sensors and schedule; on from the first start where ``is_on``, else to be switched on by hand in the UI."""
    sensors = dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED
    schedules = dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED
    keys = [source_key(source_id) for source_id in registry.sources]
    keys += [study_key(study_id) for study_id in registry.local_studies]
    return dg.Definitions(
        sensors=[automation_sensor(sensors), update_watch(registry, sensors)],
        schedules=[nightly_observation(keys, schedules, cron=NIGHTLY_CRON, timezone="UTC")],
    )
