"""What a published figure is worth, and whether the data say the same.

Here belong the verdict on a recomputed value, and everything that can be said of a printed figure without its data: the
p-value that a hazard ratio and its interval imply, the events behind it, what chance would give, the correction for all
that was tried. Which claims there are and how their values are found does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.catalog.models.claim import Claim, PublishedTable
from resistance_assets.science.gene_lists.intersections import expected_overlap, intersection_p_value
from resistance_assets.science.statistics.multiple_testing import adjust_bh

Verdict = Literal[
    "reproduced",
    "near",
    "inconclusive",
    "contradicted",
    "not_reproduced",
    "synthetic",
    "data_not_public",
    "data_not_loaded",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
# A result on the other side of the reference counts against a claim at this level.
_CONTRADICTION_ALPHA = 0.05
# Half the width of a 95 % interval in standard errors.
_Z_95 = 1.959963984540054
# A significance just missed is near; a plainly insignificant effect on the right side is a coin that fell that way.
_NEAR_ALPHA = 2.0
# A printed decimal has no exact binary form: without it 0.20 with tolerance 0.05 would refuse 0.25.
_SLACK = 1e-9

# What the query of a claim may give beside `value`, and what it means.
EVIDENCE: dict[str, str] = {
    "value": "the figure, recomputed",
    "n": "patients, samples or genes that it rests on",
    "events": "events among them",
    "ci_lower": "95 % limit",
    "ci_upper": "95 % limit",
    "p_value": "its p-value, not corrected",
    "q_value": "corrected within the declared family",
    "q_value_panel": "corrected within the panel of genes that the paper names",
    "q_value_reported": "of the printed p-value, corrected for everything that the paper tested",
    "p_corrected": "p-value that pays for the search of a cut-point",
    "percentile": "percentile of the p-value among all genes tested the same way",
    "rank": "rank of the p-value among them, from 1",
    "tested": "how many they are",
    "n_available": "largest n that the data can have",
    "events_per_variable": "of the printed model, where its own interval does not tell",
    "overlap": "size of an overlap",
    "list_a_size": "first list, within the universe",
    "list_b_size": "second list, within the universe",
    "universe_size": "genes that could have been on both",
    "noise_bcv_0_1": "what noise alone gives at a biological coefficient of variation of 0.1",
    "noise_bcv_0_2": "at 0.2",
    "noise_bcv_0_3": "at 0.3",
    "noise_bcv_0_4": "at 0.4",
}


def judge_claim(
    claim: Claim,
    value: float | None,
    p_value: float | None = None,
    *,
    interval: tuple[float | None, float | None] = (None, None),
    lacking: Iterable[str] = (),
    is_synthetic: bool = False,
) -> tuple[Verdict, str]:
    """Whether the data say what the paper says, and why.

    A number is reproduced within `tolerance` and near within `near_tolerance`; beyond it, it is inconclusive where the
    interval holds the stated number, else not reproduced. A direction is reproduced on the right side of `reference`
    with a p-value below `alpha` (where one is claimed), near on the right side with one below twice that, or where the
    data support no p-value. It is contradicted where the interval excludes the claimed side (without an interval: on
    the other side with p < 0.05, which for an overlap is the chance of one as small), and inconclusive where the
    interval holds both sides. A value from private data is judged like any other once somebody's own study supplies it.
    On generated data nothing is said of a paper.

    Args:
        claim: what is expected.
        value: recomputed, or None where there is nothing to compute it from.
        p_value: of the value.
        interval: its 95 % limits, None where there are none.
        lacking: what the claim needs and is not loaded; then the value is not used.
        is_synthetic: the data were generated, as the demo's are.

    Returns:
        Verdict and a reason in words.
    """
    lacking = list(lacking)
    if value is None or value != value or lacking:
        if not claim.is_public:
            return "data_not_public", claim.why_private or ""
        if lacking:
            return "data_not_loaded", f"not loaded: {', '.join(lacking)}"
        return "data_not_loaded", "the warehouse holds no value for it"
    if is_synthetic:
        return "synthetic", "computed from generated data, which say nothing of the paper"
    low, high = (None if limit is None or limit != limit else limit for limit in interval)
    if claim.expected is not None and claim.tolerance is not None:
        return _judge_number(claim, value, claim.expected, claim.tolerance, low, high)
    return _judge_direction(claim, value, p_value, low, high)


def _judge_number(
    claim: Claim, value: float, expected: float, tolerance: float, low: float | None, high: float | None
) -> tuple[Verdict, str]:
    difference = abs(value - expected)
    if difference <= tolerance + _SLACK:
        return "reproduced", f"within {tolerance:g} of {expected:g}"
    if claim.near_tolerance is not None and difference <= claim.near_tolerance + _SLACK:
        return "near", f"{difference:.3g} from {expected:g}, beyond {tolerance:g}"
    if low is not None and high is not None and low <= expected <= high:
        return "inconclusive", f"{difference:.3g} from {expected:g}, which the interval holds"
    return "not_reproduced", f"{difference:.3g} from {expected:g}"


def _judge_direction(
    claim: Claim, value: float, p_value: float | None, low: float | None, high: float | None
) -> tuple[Verdict, str]:
    reference, alpha = claim.reference, claim.alpha
    wanted = f"{claim.direction} {reference:g}"
    p = None if p_value is None or p_value != p_value else p_value
    is_right = value > reference if claim.direction == "above" else value < reference
    if is_right and alpha is None:
        return "reproduced", wanted
    if is_right and p is None:
        return "near", f"{wanted}, without a p-value"
    if is_right and p is not None and alpha is not None:
        if p < alpha:
            return "reproduced", f"{wanted}, p < {alpha:g}"
        if p < _NEAR_ALPHA * alpha:
            return "near", f"{wanted}, but p = {p:.3g}"
        return "inconclusive", f"{wanted}, but p = {p:.3g}: the data allow both sides"
    nearest = high if claim.direction == "above" else low
    if nearest is not None:
        excluded = nearest < reference if claim.direction == "above" else nearest > reference
        if excluded:
            return "contradicted", f"not {wanted}: the interval ends at {nearest:.3g}"
        return "inconclusive", f"not {wanted}, but the interval reaches {nearest:.3g}"
    if p is not None and value != reference:
        if p < _CONTRADICTION_ALPHA:
            return "contradicted", f"not {wanted}: on the other side with p = {p:.3g}"
        return "inconclusive", f"not {wanted}, with p = {p:.3g}"
    return "not_reproduced", f"not {wanted}"


# ---- a printed hazard ratio ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Implied:
    """What a hazard ratio and its 95 % interval imply; arrays or floats alike.

    Attributes:
        standard_error: of the log hazard ratio.
        p_value: two-sided, Wald.
        p_lowest, p_highest: over everything that would have been printed the same.
        events: for two groups of equal size.
    """

    standard_error: Any
    p_value: Any
    p_lowest: Any
    p_highest: Any
    events: Any


def implied_by_interval(
    hazard_ratio: ArrayLike, ci_lower: ArrayLike, ci_upper: ArrayLike, *, significant_digits: int = 2
) -> Implied:
    """Standard error, p-value and events behind a printed hazard ratio with a Wald interval.

    The standard error of a log hazard ratio between two groups is about 1 / sqrt(events x s (1 - s)) with a share s of
    the patients in one of them (Schoenfeld 1981, Biometrika 68:316); for a median split that is 2 / sqrt(events).

    Args:
        hazard_ratio, ci_lower, ci_upper: positive, broadcastable; NaN gives NaN.
        significant_digits: to which they were printed.
    """
    ratio, lower, upper = (np.asarray(x, dtype=np.float64) for x in (hazard_ratio, ci_lower, ci_upper))
    if np.any((ratio <= 0) | (lower <= 0) | (upper <= lower)):
        raise ValueError("a hazard ratio is positive and its lower limit below its upper one")
    error = (np.log(upper) - np.log(lower)) / (2 * _Z_95)

    def p_of(r: Any, low: Any, high: Any) -> NDArray[np.float64]:
        from scipy.special import ndtr

        return 2 * ndtr(-np.abs(np.log(r)) / ((np.log(high) - np.log(low)) / (2 * _Z_95)))

    half = [rounding_half_unit(x, significant_digits) for x in (ratio, lower, upper)]
    # The extremes are those of the ratio nearest to 1 with the widest interval and of the farthest with the narrowest.
    nearest = np.where(np.abs(ratio - 1) <= half[0], 1.0, np.where(ratio > 1, ratio - half[0], ratio + half[0]))
    farthest = np.where(ratio > 1, ratio + half[0], np.maximum(ratio - half[0], 1e-12))
    widest = (np.maximum(lower - half[1], 1e-12), upper + half[2])
    narrowest = (lower + half[1], np.maximum(upper - half[2], lower + half[1] + 1e-12))
    return Implied(error, p_of(ratio, lower, upper), p_of(farthest, *narrowest), p_of(nearest, *widest), 4 / error**2)


def rounding_half_unit(value: ArrayLike, significant_digits: int) -> NDArray[np.float64]:
    """Half a unit of the last digit of a positive number that was printed to that many significant digits."""
    x = np.asarray(value, dtype=np.float64)
    return 0.5 * 10.0 ** (np.floor(np.log10(x) + 1e-12) - (significant_digits - 1))


def audit_printed_table(table: PublishedTable) -> pl.DataFrame:
    """Whether the rows of a printed table agree with themselves, and what they are worth.

    `q_value_bh_family` corrects for all `tests` although only the significant ones are printed: the others have larger
    p-values (at least 0.05), which cannot make a printed q smaller than it is with rank / tests alone.

    Returns:
        One row per printed row: `table_id`, `endpoint`, `model`, `label`, `hgnc_symbol`, `hazard_ratio`, `ci_lower`,
        `ci_upper`, `p_value_reported`, `standard_error_implied`, `p_value_implied`, `p_value_implied_lowest`,
        `p_value_implied_highest`, `is_consistent` (the printed p lies in that range; null without an interval),
        `events_implied` (by the interval; univariable rows), `events_implied_of_endpoint` (their median),
        `variables` of the model, `events_per_variable`, `family_tests`, `q_value_bh_family` (univariable rows).
    """
    rows = pl.DataFrame([{"position": at, **row.model_dump()} for at, row in enumerate(table.row)])
    number = rows.select(pl.col("hazard_ratio", "ci_lower", "ci_upper").cast(pl.Float64)).fill_null(np.nan).to_numpy().T
    implied = implied_by_interval(*number, significant_digits=table.significant_digits)
    printed = rows["p_value"].to_numpy()
    half = rounding_half_unit(printed, 2)
    consistent = (printed + half >= implied.p_lowest) & (printed - half <= implied.p_highest)
    is_single = (rows["model"] == "univariable").to_numpy()
    frame = rows.with_columns(
        table_id=pl.lit(table.id),
        standard_error_implied=pl.Series(implied.standard_error),
        p_value_implied=pl.Series(implied.p_value),
        p_value_implied_lowest=pl.Series(implied.p_lowest),
        p_value_implied_highest=pl.Series(implied.p_highest),
        is_consistent=pl.Series([bool(c) if e == e else None for c, e in zip(consistent, number[1], strict=True)]),
        # In a larger model correlation with the other variables widens the interval: it no longer counts events.
        events_implied=pl.Series(np.where(is_single, implied.events, np.nan)),
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    parts = []
    for (_, model), part in frame.group_by("endpoint", "model", maintain_order=True):
        variables = 1 if model == "univariable" else part.height
        q = part["p_value"].to_numpy() if model == "univariable" else np.empty(0)
        # Untested variables would have p >= 0.05; 1 stands for them, and the running minimum never reaches them.
        padded = adjust_bh(np.concatenate([q, np.ones(max(0, table.tests - q.size))]))[: part.height]
        parts.append(
            part.with_columns(
                variables=pl.lit(variables, pl.Int64),
                family_tests=pl.lit(table.tests if model == "univariable" else None, pl.Int64),
                q_value_bh_family=pl.Series(padded) if model == "univariable" else pl.lit(None, pl.Float64),
            )
        )
    return (
        pl.concat(parts)
        .with_columns(events_implied_of_endpoint=pl.col("events_implied").median().over("endpoint"))
        .with_columns(events_per_variable=pl.col("events_implied_of_endpoint") / pl.col("variables"))
        .sort("position")
        .rename({"p_value": "p_value_reported"})
        .drop("position")
    )


# ---- the claims report -----------------------------------------------------------------------------------------------


def _declared(claim: Claim) -> dict[str, Any]:
    """A claim's own fields, as the catalog has them."""
    return {
        "claim_id": claim.id,
        "paper_id": claim.paper,
        "statement": claim.statement,
        "quantity": claim.quantity,
        "stated_by": claim.stated_by,
        "expected": claim.expected,
        "tolerance": claim.tolerance,
        "near_tolerance": claim.near_tolerance,
        "direction": claim.direction,
        "reference": claim.reference if claim.direction else None,
        "alpha": claim.alpha,
        "is_public": claim.is_public,
        "note": claim.note,
    }


def build_claims_report(
    claims: Iterable[Claim],
    evidence: Mapping[str, Mapping[str, Any]],
    lacking: Mapping[str, list[str]],
    families: pl.DataFrame,
    *,
    is_synthetic: bool = False,
) -> pl.DataFrame:
    """Claims report: every claim with its verdict and its assessment.

    Args:
        claims: of the catalog.
        evidence: claim -> what its query gave, keys of `EVIDENCE`; absent where a claim has no query.
        lacking: claim -> what it needs and is not loaded.
        families: rows of `core.hypotheses_tested`.
        is_synthetic: the data were generated.

    Returns:
        One row per claim, sorted by paper and id: the claim's own fields, `value`, `difference`, `verdict`,
        `verdict_reason`, the evidence, `expected_by_chance`, `fold_over_chance`, `p_overlap`, `p_implied`,
        `p_implied_lowest`, `p_implied_highest`, `events_implied`, `events_per_variable`, `n_claimed`,
        `is_n_impossible`, `family`, `family_tests`, `family_p_below_0_05`, `family_q_below_0_05`, `correction`, and
        `worth`: all of that in a sentence.

    Raises:
        KeyError: a claim names a family that is not among the hypotheses although its data are loaded.
    """
    known = {(row["analysis"], row["family"]): row for row in families.to_dicts()}
    rows = []
    for claim in claims:
        found = {name: _number(evidence.get(claim.id, {}).get(name)) for name in EVIDENCE}
        absent = list(lacking.get(claim.id, ()))
        overlap = _overlap(found)
        p_value = found["p_value"] if found["p_value"] is not None else _p_of_overlap(found, overlap)
        verdict, reason = judge_claim(
            claim,
            found["value"],
            p_value,
            interval=(found["ci_lower"], found["ci_upper"]),
            lacking=absent,
            is_synthetic=is_synthetic,
        )
        is_judged = verdict not in ("data_not_public", "data_not_loaded")
        if not is_judged:
            found["value"] = None
        family: Mapping[str, Any] = {}
        if claim.family is not None:
            family = known.get((claim.family.analysis, claim.family.family), {})
            if is_judged and not family:
                raise KeyError(f"{claim.id}: {claim.family.analysis}, {claim.family.family}")
        row = {
            **_declared(claim),
            **found,
            "difference": None if claim.expected is None or found["value"] is None else found["value"] - claim.expected,
            "verdict": verdict,
            "verdict_reason": reason,
            **overlap,
            **_implied(claim, found["events_per_variable"]),
            "n_claimed": claim.reported.n,
            "is_n_impossible": (
                claim.reported.n > found["n_available"]
                if claim.reported.n is not None and found["n_available"] is not None
                else None
            ),
            "family": claim.family.family if claim.family else None,
            "family_tests": family.get("n_tests"),
            "family_p_below_0_05": family.get("n_below_0_05"),
            "family_q_below_0_05": family.get("n_q_below_0_05"),
            "correction": family.get("correction"),
        }
        rows.append({**row, "worth": describe_assessment(row)})
    return pl.DataFrame(rows, infer_schema_length=None).sort("paper_id", "claim_id")


def first_releases(
    now: Mapping[str, str],
    past: Iterable[tuple[int, Mapping[str, str]]],
    upcoming: int,
    before: Mapping[str, tuple[str, int]] = {},
) -> dict[str, int]:
    """First release of the unbroken run of releases, up to now, in which a claim had the verdict that it has now.

    Args:
        now: claim -> verdict.
        past: number and claim -> verdict of the releases, oldest first.
        upcoming: number of the next release, for verdicts that no release has yet.
        before: claim -> verdict, and the release since which it stood, as the oldest of these releases knew it.
            Releases before it may be gone.
    """
    found = {}
    newest_first = sorted(past, key=lambda release: -release[0])
    oldest = newest_first[-1][0] if newest_first else None
    for claim_id, verdict in now.items():
        since = upcoming
        for number, verdicts in newest_first:
            if verdicts.get(claim_id) != verdict:
                break
            since = number
        if since == oldest and before.get(claim_id, ("", 0))[0] == verdict:
            since = min(since, before[claim_id][1])
        found[claim_id] = since
    return found


def _number(value: Any) -> float | None:
    number = None if value is None else float(value)
    return None if number is None or number != number else number


def _overlap(found: Mapping[str, float | None]) -> dict[str, float | None]:
    size, a, b, universe = (found[name] for name in ("overlap", "list_a_size", "list_b_size", "universe_size"))
    if size is None or a is None or b is None or not universe:
        return {"expected_by_chance": None, "fold_over_chance": None, "p_overlap": None}
    expected = float(expected_overlap(a, b, universe))
    return {
        "expected_by_chance": expected,
        "fold_over_chance": size / expected if expected > 0 else None,
        "p_overlap": intersection_p_value(int(size), [int(a), int(b)], int(universe)),
    }


def _p_of_overlap(found: Mapping[str, float | None], overlap: Mapping[str, float | None]) -> float | None:
    """What chance gives an overlap that is at least as large, or, where it is below what chance gives, as small."""
    from scipy.stats import hypergeom

    fold = overlap["fold_over_chance"]
    if fold is None or fold >= 1.0:
        return overlap["p_overlap"]
    size, a, b, universe = (
        int(found[name] or 0) for name in ("overlap", "list_a_size", "list_b_size", "universe_size")
    )
    return float(hypergeom.cdf(size, universe, a, b))


def _implied(claim: Claim, per_variable: float | None) -> dict[str, float | None]:
    reported = claim.reported
    names = ("p_implied", "p_implied_lowest", "p_implied_highest", "events_implied", "events_per_variable")
    if reported.hazard_ratio is None or reported.ci_lower is None or reported.ci_upper is None:
        return {**dict.fromkeys(names), "events_per_variable": per_variable}
    implied = implied_by_interval(reported.hazard_ratio, reported.ci_lower, reported.ci_upper)
    is_single = reported.variables in (None, 1)
    return dict(
        zip(
            names,
            (
                float(implied.p_value),
                float(implied.p_lowest),
                float(implied.p_highest),
                float(implied.events) if is_single else None,
                float(implied.events) if is_single else per_variable,
            ),
            strict=True,
        )
    )


def describe_assessment(row: Mapping[str, Any]) -> str | None:
    """What a claim is worth in one line; None where nothing is known beside the verdict."""
    parts = []
    if row["is_n_impossible"]:
        parts.append(f"n = {row['n_claimed']} is impossible: the endpoint has {row['n_available']:.0f}")
    if row["rank"] is not None and row["tested"] is not None:
        place = f" (percentile {row['percentile']:.1f})" if row["percentile"] is not None else ""
        parts.append(f"rank {row['rank']:.0f} of {row['tested']:.0f} genes tested the same way{place}")
    if row["q_value"] is not None:
        parts.append(
            f"q = {row['q_value']:.2g}" + (f" over {row['family_tests']} tests" if row["family_tests"] else "")
        )
    if row["family_tests"] and row["family_p_below_0_05"] is not None and row["rank"] is not None:
        parts.append(f"{100 * row['family_p_below_0_05'] / row['family_tests']:.0f} % of them have p < 0.05")
    if row["q_value_panel"] is not None:
        parts.append(f"q = {row['q_value_panel']:.2g} within the panel")
    if row["q_value_reported"] is not None:
        parts.append(
            f"printed p corrects to q = {row['q_value_reported']:.2g}"
            + (f" over the {row['family_tests']} tested" if row["family_tests"] and row["q_value"] is None else "")
        )
    if row["p_corrected"] is not None:
        parts.append(f"p = {row['p_corrected']:.2g} once the search of the cut-point is paid for")
    if row["expected_by_chance"] is not None:
        parts.append(
            f"{row['overlap']:.0f} shared, {row['expected_by_chance']:.0f} expected by chance"
            f" among {row['universe_size']:.0f} genes, p = {row['p_overlap']:.2g}"
        )
    if row["p_implied"] is not None:
        events = f" and about {row['events_implied']:.0f} events" if row["events_implied"] is not None else ""
        parts.append(f"ratio and interval imply p = {row['p_implied']:.2g}{events}")
    if row["events_per_variable"] is not None and row["events_implied"] is None:
        parts.append(f"{row['events_per_variable']:.1f} events per variable of its model")
    if row["noise_bcv_0_1"] is not None:
        noise = " / ".join(f"{row[f'noise_bcv_0_{k}']:.0f}" for k in (1, 2, 3, 4))
        parts.append(f"noise alone gives {noise} at a BCV of 0.1 / 0.2 / 0.3 / 0.4")
    return "; ".join(parts) or None
