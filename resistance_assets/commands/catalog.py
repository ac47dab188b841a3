"""What `catalog` does: say which entries there are and from which file each is, check them, show what differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resistance_assets.errors import CatalogFault

if TYPE_CHECKING:
    from resistance_assets.catalog.own_catalog import EntryFiles
    from resistance_assets.settings import Settings

MOST_OF_A_VALUE = 200
MOST_OF_A_TITLE = 90
COUNTED = ("claim",)


def list_entries(settings: Settings) -> list[dict[str, str]]:
    """Every entry of the catalog with its kind, id, title, the file that it comes from, and how it got there.

    Raises:
        CatalogFault: a file of the catalog is wrong.
    """
    present, before, files = _documents(settings)
    rows = []
    for kind, name, entry in _entries(present):
        path = files.of(kind, name)
        changed = "replaces built-in" if name else "changes built-in"
        state = "built-in" if _is_built_in(path) else changed if (kind, name) in before else "added"
        rows.append({"kind": kind, "id": name, "title": _title(entry), "state": state, "file": str(path)})
    return rows


def list_differences(settings: Settings) -> list[dict[str, Any]]:
    """Each value in which the catalog in use differs from the built-in one: kind, id, key, before, after, file."""
    present, before, files = _documents(settings)
    rows = []
    for kind, name, entry in _entries(present):
        if _is_built_in(files.of(kind, name)):
            continue
        file, old = str(files.of(kind, name)), before.get((kind, name))
        if old is None:
            rows.append({"kind": kind, "id": name, "key": "", "before": None, "after": _title(entry), "file": file})
            continue
        was, now = dict(_flat(old)), dict(_flat(entry))
        for key in sorted({*was, *now}):
            if was.get(key) != now.get(key):
                row = {"kind": kind, "id": name, "key": key, "before": was.get(key), "after": now.get(key)}
                rows.append({**row, "file": file})
    return rows


def count_checked(settings: Settings) -> str:
    """One line that says what was checked and found good, studies of laboratories included.

    Raises:
        CatalogFault: a file of the catalog is wrong, or the query of a user's claim.
    """
    from resistance_assets.catalog.registry import load_registry

    registry = load_registry(settings.study_dirs, own_catalogs=settings.catalog_dirs, sets=settings.sets)
    if registry.study_faults:
        raise CatalogFault.of_several([fault for _, fault in registry.study_faults])
    if own := [one for one in registry.claims.values() if not _is_built_in(registry.files.of("claim", one.id))]:
        # The queries of the built-in claims are checked by their tests; a user's are read here and not first by a run.
        from resistance_assets.defs.core.claims import load_claims

        load_claims(own, registry.files)
    laid_over = len({path for path in registry.files.laid_over.values() if not _is_built_in(path)})
    return (
        f"the catalog is good: {len(registry.sources)} sources, {len(registry.studies())} studies, "
        f"{len(registry.cohorts)} cohorts, {len(registry.claims)} claims; sets in use: {', '.join(settings.sets)}; "
        f"{laid_over} file{'' if laid_over == 1 else 's'} laid over the built-in ones"
    )


def sets_line(settings: Settings) -> str:
    """Which sets of the built-in catalog are in use, and which are not."""
    from resistance_assets.catalog.registry import set_names

    rest = [name for name in set_names() if name not in settings.sets]
    off = f"; not in use: {', '.join(rest)} (RESISTANCE_SETS)" if rest else ""
    return f"sets in use: {', '.join(settings.sets)}{off}"


def show_entries(rows: list[dict[str, str]]) -> None:
    """Kind by kind, with the file that each entry comes from; built-in claims are counted, since there are many."""
    from resistance_assets.commands.output.printing import tell

    for kind in dict.fromkeys(row["kind"] for row in rows):
        of_kind = [row for row in rows if row["kind"] == kind]
        states = [row["state"] for row in of_kind]
        counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        is_setting = not any(row["id"] for row in of_kind)
        tell(f"{kind}: {states[0] if is_setting else counted}, {_places(of_kind)}")
        for row in of_kind:
            if not is_setting and (row["state"] != "built-in" or kind not in COUNTED):
                where = "" if row["state"] == "built-in" else f" ({row['state']}, {row['file']})"
                tell(f"- {row['id'] or 'without id'}: {row['title'][:MOST_OF_A_TITLE]}{where}")


def _places(rows: list[dict[str, str]]) -> str:
    files = dict.fromkeys(Path(row["file"]).name if _is_built_in(Path(row["file"])) else row["file"] for row in rows)
    return ", ".join(files)


def show_differences(rows: list[dict[str, Any]]) -> None:
    from resistance_assets.commands.output.printing import tell

    if not rows:
        tell("nothing is laid over the built-in catalog")
    for row in rows:
        entry = " ".join(part for part in (row["kind"], row["id"]) if part)
        if row["key"] == "":
            tell(f"{entry}: added ({row['after']}), {row['file']}")
        else:
            tell(f"{entry}: {row['key']}: {_shown(row['before'])} -> {_shown(row['after'])}, {row['file']}")


def _documents(settings: Settings) -> tuple[dict[str, Any], dict[tuple[str, str], Any], EntryFiles]:
    """The entries in use, the built-in entries by kind and id, and the file of each entry in use.

    Everything is checked first, so that what is shown is what a run would use.
    """
    from resistance_assets.catalog.registry import load_registry, read_documents

    load_registry(own_catalogs=settings.catalog_dirs, sets=settings.sets)
    present, files = read_documents(own_catalogs=settings.catalog_dirs, sets=settings.sets)
    built_in, _ = read_documents(sets=settings.sets)
    return present, {(kind, name): entry for kind, name, entry in _entries(built_in)}, files


def _is_built_in(path: Path) -> bool:
    from resistance_assets.catalog.registry import CATALOG_DIR

    return path.is_relative_to(CATALOG_DIR)


def _entries(documents: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Kind, id and content of every entry; a table of settings has no id."""
    for document in documents.values():
        for kind, value in document.items():
            if isinstance(value, list):
                for entry in value:
                    yield kind, str(entry.get("id", "")), entry
            elif value and all(isinstance(entry, dict) for entry in value.values()) and kind in ("source", "paper"):
                for name, entry in value.items():
                    yield kind, name, entry
            else:
                yield kind, "", value


def _title(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    return str(entry.get("title") or entry.get("statement") or entry.get("citation") or "")


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for number, one in enumerate(value):
            name = one.get("id", number + 1) if isinstance(one, dict) else number + 1
            yield from _flat(one, f"{prefix}.{name}")
    else:
        yield prefix, value


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= MOST_OF_A_VALUE else f"{text[:MOST_OF_A_VALUE]}..."
