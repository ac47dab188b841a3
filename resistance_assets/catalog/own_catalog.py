"""Further catalogs, laid over the built-in one entry by entry: its optional sets, and folders of a user's own.

Here belong finding the TOML files of such a folder, checking each entry by itself so that a fault names the file that
its author wrote, and laying the entries over the built-in documents. An entry with an `id` (or a name, as sources and
papers have) takes the place of the built-in entry of that id, or stands beside them; a table of settings (`thresholds`,
`gsea`) changes the keys that it holds. What must hold between entries is checked afterwards, over all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from resistance_assets.catalog.toml_files import nearest, parse, read_toml
from resistance_assets.errors import CatalogFault


@dataclass(frozen=True)
class CatalogFile:
    """One built-in file: its model, what it holds, and where it is."""

    model: type[BaseModel]
    document: dict[str, Any]
    path: Path


@dataclass(frozen=True)
class EntryFiles:
    """From which file each entry comes.

    Attributes:
        built_in: key of an entry (`cohort`, `source`, ...) -> the built-in file that holds such entries.
        laid_over: (key, id of the entry, or "" for a table of settings) -> the file of another catalog.
    """

    built_in: Mapping[str, Path]
    laid_over: Mapping[tuple[str, str], Path]

    def of(self, key: str, name: str = "") -> Path:
        """File of an entry."""
        return self.laid_over.get((key, name)) or self.built_in[key]


def files_of(folders: Iterable[Path]) -> list[Path]:
    """TOML files of the folders, in the order in which they are laid over; a single file is taken as it is.

    Raises:
        CatalogFault: a folder does not exist.
    """
    found: list[Path] = []
    for folder in folders:
        if folder.is_file():
            found.append(folder)
        elif folder.is_dir():
            found += sorted(path for path in folder.glob("*.toml") if path.is_file())
        else:
            raise CatalogFault(
                "the folder does not exist", subject=str(folder), remedy="Correct --catalog or RESISTANCE_CATALOG."
            )
    return found


def lay_over(
    built_in: Mapping[str, CatalogFile], files: Iterable[Path]
) -> tuple[dict[str, dict[str, Any]], EntryFiles]:
    """The built-in documents with other files laid over them, and from where each entry is.

    Args:
        built_in: file name -> built-in file.
        files: laid over one after the other.

    Raises:
        CatalogFault: a file is no TOML, a key is unknown, an entry is wrong in itself, or two files of one folder hold
            the same entry; it names the file and the entry.
    """
    documents = {name: dict(file.document) for name, file in built_in.items()}
    homes = {key: name for name, file in built_in.items() for key in file.model.model_fields}
    laid_over: dict[tuple[str, str], Path] = {}
    for path in files:
        for key, value in read_toml(path).items():
            if key not in homes:
                near = nearest(key, homes)
                raise CatalogFault(
                    "the key is unknown",
                    subject=str(path),
                    place=f"key {key}",
                    remedy=f"Did you mean {near}?" if near else f"Use one of: {', '.join(sorted(homes))}.",
                )
            document = documents[homes[key]]
            names = _check(built_in[homes[key]].model, key, value, document.get(key), path)
            for name in names:
                earlier = laid_over.get((key, name))
                if name and earlier is not None and earlier.parent == path.parent:
                    other = "it" if earlier == path else earlier.name
                    raise CatalogFault(
                        f"the entry is in {other} already" if earlier != path else "the id occurs twice",
                        subject=str(path),
                        place=f"{key} {name}",
                        remedy="Leave one of them.",
                    )
                laid_over[key, name] = path
            document[key] = merged(document.get(key), value)
    return documents, EntryFiles({key: built_in[name].path for key, name in homes.items()}, laid_over)


def _check(model: type[BaseModel], key: str, value: Any, before: Any, path: Path) -> list[str]:
    """Names of the entries under a key, each checked by its model; `[""]` for a table of settings."""
    annotation = model.model_fields[key].annotation
    if get_origin(annotation) is tuple:
        (entry_model, *_) = get_args(annotation)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise _is_no(f"a list of entries: [[{key}]]", key, path)
        names = []
        for number, entry in enumerate(value):
            name = str(entry.get("id", ""))
            parse(entry_model, entry, path, f"{key} {name or number + 1}")
            if name in names and name:
                raise CatalogFault(
                    "the id occurs twice", subject=str(path), place=f"{key} {name}", remedy="Leave one of them."
                )
            names.append(name)
        return names
    if not isinstance(value, dict):
        raise _is_no(f"a table: [{key}]", key, path)
    if get_origin(annotation) is dict:
        (_, entry_model) = get_args(annotation)
        if isinstance(entry_model, type) and issubclass(entry_model, BaseModel):
            for name, entry in value.items():
                if not isinstance(entry, dict):
                    raise _is_no(f"a table: [{key}.{name}]", f"{key}.{name}", path)
                parse(entry_model, entry, path, f"{key} {name}")
        return list(value)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        parse(annotation, merged(before, value), path, key)
    return [""]


def _is_no(expected: str, key: str, path: Path) -> CatalogFault:
    return CatalogFault(
        "the value is not allowed", subject=str(path), place=f"key {key}", expected=expected, remedy="Correct it."
    )


def merged(before: Any, after: Any) -> Any:
    """``after`` laid over ``before``: tables key by key, lists of entries by id, anything else replaced."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {**before, **{key: merged(before.get(key), value) for key, value in after.items()}}
    if _are_entries(after) and (_are_entries(before) or before is None):
        entries = list(before or ())
        at = {entry["id"]: number for number, entry in enumerate(entries) if "id" in entry}
        for entry in after:
            if entry.get("id") in at:
                entries[at[entry["id"]]] = entry
            else:
                entries.append(entry)
        return entries
    return after


def _are_entries(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)
