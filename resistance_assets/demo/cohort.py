"""Synthetic patients: tumour expression, copy number and follow-up, drawn from the plan.

Here belong the draws and their arithmetic. How cBioPortal writes them belongs in `cbioportal_archive`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resistance_assets.demo.plan import NOT_PROGNOSTIC, SPEARMAN_WITH_CCL20, Plan, random_stream

N_PATIENTS = 300
N_EXPRESSED = 292
"""Patients with a sequenced primary tumour."""
N_RECURRENT = 3
"""Patients with a second, recurrent, sample (-02), which an analysis of primary tumours has to leave out."""
DAYS_PER_MONTH = 30.417
"""As the host converts days to months."""

STAGES = ("STAGE IA", "STAGE IB", "STAGE IIA", "STAGE IIB", "STAGE IIIA", "STAGE IIIB", "STAGE IV", "")
_STAGE_SHARES = (0.26, 0.27, 0.10, 0.14, 0.14, 0.02, 0.05, 0.02)
_STAGE_NUMBERS = np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 1.5])

_DEATHS = 0.36
_PROGRESSIONS = 0.40
_WEIBULL_SHAPE = 1.2
_LOG_HAZARD_PER_STAGE = 0.25
_LOG_HAZARD_PER_YEAR = 0.01


@dataclass(frozen=True)
class FollowUp:
    """An endpoint: shape (patients,) each.

    Attributes:
        days: whole days from diagnosis; -1 where unknown.
        event: 1 event, 0 censored, -1 unknown (the patient does not belong to the endpoint's cohort).
    """

    days: NDArray[np.int64]
    event: NDArray[np.int64]


CIS_COPY_NUMBER = ("MET", "ERBB2", "MYC", "CDK4")
"""Genes whose copy number goes with their expression; that of the others says nothing of it."""


@dataclass(frozen=True)
class Cohort:
    """The synthetic patients.

    Attributes:
        age_years: (patients,), -1 where unknown.
        is_female: (patients,).
        stage: (patients,), index into `STAGES`.
        endpoints: "OS", "DSS", "DFS", "PFS".
        expressed: (samples,), patient of each sample with expression; primary tumours first, recurrences last.
        is_recurrent: (samples,).
        rsem: (genes, samples), linear scale; some genes are zero throughout.
        copy_number: (copy-number genes, samples), -2 to 2.
        copy_number_rows: (copy-number genes,), their rows among the genes of the plan.
    """

    age_years: NDArray[np.int64]
    is_female: NDArray[np.bool_]
    stage: NDArray[np.int64]
    endpoints: dict[str, FollowUp]
    expressed: NDArray[np.int64]
    is_recurrent: NDArray[np.bool_]
    rsem: NDArray[np.float64]
    copy_number: NDArray[np.int64]
    copy_number_rows: NDArray[np.int64]


def draw_cohort(plan: Plan) -> Cohort:
    """Draw the patients of the plan."""
    clinical = random_stream(plan.seed, "clinical")
    age = np.clip(np.round(clinical.normal(65, 10, N_PATIENTS)), 38, 88).astype(np.int64)
    stage = clinical.choice(len(STAGES), N_PATIENTS, p=_STAGE_SHARES)
    is_female = clinical.uniform(size=N_PATIENTS) < 0.54
    expressed = np.sort(clinical.permutation(N_PATIENTS)[:N_EXPRESSED])

    deviations = _draw_deviations(plan, expressed)
    background = _LOG_HAZARD_PER_STAGE * (_STAGE_NUMBERS[stage] - 1) + _LOG_HAZARD_PER_YEAR * (age - 65)
    endpoints = _draw_follow_up(plan, deviations, expressed, background, _STAGE_NUMBERS[stage])

    recurrent = np.sort(clinical.choice(expressed, N_RECURRENT, replace=False))
    samples = np.concatenate([expressed, recurrent])
    noise = random_stream(plan.seed, "recurrent samples").normal(0, 0.8, (len(plan.genes), N_RECURRENT))
    by_sample = np.concatenate([deviations[:, expressed], 0.6 * deviations[:, recurrent] + noise], axis=1)
    rsem = _rsem(plan, by_sample)
    rows, copy_number = _draw_copy_number(plan, len(samples))
    _plant_cis_copy_number(plan, rsem, rows, copy_number)
    unknown_age = clinical.permutation(N_PATIENTS)[:10]
    age[unknown_age] = -1
    return Cohort(
        age_years=age,
        is_female=is_female,
        stage=stage,
        endpoints=endpoints,
        expressed=samples,
        is_recurrent=np.arange(len(samples)) >= N_EXPRESSED,
        rsem=rsem,
        copy_number=copy_number,
        copy_number_rows=rows,
    )


def disagreeing_patients(cohort: Cohort) -> tuple[int, int, int]:
    """Patients on whose overall survival the hosts disagree: one whom Xena has dead, one whom it has followed longer,
    and one whom the Genomic Data Commons has dead later. All were alive when last seen, after a year or more."""
    os = cohort.endpoints["OS"]
    first, second, third = np.flatnonzero((os.event == 0) & (os.days > 365))[:3].tolist()
    return first, second, third


def _orthonormal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows made exactly uncorrelated, each of mean 0 and variance 1, by Gram-Schmidt.

    Not `numpy.linalg.qr`: what LAPACK rounds differently on another machine must not reach the files.
    """
    rows = values - values.mean(axis=1, keepdims=True)
    for i in range(len(rows)):
        for j in range(i):
            rows[i] -= (rows[i] * rows[j]).mean() * rows[j]
        rows[i] /= np.sqrt((rows[i] ** 2).mean())
    return rows


def _draw_deviations(plan: Plan, expressed: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log2 expression in standard deviations from a gene's mean, shape (genes, patients).

    Among the expressed patients the prognostic and the neutral genes of interest are exactly uncorrelated with one
    another, so that what a screen finds for one of them is its own effect and not the luck of the draw.
    """
    draw = random_stream(plan.seed, "expression")
    symbols = {symbol: row for row, symbol in enumerate(plan.symbols)}
    z = draw.normal(size=(len(plan.genes), N_PATIENTS))
    _plant_modules(plan, draw, z)
    core = [symbols[gene] for gene in (*_survival_genes(plan), *SPEARMAN_WITH_CCL20)]
    block = np.ix_(core, expressed.tolist())
    z[block] = _orthonormal(z[block])
    target = z[symbols["CCL20"]]
    for gene, rho in SPEARMAN_WITH_CCL20.items():
        # Pearson's r of the normal distribution whose Spearman correlation is rho.
        r = 2 * np.sin(np.pi * rho / 6)
        z[symbols[gene]] = r * target + np.sqrt(1 - r * r) * z[symbols[gene]]
    return z


def _survival_genes(plan: Plan) -> list[str]:
    """Prognostic genes and those that are stated not to be."""
    return [*dict.fromkeys(g for effects in plan.truth.log_hazard_per_sd.values() for g in effects), *NOT_PROGNOSTIC]


def _plant_modules(plan: Plan, draw: np.random.RandomState, z: NDArray[np.float64]) -> None:
    """Ten groups of twenty genes that share a factor: tumours are not made of independent genes."""
    core = set(_survival_genes(plan))
    free = [row for row, gene in enumerate(plan.genes) if gene.family == "synthetic" and gene.symbol not in core]
    for module in draw.permutation(free)[:200].reshape(10, 20):
        z[module] = np.sqrt(0.4) * draw.normal(size=N_PATIENTS) + np.sqrt(0.6) * z[module]


def _rsem(plan: Plan, deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    draw = random_stream(plan.seed, "rsem")
    spread = draw.uniform(0.5, 1.5, len(plan.genes))
    log2_values = plan.abundance_log2[:, None] + spread[:, None] * deviations
    values = np.maximum(np.exp2(log2_values) - 1, 0)
    planted = {*plan.truth.spearman_with_ccl20, *plan.truth.not_prognostic}
    planted |= {
        gene for effects in (*plan.truth.contrasts.values(), *plan.truth.log_hazard_per_sd.values()) for gene in effects
    }
    silent = [row for row, gene in enumerate(plan.genes) if gene.family == "synthetic" and gene.symbol not in planted]
    values[draw.permutation(silent)[:5]] = 0.0
    return values


def _draw_copy_number(plan: Plan, n_samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Discrete copy number of the named genes; neighbours of a block of twenty share most of their state."""
    draw = random_stream(plan.seed, "copy number")
    rows = np.array([row for row, gene in enumerate(plan.genes) if gene.family != "synthetic"])
    blocks = np.arange(len(rows)) // 20
    levels, shares = np.array([-2, -1, 0, 1, 2]), [0.01, 0.16, 0.58, 0.21, 0.04]
    state = draw.choice(levels, (int(blocks[-1]) + 1, n_samples), p=shares)
    own = draw.choice(levels, (len(rows), n_samples), p=shares)
    return rows, np.where(draw.uniform(size=own.shape) < 0.9, state[blocks], own)


def _plant_cis_copy_number(
    plan: Plan, rsem: NDArray[np.float64], rows: NDArray[np.int64], copy_number: NDArray[np.int64]
) -> None:
    """Calls of `CIS_COPY_NUMBER` that rise with the expression of their gene, in the shares of the other genes."""
    noise = random_stream(plan.seed, "cis copy number").normal(0, 1, (len(CIS_COPY_NUMBER), copy_number.shape[1]))
    for at, gene in enumerate(CIS_COPY_NUMBER):
        row = plan.symbols.index(gene)
        level = np.log2(rsem[row] + 1)
        order = np.argsort(np.argsort((level - level.mean()) / level.std() + noise[at], kind="stable"), kind="stable")
        copy_number[rows == row] = np.digitize(order / len(order), [0.01, 0.17, 0.75, 0.96]) - 2


def _draw_follow_up(
    plan: Plan,
    deviations: NDArray[np.float64],
    expressed: NDArray[np.int64],
    background: NDArray[np.float64],
    stage: NDArray[np.float64],
) -> dict[str, FollowUp]:
    """Weibull times to death and to progression, each with its own genes, and one censoring time per patient.

    What chance adds to the log times is made uncorrelated with the genes of interest, for the same reason as these are
    made uncorrelated with one another: some hundred events would hide a moderate effect, or show one where none is.
    """
    draw = random_stream(plan.seed, "follow-up")
    symbols = {symbol: row for row, symbol in enumerate(plan.symbols)}
    known = [deviations[symbols[gene], expressed] for gene in _survival_genes(plan)]

    def times(endpoint: str) -> NDArray[np.float64]:
        effects = plan.truth.log_hazard_per_sd[endpoint]
        log_hazard = background + sum(effect * deviations[symbols[gene]] for gene, effect in effects.items())
        chance = np.log(draw.exponential(size=N_PATIENTS))
        for deviation in known:
            chance[expressed] -= (chance[expressed] * deviation).mean() * deviation
        return np.exp((chance - log_hazard) / _WEIBULL_SHAPE)

    censored = 4 + draw.exponential(28, N_PATIENTS)
    death, progression = times("OS"), times("PFS")
    # The scale at which exactly the wanted share of patients has its event before it is censored.
    death *= np.sort(censored / death)[round((1 - _DEATHS) * N_PATIENTS)]
    progression *= np.sort(censored / progression)[round((1 - _PROGRESSIONS) * N_PATIENTS)]

    seen_until = np.minimum(death, censored)
    died = (death <= censored).astype(np.int64)
    of_disease = draw.uniform(size=N_PATIENTS) < 0.65
    dss = died * of_disease
    dss[draw.uniform(size=N_PATIENTS) < 0.07] = -1
    progressed = (progression <= seen_until).astype(np.int64)
    disease_free = draw.uniform(size=N_PATIENTS) < np.clip(0.78 - 0.12 * (stage - 1), 0.1, 1)
    dfs = np.where(disease_free, progressed, -1)

    os_days = np.ceil(seen_until * DAYS_PER_MONTH).astype(np.int64)
    progression_days = np.ceil(np.minimum(progression, seen_until) * DAYS_PER_MONTH).astype(np.int64)
    # As on the host: a few patients have no follow-up time at all, and a few have one of zero days.
    unusual = draw.permutation(N_PATIENTS)[:7]
    os_days[unusual[:5]] = progression_days[unusual[:5]] = -1
    os_days[unusual[5:]] = progression_days[unusual[5:]] = 0
    died[unusual] = progressed[unusual] = 0
    dss[unusual], dfs[unusual] = np.minimum(dss[unusual], 0), np.minimum(dfs[unusual], 0)
    return {
        "OS": FollowUp(os_days, died),
        "DSS": FollowUp(os_days, dss),
        "DFS": FollowUp(np.where(dfs >= 0, progression_days, -1), dfs),
        "PFS": FollowUp(progression_days, np.maximum(progressed, died * of_disease)),
    }
