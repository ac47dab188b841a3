"""How long the alterations and layers of a cohort take: a cohort of full size, and parts of it beside scipy.

Cases as in `survival_screen`. The full-size cohort has 20,000 genes, 500 patients, 200,000 mutations, GISTIC calls of
every gene and 16,000 methylation probes; what is timed is everything from the layers in memory to the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl
from scipy import stats

from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs.core.alterations.cohort_layers import CohortLayers, LayerMatrix
from resistance_assets.defs.core.alterations.cohort_tables import compute_cohort_tables
from resistance_assets.science.alterations.cis_effects import correlate_rows
from resistance_assets.science.alterations.cooccurrence import pair_alterations

_DRIVERS = {"EGFR": 0.14, "KRAS": 0.30, "STK11": 0.15, "KEAP1": 0.17, "TP53": 0.50}
_CLASSES = ("Missense_Mutation", "Silent", "Nonsense_Mutation", "Frame_Shift_Del", "Splice_Site")
_SAMPLE = 200


@cache
def _layers(genes: int, patients: int, mutations: int, probes: int) -> CohortLayers:
    rng = np.random.default_rng(20240501)
    interest = [gene for gene in load_registry().genes.of_interest if gene not in _DRIVERS]
    names = [*interest, *(f"G{at:05d}" for at in range(genes - len(_DRIVERS) - len(interest))), *_DRIVERS]
    people = [f"P{at:03d}" for at in range(patients)]
    # Burdens differ as in lung adenocarcinoma; drivers are added in their shares.
    burden = rng.gamma(0.7, 1.0, patients)
    of_patient = rng.choice(patients, mutations, p=burden / burden.sum())
    of_gene = rng.integers(0, genes, mutations)
    for at, share in enumerate(_DRIVERS.values(), start=genes - len(_DRIVERS)):
        hit = np.flatnonzero(rng.random(patients) < share)
        of_patient, of_gene = np.append(of_patient, hit), np.append(of_gene, np.full(hit.size, at))
    rows = pl.DataFrame(
        {
            "patient_id": pl.Series(people).gather(of_patient),
            "hgnc_symbol": pl.Series(names).gather(of_gene),
            "variant_classification": rng.choice(_CLASSES, of_gene.size, p=[0.62, 0.25, 0.06, 0.04, 0.03]),
            "protein_change": [f"p.A{at}V" for at in rng.integers(1, 1500, of_gene.size)],
        }
    )
    calls = rng.choice(np.array([-2, -1, 0, 1, 2], dtype=np.float32), (genes, patients), p=[0.01, 0.17, 0.6, 0.2, 0.02])
    features = pl.DataFrame({"feature_id": names, "hgnc_symbol": names})
    sites = pl.DataFrame(
        {
            "feature_id": [f"cg{at:08d}" for at in range(probes)],
            "hgnc_symbol": pl.Series(names).gather(rng.integers(0, genes, probes)),
        }
    )
    blank = {"feature_id": pl.String, "hgnc_symbol": pl.String}
    none = LayerMatrix(pl.DataFrame(schema=blank), [], np.empty((0, 0)))
    return CohortLayers(
        matrix=(rng.normal(8, 2, (genes, patients)), names, people),
        patients=pl.DataFrame({"patient_id": people, "age_years": rng.normal(65, 9, patients)}).with_columns(
            sex=pl.Series(rng.choice(["female", "male"], patients)),
            stage_group=pl.lit(None, pl.String),
            tumour_purity=pl.lit(None, pl.Float64),
        ),
        follow_up={
            endpoint: pl.DataFrame(
                {
                    "patient_id": people,
                    "time_months": np.round(rng.exponential(40, patients), 2) + 0.03,
                    "event_observed": (rng.random(patients) < 0.35).astype(np.int64),
                }
            )
            for endpoint in ("OS", "DSS", "DFS", "PFS")
        },
        mutations=rows,
        copy_number=LayerMatrix(features, people, calls),
        log2_copy_number=none,
        fusions=pl.DataFrame(
            {"patient_id": people[:30], "hgnc_symbol_site1": ["EML4"] * 30, "hgnc_symbol_site2": ["ALK"] * 30}
        ),
        methylation=LayerMatrix(sites, people, rng.beta(2, 3, (probes, patients))),
        protein=none,
        attributes=pl.DataFrame(schema=dict.fromkeys(("patient_id", "attribute_id", "value"), pl.String)),
        profiled=pl.DataFrame({"patient_id": people}).with_columns(
            layer=pl.lit("mutations"), gene_panel_id=pl.lit(None, pl.String)
        ),
        panel_genes=pl.DataFrame(schema=dict.fromkeys(("gene_panel_id", "hgnc_symbol"), pl.String)),
    )


def _tables(*size: int) -> Callable[[], object]:
    def run() -> object:
        registry = load_registry()
        settings, genes = registry.alterations, registry.genes.of_interest
        cohort = registry.cohorts["luad_tcga"]
        return compute_cohort_tables(_layers(*size), cohort, settings, genes, registry.survival)

    return run


@cache
def _matrix(rows: int, patients: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(rows, patients)), rng.normal(size=(rows, patients))


def cases() -> list[dict]:
    size = (20_000, 500, 200_000, 16_000)
    mutated = np.random.default_rng(3).random((1000, 500)) < 0.08
    names = [f"G{at}" for at in range(1000)]
    pairs = [(first, second) for first in range(60) for second in range(first)]

    def spearman_of(rows: int) -> None:
        first, second = _matrix(20_000, 500)
        for at in range(rows):
            stats.spearmanr(first[at], second[at])

    def fisher_of_pairs() -> None:
        for first, second in pairs:
            both = int((mutated[first] & mutated[second]).sum())
            only = int(mutated[first].sum()) - both, int(mutated[second].sum()) - both
            table = [[both, only[0]], [only[1], 500 - both - sum(only)]]
            stats.fisher_exact(table)
            stats.contingency.odds_ratio(np.array(table), kind="conditional")

    return [
        {
            "name": "alterations of a full-size cohort",
            "size": "20,000 genes x 500, 200,000 mut.",
            "ours": _tables(*size),
            "note": "all tables of core.alterations; no peer does the same",
        },
        {
            "name": "layer against mRNA, Spearman",
            "size": "20,000 x 500",
            "ours": lambda: correlate_rows(*_matrix(20_000, 500), [str(at) for at in range(20_000)]),
            "peer_name": "scipy.stats.spearmanr, gene by gene",
            "peer": lambda: spearman_of(_SAMPLE),
            "peer_scale": 20_000 / _SAMPLE,
            "note": f"peer on {_SAMPLE} genes",
        },
        {
            "name": "pairs of mutated genes",
            "size": "1,770 pairs, 1,000 x 500",
            "ours": lambda: pair_alterations(mutated, names, among=names[:60]),
            "peer_name": "scipy fisher_exact and odds_ratio alone",
            "peer": fisher_of_pairs,
            "note": "ours: Poisson-binomial and Fisher",
        },
    ]
