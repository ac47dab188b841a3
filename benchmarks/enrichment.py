"""How long gene-set tests, gene-set enrichment, correlations and symbol resolution take, beside the usual ways.

Each case is a dict: name, size, ours and peer (callables without arguments), peer_name, peer_scale (what the peer's
seconds are multiplied with, because it ran on a sample), note. The runner times ours and peer in turn. Sizes are those
of the task; where the shared folder of real data is there, the same is timed on real lists as well.
"""

from __future__ import annotations

import gzip
import os
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.hgnc import read_hgnc
from resistance_assets.orchestration.sql_models import load_models, models_folder, run_model
from resistance_assets.science.correlation.correlation import compare_groups_rank_sum, correlate_genes
from resistance_assets.science.enrichment.gsea import pre_ranked_gsea
from resistance_assets.science.enrichment.over_representation import over_representation
from resistance_assets.science.evidence.rank_aggregation import rank_aggregate

_SHARED = Path(os.environ.get("RESISTANCE_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared"))
_GENES = np.array([f"GENE{i:05d}" for i in range(18_000)])
_GMT = {
    "GO_BP_2021": "maayanlab.cloud/Enrichr_GO_Biological_Process_2021.txt",
    "KEGG_2016": "maayanlab.cloud/Enrichr_KEGG_2016.txt",
    "hallmark": "data.broadinstitute.org/h.all.v7.0.symbols.gmt",
}


@cache
def _made_up_sets(sets: int) -> pl.DataFrame:
    """Sets of 15 to 500 genes, log-normal about 55, as the Gene Ontology has them."""
    rng = np.random.default_rng(20240501)
    sizes = np.clip(np.round(np.exp(rng.normal(4, 0.9, sets))), 15, 500).astype(int)
    at = np.repeat(np.arange(sets), sizes)
    ids = np.array([f"T{i:05d}" for i in range(sets)])
    members = np.concatenate([rng.choice(_GENES, size, replace=False) for size in sizes])
    return pl.DataFrame({"collection": "made_up", "term_id": ids[at], "term": ids[at], "hgnc_symbol": members})


@cache
def _made_up_lists(lists: int) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    return pl.concat(
        pl.DataFrame({"list_id": f"L{i:02d}", "hgnc_symbol": rng.choice(_GENES, 200 + 40 * i, replace=False)})
        for i in range(lists)
    )


@cache
def _real_sets() -> pl.DataFrame:
    files = _SHARED / "mirror" / "files"
    lines = {name: (files / path).read_text().splitlines() for name, path in _GMT.items()}
    with zipfile.ZipFile(files / "reactome.org" / "ReactomePathways.gmt.zip") as archive:
        lines["reactome"] = archive.read(archive.namelist()[0]).decode().splitlines()
    rows: list[tuple[str, str, str]] = []
    for collection, text in lines.items():
        for line in text:
            name, second, *genes = line.split("\t")
            term = f"{name} {second}" if collection == "reactome" else name
            rows += [(collection, term, gene) for gene in genes if gene]
    frame = pl.DataFrame(rows, schema=["collection", "term_id", "hgnc_symbol"], orient="row")
    return frame.with_columns(term=pl.col("term_id")).select("collection", "term_id", "term", "hgnc_symbol")


@cache
def _real_results() -> pl.DataFrame:
    with gzip.open(_SHARED / "goldens" / "deg_luad_paired" / "deseq2_paired.tsv.gz", "rb") as handle:
        return pl.read_csv(handle.read(), separator="\t", null_values="NA", infer_schema_length=None)


def _ora_by_loop(lists: pl.DataFrame, sets: pl.DataFrame, universe: pl.Series, only: int) -> Callable[[], None]:
    """The usual loop: Python sets and one scipy call per pair, for the first `only` lists."""

    def run() -> None:
        from scipy.stats import false_discovery_control, hypergeom

        known = set(universe)
        members: dict[tuple[str, str], set[str]] = {}
        for collection, term, gene in sets.select("collection", "term_id", "hgnc_symbol").iter_rows():
            if gene in known:
                members.setdefault((collection, term), set()).add(gene)
        for _, group in list(lists.group_by("list_id", maintain_order=True))[:only]:
            listed = set(group["hgnc_symbol"]) & known
            p = []
            for genes in members.values():
                if 5 <= len(genes) <= 500:
                    shared = len(listed & genes)
                    p.append(hypergeom.sf(shared - 1, len(known), len(genes), len(listed)))
            false_discovery_control(np.minimum(p, 1.0))

    return run


def _gsea_peer(
    ranks: pl.DataFrame, sets: pl.DataFrame, sample: int, permutations: int
) -> tuple[str, Callable[[], None]]:
    """gseapy where it is installed, else one set at a time in numpy; both on a sample of sets and permutations."""
    chosen = sets.filter(pl.col("term_id").is_in(sets["term_id"].unique().sort().head(sample).implode()))
    members = {str(term): genes["hgnc_symbol"].to_list() for (term,), genes in chosen.group_by(["term_id"])}

    def with_gseapy() -> None:
        import gseapy
        import pandas as pd

        ranking = pd.DataFrame({column: ranks[column].to_list() for column in ("hgnc_symbol", "ranking_metric")})
        gseapy.prerank(
            rnk=ranking, gene_sets=members, permutation_num=permutations, min_size=15, max_size=500, threads=2, seed=1,
            outdir=None, no_plot=True,
        )  # fmt: skip

    def with_numpy() -> None:
        rng = np.random.default_rng(1)
        metric = np.abs(ranks.sort("ranking_metric", descending=True)["ranking_metric"].to_numpy())
        for genes in members.values():
            size = len(genes)
            for _ in range(permutations):
                hit = np.zeros(metric.size, dtype=bool)
                hit[rng.choice(metric.size, size, replace=False)] = True
                curve = np.cumsum(np.where(hit, metric / metric[hit].sum(), -1 / (metric.size - size)))
                _ = curve.max(), curve.min()

    return ("gseapy prerank", with_gseapy) if find_spec("gseapy") else ("numpy, set by set", with_numpy)


@cache
def _made_up_ranks() -> pl.DataFrame:
    metric = np.random.default_rng(2).standard_t(4, size=_GENES.size)
    return pl.DataFrame({"contrast_id": "made_up", "hgnc_symbol": _GENES, "ranking_metric": metric})


@cache
def _expression(genes: int, patients: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(genes, patients))


def _spearman_by_loop(genes: int, patients: int, pairs: int) -> Callable[[], None]:
    def run() -> None:
        from scipy.stats import spearmanr

        x = _expression(genes, patients)
        for row in x[1 : pairs + 1]:
            spearmanr(x[0], row)

    return run


def _rank_sum_by_scipy(genes: int, patients: int, sample: int) -> Callable[[], None]:
    def run() -> None:
        from scipy.stats import mannwhitneyu

        x = _expression(genes, patients)[:sample]
        # scipy's own vectorised form, its fastest.
        mannwhitneyu(x[:, : patients // 3], x[:, patients // 3 :], axis=1, method="asymptotic")

    return run


@cache
def _effects(contrasts: int) -> pl.DataFrame:
    from scipy.special import ndtr

    rng = np.random.default_rng(4)
    frames = []
    for i in range(contrasts):
        z = rng.normal(size=_GENES.size)
        frames.append(
            pl.DataFrame(
                {
                    "study_id": f"s{i // 2}",
                    "contrast_id": f"c{i}",
                    "hgnc_symbol": _GENES,
                    "drug_class": "ALK inhibitor" if i % 3 else "EGFR inhibitor",
                    "log2_fold_change": z,
                    "p_value": 2 * ndtr(-np.abs(z)),
                    "evidence_kind": "inferential",
                    "weight": 1.0,
                }
            )
        )
    # A study stays within one class.
    return pl.concat(frames).with_columns(
        study_id=pl.concat_str("study_id", pl.lit("_"), "drug_class"),
    )


def cases() -> list[dict]:
    """The cases of this module, for the runner."""
    genes = pl.Series("hgnc_symbol", _GENES)
    lists, sets = _made_up_lists(20), _made_up_sets(10_000)
    peer_name, peer = _gsea_peer(_made_up_ranks(), _made_up_sets(5_000), 20, 100)
    n_genes, n_patients = 20_000, 500
    names = [f"G{i}" for i in range(n_genes)]
    found: list[dict] = [
        {
            "name": "over_representation",
            "size": f"20 lists x 10,000 sets, {sets.height:,} memberships",
            "ours": lambda: over_representation(lists, sets, genes),
            "peer_name": "loop over scipy hypergeom.sf",
            "peer": _ora_by_loop(lists, sets, genes, only=1),
            "peer_scale": 20.0,
            "note": "ours also names the genes and gives log p; peer timed on 1 list of 20",
        },
        {
            "name": "gsea",
            "size": "5,000 sets, 10,000 permutations, 18,000 genes",
            "ours": lambda: pre_ranked_gsea(_made_up_ranks(), _made_up_sets(5_000)),
            "peer_name": peer_name,
            "peer": peer,
            "peer_scale": (5_000 / 20) * (10_000 / 100),
            "note": "peer timed on 20 sets and 100 permutations, scaled by both",
        },
        {
            "name": "correlation_spearman",
            "size": "17 targets x 20,000 genes x 500 patients",
            "ours": lambda: correlate_genes(_expression(n_genes, n_patients), names, names[:17]),
            "peer_name": "loop over scipy spearmanr",
            "peer": _spearman_by_loop(n_genes, n_patients, 200),
            "peer_scale": 17 * n_genes / 200,
            "note": "peer timed on 200 pairs",
        },
        {
            "name": "rank_sum",
            "size": "20,000 genes x 500 patients",
            "ours": lambda: compare_groups_rank_sum(
                _expression(n_genes, n_patients), names, np.arange(n_patients) < n_patients // 3
            ),
            "peer_name": "scipy mannwhitneyu, vectorised",
            "peer": _rank_sum_by_scipy(n_genes, n_patients, 4_000),
            "peer_scale": n_genes / 4_000,
            "note": "peer timed on 4,000 genes",
        },
        {
            "name": "rank_aggregation",
            "size": "20 contrasts x 18,000 genes, 1,000,000 null draws",
            "ours": lambda: rank_aggregate(_effects(20)),
            "peer_name": "none",
            "peer": None,
            "peer_scale": 1.0,
            "note": "with leave-one-study-out ranks",
        },
    ]
    if _SHARED.is_dir():
        found += _real_cases()
    return found


def _real_cases() -> list[dict]:
    results = _real_results()
    tested = results.filter(pl.col("padj").is_not_null())
    listed = pl.concat(
        tested.filter((pl.col("padj") < 0.05) & rule).select(pl.lit(name).alias("list_id"), hgnc_symbol="gene")
        for name, rule in (("up", pl.col("log2FoldChange") > 1), ("down", pl.col("log2FoldChange") < -1))
    )
    ranks = results.select(contrast_id=pl.lit("luad"), hgnc_symbol="gene", ranking_metric=pl.col("stat"))
    sets = _real_sets()
    hgnc, _ = read_hgnc(_SHARED / "mirror" / "files" / "storage.googleapis.com" / "hgnc_complete_set.txt")
    model = load_models(models_folder(), TABLES)["staging.genes__symbols"]
    return [
        {
            "name": "over_representation_luad",
            "size": f"2 lists x {sets.select('collection', 'term_id').n_unique():,} real sets",
            "ours": lambda: over_representation(listed, sets, tested["gene"]),
            "peer_name": "loop over scipy hypergeom.sf",
            "peer": _ora_by_loop(listed, sets, tested["gene"], only=2),
            "peer_scale": 1.0,
            "note": "TCGA LUAD pairs; GO BP, Reactome, KEGG, Hallmark",
        },
        {
            "name": "gsea_luad",
            "size": "all real sets of 15 to 500 genes, 10,000 permutations",
            "ours": lambda: pre_ranked_gsea(ranks, sets),
            "peer_name": "none",
            "peer": None,
            "peer_scale": 1.0,
            "note": "strong contrast: several hundred p-values continued by splitting down to 1e-10",
        },
        {
            "name": "genes__symbols",
            "size": f"every name of {hgnc.height:,} entries of HGNC",
            "ours": lambda: run_model(model, {"raw.hgnc__genes": hgnc}),
            "peer_name": "none",
            "peer": None,
            "peer_scale": 1.0,
            "note": "HGNC of the shared mirror",
        },
    ]
