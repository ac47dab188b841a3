"""Study kind: what `[study] kind` (of a laboratory) or `kind` (of a public study) stands for, in one object per kind.

A kind is registered by the module of its models (`catalog/models/<kind>.py`, `catalog/models/study_kinds/<kind>.py`),
which is imported by itself; nothing else lists kinds. `docs/add_a_study_kind.md` shows every file of a new kind.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from resistance_assets.errors import CatalogFault

Measurement = Literal["counts", "array", "at_run_time"]


@dataclass(frozen=True)
class StudyKind:
    """A kind of study: how its TOML is read, which tables it fills, and who computes them.

    Attributes:
        name: the word in the TOML file.
        title: for people.
        model: of the whole `study.toml` (a `StudyFile`), or of a `[[study]]` of the catalog (a `PublicStudy`).
        reader: `module:function` that parses the files of a study; it raises a `DataFault` for what it cannot read.
        steps: `module:function` that takes a study and the registry and returns the steps of that study.
        tables: names of the published tables, raw and core alike, that the steps of a study write a partition of:
            `partition_of(table, study_id)`. The union over all studies is made for every table here that no step
            makes. Rejected rows are gathered without being named.
        measurement: what the samples are measured as, where contrasts between groups of samples can be computed from
            them: `counts`, `array`, or `at_run_time` where the data tell. None where there are none to compute.
        methods: methods that its contrasts may name; those of a finished table are `published`. Empty: its contrasts,
            if any, are none of gene expression, and no gene list comes from them.
        is_public: whether studies of the kind are declared in the catalog and not in a laboratory's folder.
    """

    name: str
    title: str
    model: type
    reader: str
    steps: str
    tables: Collection[str] = ()
    measurement: Measurement | None = None
    methods: tuple[str, ...] = ()
    is_public: bool = False


STUDY_KINDS: dict[str, StudyKind] = {}
"""Every kind by its name, filled by `register_study_kind`."""


def register_study_kind(kind: StudyKind) -> StudyKind:
    """Make a kind known. Raises ValueError if its name is taken."""
    if kind.name in STUDY_KINDS:
        raise ValueError(f"the study kind {kind.name} is registered twice")
    STUDY_KINDS[kind.name] = kind
    return kind


def study_kind(name: Any, *, subject: str, place: str) -> StudyKind:
    """The kind of a laboratory's study by its name.

    Args:
        name: as the file gives it, of any type.
        subject, place: the file and the key, for the error.

    Raises:
        CatalogFault: there is no such kind; the kinds and the nearest of them are named.
    """
    known = {kind.name: kind for kind in STUDY_KINDS.values() if not kind.is_public}
    if isinstance(name, str) and name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    raise CatalogFault(
        f"study.kind is {name!r}" if name is not None else "study.kind is missing",
        subject=subject,
        place=place,
        expected=f"one of {', '.join(sorted(known))}",
        remedy=f"Set it to {near[0]}." if near else "Set it to one of these.",
    )


def entry_point(text: str) -> Callable[..., Any]:
    """The function that `module:function` names. Imports the module.

    Raises:
        ImportError, AttributeError: there is no such module or function: a fault of the program.
    """
    module, _, function = text.partition(":")
    return getattr(importlib.import_module(module), function)


def import_kinds() -> None:
    """Import every module of models, each of which registers the kinds that it describes."""
    package = importlib.import_module("resistance_assets.catalog.models")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)


def files_in(folder: Path, names: tuple[str | None, ...]) -> tuple[Path, ...]:
    """Paths of the files that a study names, in a fixed order; what is not named is left out."""
    return tuple(folder / name for name in names if name is not None)
