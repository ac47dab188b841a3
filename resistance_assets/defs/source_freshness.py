"""Freshness of sources: an asset check on each, told by the looks at it.

Dagster's freshness policies are evaluated for assets that are materialised; sources are observed. So the sweep
evaluates a check `looked_at` on each source: passed, a warning, or an error, as old as the last good look is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from resistance_assets.catalog.registry import Registry
from resistance_assets.orchestration.source_log import Look, age_in_words, parse_age, read_looks
from resistance_assets.settings import load_settings

CHECK = "looked_at"
WARN_AFTER = timedelta(hours=26)
"""The nightly observation looks at every source, so one missed night is worth a warning."""


def freshness_of(
    look: Look | None, max_age: timedelta | None, now: datetime
) -> tuple[bool, dg.AssetCheckSeverity, str]:
    """Whether a source was looked at lately, how bad it is if not, and in words."""
    if look is None or look.looked_at is None:
        reason = f": {look.problem}" if look is not None and look.problem else ""
        return False, dg.AssetCheckSeverity.WARN, f"never looked at{reason}"
    age = look.age(now) or timedelta()
    told = f"last looked at {look.looked_at}, {age_in_words(age)} ago"
    if look.problem:
        told += f"; not since {look.failing_since}: {look.problem}"
    if max_age is not None and age > max_age:
        return False, dg.AssetCheckSeverity.ERROR, told
    return age <= WARN_AFTER and look.problem is None, dg.AssetCheckSeverity.WARN, told


def source_checks(registry: Registry) -> dg.AssetChecksDefinition:
    """The check of every source of the catalog; it reads when they were looked at and looks at nothing itself."""
    specs = [
        dg.AssetCheckSpec(
            CHECK, asset=dg.AssetKey(["source", name]), description="the source was looked at lately, with success"
        )
        for name in registry.sources
    ]

    @dg.multi_asset_check(name="source_freshness", specs=specs, can_subset=True)
    def source_freshness(context) -> Iterator[dg.AssetCheckResult]:  # Dagster refuses a postponed annotation
        settings = load_settings()
        looks, now = read_looks(settings.data_dir), datetime.now(UTC)
        for key in sorted(context.selected_asset_check_keys):
            passed, severity, told = freshness_of(looks.get(key.asset_key.path[-1]), parse_age(settings.max_age), now)
            yield dg.AssetCheckResult(
                passed=passed, asset_key=key.asset_key, check_name=CHECK, severity=severity, description=told
            )

    return source_freshness


def freshness_evaluations(
    registry: Registry, looks: Mapping[str, Look], instance: Any
) -> list[dg.AssetCheckEvaluation]:
    """Evaluations that differ from the last ones, for a sensor to report; none without an instance that knows those."""
    if instance is None:
        return []
    settings, now = load_settings(), datetime.now(UTC)
    found = []
    for name in registry.sources:
        key = dg.AssetCheckKey(dg.AssetKey(["source", name]), CHECK)
        passed, severity, told = freshness_of(looks.get(name), parse_age(settings.max_age), now)
        if _last(instance, key) == (passed, severity):
            continue
        found.append(
            dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name=CHECK,
                passed=passed,
                severity=severity,
                description=told,
                metadata={},
            )
        )
    return found


def report_freshness(registry: Registry, instance: dg.DagsterInstance) -> int:
    """Write into the instance what the check of each source says now, where it says another thing than last.

    A refresh that starts no run looks at the sources without Dagster. The next run, the next start of the UI and the
    next sweep of the daemon write what came of it; how many checks changed is returned.
    """
    evaluations = freshness_evaluations(registry, read_looks(load_settings().data_dir), instance)
    for evaluation in evaluations:
        instance.report_runless_asset_event(evaluation)
    return len(evaluations)


def _last(instance: Any, key: dg.AssetCheckKey) -> tuple[bool, dg.AssetCheckSeverity] | None:
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    event = records[0].event if records else None
    evaluation = event.dagster_event.asset_check_evaluation_data if event and event.dagster_event else None
    return None if evaluation is None else (evaluation.passed, evaluation.severity)
