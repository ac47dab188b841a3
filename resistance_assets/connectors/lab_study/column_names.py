"""Column names of laboratories and instruments, mapped once to the warehouse's own, and the mapping in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from resistance_assets.connectors.formats.delimited import missing_column, nearest_name
from resistance_assets.errors import DataFault

_LETTERS = str.maketrans({"³": "3", "²": "2", "\u00b5": "u", "\u03bc": "u"})


def plain_name(name: str) -> str:
    """A column name in lower case with single underscores, `Volume (mm3)` as `volume_mm3`, `Dose (µM)` as `dose_um`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().translate(_LETTERS)).strip("_")


def _joined(name: str) -> str:
    """A plain name without underscores, because `CellLine` and `cell line` are one."""
    return plain_name(name).replace("_", "")


def map_columns(
    header: Sequence[str],
    aliases: Mapping[str, Sequence[str]],
    *,
    source: str,
    declared: Mapping[str, str] | None = None,
    required: Iterable[str] = (),
) -> dict[str, str]:
    """Which column of a file holds what: our name -> the file's name, for every column that is found.

    Args:
        header: names of the file's columns.
        aliases: our name -> other names that are known for it, as `plain_name` writes them.
        source: the file, for errors.
        declared: our name -> the file's name, where study.toml states it; it goes before every alias.
        required: our names that must be found.

    Raises:
        DataFault: a declared name is not one of ours or not in the file, two columns have names of one thing, or a
            required one is missing.
    """
    declared = dict(declared or {})
    found: dict[str, str] = {}
    for name, column in declared.items():
        if name not in aliases:
            near = nearest_name(name, list(aliases))
            raise DataFault(
                f"study.columns states {name}, which is no column of this table",
                subject=source,
                place="header",
                expected=f"one of {', '.join(aliases)}",
                remedy=f"Did you mean {near}?" if near else "Remove it from study.columns.",
            )
        if column not in header:
            raise missing_column(column, header, source=source)
        found[name] = column
    taken = set(found.values())
    for name, known in aliases.items():
        if name in found:
            continue
        names = {_joined(one) for one in (name, *known)}
        present = [column for column in header if _joined(column) in names and column not in taken]
        if exact := [column for column in present if column == name]:
            present = exact
        if len(present) > 1:
            raise DataFault(
                f"the columns {' and '.join(present)} may both be {name}",
                subject=source,
                place="header",
                expected="one column",
                remedy=f'State which one it is in study.toml: columns = {{ {name} = "{present[0]}" }}.',
            )
        if present:
            found[name] = present[0]
    for name in required:
        if name not in found:
            raise missing_column(name, header, source=source)
    return found


def describe_mapping(mapping: Mapping[str, str]) -> str | None:
    """The mapping in words, for people; None where every column has our name already."""
    renamed = [f"{column} is {name}" for name, column in mapping.items() if column != name]
    return f"columns read by their usual names: {', '.join(renamed)}" if renamed else None
