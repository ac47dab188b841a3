"""How long the alterations and layers of a cohort take: a cohort of full size, and parts of it beside Python peers.

Cases as in `survival_screen`. The full-size cohort has 20,000 genes, 500 patients, 200,000 mutations, GISTIC calls of
every gene and 16,000 methylation probes. Timed are the way from the Parquet files of staging to the slices and back
into memory, and everything from there to the tables, without and with three strata. R's functions for the same parts
(limma, cor.test, fisher.test, coxph) are timed in the same run where R is installed (`r_peers`); where it is not, the
rows of R have no time.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats

from benchmarks.r_peers import seconds_in_r
from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs.core.alterations.cohort_layers import CohortLayers, LayerMatrix
from resistance_assets.defs.core.alterations.cohort_tables import compute_cohort_tables
from resistance_assets.defs.core.alterations.layer_slices import PATIENTS, VALUES, cut_layers, layer_of_slices
from resistance_assets.orchestration.lake import Lake
from resistance_assets.science.alterations.associations import driver_expression
from resistance_assets.science.alterations.cis_effects import correlate_rows
from resistance_assets.science.alterations.cooccurrence import pair_alterations
from resistance_assets.science.survival.screen import screen_altered

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


def _tables(*size: int, has_strata: bool) -> Callable[[], object]:
    def run() -> object:
        registry = load_registry()
        settings, genes = registry.alterations, registry.genes.of_interest
        cohort = registry.cohorts["luad_tcga"]
        if not has_strata:
            cohort = cohort.model_copy(update={"stratum": ()})
        return compute_cohort_tables(_layers(*size), cohort, settings, genes, registry.survival)

    return run


class _Staged:
    """Tables of staging as files, read as a step reads its inputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, address: str) -> bool:
        return self._path(address).is_file()

    def scan(self, address: str) -> pl.LazyFrame:
        return pl.scan_parquet(self._path(address))

    def write(self, address: str, rows: pl.DataFrame) -> None:
        rows.with_columns(cohort_id=pl.lit("c")).write_parquet(self._path(address), row_group_size=122_880)

    def _path(self, address: str) -> Path:
        return self.folder / f"{address}.parquet"


def _long(layer: LayerMatrix, value: str) -> pl.DataFrame:
    n = len(layer.patients)
    row = pl.Series(np.repeat(np.arange(layer.features.height, dtype=np.uint32), n))
    return layer.features.select(pl.all().gather(row)).with_columns(
        patient_id=pl.Series(layer.patients * layer.features.height), **{value: pl.Series(layer.values.ravel())}
    )


@cache
def _staged(*size: int) -> _Staged:
    layers = _layers(*size)
    staged = _Staged(Path(tempfile.mkdtemp(prefix="bench_alterations_")))
    atexit.register(shutil.rmtree, staged.folder, ignore_errors=True)
    staged.write("staging.cohorts__gene_copy_number", _long(layers.copy_number, "gistic_call").drop("feature_id"))
    staged.write("staging.cohorts__methylation", _long(layers.methylation, "beta_value"))
    mutations = layers.mutations.with_row_index("mutation_number").with_columns(is_analysed_sample=pl.lit(True))
    staged.write("staging.cohorts__mutations", mutations)
    return staged


def _cut_and_read(*size: int) -> None:
    """From the files of staging to slices in files, and from these to matrices."""
    staged = _staged(*size)
    found = cut_layers(staged, "c", [])  # pyright: ignore[reportArgumentType]
    lake = Lake(staged.folder / "lake")
    files = {name: lake.path(name, lake.write(name, frame)) for name, frame in found.items()}
    values, patients = pl.read_parquet(files[VALUES]), pl.read_parquet(files[PATIENTS])
    for layer in ("copy_number", "methylation"):
        layer_of_slices(values, patients, layer)


@cache
def _matrix(rows: int, patients: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(rows, patients)), rng.normal(size=(rows, patients))


def _r_cases(expression: np.ndarray, driver: np.ndarray, beside: np.ndarray, mutated: np.ndarray) -> list[dict]:
    """The same parts beside R: seconds inside R, on a sample where R goes gene by gene."""
    names = [f"G{at}" for at in range(20_000)]
    some = names[: len(mutated)]
    rng = np.random.default_rng(8)
    time, event = rng.exponential(40, 500), (rng.random(500) < 0.35).astype(float)
    design = np.column_stack([np.ones(500), driver, beside])
    first, second = _matrix(20_000, 500)
    altered = mutated.astype(float)
    limma = """
        y <- take("y", 20000, 500); d <- take("d", 500, 4)
        timed(function() topTable(eBayes(lmFit(y, d)), coef = 2, number = Inf, sort.by = "none"))
    """
    spearman = f"""
        a <- take("a", {_SAMPLE}, 500); b <- take("b", {_SAMPLE}, 500)
        timed(function() for (i in 1:{_SAMPLE}) cor.test(a[i, ], b[i, ], method = "spearman", exact = FALSE))
    """
    fisher = """
        m <- take("m", 60, 500)
        timed(function() for (i in 2:60) for (j in 1:(i - 1))
          fisher.test(table(factor(m[i, ], 0:1), factor(m[j, ], 0:1))))
    """
    cox = f"""
        m <- take("m", {_SAMPLE}, 500); s <- take("s", 500, 2)
        timed(function() for (i in 1:{_SAMPLE}) summary(coxph(Surv(s[, 1], s[, 2]) ~ m[i, ])))
    """
    by_gene = f"R on {_SAMPLE} genes"
    return [
        {
            "name": "expression by driver",
            "size": "20,000 x 500, 4 coefficients",
            "ours": lambda: driver_expression(expression, names, driver, beside),
            "peer_name": "R limma, lmFit and eBayes",
            "peer_seconds": seconds_in_r(limma, {"y": expression, "d": design}, ("limma",)),
            "note": "",
        },
        {
            "name": "layer against mRNA, Spearman",
            "size": "20,000 x 500",
            "ours": lambda: correlate_rows(first, second, names),
            "peer_name": "R cor.test, gene by gene",
            "peer_seconds": _times(
                20_000 / _SAMPLE, seconds_in_r(spearman, {"a": first[:_SAMPLE], "b": second[:_SAMPLE]})
            ),
            "note": by_gene,
        },
        {
            "name": "pairs of mutated genes",
            "size": "1,770 pairs, 1,000 x 500",
            "ours": lambda: pair_alterations(mutated, some, among=some[:60]),
            "peer_name": "R fisher.test alone",
            "peer_seconds": seconds_in_r(fisher, {"m": altered[:60]}),
            "note": "ours: Poisson-binomial and Fisher",
        },
        {
            "name": "survival by alteration",
            "size": "1,000 x 500",
            "ours": lambda: screen_altered(altered, time, event, some),
            "peer_name": "R coxph, gene by gene",
            "peer_seconds": _times(
                len(mutated) / _SAMPLE,
                seconds_in_r(cox, {"m": altered[:_SAMPLE], "s": np.column_stack([time, event])}, ("survival",)),
            ),
            "note": f"{by_gene}; ours with log-rank tests and permutations of small groups",
        },
    ]


def _times(scale: float, seconds: float | None) -> float | None:
    return None if seconds is None else scale * seconds


def cases() -> list[dict]:
    size = (20_000, 500, 200_000, 16_000)
    mutated = np.random.default_rng(3).random((1000, 500)) < 0.08
    names = [f"G{at}" for at in range(1000)]
    pairs = [(first, second) for first in range(60) for second in range(first)]

    expression, _ = _matrix(20_000, 500)
    names_of_all = [f"G{at}" for at in range(20_000)]
    rng = np.random.default_rng(4)
    driver = (rng.random(500) < 0.3).astype(float)
    beside = np.column_stack([rng.normal(65, 9, 500), rng.integers(0, 2, 500).astype(float)])

    def ols_by_gene() -> None:
        import statsmodels.api as sm

        design = np.column_stack([np.ones(500), driver, beside])
        for at in range(_SAMPLE):
            sm.OLS(expression[at], design).fit().pvalues  # noqa: B018

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
            "ours": _tables(*size, has_strata=False),
            "note": "all tables of core.alterations but those of strata; no peer does the same",
        },
        {
            "name": "the same with three strata, four endpoints",
            "size": "20,000 genes x 500, 200,000 mut.",
            "ours": _tables(*size, has_strata=True),
            "note": "screens, optimal cuts, curves and models within each stratum that is large enough",
        },
        {
            "name": "layers cut from staging, written, read",
            "size": "18 million values",
            "ours": lambda: _cut_and_read(*size),
            "note": "Parquet to slices and back into matrices",
        },
        {
            "name": "expression by driver",
            "size": "20,000 x 500, 4 coefficients",
            "ours": lambda: driver_expression(expression, names_of_all, driver, beside),
            "peer_name": "statsmodels OLS, gene by gene",
            "peer": ols_by_gene,
            "peer_scale": 20_000 / _SAMPLE,
            "note": f"ours moderates the variances (limma); peer on {_SAMPLE} genes",
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
        *_r_cases(expression, driver, beside, mutated),
    ]
