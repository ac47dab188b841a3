"""10x folders of one sample: matrix, barcodes and features, in the layouts that pipelines and GEO use.

Read are `matrix.mtx` with `barcodes.tsv` and `features.tsv` (three columns, from Cell Ranger 3 on) or `genes.tsv` (two,
before), plain or gzip, with any prefix (`GSM123_X1_matrix.mtx.gz`), and one folder per genome
(`filtered_gene_bc_matrices/hg19`), whose genes are put together. A symbol's genome prefix (`GRCh38_`, `mm10___`) says
the species.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from resistance_assets.catalog.models.study_kinds.single_cell import bears_id
from resistance_assets.connectors.single_cell.matrix_market import read_matrix, read_text
from resistance_assets.errors import DataFault

GENE_EXPRESSION = "Gene Expression"
# Genome names of reference packages -> species.
GENOMES = {
    "grch38": "human",
    "hg38": "human",
    "grch37": "human",
    "hg19": "human",
    "mm10": "mouse",
    "mm39": "mouse",
    "grcm38": "mouse",
    "grcm39": "mouse",
}
_PREFIX = re.compile(rf"(?P<genome>{'|'.join(GENOMES)})_+", re.IGNORECASE)
_MATRIX = re.compile(r"(?P<prefix>.*?)matrix\.mtx(?:\.gz)?")


@dataclass(frozen=True)
class TenxSample:
    """Counts of one sample.

    Attributes:
        counts: cells x features, CSR, whole numbers.
        barcodes: of the cells.
        features: feature_id, symbol (without its genome prefix), species (null without a prefix).
        notes: what was set aside, in words.
    """

    counts: sparse.csr_matrix
    barcodes: list[str]
    features: pl.DataFrame
    notes: tuple[str, ...]


def find_matrices(folder: Path, sample_id: str | None = None) -> list[Path]:
    """Matrix files of a sample: in its folder or below, or in the study's folder under the sample's prefix.

    Args:
        folder: of the study.
        sample_id: of the sample; its folder is looked at first, then files whose prefix names it.
    """
    own = folder / sample_id if sample_id else folder
    if own.is_dir():
        return sorted(path for path in own.rglob("*matrix.mtx*") if _MATRIX.fullmatch(path.name))
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _MATRIX.fullmatch(path.name)
        if match and sample_id and bears_id(match["prefix"], sample_id):
            found.append(path)
    return found


def read_sample(folder: Path, sample_id: str, *, study: str) -> TenxSample:
    """Counts of one sample of a study.

    Args:
        folder: of the study.
        sample_id: names the sample's folder, or is part of its files' prefix.
        study: named in errors.

    Raises:
        DataFault: there are no such files; matrix, barcodes and features disagree; a barcode stands twice; no counts.
    """
    subject = f"{study}/{sample_id}"
    matrices = find_matrices(folder, sample_id)
    if not matrices:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) if folder.is_dir() else "no such folder"
        raise DataFault(
            "has no folder and no matrix.mtx of its name",
            subject=subject,
            expected=f"{sample_id}/matrix.mtx.gz or *{sample_id}*matrix.mtx.gz",
            remedy=f"Correct sample_id in the sample sheet, or add the files (in the folder: {there}).",
        )
    parts = [_read_one(path, subject) for path in matrices]
    if len(parts) == 1:
        return parts[0]
    return _join_genomes(parts, subject)


def _beside(matrix: Path, *names: str) -> Path | None:
    prefix = _MATRIX.fullmatch(matrix.name)["prefix"]  # pyright: ignore[reportOptionalSubscript]
    for name in names:
        for ending in ("", ".gz"):
            path = matrix.with_name(f"{prefix}{name}{ending}")
            if path.exists():
                return path
    return None


def _read_one(path: Path, subject: str) -> TenxSample:
    by_feature = read_matrix(path, subject=subject)
    barcode_file = _beside(path, "barcodes.tsv")
    feature_file = _beside(path, "features.tsv", "genes.tsv")
    if barcode_file is None or feature_file is None:
        missing = "barcodes.tsv" if barcode_file is None else "features.tsv (or genes.tsv)"
        raise DataFault(
            f"{missing} is missing beside {path.name}",
            subject=subject,
            remedy="Put the three files of the sample there.",
        )
    barcodes = read_text(barcode_file, subject=subject).decode("utf-8", "replace").split()
    features = _read_features(feature_file, subject)
    _check_axes(by_feature, features.height, len(barcodes), f"{subject}/{path.name}")
    _check_barcodes(barcodes, f"{subject}/{barcode_file.name}")
    return shape_sample(
        sparse.csr_matrix(by_feature.T), barcodes, features, subject=subject, named=f"{subject}/{path.name}"
    )


def shape_sample(
    counts: sparse.csr_matrix, barcodes: list[str], features: pl.DataFrame, *, subject: str, named: str
) -> TenxSample:
    """Counts as a sample: genes alone, species by their prefix.

    Args:
        counts: cells x features.
        features: feature_id, symbol, feature_type.
        subject, named: sample and file, for errors.

    Raises:
        DataFault: a barcode stands twice; there are no counts.
    """
    _check_barcodes(barcodes, named)
    if counts.nnz == 0:
        raise DataFault("holds no counts", subject=named, remedy="Give the filtered or raw counts of the sample.")
    features = _with_species(features)
    notes: tuple[str, ...] = ()
    other = (features["feature_type"] != GENE_EXPRESSION).to_numpy()
    if other.any():
        kinds = ", ".join(sorted(set(features["feature_type"].filter(pl.Series(other)))))
        notes = (f"{int(other.sum())} features of type {kinds} were set aside",)
        counts = sparse.csr_matrix(counts[:, ~other])
        features = features.filter(pl.Series(~other))
    return TenxSample(counts, barcodes, features.drop("feature_type"), notes)


def _read_features(path: Path, subject: str) -> pl.DataFrame:
    rows = []
    for line, text in enumerate(read_text(path, subject=subject).decode("utf-8", "replace").splitlines(), start=1):
        if not text.strip():
            continue
        cells = text.split("\t")
        if len(cells) < 2 or not cells[0].strip():
            raise DataFault(
                f"{text[:60]!r} is no feature",
                subject=f"{subject}/{path.name}",
                place=f"line {line}",
                expected="id, symbol and (from Cell Ranger 3 on) type, separated by tabs",
                remedy="Correct the line.",
            )
        kind = cells[2].strip() if len(cells) > 2 and cells[2].strip() else GENE_EXPRESSION
        rows.append((cells[0].strip(), cells[1].strip(), kind))
    return pl.DataFrame(rows, schema=["feature_id", "symbol", "feature_type"], orient="row")


def _with_species(frame: pl.DataFrame) -> pl.DataFrame:
    genome = [_PREFIX.match(identifier) for identifier in frame["feature_id"]]
    species = [GENOMES[match["genome"].lower()] if match else None for match in genome]
    symbols = [_PREFIX.sub("", symbol, count=1) if _PREFIX.match(symbol) else symbol for symbol in frame["symbol"]]
    return frame.with_columns(symbol=pl.Series(symbols, dtype=pl.String), species=pl.Series(species, dtype=pl.String))


def _check_axes(matrix: sparse.csc_matrix, n_features: int, n_barcodes: int, named: str) -> None:
    rows, columns = matrix.get_shape()
    if (rows, columns) == (n_features, n_barcodes):
        return
    if (rows, columns) == (n_barcodes, n_features):
        problem = f"is {rows:,} x {columns:,}, which fits {n_barcodes:,} barcodes x {n_features:,} features"
        raise DataFault(
            f"{problem}: it looks transposed",
            subject=named,
            expected="features in rows and barcodes in columns",
            remedy="Write it the other way round, as the pipeline does.",
        )
    wrong = []
    if rows != n_features:
        wrong.append(f"{rows:,} rows and {n_features:,} features")
    if columns != n_barcodes:
        wrong.append(f"{columns:,} columns and {n_barcodes:,} barcodes")
    raise DataFault(
        f"has {' and '.join(wrong)}",
        subject=named,
        expected="a row per feature and a column per barcode",
        remedy="The three files are not of one run, or one is cut: copy all three again.",
    )


def _check_barcodes(barcodes: list[str], named: str) -> None:
    seen: dict[str, int] = {}
    for line, barcode in enumerate(barcodes, start=1):
        if barcode in seen:
            raise DataFault(
                f"barcode {barcode[:40]} stands in line {seen[barcode]} already",
                subject=named,
                place=f"line {line}",
                expected="each barcode once",
                remedy="The file may be of several samples: give each its own folder.",
            )
        seen[barcode] = line


def _join_genomes(parts: list[TenxSample], subject: str) -> TenxSample:
    """Genes of several genomes that were written apart, for the same barcodes."""
    order = list(dict.fromkeys(barcode for part in parts for barcode in part.barcodes))
    ids = [identifier for part in parts for identifier in part.features["feature_id"]]
    if len(set(ids)) < len(ids):
        raise DataFault(
            "has several matrices with the same features",
            subject=subject,
            expected="one matrix per sample, or one per genome",
            remedy="Give raw and filtered counts in folders of their own, or keep one of them.",
        )
    place = {barcode: at for at, barcode in enumerate(order)}
    blocks = []
    for part in parts:
        at = np.array([place[barcode] for barcode in part.barcodes])
        spread = sparse.csr_matrix((np.ones(len(at), dtype=np.int64), (at, np.arange(len(at)))), (len(order), len(at)))
        blocks.append(spread @ part.counts)
    return TenxSample(
        sparse.csr_matrix(sparse.hstack(blocks)),
        order,
        pl.concat(part.features for part in parts),
        tuple(note for part in parts for note in part.notes),
    )
