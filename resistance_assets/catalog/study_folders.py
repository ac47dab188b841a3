"""Study folders of laboratories: each `study.toml` read into the models of its kind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from resistance_assets.catalog.models.claim import Paper
from resistance_assets.catalog.models.lab_study import HUMAN, LocalStudy
from resistance_assets.catalog.models.study_kind import STUDY_KINDS, StudyKind, import_kinds, study_kind
from resistance_assets.catalog.toml_files import by_id, mend_document, nearest, parse, read_toml, require_known
from resistance_assets.errors import CatalogFault

import_kinds()


def load_local_studies(
    study_dirs: Iterable[Path], taken: set[str], papers: Mapping[str, Paper]
) -> tuple[dict[str, LocalStudy], list[tuple[Path, CatalogFault]]]:
    """Studies of laboratories by their ids, and the folders that were left out with the fault.

    Args:
        taken: ids that studies, contrasts and intersections may not have.
        papers: that a study may name.
    """
    local: dict[str, LocalStudy] = {}
    faults: list[tuple[Path, CatalogFault]] = []
    taken = set(taken)
    for folder in _study_folders(study_dirs):
        try:
            study = load_local_study(folder)
            names = _check_names(study, taken, papers)
        except CatalogFault as fault:
            faults.extend((folder, one) for one in fault.all)
            continue
        taken |= names
        local[study.id] = study
    return local, faults


def _check_names(study: LocalStudy, taken: set[str], papers: Mapping[str, Paper]) -> set[str]:
    """Ids of a study and of what it asks, none of which may be taken.

    Raises:
        CatalogFault: of every one that is, and of an unknown paper.
    """
    path, found = study.folder / "study.toml", []
    if study.study.paper is not None:
        with _kept(found):
            require_known(study.study.paper, papers, path, "key study.paper", "paper")
    names = {study.id, *(one.id for one in _asked(study))}
    found += [
        CatalogFault(
            f"the id {name} is already taken by another study, contrast, intersection or list",
            subject=str(path),
            remedy="Give the study and each of its contrasts and intersections an id of its own.",
        )
        for name in sorted(names & taken)
    ]
    if found:
        raise CatalogFault.of_several(found)
    return names


def _asked(study: LocalStudy) -> tuple[Any, ...]:
    """What a study asks and brings, each under an id."""
    return (*study.contrasts, *study.interactions, *study.intersections, *study.gene_lists, *study.collections)


def load_local_study(folder: Path) -> LocalStudy:
    """Read a study folder's `study.toml`; its tables are only looked for, not read.

    Raises:
        CatalogFault: the file is missing, is not TOML, has an unknown or missing key, or names a table that is absent;
            the first of these faults, with the others in its `others`.
    """
    path = folder / "study.toml"
    document = read_toml(path)
    found: list[CatalogFault] = []
    kind, study = None, None
    with _kept(found):
        kind = _kind_of(document, path)
    if kind is None:
        kind, document = _nearest_kind(document)
    if kind is not None:
        with _kept(found):
            study = LocalStudy(folder, kind, parse(kind.model, document, path))
        if study is None:
            # A wrong key hides nothing else: the tables are looked for as if it were written rightly.
            study = guess_local_study(folder)
        if study is not None:
            found += _faults_beyond_keys(study)
    if found or study is None:
        raise CatalogFault.of_several(found)
    return study


def guess_local_study(folder: Path) -> LocalStudy | None:
    """The study as it may be meant, wrong keys mended or left out; None where that cannot be told.

    For finding faults alone.
    """
    path = folder / "study.toml"
    with contextlib.suppress(CatalogFault):
        kind, document = _nearest_kind(read_toml(path))
        if kind is not None:
            return LocalStudy(folder, kind, parse(kind.model, mend_document(kind.model, document), path))
    return None


def lists_of_left_out(faults: Iterable[tuple[Path, CatalogFault]], in_use: Mapping[str, LocalStudy]) -> dict[str, str]:
    """Contrast or gene list of a study that was left out -> name of its folder, where its study.toml can be read."""
    folders = {folder for folder, _ in faults} - {study.folder for study in in_use.values()}
    guessed = ((folder.name, guess_local_study(folder)) for folder in folders)
    return {
        one.id: name for name, study in guessed if study is not None for one in (*study.contrasts, *study.gene_lists)
    }


def _kind_of(document: dict[str, Any], path: Path) -> StudyKind:
    table = document.get("study")
    name = table.get("kind") if isinstance(table, dict) else None
    return study_kind(name, subject=str(path), place="key study.kind")


def _nearest_kind(document: dict[str, Any]) -> tuple[StudyKind | None, dict[str, Any]]:
    """The kind that a study names, or may mean, and the document with its name; None if none is near."""
    table = document.get("study")
    name = table.get("kind") if isinstance(table, dict) else None
    known = [kind.name for kind in STUDY_KINDS.values() if not kind.is_public]
    near = nearest(name, known) if isinstance(name, str) else None
    if near is None or not isinstance(table, dict):
        return None, document
    return STUDY_KINDS[near], {**document, "study": {**table, "kind": near}}


@contextlib.contextmanager
def _kept(found: list[CatalogFault]) -> Iterator[None]:
    """Faults of the block go into the list."""
    try:
        yield
    except CatalogFault as fault:
        found += fault.all


def _faults_beyond_keys(study: LocalStudy) -> list[CatalogFault]:
    """Ids that occur twice, an organism that is not mapped, and tables that are not there."""
    path, found = study.folder / "study.toml", []
    with _kept(found):
        by_id(study.contrasts, path, "contrast")
    if not found:
        with _kept(found):
            by_id(_asked(study), path, "contrast, interaction, intersection, gene_list or collection")
    with _kept(found):
        _check_organism(study, path)
    found += [
        CatalogFault(
            f"the table {file.name} is not in the folder",
            subject=str(path),
            expected=f"a file {file}",
            remedy="Put the table there, or correct its name in study.toml.",
        )
        for file in dict.fromkeys((*study.files, *study.list_files))
        if not file.is_file()
    ]
    return found


def _check_organism(study: LocalStudy, path: Path) -> None:
    """Refuse a study of another organism, unless it says through which table its genes are mapped to human ones."""
    if study.organism == HUMAN or not study.study.reads_genes:
        return
    if getattr(study.study, "map_orthologs", False) and study.study.orthologs:
        return
    raise CatalogFault(
        f"the study is of {study.organism[:60]}, and the genes here are human ones",
        subject=str(path),
        place="key study.organism",
        expected=HUMAN,
        remedy="Set map_orthologs = true and orthologs to a table with the columns human_symbol and, for example, "
        "mouse_symbol; the study's contrasts are then kept apart from human evidence.",
    )


def _study_folders(study_dirs: Iterable[Path]) -> list[Path]:
    folders: dict[Path, None] = {}
    for directory in study_dirs:
        if (directory / "study.toml").is_file():
            folders[directory.resolve()] = None
        elif directory.is_dir():
            for child in sorted(directory.iterdir()):
                if (child / "study.toml").is_file():
                    folders[child.resolve()] = None
        else:
            raise CatalogFault(
                "the folder does not exist",
                subject=str(directory),
                expected="a study folder (with study.toml) or a folder of study folders",
                remedy="Correct --studies, or create the folder.",
            )
    return list(folders)
