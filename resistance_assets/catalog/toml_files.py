"""TOML files of the catalog: read, parsed into models, with errors that name file, key and remedy."""

from __future__ import annotations

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
    try:
        return model(**document)
    except ValidationError as error:
        # A misspelt key is both unknown and missing; the unknown one is what the person wrote.
        first = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
        location = [str(part) for part in first["loc"]]
        key = ".".join([*([prefix] if prefix else []), *location])
        if first["type"] == "extra_forbidden":
            near = nearest(location[-1], _field_names(model, first["loc"][:-1]))
            remedy = f"Did you mean {near}?" if near else "Remove the key."
            problem, expected = "the key is unknown", None
        elif first["type"] == "missing":
            remedy, problem, expected = "Add the key.", "the key is missing", _allowed(model, first["loc"])
        else:
            remedy, problem = "Correct the value.", f"the value {_shorten(first.get('input'))} is not allowed"
            expected = ALLOWED_ID if first["type"].startswith("string_") and _is_id(location) else first["msg"]
            if expected == ALLOWED_ID and isinstance(first.get("input"), str):
                problem += f" ({len(first['input'])} characters)"
        raise CatalogFault(problem, subject=str(path), place=f"key {key}", expected=expected, remedy=remedy) from None


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
