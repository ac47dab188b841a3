"""What `prune` does: remove old releases, and the files that only they needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
