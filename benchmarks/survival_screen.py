"""How long the survival screens take, beside lifelines and R's coxph and survdiff on a sample of the same genes.

Each case is a dict: name, size, ours and peer (callables without arguments), peer_name, peer_scale (what the peer's
seconds are multiplied with, because it ran on a sample of the genes), note. The runner times ours and peer in turn.
R is timed where `Rscript` and its package survival are on the PATH (`r_peers`); elsewhere its rows have no time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from benchmarks.r_peers import seconds_in_r
from resistance_assets.science.survival.optimal_cut import screen_optimal_cut
from resistance_assets.science.survival.screen import screen_cox, screen_median_split

_SAMPLE = 20
_R_SAMPLE = 200


@cache
def _cohort(genes: int, patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Made-up cohort: normal expression, 35 % deaths, times in months with two decimals (so with some ties)."""
    rng = np.random.default_rng(20240501)
    expression = rng.standard_normal((genes, patients))
    time = np.round(rng.exponential(40, patients), 2) + 0.03
    event = (rng.random(patients) < 0.35).astype(np.int64)
    return expression, time, event, [f"G{k}" for k in range(genes)]


def _lifelines_cox(genes: int, patients: int, sample: int = _SAMPLE) -> Callable[[], None]:
    def run() -> None:
        import pandas as pd
        from lifelines import CoxPHFitter

        expression, time, event, _ = _cohort(genes, patients)
        for row in expression[:sample]:
            fit = CoxPHFitter().fit(pd.DataFrame({"x": row, "time": time, "event": event}), "time", "event")
            # The same statistics as ours: Wald table, likelihood ratio, concordance.
            _ = fit.summary, fit.log_likelihood_ratio_test(), fit.concordance_index_

    return run


def _lifelines_logrank(genes: int, patients: int, sample: int = _SAMPLE) -> Callable[[], None]:
    def run() -> None:
        from lifelines.statistics import logrank_test

        expression, time, event, _ = _cohort(genes, patients)
        for row in expression[:sample]:
            high = row > np.median(row)
            logrank_test(time[high], time[~high], event[high], event[~high])

    return run


def _lifelines_best_cut(genes: int, patients: int, sample: int = 1) -> Callable[[], None]:
    """What users do without a correction: a log-rank test at each cut-point, the smallest p kept."""

    def run() -> None:
        from lifelines.statistics import logrank_test

        expression, time, event, _ = _cohort(genes, patients)
        for row in expression[:sample]:
            cuts = np.sort(row)[int(0.1 * patients) - 1 : int(0.9 * patients)]
            min(logrank_test(time[row > c], time[row <= c], event[row > c], event[row <= c]).p_value for c in cuts)

    return run


_R_COX = "for (k in seq_len(nrow(m))) summary(coxph(Surv(s[, 1], s[, 2]) ~ m[k, ]))"
_R_LOGRANK = "for (k in seq_len(nrow(m))) survdiff(Surv(s[, 1], s[, 2]) ~ m[k, ] > median(m[k, ]))"


def _beside_r(name: str, screen: Callable, genes: int, patients: int, r_name: str, work: str) -> dict:
    expression, time, event, _ = _cohort(genes, patients)
    script = f"""
m <- take("m", {_R_SAMPLE}, {patients})
s <- take("s", {patients}, 2)
timed(function() {{ {work} }})
"""
    seconds = seconds_in_r(script, {"m": expression[:_R_SAMPLE], "s": np.column_stack([time, event])}, ("survival",))
    return {
        "name": name,
        "size": f"{genes:,} genes x {patients:,} patients",
        "ours": _ours(screen, genes, patients),
        "peer_name": r_name,
        "peer_seconds": None if seconds is None else seconds * genes / _R_SAMPLE,
        "note": f"R on {_R_SAMPLE} genes in this run, scaled" if seconds else "no R with survival here: no time of R",
    }


def _ours(screen: Callable, genes: int, patients: int) -> Callable[[], object]:
    def run() -> object:
        expression, time, event, names = _cohort(genes, patients)
        return screen(expression, time, event, names)

    return run


def _case(name, screen, genes, patients, peer_name, peer, sample, note) -> dict:
    return {
        "name": name,
        "size": f"{genes:,} genes x {patients:,} patients",
        "ours": _ours(screen, genes, patients),
        "peer_name": peer_name,
        "peer": peer(genes, patients, sample),
        "peer_scale": genes / sample,
        "note": note,
    }


def cases() -> list[dict]:
    """The cases, the three headline ones first; expression matrices are made when a case first runs."""
    cox = "lifelines CoxPHFitter"
    all_statistics = "Efron ties; Wald, score, likelihood ratio, concordance, BH; peer on a sample, scaled"
    found = [
        _case("survival_cox", screen_cox, 20_000, 500, cox, _lifelines_cox, _SAMPLE, all_statistics),
        _case(
            "survival_median_split",
            screen_median_split,
            20_000,
            500,
            "lifelines logrank_test",
            _lifelines_logrank,
            _SAMPLE,
            "log-rank, Cox model, medians of both groups, BH; peer: the log-rank test alone",
        ),
        _case(
            "survival_optimal_cut",
            screen_optimal_cut,
            20_000,
            500,
            "lifelines logrank_test at each cut",
            _lifelines_best_cut,
            1,
            "10,000 permutations shared by all genes; peer: uncorrected search over the same cuts",
        ),
    ]
    for genes, patients in [(1_000, 500), (60_000, 500), (2_000, 2_000), (2_000, 10_000)]:
        found.append(_case("survival_cox_scaling", screen_cox, genes, patients, cox, _lifelines_cox, 5, all_statistics))
    found.append(_beside_r("survival_cox_r", screen_cox, 20_000, 500, "R coxph, gene by gene", _R_COX))
    found.append(
        _beside_r("survival_logrank_r", screen_median_split, 20_000, 500, "R survdiff, gene by gene", _R_LOGRANK)
    )
    return found
