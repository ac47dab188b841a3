"""Compile every numba kernel once, on inputs of a few rows, so that the first analysis does not wait for it.

Here belongs a call of each analysis that has a compiled kernel, and nothing else:
`python -m resistance_assets.science.compile_kernels` is run when the package is installed, in a process for each part,
because compilation holds the interpreter's lock. What is compiled lies in numba's cache beside the modules and is good
until they change.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import polars as pl


def compile_survival() -> None:
    """Screens, cut-points, single models, Firth's fallback, AUC."""
    from resistance_assets.science.survival import curves, logrank, optimal_cut, proportional_hazards, screen
    from resistance_assets.science.survival.cox import fit_cox
    from resistance_assets.science.survival.time_dependent_auc import time_dependent_auc

    random = np.random.default_rng(1)
    n = 60
    time, event = random.exponential(20.0, n) + 0.1, random.random(n) < 0.6
    genes = [f"G{at}" for at in range(6)]
    x = random.normal(size=(len(genes), n))
    x[1, :5] = np.nan
    x[2] = time > np.median(time)
    x[3] = np.round(x[3])
    age = random.normal(60.0, 8.0, (n, 1))
    screen.screen_cox(x, time, event, genes)
    screen.screen_cox(x, time, event, genes, covariates=age)
    screen.screen_cox(np.where(event & (time < 5), 9.0, x), time, event, genes, covariates=age)
    screen.screen_median_split(x, time, event, genes)
    optimal_cut.screen_optimal_cut(x, time, event, genes, permutations=50)
    covariates = {"gene": x[0], "age": age[:, 0]}
    fit_cox(covariates, time, event)
    proportional_hazards.proportional_hazards_test(covariates, time, event)
    curves.kaplan_meier(time, event)
    logrank.compare_groups(time, event, np.where(x[0] > 0, "high", "low"))
    residuals = logrank.null_martingale_residuals(time, event.astype(np.int64))
    for size in (2, 30):  # every division, and drawn ones
        logrank.SplitPermutations(residuals, permutations=10, seed=1).p_value(np.arange(n) < size)
    time_dependent_auc(x[0], time, event, [12.0], bootstrap=5, folds=2, repeats=1)


def compile_expression() -> None:
    """Differential expression, gene-set enrichment, intersections, rank statistics."""
    from resistance_assets.science.correlation import correlation
    from resistance_assets.science.deg import edger as deg_edger
    from resistance_assets.science.deg import methods as deg
    from resistance_assets.science.deg.designs import Contrast
    from resistance_assets.science.enrichment import gsea
    from resistance_assets.science.enrichment import over_representation as enrichment
    from resistance_assets.science.gene_lists import intersections as intersection

    random = np.random.default_rng(1)
    genes = [f"G{at:03d}" for at in range(300)]
    metric = np.sort(random.normal(size=len(genes)))[::-1]
    ranks = pl.DataFrame({"contrast_id": "c", "hgnc_symbol": genes, "ranking_metric": metric})
    members = pl.concat(
        pl.DataFrame({"collection": "C", "term_id": term, "term": term, "hgnc_symbol": chosen})
        for term, chosen in (("top", genes[:20]), ("any", genes[40:300:13]))
    )
    gsea.pre_ranked_gsea(ranks, members, permutations=1000, p_value_floor=1e-6)
    lists = pl.DataFrame({"list_id": "l", "hgnc_symbol": genes[:30]})
    enrichment.over_representation(lists, members, genes)
    intersection.intersection_p_value(3, [20, 30, 40], len(genes))

    samples = [f"S{at}" for at in range(6)]
    counts = random.negative_binomial(5, 0.02, size=(len(genes), len(samples)))
    frame = pl.DataFrame({"hgnc_symbol": genes} | {sample: counts[:, at] for at, sample in enumerate(samples)})
    sheet = pl.DataFrame({"sample_id": samples, "arm": ["a", "a", "a", "b", "b", "b"]})
    contrast = Contrast(contrast_id="first_use", factor="arm", numerator="b", denominator="a")
    for method in ("pydeseq2", "limma_voom", "edger_exact"):
        deg.run_contrast(frame, sheet, contrast, method=method, shrink=True)
    pair = sheet.filter(pl.col("sample_id").is_in(["S0", "S3"]))
    deg_edger.bcv_sensitivity(frame.select("hgnc_symbol", "S0", "S3"), pair, contrast, [0.2], 0.05)

    expression = np.log2(counts + 1.0)
    correlation.correlate_genes(expression, genes, genes[:2])
    in_group = np.array([True] * 3 + [False] * 3)
    correlation.compare_groups_rank_sum(expression + random.random(expression.shape), genes, in_group)


def compile_bench() -> None:
    """Dose-response curves with their profile-likelihood intervals."""
    from resistance_assets.science.dose_response import curves, fold_changes

    dose = np.repeat(np.array([0.0, 0.01, 0.1, 1.0, 10.0]), 2)
    response = 100.0 / (1.0 + dose) + np.tile([1.0, -1.0], 5)
    fits = [curves.fit_curve(dose, response, model=model) for model in ("ll4", "ll3_top100")]
    fold_changes.shared_ec50_test(fits[0], fits[0], [(dose, response)] * 2, model="ll4")


def compile_single_cell() -> None:
    """Sums and ranks of sparse counts: sources, markers and signature scores."""
    from scipy import sparse

    from resistance_assets.science.single_cell import counts, doublets, markers, quality, signature_scores, sources

    matrix = sparse.csr_matrix((np.arange(24).reshape(6, 4) % 5).astype(np.int32))
    cells = pl.DataFrame({"sample_id": ["s"] * 6, "barcode": [f"b{at}" for at in range(6)]})
    symbols = [f"G{at}" for at in range(4)]
    features = pl.DataFrame({"feature_id": symbols, "symbol": symbols, "species": [None] * 4})
    study = counts.CellCounts(matrix, cells, features)
    markers.find_markers(study, pl.Series(["a", "b"] * 3), np.full(6, 10))
    sources.gene_sources(study, pl.Series(["a", "b"] * 3), np.full(6, 10))
    signature_scores.score_cells(study, symbols[:2])
    quality.measure_cells(study)
    many = sparse.csr_matrix(np.ones((doublets.LEAST_CELLS, 4), dtype=np.int32))
    doublets.score_doublets(many, least_umi=1)


def compile_alterations() -> None:
    """Pairs of altered genes."""
    from resistance_assets.science.alterations import cooccurrence

    cooccurrence.pair_alterations(np.arange(24).reshape(3, 8) % 3 == 0, ["A", "B", "C"])


PARTS: dict[str, Callable[[], None]] = {
    "survival": compile_survival,
    "expression": compile_expression,
    "bench": compile_bench,
    "single_cell": compile_single_cell,
    "alterations": compile_alterations,
}


def main(arguments: list[str]) -> int:
    """Compile the parts named, or all of them in a process each."""
    if arguments:
        for name in arguments:
            PARTS[name]()
        return 0
    module = "resistance_assets.science.compile_kernels"
    running = [subprocess.Popen([sys.executable, "-m", module, name]) for name in PARTS]
    return max(process.wait() for process in running)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
