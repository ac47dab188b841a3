"""What `diff` does: say what differs between two releases, and why."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from resistance_assets.errors import DataFault, UsageFault

if TYPE_CHECKING:
    from resistance_assets.settings import Settings
    from resistance_assets.warehouse.release_diff import ItemChange, ReleaseDiff

MOST_ITEMS_SHOWN = 20


def compare(settings: Settings, before: int, after: int | None) -> ReleaseDiff:
    """What differs between two releases.

    Raises:
        UsageFault: there is no such release.
        DataFault: a release's files are gone.
    """
    from resistance_assets.warehouse.reader import list_releases
    from resistance_assets.warehouse.release_diff import diff_releases

    manifests = list_releases(settings.data_dir)
    for release in (before, after):
        if release not in manifests:
            known = ", ".join(str(number) for number in sorted(manifests)) or "none"
            raise UsageFault(f"there is no release {release}", subject="diff", remedy=f"Known releases: {known}.")
    try:
        return diff_releases(settings.data_dir, manifests[before], manifests[after])  # pyright: ignore[reportArgumentType]
    except FileNotFoundError as error:
        raise DataFault(
            "a file of a release is gone",
            subject=str(error.filename or error),
            remedy="Restore the lake from a backup, or compare other releases.",
        ) from None


def show_diff(diff: ReleaseDiff) -> None:
    """A comparison for people: why first, then results, then tables."""
    from rich.console import Console

    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    if diff.is_empty:
        say(f"releases {diff.before} and {diff.after} hold the same data")
        return
    say(f"release {diff.before} -> {diff.after}, because of")
    for cause in diff.causes:
        say(f"  {cause}")
    items = sorted(diff.items, key=lambda item: (item.kind, item.subject, item.change))
    for (kind, subject, change), found in groupby(items, key=lambda item: (item.kind, item.subject, item.change)):
        group = list(found)
        shown = ", ".join(_item(kind, item) for item in group[:MOST_ITEMS_SHOWN])
        more = f" and {len(group) - MOST_ITEMS_SHOWN} more" if len(group) > MOST_ITEMS_SHOWN else ""
        say(f"{subject}: {len(group)} {change}: {shown}{more}")
    for table in diff.tables:
        say(f"{table.address} {table.change}: {table.describe()}")


def _item(kind: str, item: ItemChange) -> str:
    if kind == "list_member":
        return item.item
    return f"{item.item} ({item.before or 'none'} -> {item.after or 'none'})"
