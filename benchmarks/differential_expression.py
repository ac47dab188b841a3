"""How long differential expression takes, beside R's tools and beside pydeseq2 as it comes.

Each case is a dict: name, size, ours and peer (callables without arguments, peer None where it is R), peer_name,
peer_seconds (R's median of three runs, read from the shared timings, None where those are absent), peer_scale, note.
The tables are the TCGA LUAD pairs where the shared folder is there, else negative binomial counts of the same size.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.methods import run_contrast

_SHARED = Path(os.environ.get("RESISTANCE_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared"))
_GOLDENS = _SHARED / "goldens"
_CONTRAST = Contrast("tumour_vs_normal", "condition", "tumour", "normal")
_PAIRED = Contrast("tumour_vs_normal_paired", "condition", "tumour", "normal", pairing="patient")


@cache
def _everything() -> tuple[pl.DataFrame, pl.DataFrame]:
    folder = _GOLDENS / "deg_luad_paired"
    if folder.is_dir():
        counts = pl.read_csv(folder / "counts.tsv.gz", separator="\t").rename({"gene": "hgnc_symbol"})
        samples = pl.read_csv(folder / "samples.tsv", separator="\t").rename({"sample": "sample_id"})
        return counts.select("hgnc_symbol", *samples["sample_id"]), samples
    rng = np.random.default_rng(20240501)
    patients = [f"P{i:02d}" for i in range(27)]
    rows = [(p, c) for p in patients for c in ("tumour", "normal")] + [(patients[i], "tumour") for i in (0, 0, 1, 1, 2)]
    names = [f"S{j:02d}" for j in range(len(rows))]
    samples = pl.DataFrame(
        {
            "sample_id": names,
            "patient": [p for p, _ in rows],
            "condition": [c for _, c in rows],
            "in_3v3": [int(j < 6) for j in range(len(rows))],
        }
    )
    mean = np.exp(rng.normal(6.5, 1.5, size=(13_044, 1)))
    values = rng.poisson(mean * rng.gamma(4, 0.25, size=(13_044, len(rows))))
    genes = {"hgnc_symbol": [f"GENE{i:05d}" for i in range(13_044)]}
    return pl.DataFrame({**genes, **dict(zip(names, values.T, strict=True))}), samples


@cache
def _three() -> tuple[pl.DataFrame, pl.DataFrame]:
    counts, samples = _everything()
    kept = samples.filter(pl.col("in_3v3") == 1)
    return counts.select("hgnc_symbol", *kept["sample_id"]), kept


def _r_seconds(task: str) -> float | None:
    path = _GOLDENS / "timings.tsv"
    if not path.is_file():
        return None
    row = pl.read_csv(path, separator="\t").filter(pl.col("task") == task)
    return float(row["median_s"].item())


def _pydeseq2_as_it_comes() -> None:
    import warnings

    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    counts, samples = _three()
    names = pd.Index(samples["sample_id"].to_list())
    genes = pd.Index(counts["hgnc_symbol"].to_list())
    table = pd.DataFrame(counts.select(names.to_list()).to_numpy().T, index=names, columns=genes)
    sheet = pd.DataFrame({"condition": samples["condition"].to_list()}, index=names)
    inference = DefaultInference(n_cpus=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = DeseqDataSet(counts=table, metadata=sheet, design="~condition", quiet=True, inference=inference)
        fit.deseq2()
        DeseqStats(fit, contrast=["condition", "tumour", "normal"], quiet=True, inference=inference).summary()


def _ours(
    data: Callable[[], tuple[pl.DataFrame, pl.DataFrame]], contrast: Contrast, method: str
) -> Callable[[], object]:
    return lambda: run_contrast(*data(), contrast, method=method)


def cases() -> list[dict[str, Any]]:
    """The cases of this file, in the shape that the runner expects."""
    whole, small = "13,044 genes x 59 samples", "13,044 genes x 6 samples"

    def case(
        name: str, size: str, ours: Callable[[], object], peer_name: str, task: str | None, note: str, peer: Any = None
    ) -> dict[str, Any]:
        return {
            "name": name,
            "size": size,
            "ours": ours,
            "peer_name": peer_name,
            "peer": peer,
            "peer_seconds": _r_seconds(task) if task else None,
            "peer_scale": 1.0,
            "note": note,
        }

    r_note = "R 4.2.2, one thread, timed earlier on such a machine"
    return [
        case("limma_voom_paired", f"{whole}, 28 coefficients", _ours(_everything, _PAIRED, "limma_voom"),
             "limma-voom (R)", "limma_voom_paired_59_samples", r_note),
        case("edger_exact_59_samples", whole, _ours(_everything, _CONTRAST, "edger_exact"),
             "edgeR (R)", "edger_tmm_estimateDisp_exactTest_59_samples", r_note),
        case("edger_exact_3v3", small, _ours(_three, _CONTRAST, "edger_exact"),
             "edgeR (R)", "edger_tmm_estimateDisp_exactTest_3v3", r_note),
        case("pydeseq2_3v3", small, _ours(_three, _CONTRAST, "pydeseq2"),
             "pydeseq2, one cpu", None, "ours with DESeq2's trend; the rest equal to 1e-5", _pydeseq2_as_it_comes),
        case("pydeseq2_paired", f"{whole}, 28 coefficients", _ours(_everything, _PAIRED, "pydeseq2"),
             "DESeq2 (R)", "deseq2_paired_59_samples_28_coefficients", r_note),
    ]  # fmt: skip
