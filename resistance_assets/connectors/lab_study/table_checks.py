"""Faults of a study's tables, every one that can be told at once, without writing anything.

A reader stops at the first fault, because nothing can be done with the rest. Somebody who prepares a study wants to
hear of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy, ResultFile
from resistance_assets.catalog.models.study_kind import entry_point
from resistance_assets.connectors.formats.delimited import missing_column
from resistance_assets.connectors.lab_study.layers import read_layers
from resistance_assets.connectors.lab_study.local_study import alike_in_meaning, read_counts, read_matrix
from resistance_assets.connectors.lab_study.sample_sheet import read_sample_sheet
from resistance_assets.connectors.lab_study.study import layout_of
from resistance_assets.connectors.lab_study.table_text import name_of, split_table
from resistance_assets.errors import Fault

LARGEST_READ_BYTES = 100_000_000
"""Of larger studies the headers alone are looked at."""


def sheet_of(local: LocalStudy) -> tuple[pl.DataFrame | None, str]:
    """The sample sheet of a study of expression, None where the kind has none, and its name in messages.

    Raises DataFault as `read_sample_sheet`.
    """
    name = getattr(local.study, "samples", None)
    if local.kind.measurement not in ("counts", "array") or not name:
        return None, ""
    path = local.folder / name
    return read_sample_sheet(path, study=local.id), name_of(path, local.id)


def faults_of_tables(local: LocalStudy) -> list[Fault]:
    """What is wrong with the files of a study: columns that are missing, and what each of its readers refuses first."""
    found: list[Fault] = []
    for faults in (_of_follow_up, _of_probes, _of_published):
        with_faults(found, lambda faults=faults: found.extend(faults(local)))
    if not is_read_whole(local):
        return found
    if found:
        # The reader of the study would tell these again, and not whether its tables name the same samples.
        with_faults(found, lambda: _compare_samples(local))
        return found
    if local.kind.name == "single_cell":
        return _of_cells(local)
    with_faults(found, lambda: entry_point(local.kind.reader)(local))
    with_faults(found, lambda: read_layers(local))
    return found


def is_read_whole(local: LocalStudy) -> bool:
    """Whether a study's files are small enough to be read for looking."""
    return sum(path.stat().st_size for path in local.files if path.is_file()) <= LARGEST_READ_BYTES


def with_faults(found: list[Fault], work: Callable[[], Any]) -> None:
    """Do something, and keep the fault that ends it."""
    try:
        work()
    except Fault as fault:
        found.append(fault)


def _compare_samples(local: LocalStudy) -> None:
    """Read the matrix of a study of expression beside its sheet. Raises DataFault as its readers."""
    study = local.study
    if local.kind.measurement == "counts":
        read_counts(local.folder / study.counts, local.folder / study.samples, study=local.id, layout=layout_of(study))
    elif local.kind.measurement == "array":
        read_matrix(local.folder / study.matrix, local.folder / study.samples, study=local.id)


def _of_follow_up(local: LocalStudy) -> Iterable[Fault]:
    """Columns that [survival] names and the sheet lacks; a sheet that cannot be read."""
    sheet, source = sheet_of(local)
    if sheet is None or local.survival is None:
        return []
    return _lacking(dict.fromkeys(local.survival.columns), sheet.columns, source, "[survival]")


def _of_probes(local: LocalStudy) -> Iterable[Fault]:
    """Columns of the annotation of an array that study.toml names."""
    if local.kind.measurement != "array":
        return []
    path = local.folder / local.study.probes
    header = _header(path, local.id)
    return _lacking((local.study.probe_column, local.study.symbol_column), header, name_of(path, local.id), "[study]")


def _of_published(local: LocalStudy) -> Iterable[Fault]:
    """Columns of published tables that study.toml names."""
    if not isinstance(local.file, ResultFile):
        return []
    found: list[Fault] = []
    for contrast in local.contrasts:
        path = local.folder / contrast.table
        if not path.is_file():
            continue
        header = _header(path, local.id)
        for ours, column in contrast.columns.model_dump(exclude_none=True).items():
            if column not in header:
                fault = missing_column(column, alike_in_meaning(ours, header), source=name_of(path, local.id))
                found.append(_placed(fault, f"header, contrast {contrast.id}, key columns.{ours}"))
    return found


def _of_cells(local: LocalStudy) -> list[Fault]:
    """Labels of cells, and the counts of every sample, or of the matrix that holds all of them."""
    from resistance_assets.connectors.single_cell.study import read_samples, read_table

    study, found = local.study, []
    if study.labels is not None:
        with_faults(found, lambda: read_table(local, study.labels))
    if study.type_counts is None:
        of_files = [local.file.sample] if study.counts is not None else [[one] for one in local.file.sample]
        for samples in of_files:
            with_faults(found, lambda samples=samples: read_samples(local, samples))
    return found


def _header(path: Path, study: str) -> list[str]:
    return list(split_table(path, source=name_of(path, study), unnamed_first="feature").header)


def _lacking(names: Iterable[str], present: list[str], source: str, table: str) -> list[Fault]:
    faults = [missing_column(name, present, source=source) for name in names if name not in present]
    return [_placed(fault, f"header, asked by {table} of study.toml") for fault in faults]


def _placed(fault: Fault, place: str) -> Fault:
    remedy = "Correct the name in study.toml, or in the file's header."
    return type(fault)(fault.problem, subject=fault.subject, place=place, expected=fault.expected, remedy=remedy)
