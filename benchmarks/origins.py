"""How long the readers take, beside pandas and GEOparse on the same files.

Each case is a dict: name, size, ours and peer (callables without arguments), peer_name, peer_scale (what the peer's
seconds are multiplied with), note. Files are made once, in a temporary folder, when a case first
runs. GEOparse is no dependency: where it cannot be imported, the peer is None and the note says so.
"""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks._folder import bench_folder

PROBES, ARRAYS = 54_675, 100
GENES, PATIENTS = 20_531, 510


@cache
def _gene_matrix() -> Path:
    """A made-up expression file as cBioPortal writes it, about 85 MB."""
    rng = np.random.default_rng(1)
    path = bench_folder() / "data_mrna_seq_v2_rsem.txt"
    samples = [f"TCGA-{k // 100:02d}-{k:04d}-01" for k in range(PATIENTS)]
    with path.open("w") as handle:
        handle.write("\t".join(["Hugo_Symbol", "Entrez_Gene_Id", *samples]) + "\n")
        for gene, row in enumerate(rng.lognormal(5, 2, (GENES, PATIENTS)).round(4)):
            handle.write(f"GENE{gene}\t{gene + 1}\t" + "\t".join(map(str, row)) + "\n")
    return path


@cache
def _array_values() -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(2)
    return [f"{200_000 + k}_s_at" for k in range(PROBES)], rng.normal(8, 2, (PROBES, ARRAYS)).round(5)


@cache
def _soft_family() -> Path:
    """A made-up SOFT family: one platform, and per sample a table of probe, value and detection call."""
    probes, values = _array_values()
    path = bench_folder() / "GSE1_family.soft.gz"
    with gzip.open(path, "wt", compresslevel=6) as handle:
        handle.write("^SERIES = GSE1\n!Series_title = made up\n!Series_geo_accession = GSE1\n")
        handle.writelines(f"!Series_sample_id = GSM{k + 1}\n" for k in range(ARRAYS))
        handle.write("^PLATFORM = GPL570\n!Platform_title = x\n#ID = \n#Gene Symbol = \n!platform_table_begin\n")
        handle.write("ID\tGene Symbol\n" + "".join(f"{p}\tG{k}\n" for k, p in enumerate(probes)))
        handle.write("!platform_table_end\n")
        for k in range(ARRAYS):
            handle.write(
                f"^SAMPLE = GSM{k + 1}\n!Sample_title = s{k}\n!Sample_geo_accession = GSM{k + 1}\n"
                "!Sample_platform_id = GPL570\n#ID_REF = \n#VALUE = log2\n#ABS_CALL = call\n"
                "!sample_table_begin\nID_REF\tVALUE\tABS_CALL\n"
            )
            handle.write("".join(f"{p}\t{v:g}\tP\n" for p, v in zip(probes, values[:, k], strict=True)))
            handle.write("!sample_table_end\n")
    return path


@cache
def _series_matrix() -> Path:
    probes, values = _array_values()
    samples = "\t".join(f'"GSM{k + 1}"' for k in range(ARRAYS))
    path = bench_folder() / "GSE1_series_matrix.txt.gz"
    with gzip.open(path, "wt", compresslevel=6) as handle:
        handle.write(f'!Series_type\t"Expression profiling by array"\n!Sample_geo_accession\t{samples}\n')
        handle.write(f'!series_matrix_table_begin\n"ID_REF"\t{samples}\n')
        for probe, row in zip(probes, values, strict=True):
            handle.write(f'"{probe}"\t' + "\t".join(f"{v:g}" for v in row) + "\n")
        handle.write("!series_matrix_table_end\n")
    return path


def _matrix_ours() -> None:
    from resistance_assets.connectors.cbioportal.archive import read_gene_matrix, unpivot_matrix

    path = _gene_matrix()
    matrix = read_gene_matrix(path.read_bytes(), source=path.name)
    assert matrix is not None
    long = unpivot_matrix(matrix[0])
    assert long.height == GENES * PATIENTS
    # The level that the peer's writer takes by default.
    long.write_parquet(bench_folder() / "ours.parquet", compression="zstd", compression_level=1)


def _matrix_pandas() -> None:
    import pandas as pd

    wide = pd.read_csv(_gene_matrix(), sep="\t")
    long = wide.melt(id_vars=["Hugo_Symbol", "Entrez_Gene_Id"], var_name="sample_id", value_name="value")
    long = long.sort_values(["Hugo_Symbol", "Entrez_Gene_Id"], kind="stable")
    long.to_parquet(bench_folder() / "pandas.parquet", compression="zstd", index=False)


def _soft_ours() -> None:
    from resistance_assets.connectors.geo.soft import read_soft

    assert read_soft(_soft_family()).n_values == PROBES * ARRAYS


def _series_ours() -> None:
    from resistance_assets.connectors.geo.matrix import read_series_matrix

    assert read_series_matrix(_series_matrix()).values.height == PROBES


def _series_pandas() -> None:
    import pandas as pd

    frame = pd.read_csv(_series_matrix(), sep="\t", comment="!", index_col=0)
    assert len(frame) == PROBES


def _geoparse() -> Callable[[], None] | None:
    if importlib.util.find_spec("GEOparse") is None:
        return None

    def run() -> None:
        import GEOparse

        assert len(GEOparse.get_GEO(filepath=str(_soft_family()), silent=True).gsms) == ARRAYS

    return run


def cases() -> list[dict]:
    """The cases; files are made when a case first runs, which the warm-up takes care of."""
    geoparse = _geoparse()
    return [
        {
            "name": "cbioportal_matrix_to_parquet",
            "size": f"{GENES:,} genes x {PATIENTS} patients",
            "ours": _matrix_ours,
            "peer_name": "pandas read + melt + sort + to_parquet",
            "peer": _matrix_pandas,
            "peer_scale": 1.0,
            "note": "ours also checks every row's width, numbers, infinities, blank and repeated genes",
        },
        {
            "name": "geo_soft_family",
            "size": f"{PROBES:,} probes x {ARRAYS} samples, gzip",
            "ours": _soft_ours,
            "peer_name": "GEOparse",
            "peer": geoparse,
            "peer_scale": 1.0,
            "note": "all tables, with line numbers of rejected rows"
            + ("" if geoparse else "; GEOparse is not installed, so there is no peer here"),
        },
        {
            "name": "geo_series_matrix",
            "size": f"{PROBES:,} probes x {ARRAYS} samples, gzip",
            "ours": _series_ours,
            "peer_name": "pandas read_csv",
            "peer": _series_pandas,
            "peer_scale": 1.0,
            "note": "GEOparse reads no series matrices; pandas is given the table alone",
        },
    ]
