"""Synthetic RNA-seq counts and a synthetic published table, drawn from the plan.

Here belong the draws. The files of the study folders belong in `study_folders`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resistance_assets.demo.plan import (
    ARM_RESISTANT,
    PAIRED,
    PARENTAL_TREATED,
    PUBLISHED,
    RESISTANT,
    RESISTANT_TREATED,
    Plan,
    random_stream,
)

_CELL_LINE_BCV = 0.10
"""Biological coefficient of variation of replicate cultures of one cell line."""
_TUMOUR_BCV = 0.35
"""The same among tumours of different patients, beside what the patient's own level explains."""
_PATIENT_SD_LOG2 = 0.5
_N_FAINT = 400
N_PAIRS = 12
N_FOLLOWED = 140
"""Patients of the laboratory's own cohort."""
_FOLLOWED_DEATHS = 0.45
N_REPLICATES = 3


@dataclass(frozen=True)
class CountTable:
    """Counts of one study.

    Attributes:
        sample_sheet: one mapping per sample, `sample_id` first.
        counts: (genes, samples), whole numbers, rows in the order of the plan's genes.
    """

    sample_sheet: tuple[dict[str, str], ...]
    counts: NDArray[np.int64]


def draw_paired_tumours(plan: Plan) -> CountTable:
    """Tumour and normal of each of twelve patients; a patient's own level of each gene is shared by the pair."""
    draw = random_stream(plan.seed, "paired tumours")
    patient = draw.normal(0, _PATIENT_SD_LOG2, (len(plan.genes), N_PAIRS))
    effect = plan.effects(PAIRED)
    sheet, columns = [], []
    for number in range(N_PAIRS):
        for condition, code in (("normal", "11"), ("tumor", "01")):
            patient_id = f"DEMO-PT-{number + 1:02d}"
            sheet.append(
                {"sample_id": f"{patient_id}-{code}", "patient_id": patient_id, "condition": condition,
                 "sample_type_code": code}
            )  # fmt: skip
            columns.append(plan.abundance_log2 + patient[:, number] + (effect if condition == "tumor" else 0.0))
    return CountTable(tuple(sheet), _draw_counts(draw, np.stack(columns, axis=1), _TUMOUR_BCV))


def draw_followed_tumours(plan: Plan) -> CountTable:
    """Tumours of a laboratory's own patients with overall survival in days; the hazards are those of the cohort.

    A few patients have no time, as in any sheet; follow-up is cut where the wanted share has died.
    """
    draw = random_stream(plan.seed, "followed tumours")
    deviation = draw.normal(size=(len(plan.genes), N_FOLLOWED))
    row = {symbol: at for at, symbol in enumerate(plan.symbols)}
    log_hazard = np.zeros(N_FOLLOWED)
    for gene, effect in plan.truth.log_hazard_per_sd["OS"].items():
        log_hazard += effect * deviation[row[gene]]
    death = draw.exponential(1000, N_FOLLOWED) * np.exp(-log_hazard)
    censored = 120 + draw.exponential(900, N_FOLLOWED)
    # The scale at which the wanted share of patients dies before it is censored.
    death *= np.sort(censored / death)[round((1 - _FOLLOWED_DEATHS) * N_FOLLOWED)]
    days = np.ceil(np.minimum(death, censored)).astype(np.int64)
    died = death <= censored
    age = np.clip(np.round(draw.normal(64, 9, N_FOLLOWED)), 40, 85).astype(np.int64)
    female = draw.uniform(size=N_FOLLOWED) < 0.5
    stage = draw.choice(["I", "II", "III", "IV"], N_FOLLOWED, p=[0.5, 0.25, 0.2, 0.05])
    unknown = set(draw.permutation(N_FOLLOWED)[:3].tolist())
    sheet = tuple(
        {
            "sample_id": f"DEMO-FU-{at + 1:03d}-T",
            "patient_id": f"DEMO-FU-{at + 1:03d}",
            "time": "" if at in unknown else str(days[at]),
            "event": "" if at in unknown else str(int(died[at])),
            "age": str(age[at]),
            "sex": "female" if female[at] else "male",
            "stage": str(stage[at]),
        }
        for at in range(N_FOLLOWED)
    )
    return CountTable(sheet, _draw_counts(draw, plan.abundance_log2[:, None] + deviation, _TUMOUR_BCV))


def draw_resistant_line(plan: Plan) -> CountTable:
    """Parental against resistant cells, three cultures each."""
    draw = random_stream(plan.seed, "resistant line")
    sheet, columns = [], []
    for condition, effect in (("parental", 0.0), ("resistant", plan.effects(RESISTANT))):
        for replicate in range(1, N_REPLICATES + 1):
            sheet.append(
                {
                    "sample_id": f"demo_H1975_{condition}_{replicate}",
                    "condition": condition,
                    "replicate": str(replicate),
                }
            )
            columns.append(plan.abundance_log2 + effect)
    return CountTable(tuple(sheet), _draw_counts(draw, np.stack(columns, axis=1), _CELL_LINE_BCV))


def draw_four_arms(plan: Plan) -> CountTable:
    """P, PA, R, RA: one sample per arm, which supports fold changes and no p-value."""
    draw = random_stream(plan.seed, "four arms")
    base, resistant = _with_faint_genes(plan), plan.effects(ARM_RESISTANT)
    arms = {
        "P": ("parental", "none", base),
        "PA": ("parental", "anlotinib", base + plan.effects(PARENTAL_TREATED)),
        "R": ("resistant", "none", base + resistant),
        "RA": ("resistant", "anlotinib", base + resistant + plan.effects(RESISTANT_TREATED)),
    }
    sheet = [
        {"sample_id": f"demo_{arm}", "arm": arm, "cell_line": line, "treatment": treatment}
        for arm, (line, treatment, _) in arms.items()
    ]
    columns = np.stack([column for _, _, column in arms.values()], axis=1)
    return CountTable(tuple(sheet), _draw_counts(draw, columns, _CELL_LINE_BCV))


def _with_faint_genes(plan: Plan) -> NDArray[np.float64]:
    """Abundances of the four-arm study: some genes without effect are near one count per million.

    There a floor, a pseudocount and the arm that the floor is applied to decide, so that readings of one rule differ.
    """
    draw = random_stream(plan.seed, "faint genes")
    planted = plan.truth.planted_genes()
    pool = [row for row, gene in enumerate(plan.genes) if gene.family == "synthetic" and gene.symbol not in planted]
    chosen = [pool[at] for at in draw.permutation(len(pool))[:_N_FAINT]]
    abundance = plan.abundance_log2.copy()
    one_per_million = math.log2(np.exp2(abundance).sum() / 1e6)
    abundance[chosen] = one_per_million + draw.uniform(-2.0, 2.5, _N_FAINT)
    return abundance


def count_by_paper_reading(plan: Plan, four_arms: CountTable) -> dict[str, int]:
    """What a paper on the four arms would report, by the reading that the truth states.

    Counts per million; at least 1 in both arms of the parental line; more than a doubling or halving with 1 added; of
    the lowered genes those with less in R than in RA; of these the ones on the cancer list of May 2018.
    """
    p, pa, r, ra = four_arms.counts.T / four_arms.counts.sum(axis=0)[:, None] * 1e6
    floor = (p >= 1) & (pa >= 1)
    down = floor & (p + 1 > 2 * (pa + 1))
    up = floor & (pa + 1 > 2 * (p + 1))
    kept = down & (r < ra)
    listed = np.isin(plan.symbols, plan.cancer_lists[plan.truth.paper_reading["list_version"]])
    return {
        "n_responsive": int((down | up).sum()),
        "n_responsive_down": int(down.sum()),
        "n_kept": int(kept.sum()),
        "n_in_list": int((kept & listed).sum()),
    }


def _draw_counts(draw: np.random.RandomState, log2_abundance: NDArray[np.float64], bcv: float) -> NDArray[np.int64]:
    """Negative binomial counts: each gene has its own dispersion around the square of ``bcv``."""
    n_genes, n_samples = log2_abundance.shape
    dispersion = bcv**2 * np.exp(draw.normal(0, 0.4, n_genes))[:, None]
    depth = 3_000_000 * draw.uniform(0.75, 1.3, n_samples)
    share = np.exp2(log2_abundance)
    mean = depth * share / share.sum(axis=0)
    return draw.poisson(draw.gamma(1 / dispersion, mean * dispersion)).astype(np.int64)


@dataclass(frozen=True)
class PublishedRow:
    """One probe of the published table; symbol and id as printed, several genes joined by ` /// `."""

    probe: str
    symbol: str
    entrez_gene_id: str
    log2_fold_change: float
    p_value: float


def draw_published_table(plan: Plan) -> tuple[PublishedRow, ...]:
    """A finished comparison, three against three, sorted by p-value: probes of one gene, of several and of none."""
    draw = random_stream(plan.seed, "published table")
    effect = plan.effects(PUBLISHED)
    second = np.sort(draw.permutation(len(plan.genes))[:300])
    targets = [(row,) for row in (*range(len(plan.genes)), *second.tolist())]
    null = np.flatnonzero(effect == 0)
    targets += [tuple(pair) for pair in draw.permutation(null)[:120].reshape(60, 2).tolist()]
    targets += [()] * 80

    standard_error = 0.16 * np.exp(draw.normal(0, 0.2, len(targets)))
    noise = draw.normal(0, 1, len(targets))
    rows = []
    for number, (target, se, error) in enumerate(zip(targets, standard_error.tolist(), noise.tolist(), strict=True)):
        genes = [plan.genes[row] for row in target]
        change = (float(effect[target[0]]) if target else 0.0) + se * error
        # Arrays are annotated when they are designed: a gene that was renamed since has its former symbol.
        symbols = [gene.previous_symbols[0] if gene.symbol in _FORMERLY else gene.symbol for gene in genes]
        rows.append(
            PublishedRow(
                probe=f"demo_{number + 1:06d}_at",
                symbol=" /// ".join(symbols),
                entrez_gene_id=" /// ".join(str(gene.entrez_gene_id) for gene in genes),
                log2_fold_change=change,
                p_value=math.erfc(abs(change) / se / math.sqrt(2)),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.p_value, row.probe)))


_FORMERLY = ("CXCL8", "SYN0050", "SYN0100")
