"""A sample of a single-cell study, in whatever form its files have."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
from scipy import sparse

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.study_kinds.single_cell import CellSample, sample_files
from resistance_assets.connectors.formats.delimited import missing_column
from resistance_assets.connectors.lab_study.table_text import NULLS, split_table
from resistance_assets.connectors.single_cell.dense_table import read_dense_table
from resistance_assets.connectors.single_cell.hdf5 import read_hdf5
from resistance_assets.connectors.single_cell.tenx import TenxSample, read_sample, shape_sample
from resistance_assets.errors import DataFault

LEAST_UMI = 200
HDF5 = (".h5", ".h5ad", ".hdf5")


def read_study_sample(local: LocalStudy, sample: CellSample) -> TenxSample:
    """Counts of one sample.

    Raises:
        DataFault: as the readers of each form; no barcode reaches 200 molecules; two features have one id.
    """
    subject = f"{local.id}/{sample.id}"
    path = local.folder / (sample.path or sample.id)
    single = path if path.is_file() else next((p for p in _single_files(local, sample)), None)
    if single is None:
        found = read_sample(local.folder, sample.path or sample.id, study=local.id)
    else:
        read = read_hdf5 if single.suffix.lower() in HDF5 else read_dense_table
        counts, barcodes, features = read(single, subject=subject)
        found = shape_sample(counts, barcodes, features, subject=subject, named=f"{subject}/{single.name}")
    if local.study.sample_cells:
        found = _own_cells(local, sample, found)
    ids = found.features["feature_id"]
    if ids.n_unique() < ids.len():
        raise DataFault(
            f"feature {ids.filter(ids.is_duplicated())[0]} stands more than once",
            subject=subject,
            expected="each feature id once",
            remedy="Name features by ids, or find out which row is right.",
        )
    most = int(np.asarray(found.counts.sum(axis=1)).max(initial=0))
    if most < LEAST_UMI:
        raise DataFault(
            f"no barcode reaches {LEAST_UMI} molecules (the largest has {most})",
            subject=subject,
            remedy="These are empty droplets: give the counts of the cells.",
        )
    if found.features["species"].null_count() == found.features.height:
        found = dataclasses.replace(found, features=found.features.with_columns(species=pl.lit(local.study.species)))
    return found


def _single_files(local: LocalStudy, sample: CellSample) -> list:
    found = sample_files(local.folder, sample)
    return [p for p in found if p.is_file() and ".mtx" not in p.name] if len(found) == 1 else []


def _own_cells(local: LocalStudy, sample: CellSample, whole: TenxSample) -> TenxSample:
    """The cells of one sample of a matrix that holds several."""
    table = read_table(local, local.study.sample_cells)
    for name in ("barcode", "sample_id"):
        if name not in table.columns:
            raise missing_column(name, table.columns, source=f"{local.id}/{local.study.sample_cells}")
    own = set(table.filter(pl.col("sample_id") == sample.id)["barcode"])
    kept = np.array([barcode in own for barcode in whole.barcodes], dtype=bool)
    if not kept.any():
        raise DataFault(
            f"no cell of the matrix is of sample {sample.id}",
            subject=f"{local.id}/{local.study.sample_cells}",
            remedy="Correct the sample's id, or the column sample_id.",
        )
    barcodes = [barcode for barcode, one in zip(whole.barcodes, kept, strict=True) if one]
    return dataclasses.replace(whole, counts=sparse.csr_matrix(whole.counts[kept]), barcodes=barcodes)


def read_table(local: LocalStudy, name: str) -> pl.DataFrame:
    """A table of the study with one row per cell, its columns as text and under our names."""
    text = split_table(local.folder / name, source=f"{local.id}/{name}")
    frame = text.frame(nulls=NULLS)
    given = {theirs: ours for ours, theirs in local.study.label_columns.items() if theirs in frame.columns}
    return frame.drop([ours for ours in given.values() if ours in frame.columns and ours not in given]).rename(given)
