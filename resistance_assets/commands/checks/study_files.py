"""What `doctor` finds in the folders of laboratory studies: every fault of every study, before a run meets the first.

Here belongs joining what the catalog, the readers of tables and the designs say of one study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resistance_assets.errors import Fault

if TYPE_CHECKING:
    from resistance_assets.catalog.models.lab_study import LocalStudy
    from resistance_assets.catalog.registry import Registry


def faults_of_studies(registry: Registry) -> list[tuple[str, str]]:
    """Name of the study's folder and what is wrong, in the order of the folders; studies that were left out included.

    Of a study whose study.toml has a misspelt key the tables are looked at too, as if it were written rightly.
    """
    from resistance_assets.catalog.study_folders import guess_local_study

    found: dict[str, list[str]] = {}
    for folder, fault in registry.study_faults:
        found.setdefault(str(folder), []).append(str(fault))
    studies = {str(local.folder.resolve()): local for local in registry.local_studies.values()}
    for folder in {folder for folder, _ in registry.study_faults}:
        if str(folder) not in studies and (guess := guess_local_study(folder)) is not None:
            studies[str(folder)] = guess
    for folder, local in studies.items():
        found.setdefault(folder, []).extend(_told(local))
    return [
        (folder.rpartition("/")[2], line) for folder, lines in sorted(found.items()) for line in dict.fromkeys(lines)
    ]


def _told(local: LocalStudy) -> list[str]:
    """Faults of the tables of a study and of the designs of its contrasts, in words."""
    from resistance_assets.connectors.lab_study.table_checks import faults_of_tables, sheet_of

    if any(not path.is_file() for path in local.files):
        return []  # study.toml's own fault says so
    try:
        sheet, source = sheet_of(local)
    except Fault as fault:
        return [str(fault)]
    lines = []
    if sheet is not None:
        from resistance_assets.defs.core.deg.declared import contrast_of
        from resistance_assets.science.deg.design_faults import faults_of_design, faults_of_interaction

        for contrast in local.contrasts:
            lines += [f"{source}: {fault}" for fault in faults_of_design(sheet, contrast_of(contrast))]
        for one in local.interactions:
            declared = (one.id, one.factor, one.levels)
            lines += [f"{source}: {fault}" for fault in faults_of_interaction(sheet, *declared)]
    return [*lines, *(str(fault) for fault in faults_of_tables(local))]
