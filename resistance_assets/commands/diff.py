"""What `diff` does: say what differs between two releases, and why."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.warehouse.release_diff import EFFECT_CHANGED, FAMILY_CHANGED, Q_VALUE_THRESHOLD

if TYPE_CHECKING:
    from resistance_assets.settings import Settings
    from resistance_assets.warehouse.release_diff import ItemChange, ReleaseDiff

MOST_ITEMS_SHOWN = 20
MOST_BRIEFLY = 4


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


def show_diff(diff: ReleaseDiff, *, full: bool = False) -> None:
    """A comparison for people: five lines at most, or with ``full`` everything: why, results, tables."""
    from resistance_assets.commands.output.printing import tell

    if diff.is_empty:
        tell(f"releases {diff.before} and {diff.after} hold the same data")
        return
    lines = full_lines(diff) if full else brief_lines(diff)
    for line in lines:
        tell(line)
    if not full:
        tell(f"all of it: resistance diff {diff.before} {diff.after} --full")


def brief_lines(diff: ReleaseDiff) -> list[str]:
    """At most six lines: causes, verdicts, words of confidence, sizes of lists, q-values, tables."""
    lines = [f"release {diff.before} -> {diff.after}, because of {_few(map(str, diff.causes), '; ')}"]
    by_kind = {kind: [item for item in diff.items if item.kind == kind] for kind in ("verdict", "list_member")}
    if verdicts := by_kind["verdict"]:
        lines.append(f"{len(verdicts)} verdicts turned: {_few(_item(one) for one in verdicts)}")
    if words := [item for item in diff.items if item.kind == "confidence"]:
        lines.append(f"{len(words)} candidates changed their word: {_few(_item(one) for one in words)}")
    if members := by_kind["list_member"]:
        subjects = dict.fromkeys(item.subject for item in members)
        lines.append(f"{len(subjects)} lists changed: {_few((_size(diff, one) for one in subjects), '; ')}")
    crossed = [item for item in diff.items if item.kind == "q_value"]
    if crossed:
        effect = [item for item in crossed if item.detail == EFFECT_CHANGED]
        rest = len(crossed) - len(effect)
        lines.append(
            f"{len(crossed)} q-values crossed {Q_VALUE_THRESHOLD:g}: effect changed in {len(effect)}"
            f"{f' ({_few(one.item for one in effect)})' if effect else ''}, {FAMILY_CHANGED} in {rest}"
        )
    lines.append(f"{len(diff.tables)} tables changed: {_few(table.address for table in diff.tables)}")
    return lines


def full_lines(diff: ReleaseDiff) -> list[str]:
    """Every cause once, then every group of items, then every table."""
    lines = [f"release {diff.before} -> {diff.after}, because of", *(f"  {cause}" for cause in diff.causes)]

    def group_of(item: ItemChange) -> tuple[str, str, str, str]:
        return item.kind, item.subject, item.change, item.detail or ""

    for (kind, subject, change, detail), found in groupby(sorted(diff.items, key=group_of), key=group_of):
        group = list(found)
        what = _size(diff, subject) if kind == "list_member" else subject
        shown = _few((_item(item) for item in group), most=MOST_ITEMS_SHOWN)
        lines.append(f"{what}: {len(group)} {change}{f', {detail}' if detail else ''}: {shown}")
    return [*lines, *(f"{table.address} {table.change}: {table.describe()}" for table in diff.tables)]


def _size(diff: ReleaseDiff, subject: str) -> str:
    """A list with how many it held before and after."""
    if subject not in diff.sizes:
        return subject
    before, after = diff.sizes[subject]
    return f"{subject} {before:,} -> {after:,}"


def _few(texts: Iterable[str], separator: str = ", ", most: int = MOST_BRIEFLY) -> str:
    listed = list(texts)
    more = f"{separator.rstrip()} and {len(listed) - most:,} more" if len(listed) > most else ""
    return f"{separator.join(listed[:most])}{more}"


def _item(item: ItemChange) -> str:
    if item.kind == "list_member":
        return item.item
    return f"{item.item} ({item.before or 'none'} -> {item.after or 'none'})"
