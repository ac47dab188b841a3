"""Single cells: 50,000 cells x 20,000 genes in ten samples, from 10x files to the tables of a study, and one gene.

Each case is a dict, as in `survival_screen`. The peer is scanpy (extra `crosscheck`) on the same files, as far as it
does the same: reading .h5 files and matrix.mtx.gz, quality, sums and means by type. Ours also writes the counts and
tests, which the peer does not.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks._folder import bench_folder

SAMPLES, CELLS, GENES, TYPES = 10, 5_000, 20_000, 8
GENES_PER_CELL = 1_500


@cache
def _study() -> Path:
    """A study folder: one sample's counts, made once and linked ten times, and labels of all cells."""
    import h5py

    folder = bench_folder() / "cells"
    folder.mkdir()
    random = np.random.default_rng(20240501)
    weight = random.lognormal(0.0, 2.0, GENES)
    share = np.minimum(weight / weight.sum() * GENES_PER_CELL * 2.2, 0.95)
    rows = []
    for _ in range(0, CELLS, 500):
        there = random.random((500, GENES), dtype=np.float32) < share
        block = sparse.csr_matrix(there, dtype=np.int32)
        block.data = 1 + random.poisson(0.6, block.nnz).astype(np.int32)
        rows.append(block)
    counts = sparse.csr_matrix(sparse.vstack(rows))
    barcodes = ["".join(one) + "-1" for one in random.choice(list("ACGT"), size=(CELLS, 16))]
    with h5py.File(folder / "counts.h5", "w") as file:
        matrix = file.create_group("matrix")
        for name in ("data", "indices", "indptr"):
            matrix.create_dataset(name, data=getattr(counts, name), compression="gzip", compression_opts=1)
        matrix.create_dataset("shape", data=np.array([GENES, CELLS]))
        matrix.create_dataset("barcodes", data=np.array(barcodes, dtype="S"))
        features = matrix.create_group("features")
        for name, values in (("id", [f"ENSG{at:011d}" for at in range(GENES)]),
                             ("name", [f"G{at}" for at in range(GENES)]),
                             ("feature_type", ["Gene Expression"] * GENES)):  # fmt: skip
            features.create_dataset(name, data=np.array(values, dtype="S"))
    text = '[study]\nid = "bench"\ntitle = "Bench"\norganism = "Homo sapiens"\nkind = "single_cell"\n'
    text += 'labels = "labels.tsv"\n'
    text += '[[comparison]]\nid = "c"\nnumerator = "a"\ndenominator = "b"\n'
    lines = ["sample_id\tbarcode\tcell_type"]
    for at in range(SAMPLES):
        (folder / f"S{at}.h5").symlink_to(folder / "counts.h5")
        text += f'[[sample]]\nid = "S{at}"\npath = "S{at}.h5"\narm = "{"ab"[at % 2]}"\n'
        lines += [f"S{at}\t{barcode}\tT{cell % TYPES}" for cell, barcode in enumerate(barcodes)]
    (folder / "labels.tsv").write_text("\n".join(lines) + "\n")
    (folder / "study.toml").write_text(text)
    return folder


def _local() -> Any:
    from resistance_assets.catalog.study_folders import load_local_study

    return load_local_study(_study())


@cache
def _lake() -> Any:
    from resistance_assets.orchestration.lake import Lake

    return Lake(bench_folder() / "cells_lake")


@cache
def _folder_of_text() -> Path:
    """One sample of the study as matrix.mtx.gz, barcodes and features."""
    import gzip

    import polars as pl

    from resistance_assets.connectors.single_cell.hdf5 import read_hdf5

    counts, barcodes, features = read_hdf5(_study() / "S0.h5", subject="bench")
    cell = np.repeat(np.arange(1, len(barcodes) + 1), np.diff(counts.indptr))
    entries = pl.DataFrame({"gene": counts.indices + 1, "cell": cell, "umi": counts.data})
    head = f"%%MatrixMarket matrix coordinate integer general\n{features.height} {len(barcodes)} {counts.nnz}\n"
    folder = bench_folder() / "cells_as_text"
    (folder / "S0").mkdir(parents=True)
    for name, text in {
        "matrix.mtx.gz": head + entries.write_csv(separator=" ", include_header=False),
        "barcodes.tsv.gz": "\n".join(barcodes) + "\n",
        "features.tsv.gz": features.write_csv(separator="\t", include_header=False),
    }.items():
        (folder / "S0" / name).write_bytes(gzip.compress(text.encode(), compresslevel=1))
    return folder


def _read_text() -> None:
    from resistance_assets.connectors.single_cell.tenx import read_sample

    read_sample(_folder_of_text(), "S0", study="bench")


def _scanpy_text() -> None:
    import scanpy

    scanpy.read_10x_mtx(_folder_of_text() / "S0")


def _read() -> None:
    """Every sample, its features and barcodes, checked."""
    from resistance_assets.connectors.single_cell.study import read_study_sample

    local = _local()
    for sample in local.file.sample:
        read_study_sample(local, sample)


def _keep() -> None:
    """Every sample into the lake: read, measured, scored for doublets, checked and written."""
    from resistance_assets.defs.raw.studies.single_cell import reading_step
    from resistance_assets.orchestration.steps import run_step

    local = _local()
    for sample in local.file.sample:
        run_step(_lake(), reading_step(local, (sample,)), force=True)


@cache
def _written() -> None:
    from resistance_assets.defs.raw.studies.single_cell import reading_step
    from resistance_assets.orchestration.steps import run_step

    local = _local()
    for sample in local.file.sample:
        run_step(_lake(), reading_step(local, (sample,)))


def _analyse() -> None:
    """Quality, types, sources, markers, composition, pseudobulk by two methods, pairs: all tables, checked."""
    from resistance_assets.defs.raw.studies.single_cell import analysis_step
    from resistance_assets.orchestration.steps import run_step

    _written()
    run_step(_lake(), analysis_step(_local()), force=True)


def _scanpy(*, read_only: bool):
    def run() -> None:
        import anndata
        import scanpy

        folder = _study()
        parts = []
        for at in range(SAMPLES):
            part = scanpy.read_10x_h5(folder / f"S{at}.h5")
            part.obs["sample"] = f"S{at}"
            part.obs["type"] = [f"T{cell % TYPES}" for cell in range(part.n_obs)]
            parts.append(part)
        whole = anndata.concat(parts, index_unique="-")
        if read_only:
            return
        scanpy.pp.calculate_qc_metrics(whole, percent_top=(50,), inplace=True)
        scanpy.get.aggregate(whole, by=["type", "sample"], func=["sum", "count_nonzero"])
        scanpy.pp.normalize_total(whole, target_sum=1e4)
        scanpy.pp.log1p(whole)
        scanpy.get.aggregate(whole, by=["type", "sample"], func=["mean"])

    return run


def _one_gene() -> None:
    """Molecules of one gene in all cells, by SQL over the lake's Parquet files."""
    import duckdb

    from resistance_assets.orchestration.partitions import partition_of

    _written()
    names = [partition_of("parts.single_cell__counts", "bench", f"S{at}") for at in range(SAMPLES)]
    files = [str(path) for name in names for path in _lake().current_files(name)]
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT count(*), sum(umi) FROM read_parquet($files) WHERE gene_number = 77", {"files": files}
        ).fetchone()
    assert found


def cases() -> list[dict]:
    size = f"{SAMPLES * CELLS:,} cells x {GENES:,} genes"
    has_peer = importlib.util.find_spec("scanpy") is not None
    peer = {"peer_name": "scanpy"} if has_peer else {}
    return [
        {"name": "single_cell_read_h5", "size": size, "ours": _read, **peer,
         "peer": _scanpy(read_only=True) if has_peer else None, "note": "ten .h5 files"},
        {"name": "single_cell_read_mtx", "size": f"{CELLS:,} cells x {GENES:,} genes", "ours": _read_text, **peer,
         "peer": _scanpy_text if has_peer else None, "note": "one matrix.mtx.gz"},
        {"name": "single_cell_keep", "size": size, "ours": _keep,
         "note": "read, quality, doublet scores, checks, and the counts written to the lake"},
        {"name": "single_cell_analyse", "size": size, "ours": _analyse, **peer,
         "peer": _scanpy(read_only=False) if has_peer else None,
         "note": "peer: read, QC, sums and means by type; ours from the lake, with markers and tests"},
        {"name": "single_cell_one_gene", "size": size, "ours": _one_gene, "note": "a new connection each time"},
    ]  # fmt: skip
