"""Patterns of groups that are declared once and used by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from resistance_assets.catalog.models.study import PublicStudy
from resistance_assets.catalog.own_catalog import EntryFiles
from resistance_assets.catalog.toml_files import require_known
from resistance_assets.errors import CatalogFault

MARK = "@"
"""Before the name of a pattern of `[patterns]` where a group uses it."""


def with_named_patterns(
    studies: Iterable[PublicStudy], patterns: Mapping[str, str], files: EntryFiles
) -> list[PublicStudy]:
    """Studies whose groups hold the regular expressions that they name.

    Raises:
        CatalogFault: a name is not declared, or a pattern is no regular expression; it names file, study and group.
    """
    for name, pattern in patterns.items():
        _require_expression(pattern, str(files.of("patterns", name)), f"key patterns.{name}")

    def resolved(given: tuple[str, ...], path: Path, place: str) -> tuple[str, ...]:
        for one in given:
            if one.startswith(MARK):
                require_known(one.removeprefix(MARK), patterns, path, place, "pattern")
            else:
                _require_expression(one, str(path), place)
        return tuple(patterns[one.removeprefix(MARK)] if one.startswith(MARK) else one for one in given)

    found = []
    for study in studies:
        path = files.of("study", study.id)
        groups = []
        for group in study.group:
            place = f"study {study.id}, group {group.id}"
            groups.append(
                group.model_copy(
                    update={
                        "patterns": resolved(group.patterns, path, place),
                        "excluded_patterns": resolved(group.excluded_patterns, path, place),
                    }
                )
            )
        found.append(study.model_copy(update={"group": tuple(groups)}))
    return found


def _require_expression(pattern: str, subject: str, place: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise CatalogFault(
            f"{pattern!r} is no regular expression ({error})", subject=subject, place=place, remedy="Correct it."
        ) from None
