"""Gene signatures: one score per patient, and its Cox model against random signatures of the same size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault, Fault
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.tails import Z_95
from resistance_assets.science.survival.follow_up import as_floats, usable_follow_up
from resistance_assets.science.survival.models import Matrix
from resistance_assets.science.survival.power import events_for_power
from resistance_assets.science.survival.screen import screen_cox


def compare_with_random_signatures(
    expression: ArrayLike,
    members: Sequence[int],
    time_months: ArrayLike,
    event_observed: ArrayLike,
    *,
    weights: Sequence[float] | None = None,
    random_signatures: int = 1000,
    seed: int = 20240501,
) -> pl.DataFrame:
    """Cox model of a signature score, against random signatures of the same size.

    In many cohorts most random signatures are "significant" (Venet, Dumont & Detours 2011, PLoS Comput Biol
    7:e1002240): the p-value to trust is `p_random`, the share of random signatures (drawn from the genes of
    `expression` that vary, the same weights) whose likelihood ratio is at least as large. All random scores are one
    matrix product.

    Returns:
        One row: genes_in_signature, n, events, log_hazard_ratio_per_sd, hazard_ratio_per_sd, ci_lower, ci_upper (per
        SD), statistic, p_value (Wald), p_likelihood_ratio, p_random ((b + 1) / (m + 1)), random_signatures,
        random_share_below_005 (share of random signatures with p_likelihood_ratio < 0.05), concordance.

    Raises:
        DesignFault: no member, or fewer varying genes than members.
    """
    from scipy.sparse import csr_matrix

    x = np.asarray(expression, np.float64)
    rows = np.asarray(members, dtype=np.int64)
    usable, _ = usable_follow_up(time_months, event_observed)
    if rows.size == 0:
        raise DesignFault(
            "no gene of the signature is in the expression table",
            subject="signature",
            remedy="Check the gene symbols, or use a cohort that measured them.",
        )
    x = x[:, usable]
    time, event = as_floats(time_months)[usable], as_floats(event_observed)[usable]
    z = _z_scores(x)
    varying = np.flatnonzero(np.abs(z).max(axis=1) > 0)
    if varying.size < rows.size:
        raise DesignFault(
            f"{varying.size} genes vary, the signature has {rows.size}",
            subject="signature",
            remedy="Use an expression table with more genes.",
        )
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([rows, *(rng.choice(varying, rows.size, replace=False) for _ in range(random_signatures))])
    count = random_signatures + 1
    share = np.tile(_weights(rows, weights), count)
    membership = csr_matrix((share, drawn, np.arange(count + 1) * rows.size), shape=(count, x.shape[0]))
    scores = np.asarray(membership @ z)
    screen = screen_cox(scores, time, event, ["signature", *(f"random {k}" for k in range(random_signatures))])
    found = screen.row(0, named=True)
    # The larger the likelihood ratio, the smaller its p-value, and all have one degree of freedom.
    p_values = screen["p_likelihood_ratio"]
    null, p_found = p_values[1:].drop_nulls(), p_values[0]
    sd = float(scores[0].std(ddof=1))
    effect, se = (found[name] for name in ("log_hazard_ratio", "standard_error"))
    known = effect is not None
    low, high = (np.exp((effect + sign * Z_95 * se) * sd) if known else None for sign in (-1, 1))
    reached = int((null <= p_found * (1 + 1e-9)).sum()) if p_found is not None else None
    return pl.DataFrame(
        {
            "genes_in_signature": [rows.size],
            "n": [found["n"]],
            "events": [found["events"]],
            "log_hazard_ratio_per_sd": [effect * sd if known else None],
            "hazard_ratio_per_sd": [found["hazard_ratio_per_sd"]],
            "ci_lower": [low],
            "ci_upper": [high],
            "statistic": [found["statistic"]],
            "p_value": [found["p_value"]],
            "p_likelihood_ratio": [p_found],
            "p_random": [None if reached is None else (reached + 1) / (null.len() + 1)],
            "random_signatures": [null.len()],
            "random_share_below_005": [float(np.mean(p_values[1:].fill_null(1.0).to_numpy() < 0.05))],
            "concordance": [found["concordance"]],
        }
    )


def _z_scores(x: NDArray[np.float64]) -> NDArray[np.float64]:
    import warnings

    with warnings.catch_warnings():
        # A row of NaN alone has no mean; it becomes zeros below.
        warnings.simplefilter("ignore", RuntimeWarning)
        centred = x - np.nanmean(x, axis=1, keepdims=True)
        sd = np.nanstd(x, axis=1, ddof=1, keepdims=True)
    constant = ~(np.nanmax(np.nan_to_num(np.abs(centred)), axis=1, keepdims=True) > 0) | ~np.isfinite(sd)
    return np.where(constant, 0.0, np.nan_to_num(centred / np.where(constant | (sd == 0), 1.0, sd)))


def _weights(members: Any, weights: Sequence[float] | None) -> NDArray[np.float64]:
    given = np.ones(len(members)) if weights is None else np.asarray(weights, float)
    if given.shape != (len(members),) or not np.abs(given).sum() > 0:
        raise ValueError("one weight per member, not all zero")
    return given / np.abs(given).sum()


def score_signatures(
    expression: Matrix,
    genes: Sequence[str],
    time_months: Matrix,
    event_observed: Matrix,
    signatures: Mapping[str, Sequence[str]],
    *,
    random_signatures: int,
    seed: int,
) -> pl.DataFrame:
    """Every gene list as a score, against random lists of the same size (`compare_with_random_signatures`).

    Returns:
        signature_id, genes_in_list, genes_in_signature, the columns of `compare_with_random_signatures`, q_value_bh (of
        p_random over the lists of this call), events_for_80pct_power, note: why a list has no result.
    """
    place = {gene: row for row, gene in enumerate(genes)}
    varying = {gene for gene, row in place.items() if np.nanmax(expression[row], initial=-np.inf)
               > np.nanmin(expression[row], initial=np.inf)}  # fmt: skip
    rows = []
    for name, members in signatures.items():
        measured = [place[gene] for gene in members if gene in varying]
        row = {"signature_id": name, "genes_in_list": len(members), "genes_in_signature": len(measured)}
        if not members:
            rows.append({**row, "note": "the list is empty"})
            continue
        try:
            found = compare_with_random_signatures(
                expression,
                measured,
                time_months,
                event_observed,
                random_signatures=random_signatures,
                seed=seed,
            ).row(0, named=True)
        except Fault as fault:
            rows.append({**row, "note": fault.problem})
            continue
        effect = found["log_hazard_ratio_per_sd"]
        needed = float(events_for_power(np.nan if effect is None else effect))
        rows.append({**row, **found, "events_for_80pct_power": needed if np.isfinite(needed) else None})
    frame = pl.DataFrame(rows, schema=_SIGNATURES_SCHEMA)
    q_values = adjust_bh(frame["p_random"].fill_null(np.nan).to_numpy())
    return frame.with_columns(q_value_bh=pl.Series(q_values, dtype=pl.Float64).fill_nan(None))


_SIGNATURES_SCHEMA: dict[str, Any] = {
    "signature_id": pl.String,
    **dict.fromkeys(("genes_in_list", "genes_in_signature", "n", "events"), pl.Int64),
    **dict.fromkeys(
        (
            "log_hazard_ratio_per_sd",
            "hazard_ratio_per_sd",
            "ci_lower",
            "ci_upper",
            "statistic",
            "p_value",
            "p_likelihood_ratio",
            "p_random",
        ),
        pl.Float64,
    ),
    "random_signatures": pl.Int64,
    **dict.fromkeys(("random_share_below_005", "concordance", "events_for_80pct_power"), pl.Float64),
    "note": pl.String,
}
