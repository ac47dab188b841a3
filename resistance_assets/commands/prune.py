"""What `prune` does: remove old releases, and the files that only they needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resistance_assets.orchestration.dagster.retention import Trimmed
    from resistance_assets.settings import Settings
    from resistance_assets.warehouse.prune import Pruned


def prune_releases(settings: Settings, *, keep: int, quiet: bool = False) -> Pruned:
    """Remove all but the last releases and what only they needed. Waits for a run that is under way."""
    from resistance_assets.catalog.tables import table_of
    from resistance_assets.commands.output.printing import say
    from resistance_assets.warehouse.prune import prune

    return prune(
        settings.data_dir,
        keep=keep,
        waiting=lambda holder: say(quiet, f"waiting for {holder}"),
        is_known=lambda name: table_of(name) is not None,
    )


LOG_KEPT_TIMES = 12
"""The log of runs is small: it is kept so many times as long as Dagster's records."""


def trim_history(settings: Settings, *, at_most_daily: bool = False) -> Trimmed | None:
    """Trim Dagster's runs, events and ticks, and the log of runs; None where there is nothing, or it was done today.

    Args:
        settings: say where, and how many days are kept.
        at_most_daily: do it only where it was done more than twenty hours ago.
    """
    import time

    home = settings.dagster_home
    stamp = home / "trimmed"
    if not (home / "history").is_dir():
        return None
    if at_most_daily and stamp.exists() and time.time() - stamp.stat().st_mtime < 20 * 3600:
        return None
    from resistance_assets.orchestration.dagster.retention import trim_records
    from resistance_assets.orchestration.dagster.run import open_instance
    from resistance_assets.orchestration.run_log import log_path, trim

    with open_instance(home) as instance:
        trimmed = trim_records(instance, home, days=settings.keep_days)
    trim(log_path(settings.lake_dir), days=LOG_KEPT_TIMES * settings.keep_days)
    stamp.touch()
    return trimmed
