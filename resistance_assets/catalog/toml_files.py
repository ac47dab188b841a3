"""TOML files of the catalog: read, parsed into models, with errors that name file, key and remedy."""

from __future__ import annotations

import copy
import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from resistance_assets.catalog.models.entry import ALLOWED_ID
from resistance_assets.errors import CatalogFault

MOST_MENDINGS = 3
"""Rounds of mending: a key that is renamed may hold a wrong value, and a rule over several keys comes last."""


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise CatalogFault("the file does not exist", subject=str(path), remedy="Create it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = re.search(r"line \d+(, column \d+)?", str(error))
        raise CatalogFault(
            f"the file is not valid TOML: {str(error).split(' (at')[0]}",
            subject=str(path),
            place=place.group(0) if place else None,
            remedy="Correct the syntax there.",
        ) from None


def parse(model: type, document: dict[str, Any], path: Path, prefix: str = "") -> Any:
    """A document as a model.

    Raises:
        CatalogFault: of the first key that is wrong; the other keys are in its `others`.
    """
    try:
        return model(**document)
    except ValidationError as error:
        raise CatalogFault.of_several(_faults_of(error, model, path, prefix)) from None


def mend_document(model: type, document: dict[str, Any]) -> dict[str, Any]:
    """The document with unknown keys under the names that were meant, and without keys that are near to none or wrong.

    For looking on beyond a wrong key, not for use: what was meant is a guess.
    """
    mended = copy.deepcopy(document)
    for _ in range(MOST_MENDINGS):
        try:
            model(**mended)
        except ValidationError as error:
            meant = _misspelt(error, model)
            for one in _innermost(error):
                table = _table_at(mended, one["loc"][:-1])
                # A rule over several keys has the place of their table, which at the top has no name.
                if table is None or not one["loc"] or one["type"] == "missing":
                    continue
                value = table.pop(one["loc"][-1], None)
                if (name := meant.get(one["loc"])) is not None:
                    table.setdefault(name, value)
        else:
            break
    return mended


def _table_at(document: Any, location: Sequence[Any]) -> dict[str, Any] | None:
    current = document
    for part in location:
        try:
            current = current[part]
        except (KeyError, IndexError, TypeError):
            # The location of a union names its members too, which are no keys of the document.
            return None
    return current if isinstance(current, dict) else None


def _innermost(error: ValidationError) -> list[Any]:
    """Errors without those of a table that only say that something in it is wrong."""
    places = [one["loc"] for one in error.errors()]
    return [
        one for one, at in zip(error.errors(), places, strict=True)
        if not any(len(other) > len(at) and other[: len(at)] == at for other in places)
    ]  # fmt: skip


def _misspelt(error: ValidationError, model: type) -> dict[tuple[Any, ...], str]:
    """Location of an unknown key -> the name that is near to it."""
    found = {}
    for one in error.errors():
        if one["type"] == "extra_forbidden":
            near = nearest(str(one["loc"][-1]), _field_names(model, one["loc"][:-1]))
            if near is not None:
                found[one["loc"]] = near
    return found


def _faults_of(error: ValidationError, model: type, path: Path, prefix: str) -> list[CatalogFault]:
    """One fault for each key that is wrong, unknown keys first."""
    meant = _misspelt(error, model)
    # A misspelt key is both unknown and missing; the unknown one is what the person wrote.
    written = {(*location[:-1], name) for location, name in meant.items()}
    found = [one for one in _innermost(error) if one["type"] != "missing" or one["loc"] not in written]
    found.sort(key=lambda one: one["type"] != "extra_forbidden")
    return [_fault_of(one, meant.get(one["loc"]), model, path, prefix) for one in found]


def _fault_of(one: Any, meant: str | None, model: type, path: Path, prefix: str) -> CatalogFault:
    location = [str(part) for part in one["loc"]]
    key = ".".join([*([prefix] if prefix else []), *location])
    if one["type"] == "extra_forbidden":
        remedy = f"Did you mean {meant}?" if meant else "Remove the key."
        problem, expected = "the key is unknown", None
    elif one["type"] == "missing":
        remedy, problem, expected = "Add the key.", "the key is missing", _allowed(model, one["loc"])
    else:
        remedy, problem = "Correct the value.", f"the value {_shorten(one.get('input'))} is not allowed"
        expected = ALLOWED_ID if one["type"].startswith("string_") and _is_id(location) else one["msg"]
        if expected == ALLOWED_ID and isinstance(one.get("input"), str):
            problem += f" ({len(one['input'])} characters)"
    return CatalogFault(problem, subject=str(path), place=f"key {key}", expected=expected, remedy=remedy)


def _allowed(model: Any, location: Sequence[Any]) -> str | None:
    """The words that a key may have, where it has a choice of them."""
    owner = _model_at(model, location[:-1])
    field = getattr(owner, "model_fields", {}).get(location[-1])
    words = get_args(field.annotation) if field is not None and get_origin(field.annotation) is Literal else ()
    return f"one of {', '.join(map(str, words))}" if words else None


def _is_id(location: Sequence[str]) -> bool:
    return bool(location) and location[-1] in ("id", "source", "transcriptome", "method", "patients_of")


def _shorten(value: Any, most: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _field_names(model: Any, location: Sequence[Any]) -> list[str]:
    """Names of the keys that would have been allowed at ``location`` in ``model``."""
    return list(getattr(_model_at(model, location), "model_fields", ()))


def _model_at(model: Any, location: Sequence[Any]) -> Any:
    """The model of the table at ``location`` in ``model``, or None where there is no table."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        annotation = current.model_fields[part].annotation if part in getattr(current, "model_fields", {}) else None
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        current = next((c for c in candidates if hasattr(c, "model_fields")), None)
        if current is None:
            return None
    return current


def toml_string(text: str) -> str:
    """A TOML string in quotation marks: JSON's escapes are TOML's, and the one character that only TOML escapes."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def nearest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def by_id(entries: Iterable[Any], path: Path, key: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        if entry.id in found:
            raise CatalogFault(
                f"the id {entry.id} occurs twice",
                subject=str(path),
                place=f"key {key}.id",
                remedy="Rename one of them.",
            )
        found[entry.id] = entry
    return found


def require_known(name: str, known: Iterable[str], path: Path, place: str, what: str) -> None:
    """Raise CatalogFault, with the nearest known name, where ``name`` is none of ``known``."""
    known = list(known)
    if name not in known:
        near = nearest(name, known)
        raise CatalogFault(
            f"{what} {name} is not known",
            subject=str(path),
            place=place,
            remedy=f"Did you mean {near}?" if near else f"Declare it, or use one of: {', '.join(sorted(known))}.",
        )
