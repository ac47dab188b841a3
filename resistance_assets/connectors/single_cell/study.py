"""Samples of a single-cell study, in whatever form their files have."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.study_kinds.single_cell import HDF5, CellSample, files_of
from resistance_assets.connectors.formats.delimited import missing_column
from resistance_assets.connectors.lab_study.table_text import NULLS, split_table
from resistance_assets.connectors.single_cell.dense_table import read_dense_table
from resistance_assets.connectors.single_cell.hdf5 import read_hdf5
from resistance_assets.connectors.single_cell.tenx import TenxSample, read_sample, shape_sample
from resistance_assets.errors import DataFault


def read_samples(local: LocalStudy, samples: Sequence[CellSample]) -> dict[str, TenxSample]:
    """Counts of samples that lie in the same files: one, or all of a matrix that holds several.

    Raises:
        DataFault: as the readers of each form; no barcode of a sample reaches minimum_umi molecules; two features have
            one id; a sample has no cell in the common matrix.
    """
    whole = _read_counts(local, samples[0])
    if local.study.table_of_samples is None:
        return {samples[0].id: _checked(whole, f"{local.id}/{samples[0].id}", local.study.minimum_umi)}
    return {
        sample: _checked(own, f"{local.id}/{sample}", local.study.minimum_umi)
        for sample, own in _divide(local, whole, [sample.id for sample in samples]).items()
    }


def read_study_sample(local: LocalStudy, sample: CellSample) -> TenxSample:
    """Counts of one sample. Raises DataFault as `read_samples`."""
    return read_samples(local, [sample])[sample.id]


def _read_counts(local: LocalStudy, sample: CellSample) -> TenxSample:
    study = local.study
    common = study.counts is not None
    subject = local.id if common else f"{local.id}/{sample.id}"
    single = _single_file(files_of(local.folder, study, sample), subject)
    if single is None:
        found = read_sample(local.folder, study.counts or sample.path or sample.id, study=local.id)
    else:
        read = read_hdf5 if single.suffix.lower() in HDF5 else read_dense_table
        counts, barcodes, features = read(single, subject=subject)
        found = shape_sample(counts, barcodes, features, subject=subject, named=f"{subject}/{single.name}")
    ids = found.features["feature_id"]
    if ids.n_unique() < ids.len():
        repeated = ids.filter(ids.is_duplicated())
        raise DataFault(
            f"{repeated.n_unique():,} features stand more than once, such as {repeated[0][:40]}",
            subject=subject,
            expected="each feature id once",
            remedy="Name features by ids, or find out which row is right.",
        )
    if found.features["species"].null_count() == found.features.height:
        found = dataclasses.replace(found, features=found.features.with_columns(species=pl.lit(study.species)))
    return found


def _single_file(files: tuple[Path, ...], subject: str) -> Path | None:
    """The file, where it holds matrix, barcodes and features in one; None for 10x folders."""
    if any(".mtx" in path.name for path in files):
        return None
    if len(files) > 1:
        raise DataFault(
            f"has several files: {', '.join(path.name for path in files[:6])}",
            subject=subject,
            expected="one with the counts of the sample",
            remedy="Name it as the sample's path in study.toml.",
        )
    return files[0] if files and files[0].is_file() else None


def _checked(found: TenxSample, subject: str, least_umi: int) -> TenxSample:
    most = int(np.asarray(found.counts.sum(axis=1)).max(initial=0))
    if most < least_umi:
        raise DataFault(
            f"no barcode reaches {least_umi} molecules (the largest has {most})",
            subject=subject,
            expected="cells among the barcodes",
            remedy="Give the counts of the cells: these are empty droplets. Of a panel of few genes, set minimum_umi.",
        )
    return found


def _divide(local: LocalStudy, whole: TenxSample, samples: Sequence[str]) -> dict[str, TenxSample]:
    """The cells of each sample of a matrix that holds several."""
    name = local.study.table_of_samples
    table = read_table(local, name)
    for column in ("barcode", "sample_id"):
        if column not in table.columns:
            raise missing_column(column, table.columns, source=f"{local.id}/{name}")
    repeated = table.filter(pl.col("barcode").is_duplicated())
    if repeated.height:
        raise DataFault(
            f"barcode {repeated['barcode'][0][:40]} is of several samples or stands twice",
            subject=f"{local.id}/{name}",
            expected="each barcode of the common matrix once",
            remedy="Give each sample its own matrix, or barcodes that tell the samples apart.",
        )
    of_cell = pl.DataFrame({"barcode": whole.barcodes}).join(table, on="barcode", how="left", maintain_order="left")
    known = of_cell["sample_id"]
    found = {}
    for sample in samples:
        kept = (known == sample).fill_null(False).to_numpy()
        if not kept.any():
            raise DataFault(
                f"no cell of the matrix is of sample {sample}",
                subject=f"{local.id}/{name}",
                expected=f"one of {', '.join(known.drop_nulls().unique().sort().head(8)) or 'the barcodes'}",
                remedy="Correct the sample's id, or the column sample_id.",
            )
        barcodes = [barcode for barcode, one in zip(whole.barcodes, kept, strict=True) if one]
        found[sample] = dataclasses.replace(whole, counts=sparse.csr_matrix(whole.counts[kept]), barcodes=barcodes)
    others = known.null_count() + int((~known.drop_nulls().is_in(list(samples))).sum())
    if others:
        first, told = samples[0], f"{others:,} cells of the common matrix are of none of the samples"
        found[first] = dataclasses.replace(found[first], notes=(*found[first].notes, told))
    return found


def read_table(local: LocalStudy, name: str) -> pl.DataFrame:
    """A table of the study with one row per cell, its columns as text and under our names."""
    text = split_table(local.folder / name, source=f"{local.id}/{name}")
    frame = text.frame(nulls=NULLS)
    for ours, theirs in local.study.label_columns.items():
        if theirs not in frame.columns:
            raise missing_column(theirs, frame.columns, source=f"{local.id}/{name}")
        frame = frame.with_columns(pl.col(theirs).alias(ours))
    return frame.with_columns(pl.all().str.strip_chars().replace("", None))
