"""Multiverse analysis: every specification of an analysis whose text allows several.

Here belong the combinations of declared axes, the four-arm analysis and the survival of one gene under each of them,
and the account of how far the specifications are from what was published and how often the conclusion holds (Steegen et
al. 2016, Perspect Psychol Sci 11:702; its plot is the specification curve of Simonsohn et al. 2020, Nat Hum Behav
4:1208).
Which axes there are belongs in the catalog.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.catalog.models.claim import MultiverseAxis
from resistance_assets.errors import CatalogFault, DesignFault
from resistance_assets.science.survival.logrank import SplitMinimum, SplitPermutations, compare_groups
from resistance_assets.science.survival.screen import SPLIT_MINIMUM, rank_normal_scores

ARMS = ("parental", "parental_treated", "resistant", "resistant_treated")
COUNTS = ("n_responsive", "n_responsive_down", "n_kept", "n_in_list")
COVARIATES = {
    "none": (),
    "age": ("age_years",),
    "age_sex": ("age_years", "sex"),
    "age_sex_stage": ("age_years", "sex", "stage_group"),
}
# What each axis of a kind of multiverse may choose from; None where the data decide.
KNOWN_CHOICES: dict[str, dict[str, tuple[str, ...] | None]] = {
    "four_arms": {
        "floor_arm": ("parental", "both", "either"),
        "threshold": ("above_2", "at_least_2"),
        "pseudocount": None,
        "filter_base": ("responsive", "responsive_down", "genome_wide"),
        "ratio_rule": ("below_1", "at_most_1"),
        "list_version": None,
    },
    "gene_survival": {
        "endpoint": None,
        "cut_point": ("median", "quartile", "optimal_corrected", "continuous", "rank_normal"),
        "covariates": tuple(COVARIATES),
    },
}
SIGNIFICANT = 0.05
PERMUTATIONS = 4_999
_CUT_RANGE = (0.1, 0.9)


def check_axes(kind: str, axes: Sequence[MultiverseAxis], subject: str) -> None:
    """That the axes are those of the kind, and their choices known.

    Raises:
        CatalogFault: naming axis and choice.
    """
    known = KNOWN_CHOICES[kind]
    if sorted(axis.id for axis in axes) != sorted(known):
        raise CatalogFault(
            f"its axes are {', '.join(axis.id for axis in axes)}",
            subject=subject,
            expected=", ".join(known),
            remedy="State each of these axes once.",
        )
    for axis in axes:
        allowed = known[axis.id]
        for choice in axis.choices:
            is_good = choice in allowed if allowed else axis.id != "pseudocount" or _is_number(choice)
            if not is_good:
                raise CatalogFault(
                    f"axis {axis.id} has no choice {choice}",
                    subject=subject,
                    expected=", ".join(allowed) if allowed else "a number",
                    remedy="Correct the choice.",
                )


def combine_axes(axes: Sequence[MultiverseAxis]) -> list[dict[str, str]]:
    """All combinations, axis -> choice; the first one takes the first choice of every axis: the plain specification."""
    return [
        dict(zip([axis.id for axis in axes], choices, strict=True))
        for choices in itertools.product(*(axis.choices for axis in axes))
    ]


def name_specification(choices: Mapping[str, str]) -> str:
    """A specification in words: `axis=choice` joined by commas, in the order of the axes."""
    return ", ".join(f"{axis}={choice}" for axis, choice in choices.items())


# ---- four arms -------------------------------------------------------------------------------------------------------


def read_four_arms(
    expression: pl.DataFrame,
    lists: Mapping[str, Collection[str]],
    axes: Sequence[MultiverseAxis],
    *,
    gene: str,
    published: Mapping[str, float],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Genes that a drug moves, those that the resistance filter keeps, and those on a cancer list, by specification.

    A gene is responsive if its expression reaches 1 in `floor_arm` and its ratio of parental treated to parental, with
    `pseudocount` on both sides, is beyond 2 either way (`threshold`: strictly, or 2 itself too). The filter keeps genes
    of `filter_base` whose ratio of resistant to resistant treated is below 1 (`ratio_rule`; at_most_1 also keeps equal
    ones, 0 in both included). `genome_wide` is every gene that reaches the floor.

    Args:
        expression: `hgnc_symbol` and the columns of `ARMS`, in RPKM, TPM or CPM, one row per gene.
        lists: cancer gene lists by id; a specification with a list that is not here has no `n_in_list`.
        axes: of kind four_arms.
        gene: whose presence among the last genes is the conclusion.
        published: count of `COUNTS` -> as published; further names are ignored.

    Returns:
        Specifications: `reading`, the `COUNTS`, `estimate` (n_in_list), `n` (genes that reach the floor), `distance`
        (root of the summed squared log ratios to the published counts; 0 = the same counts), `conclusion_holds`, one
        row per combination in the order of `combine_axes`. Members of the plain specification: `step` (responsive,
        kept, in_list), `hgnc_symbol`, `log2_response_parental`, `log2_response_resistant` (with the pseudocount).
    """
    symbols = expression["hgnc_symbol"].to_numpy()
    p, pa, r, ra = (expression[arm].cast(pl.Float64).to_numpy() for arm in ARMS)
    listed = {name: np.isin(symbols, sorted(members)) for name, members in lists.items()}
    is_gene = symbols == gene
    rows, members = [], []
    for at, choices in enumerate(combine_axes(axes)):
        floor = {"parental": p >= 1, "both": (p >= 1) & (pa >= 1), "either": (p >= 1) | (pa >= 1)}[choices["floor_arm"]]
        c = float(choices["pseudocount"])
        after, before = pa + c, p + c
        if choices["threshold"] == "above_2":
            raised, lowered = after > 2 * before, before > 2 * after
        else:
            raised, lowered = after >= 2 * before, before >= 2 * after
        responsive, down = floor & (raised | lowered), floor & lowered
        base = {"responsive": responsive, "responsive_down": down, "genome_wide": floor}[choices["filter_base"]]
        kept = base & (r < ra if choices["ratio_rule"] == "below_1" else r <= ra)
        on_list = listed.get(choices["list_version"])
        final = None if on_list is None else kept & on_list
        counts = {
            "n_responsive": int(responsive.sum()),
            "n_responsive_down": int(down.sum()),
            "n_kept": int(kept.sum()),
            "n_in_list": None if final is None else int(final.sum()),
        }
        rows.append(
            {
                "reading": name_specification(choices),
                **counts,
                "estimate": counts["n_in_list"],
                "n": int(floor.sum()),
                "distance": distance_to_published(counts, published),
                "conclusion_holds": None if final is None else bool((final & is_gene).any()),
            }
        )
        if at == 0:
            with np.errstate(divide="ignore", invalid="ignore"):
                responses = {"parental": np.log2(after / before), "resistant": np.log2((ra + c) / (r + c))}
            steps = {"responsive": responsive, "kept": kept, "in_list": final if final is not None else kept & False}
            members = [_list_members(step, symbols, mask, responses) for step, mask in steps.items()]
    return pl.DataFrame(rows, schema=_FOUR_ARMS), pl.concat(members)


def _list_members(
    step: str, symbols: NDArray[np.str_], mask: NDArray[np.bool_], responses: Mapping[str, NDArray[np.float64]]
) -> pl.DataFrame:
    """The genes that a step keeps, with their responses."""
    finite = {f"log2_response_{name}": np.where(np.isfinite(v), v, np.nan)[mask] for name, v in responses.items()}
    return pl.DataFrame(
        {"step": [step] * int(mask.sum()), "hgnc_symbol": symbols[mask].tolist(), **finite}, schema=_MEMBERS
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


_MEMBERS = {
    "step": pl.String,
    "hgnc_symbol": pl.String,
    "log2_response_parental": pl.Float64,
    "log2_response_resistant": pl.Float64,
}
_FOUR_ARMS: dict[str, Any] = {
    "reading": pl.String,
    **dict.fromkeys(COUNTS, pl.Int64),
    "estimate": pl.Float64,
    "n": pl.Int64,
    "distance": pl.Float64,
    "conclusion_holds": pl.Boolean,
}


def distance_to_published(counts: Mapping[str, int | None], published: Mapping[str, float]) -> float | None:
    """Root of the summed squared log ratios of counts to published ones (half a gene added to each, so that 0 counts).

    None where nothing was published, or one of the published counts could not be formed.
    """
    wanted = [(counts[name], published[name]) for name in COUNTS if name in published]
    if not wanted or any(count is None for count, _ in wanted):
        return None
    return float(np.sqrt(sum(np.log((count + 0.5) / (target + 0.5)) ** 2 for count, target in wanted)))  # pyright: ignore[reportOptionalOperand]


# ---- survival of one gene --------------------------------------------------------------------------------------------


def read_gene_survival(
    expression: NDArray[np.float64],
    patients: pl.DataFrame,
    follow_up: Mapping[str, pl.DataFrame],
    axes: Sequence[MultiverseAxis],
    minimum: SplitMinimum = SPLIT_MINIMUM,
) -> pl.DataFrame:
    """Hazard ratio of a gene by every combination of endpoint, cut-point and covariates.

    The p-value is that of the likelihood ratio, against the model of the covariates alone. median: above the median
    against the rest. quartile: top against bottom quarter. continuous: per standard deviation. rank_normal: per
    standard deviation of the normal scores of the ranks.
    optimal_corrected: the cut with the largest score statistic among those that leave a tenth of the patients on either
    side; its p-value is that of the maximally selected statistic by permutation (Hothorn & Lausen 2003, CSDA 43:121),
    with covariates on the martingale residuals of the model that holds these alone. A split with a group below the
    `minimum` has no interval, and the p-value of a permutation of the same residuals.

    Args:
        expression: (patients,), NaN where missing.
        patients: `age_years`, `sex`, `stage_group`, rows as `expression`.
        follow_up: endpoint -> `time_months`, `event_observed`, rows as `expression`, null where missing.
        axes: of kind gene_survival.

    Returns:
        One row per combination: `reading`, `estimate` (hazard ratio), `ci_lower`, `ci_upper`, `p_value`, `n`, `events`,
        `conclusion_holds` (ratio above 1 and p < 0.05; null where no model could be fitted), `note`.
    """
    from resistance_assets.science.survival.cox import fit_cox

    rows = []
    for choices in combine_axes(axes):
        row: dict[str, Any] = {"reading": name_specification(choices), "note": None}
        rows.append(row)
        endpoint = follow_up.get(choices["endpoint"])
        if endpoint is None:
            row["note"] = f"the cohort has no {choices['endpoint']}"
            continue
        names = COVARIATES[choices["covariates"]]
        frame = pl.concat([patients.select(names), endpoint], how="horizontal").with_columns(
            x=pl.Series(expression), at=pl.int_range(pl.len())
        )
        frame = frame.with_columns(pl.col("x").fill_nan(None)).drop_nulls().filter(pl.col("time_months") > 0)
        try:
            exposure, p_corrected = _expose(frame, choices["cut_point"], names)
            used = frame.with_columns(exposure=pl.Series(exposure)).filter(pl.col("exposure").is_not_nan())
            model = fit_cox(used.select("exposure", *names), used["time_months"], used["event_observed"])
            is_split = choices["cut_point"] not in ("continuous", "rank_normal")
            small = _test_small_split(used, names, minimum) if is_split else None
        except DesignFault as fault:
            row["note"] = fault.problem
            continue
        term = model.terms.filter(pl.col("term") == "exposure").row(0, named=True)
        p = term["p_likelihood_ratio"]
        if small is not None:
            p, term = small[0], term | {"ci_lower": None, "ci_upper": None}
        if choices["cut_point"] == "optimal_corrected":
            p = p_corrected
        warnings = [text for text in (model.model["warning"][0], small and small[1]) if text]
        row |= {
            "estimate": term["hazard_ratio"],
            "ci_lower": term["ci_lower"],
            "ci_upper": term["ci_upper"],
            "p_value": p,
            "n": model.model["n"][0],
            "events": model.model["events"][0],
            "conclusion_holds": None
            if p is None or term["hazard_ratio"] is None
            else bool(term["hazard_ratio"] > 1 and p < SIGNIFICANT),
            "note": "; ".join(warnings) or None,
        }
    return pl.DataFrame(rows, schema=_GENE_SURVIVAL)


_GENE_SURVIVAL: dict[str, Any] = {
    "reading": pl.String,
    **dict.fromkeys(("estimate", "ci_lower", "ci_upper", "p_value"), pl.Float64),
    **dict.fromkeys(("n", "events"), pl.Int64),
    "conclusion_holds": pl.Boolean,
    "note": pl.String,
}


def _test_small_split(used: pl.DataFrame, names: Sequence[str], minimum: SplitMinimum) -> tuple[float, str] | None:
    """Permutation p-value of a split with a group below the minimum, and a note; None where both are large enough."""
    is_high = (used["exposure"] == 1.0).to_numpy()
    split = compare_groups(used["time_months"], used["event_observed"], np.where(is_high, "high", "low"))
    by_group = {row["group"]: row for row in split.groups.to_dicts()}
    high, low = by_group["high"], by_group["low"]
    sizes = np.array([high["n"]], float), np.array([low["n"]], float)
    if not minimum.falls_short(*sizes, high["expected"], low["expected"])[0]:
        return None
    scores = martingale_residuals(used.select(names), used["time_months"], used["event_observed"])
    test = SplitPermutations(scores - scores.mean(), permutations=minimum.permutations, seed=minimum.seed)
    p, _ = test.p_value(is_high)
    shown = minimum.describe(high["n"], low["n"], min(high["expected"], low["expected"]))
    return p, f"{shown}: p by permutation, no interval"


def _expose(frame: pl.DataFrame, cut_point: str, names: Sequence[str]) -> tuple[NDArray[np.float64], float | None]:
    """The variable that enters the model (NaN = left out), and the corrected p-value of an optimal cut."""
    x = frame["x"].to_numpy()
    if x.size == 0:
        raise DesignFault("no patient has all of it", subject="specification", remedy="Choose other covariates.")
    if cut_point in ("continuous", "rank_normal"):
        if cut_point == "rank_normal":
            x = rank_normal_scores(x[None, :])[0]
        spread = float(x.std(ddof=1)) if x.size > 1 else 0.0
        if spread == 0.0:
            raise DesignFault(
                "every patient has the same expression", subject="specification", remedy="Choose another gene."
            )
        return (x - x.mean()) / spread, None
    if cut_point == "median":
        return (x > np.median(x)).astype(np.float64), None
    if cut_point == "quartile":
        low, high = np.quantile(x, [0.25, 0.75])
        return np.where(x > high, 1.0, np.where(x <= low, 0.0, np.nan)), None
    scores = martingale_residuals(frame.select(names), frame["time_months"], frame["event_observed"])
    cut, p = maximally_selected_cut(x, scores)
    return (x > cut).astype(np.float64), p


def martingale_residuals(
    covariates: pl.DataFrame, time_months: pl.Series, event_observed: pl.Series
) -> NDArray[np.float64]:
    """Events minus expected events of a Cox model with these covariates (none: Nelson-Aalen), Breslow's hazard.

    Raises:
        DesignFault: the model cannot be fitted.
    """
    from resistance_assets.science.survival.cox import fit_cox

    time, event = time_months.to_numpy(), event_observed.to_numpy()
    predictor, without_risk = np.zeros(time.size), np.zeros(time.size, dtype=bool)
    if covariates.width:
        terms = fit_cox(covariates, time, event).terms
        for row in terms.filter(pl.col("estimator") != "reference").iter_rows(named=True):
            column = covariates[row["variable"]]
            values = column if row["level"] is None else (column.cast(pl.String) == row["level"])
            if row["log_hazard_ratio"] is None:
                # A level without events: its coefficient runs away to minus infinity, so nothing is expected of it.
                without_risk |= values.cast(pl.Boolean).to_numpy()
            else:
                predictor += row["log_hazard_ratio"] * values.cast(pl.Float64).to_numpy()
    risk = np.where(without_risk, 0.0, np.exp(predictor - predictor[~without_risk].mean()))
    moments = np.unique(time[event == 1])
    at_risk = np.array([risk[time >= moment].sum() for moment in moments])
    died = np.array([(event[time == moment] == 1).sum() for moment in moments])
    hazard = np.concatenate([[0.0], np.cumsum(died / at_risk)])
    return event - hazard[np.searchsorted(moments, time, side="right")] * risk


def maximally_selected_cut(
    x: NDArray[np.float64], scores: NDArray[np.float64], *, permutations: int = PERMUTATIONS, seed: int = 20240501
) -> tuple[float, float]:
    """Cut with the largest standardised difference of scores, and the p-value of that maximum by permutation.

    Args:
        x: (n,), what is cut; the low group is at or below the cut and holds 10 to 90 % of the patients.
        scores: (n,), for instance martingale residuals.

    Returns:
        Cut and p = (maxima that reach it + 1) / (permutations + 1).

    Raises:
        DesignFault: ties leave no cut.
    """
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    n = x.size
    sizes = np.arange(1, n)
    admitted = (ordered[1:] > ordered[:-1]) & (sizes >= _CUT_RANGE[0] * n) & (sizes <= _CUT_RANGE[1] * n)
    sizes = sizes[admitted]
    if sizes.size == 0:
        raise DesignFault(
            "no cut leaves both groups large enough", subject="specification", remedy="Choose another gene."
        )
    centred = scores - scores.mean()
    # Variance of the sum of m scores drawn without replacement.
    spread = np.sqrt(sizes * (n - sizes) / (n - 1) * centred.var())

    def maxima(columns: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.abs(np.cumsum(columns, axis=0)[sizes - 1] / spread[:, None])

    observed = maxima(centred[order][:, None])[:, 0]
    best = int(np.argmax(observed))
    draw = np.random.default_rng(seed)
    reached, block = 0, 500
    for begin in range(0, permutations, block):
        shuffled = draw.permuted(np.tile(centred[:, None], (1, min(block, permutations - begin))), axis=0)
        reached += int((maxima(shuffled).max(axis=0) >= observed[best] * (1 - 1e-12)).sum())
    return float(ordered[sizes[best] - 1]), (reached + 1) / (permutations + 1)


# ---- the account -----------------------------------------------------------------------------------------------------


def summarise_specifications(specifications: pl.DataFrame) -> pl.DataFrame:
    """One row of what the specifications of one multiverse in one dataset say.

    Args:
        specifications: `reading`, `estimate`, `distance` (may be null), `conclusion_holds`, one row per specification.

    Returns:
        `n_readings`, `n_computed`, `share_conclusion_holds` (of the computed), `estimate_lowest`, `estimate_median`,
        `estimate_highest`, `distance_smallest`, `nearest_reading` (the first of them), `n_nearest`, `undecided_axes`
        (on which the nearest specifications differ, so that the counts cannot tell which choice was taken).
    """
    computed = specifications.filter(pl.col("conclusion_holds").is_not_null())
    held = computed["conclusion_holds"].mean()
    measured = specifications.filter(pl.col("distance").is_not_null())
    smallest = measured["distance"].min()
    nearest = measured.filter(pl.col("distance") <= smallest + 1e-12)["reading"].to_list() if measured.height else []  # pyright: ignore[reportOperatorIssue]
    estimates = computed["estimate"].drop_nulls()
    return pl.DataFrame(
        {
            "n_readings": [specifications.height],
            "n_computed": [computed.height],
            "share_conclusion_holds": [held],
            "estimate_lowest": [estimates.min()],
            "estimate_median": [estimates.median()],
            "estimate_highest": [estimates.max()],
            "distance_smallest": [smallest],
            "nearest_reading": [nearest[0] if nearest else None],
            "n_nearest": [len(nearest)],
            "undecided_axes": [", ".join(undecided_axes(nearest)) or None],
        },
        schema={
            "n_readings": pl.Int64,
            "n_computed": pl.Int64,
            **dict.fromkeys(
                (
                    "share_conclusion_holds",
                    "estimate_lowest",
                    "estimate_median",
                    "estimate_highest",
                    "distance_smallest",
                ),
                pl.Float64,
            ),
            "nearest_reading": pl.String,
            "n_nearest": pl.Int64,
            "undecided_axes": pl.String,
        },
    )


def undecided_axes(specifications: Iterable[str]) -> list[str]:
    """Axes on which some of these specifications differ."""
    chosen: dict[str, set[str]] = {}
    for reading in specifications:
        for part in reading.split(", "):
            axis, _, choice = part.partition("=")
            chosen.setdefault(axis, set()).add(choice)
    return [axis for axis, choices in chosen.items() if len(choices) > 1]


def _is_number(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False
