"""Study folders of laboratories: each `study.toml` read into the models of its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from resistance_assets.catalog.models.claim import Paper
from resistance_assets.catalog.models.lab_study import HUMAN, LocalStudy
from resistance_assets.catalog.models.study_kind import import_kinds, study_kind
from resistance_assets.catalog.toml_files import by_id, parse, read_toml, require_known
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
            if study.study.paper is not None:
                require_known(study.study.paper, papers, folder / "study.toml", "key study.paper", "paper")
            asked = (
                *study.contrasts, *study.interactions, *study.intersections, *study.gene_lists, *study.collections
            )  # fmt: skip
            names = {study.id, *(one.id for one in asked)}
            if twice := sorted(names & taken):
                raise CatalogFault(
                    f"the id {twice[0]} is already taken by another study, contrast, intersection or list",
                    subject=str(folder / "study.toml"),
                    remedy="Give the study and each of its contrasts and intersections an id of its own.",
                )
        except CatalogFault as fault:
            faults.append((folder, fault))
            continue
        taken |= names
        local[study.id] = study
    return local, faults


def load_local_study(folder: Path) -> LocalStudy:
    """Read a study folder's `study.toml`; its tables are only looked for, not read.

    Raises:
        CatalogFault: the file is missing, is not TOML, has an unknown or missing key, or names a table that is absent.
    """
    path = folder / "study.toml"
    document = read_toml(path)
    table = document.get("study")
    kind = study_kind(table.get("kind") if isinstance(table, dict) else None, subject=str(path), place="key study.kind")
    study = LocalStudy(folder=folder, kind=kind, file=parse(kind.model, document, path))
    asked = (*study.contrasts, *study.interactions, *study.intersections, *study.gene_lists, *study.collections)
    by_id(study.contrasts, path, "contrast")
    by_id(asked, path, "contrast, interaction, intersection, gene_list or collection")
    _check_organism(study, path)
    for file in (*study.files, *study.list_files):
        if not file.is_file():
            raise CatalogFault(
                f"the table {file.name} is not in the folder",
                subject=str(path),
                expected=f"a file {file}",
                remedy="Put the table there, or correct its name in study.toml.",
            )
    return study


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
