"""How long differential expression takes, beside R's tools and beside pydeseq2 as it comes.

Each case is a dict: name, size, ours and peer (callables without arguments, peer None where it is R), peer_name,
peer_seconds, peer_scale, note. R's tools are timed in the same run where `Rscript` and the package are on the PATH
(`r_peers`); elsewhere the seconds are quoted: the median of three earlier runs, from the shared timings, or none where
those are absent. The note says which.
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

from benchmarks.r_peers import seconds_in_r
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


_EXACT = """
d <- DGEList(counts = counts, group = tumour)
exactTest(estimateDisp(calcNormFactors(d)))
"""
_VOOM = """
design <- model.matrix(~ patient + tumour)
eBayes(lmFit(voom(calcNormFactors(DGEList(counts = counts)), design), design))
"""
_DESEQ2 = """
sheet <- data.frame(patient = patient, tumour = factor(tumour))
results(DESeq(DESeqDataSetFromMatrix(counts, sheet, ~ patient + tumour), quiet = TRUE))
"""


def _r_now(data: Callable[[], tuple[pl.DataFrame, pl.DataFrame]], work: str, packages: tuple[str, ...]) -> float | None:
    """Seconds of a tool of R in this run; None where it is not there."""
    counts, samples = data()
    matrix = counts.select(samples["sample_id"].to_list()).to_numpy()
    tumour = (samples["condition"] == "tumour").cast(pl.Float64).to_numpy()[:, None]
    patient = samples["patient"].rank("dense").cast(pl.Float64).to_numpy()[:, None]
    genes, people = matrix.shape
    script = f"""
counts <- take("counts", {genes}, {people})
mode(counts) <- "integer"
rownames(counts) <- paste0("G", seq_len({genes}))
colnames(counts) <- paste0("S", seq_len({people}))
tumour <- take("tumour", {people}, 1)[, 1]
patient <- factor(take("patient", {people}, 1)[, 1])
timed(function() {{ {work} }})
"""
    return seconds_in_r(script, {"counts": matrix, "tumour": tumour, "patient": patient}, packages)


def _r_quoted(task: str) -> float | None:
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

    def beside_r(
        name: str,
        size: str,
        data: Callable[[], tuple[pl.DataFrame, pl.DataFrame]],
        contrast: Contrast,
        method: str,
        work: str,
        packages: tuple[str, ...],
        task: str,
    ) -> dict[str, Any]:
        now = _r_now(data, work, packages)
        return {
            "name": name,
            "size": size,
            "ours": _ours(data, contrast, method),
            "peer_name": f"{packages[-1]} (R)",
            "peer_seconds": now if now is not None else _r_quoted(task),
            "note": "R timed in this run"
            if now is not None
            else f"no R with {packages[-1]} here; quoted: R 4.2.2, one thread, timed earlier on such a machine",
        }

    edger = ("limma", "edgeR")
    return [
        beside_r("limma_voom_paired", f"{whole}, 28 coefficients", _everything, _PAIRED, "limma_voom", _VOOM,
                 ("edgeR", "limma"), "limma_voom_paired_59_samples"),
        beside_r("edger_exact_59_samples", whole, _everything, _CONTRAST, "edger_exact", _EXACT, edger,
                 "edger_tmm_estimateDisp_exactTest_59_samples"),
        beside_r("edger_exact_3v3", small, _three, _CONTRAST, "edger_exact", _EXACT, edger,
                 "edger_tmm_estimateDisp_exactTest_3v3"),
        {"name": "pydeseq2_3v3", "size": small, "ours": _ours(_three, _CONTRAST, "pydeseq2"),
         "peer_name": "pydeseq2, one cpu", "peer": _pydeseq2_as_it_comes,
         "note": "ours with DESeq2's trend; the rest equal to 1e-5"},
        beside_r("pydeseq2_paired", f"{whole}, 28 coefficients", _everything, _PAIRED, "pydeseq2", _DESEQ2,
                 ("DESeq2",), "deseq2_paired_59_samples_28_coefficients"),
    ]  # fmt: skip
