"""Comparisons of a study's curves as rows: resistant over parental line, and knock-downs.

What is tested are the fits of independent replicates, by Welch's t and, where one replicate number is one day in both
lines, paired. A ratio of two curves has columns of its own, named as within one experiment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.science.dose_response.curves import CurveFit, Model
from resistance_assets.science.dose_response.fold_changes import (
    LogRatio,
    bound_of_ratio,
    log_ratio,
    paired,
    pooled_variance,
    separate_variances,
    shared_ec50_test,
    welch,
)
from resistance_assets.science.dose_response.knock_downs import CONTRASTS, compare_knock_downs
from resistance_assets.science.dose_response.points import finite
from resistance_assets.science.dose_response.study_curves import MODELS, StudyCurve
from resistance_assets.science.statistics.t_tests import satterthwaite_degrees_of_freedom, t_test

Measure = Literal["ec50", "ic50", "auc"]
MEASURES: tuple[Measure, ...] = ("ec50", "ic50", "auc")
Key = tuple[str, str, str]
NO_UNIT = 'no test: replicate_unit = "experiment" is not declared, and technical wells are no replicates'


def compare_lines(
    curves: Sequence[StudyCurve],
    pairs: Iterable[tuple[str, str]],
    *,
    primary: Model,
    are_experiments: bool,
    are_paired: bool,
    subject: str,
) -> pl.DataFrame:
    """Fold changes of every pair of lines, condition and drug, as rows of `core.dose_response__fold_changes`.

    Args:
        curves: of `fit_study`.
        pairs: (resistant, parental).
        primary: the model that is reported.
        are_experiments: whether replicates are independent experiments; without that there is no test between them.
        are_paired: whether one replicate number is one day in every line.
        subject: named in errors.

    Raises:
        DataFault: a line is not among the curves.
    """
    whole = {(c.cell_line, c.condition, c.drug, c.model): c for c in curves if c.replicate is None}
    single: dict[Key, dict[str, CurveFit]] = {}
    for one in curves:
        if one.replicate is not None:
            single.setdefault((one.cell_line, one.condition, one.drug), {})[one.replicate] = one.fit
    rows: list[dict[str, Any]] = []
    for resistant, parental in pairs:
        for line in (resistant, parental):
            require_name(line, {c.cell_line for c in curves}, "cell line", subject)
        shared = [key[1:] for key in single if key[0] == resistant and (parental, *key[1:]) in single]
        for condition, drug in shared:
            sides = [single[(line, condition, drug)] for line in (resistant, parental)]
            names = {"resistant": resistant, "parental": parental, "condition": condition, "drug": drug}
            for model in MODELS:
                two = [whole[(line, condition, drug, model)] for line in (resistant, parental)]
                rows += [
                    {
                        **names,
                        "measure": measure,
                        "model": model,
                        "is_primary": model == primary,
                        **_between_curves(measure, two[0], two[1]),
                        **_between_replicates(measure, sides, are_experiments=are_experiments, are_paired=are_paired),
                    }
                    for measure in MEASURES
                ]
    return pl.DataFrame([_with_notes(row) for row in rows], infer_schema_length=None)


def _with_notes(row: dict[str, Any]) -> dict[str, Any]:
    """A bound allows no test; otherwise the note of the replicates stands."""
    if row["relation"] in (">", "<", "none"):
        tested = [name for name in row if name.startswith(("welch_", "paired_", "replicate_"))]
        row |= dict.fromkeys(tested) | {"p_note": f"no test: {row['fold_change_text']}"}
    return row


def require_name(name: str, known: Iterable[str], what: str, subject: str) -> None:
    """Raise DataFault if the study declares a name that its tables do not have."""
    present = sorted(set(known))
    if name in present:
        return
    raise DataFault(
        f"there is no {what} {name} among the curves",
        subject=subject,
        place="study.toml",
        expected=f"one of {', '.join(present[:12])}",
        remedy="Write the name as the table does.",
    )


def _value(measure: Measure, fit: CurveFit) -> float:
    """Natural logarithm of the measure; NaN where a fit has none to report."""
    if measure == "auc":
        return math.log(fit.auc_trapezoid) if fit.auc_trapezoid > 0.0 else math.nan
    if measure == "ec50":
        return fit.ln_ec50 if fit.has_ln_ec50 else math.nan
    return fit.ln_ic50 if fit.verdict == "estimated" else math.nan


def _between_curves(measure: Measure, top: StudyCurve, bottom: StudyCurve) -> dict[str, Any]:
    """Ratio of two curves, within one experiment; of IC50 a bound where a side is censored."""
    a, b = top.fit, bottom.fit
    numerator, denominator = _value(measure, a), _value(measure, b)
    found: dict[str, Any] = {}
    if math.isnan(numerator - denominator):
        bound = bound_of_ratio(a, b) if measure == "ic50" else None
        text = bound.text if bound else f"none: a side has no {measure.upper()} to report"
        relation = bound.relation if bound else "none"
        return {"relation": relation, "fold_change": finite(bound.fold) if bound else None, "fold_change_text": text}
    difference = numerator - denominator
    found = {
        "relation": "=",
        "fold_change": math.exp(difference),
        "fold_change_text": f"{math.exp(difference):.3g}",
        "curve_ln_fold_change": difference,
    }
    if measure == "ec50":
        found |= _named("curve_pooled", pooled_variance(a, b)) | _named("curve_separate", separate_variances(a, b))
        shared = shared_ec50_test(a, b, [(top.dose, top.viability), (bottom.dose, bottom.viability)], model=top.model)
        found |= {"shared_ec50_f": shared.f, "shared_ec50_df": shared.df2, "shared_ec50_p": shared.p_value}
    elif measure == "ic50" and a.se_ln_ic50 > 0.0 and b.se_ln_ic50 > 0.0:
        squares = a.se_ln_ic50**2, b.se_ln_ic50**2
        df = satterthwaite_degrees_of_freedom(squares, (a.df, b.df))
        found |= _named("curve_separate", log_ratio(t_test(difference, math.sqrt(sum(squares)), df)))
    return found


def _named(prefix: str, ratio: LogRatio) -> dict[str, Any]:
    return {
        f"{prefix}_standard_error": finite(ratio.standard_error),
        f"{prefix}_df": finite(ratio.degrees_of_freedom),
        f"{prefix}_lower": finite(ratio.lower),
        f"{prefix}_upper": finite(ratio.upper),
    }


def _between_replicates(
    measure: Measure, sides: Sequence[Mapping[str, CurveFit]], *, are_experiments: bool, are_paired: bool
) -> dict[str, Any]:
    """Welch's and the paired t on the logarithms of the replicates' own fits."""
    values = [{name: _value(measure, fit) for name, fit in side.items()} for side in sides]
    known = [{name: value for name, value in side.items() if not math.isnan(value)} for side in values]
    found: dict[str, Any] = {"n_replicates_resistant": len(known[0]), "n_replicates_parental": len(known[1])}
    left_out = sum(len(side) for side in values) - sum(len(side) for side in known)
    if left_out:
        return found | {"p_note": f"no test: {left_out} replicates have no {measure.upper()} to report, only a bound"}
    if not are_experiments:
        return found | {"p_note": NO_UNIT}
    ratio = welch(*(np.array(list(side.values())) for side in known))
    found |= {
        "replicate_ln_fold_change": finite(ratio.ln_ratio),
        "replicate_fold_change": finite(math.exp(ratio.ln_ratio)),
        **_test("welch", ratio),
    }
    if are_paired:
        both = [name for name in known[0] if name in known[1]]
        found |= _test("paired", paired(*(np.array([side[name] for name in both]) for side in known)))
    unfinished = sum(not fit.ec50_reportable for side in sides for fit in side.values()) if measure == "ec50" else 0
    if min(len(side) for side in known) < 2:
        found["p_note"] = "no test: fewer than 2 independent replicates in a line"
    elif unfinished:
        found["p_note"] = f"{unfinished} replicates reach less than 80 % of their fall at the highest dose"
    return found


def _test(name: str, ratio: LogRatio) -> dict[str, Any]:
    return {
        f"{name}_t": finite(ratio.t),
        f"{name}_df": finite(ratio.degrees_of_freedom),
        f"{name}_p": finite(ratio.p_value),
        f"{name}_lower": finite(ratio.lower),
        f"{name}_upper": finite(ratio.upper),
    }


def compare_study_knock_downs(
    curves: Sequence[StudyCurve],
    pairs: Iterable[tuple[str, str]],
    *,
    control: str,
    genes: Mapping[str, str],
    are_experiments: bool,
    subject: str,
) -> pl.DataFrame:
    """Knock-downs of every pair of lines and drug, as rows of `core.dose_response__knock_downs`.

    Args:
        curves: of `fit_study`; the replicates' own fits are compared.
        pairs: (resistant, parental).
        control: the condition with the control siRNA.
        genes: condition -> gene that it knocks down.
        are_experiments: whether replicates are independent experiments; without that there is no p.
        subject: named in errors.

    Raises:
        DataFault: a line, the control or a condition with a gene is not among the curves.
    """
    for condition in (control, *genes):
        require_name(condition, {one.condition for one in curves}, "condition", subject)
    rows: list[dict[str, Any]] = []
    for resistant, parental in pairs:
        fits = [
            {"cell_line": one.cell_line, "drug": one.drug, "sirna": one.condition, "ln_ec50": _value("ec50", one.fit)}
            for one in curves
            if one.replicate is not None and one.cell_line in (resistant, parental)
        ]
        for drug in dict.fromkeys(str(fit["drug"]) for fit in fits):
            own = pl.DataFrame([fit for fit in fits if fit["drug"] == drug])
            names = {"resistant": resistant, "parental": parental, "drug": drug, "control": control}
            rows += [
                {**names, **row, "gene": genes.get(row["condition"])}
                for row in _of_one_drug(own, resistant, parental, control, are_experiments, subject)
            ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _of_one_drug(
    fits: pl.DataFrame, resistant: str, parental: str, control: str, are_experiments: bool, subject: str
) -> list[dict[str, Any]]:
    usable = fits.filter(pl.col("ln_ec50").is_not_nan())
    present = set(usable.select("cell_line", "sirna").iter_rows())
    both = [(line, control) for line in (resistant, parental)]
    tried = [name for name in fits["sirna"].unique(maintain_order=True) if name != control]
    counts = {"n_fits": usable.height, "n_left_out": fits.height - usable.height}
    tested = [name for name in tried if all((line, name) in present for line in (resistant, parental))]
    rows: list[dict[str, Any]] = []
    if all(key in present for key in both) and tested:
        found = compare_knock_downs(usable, parental=parental, resistant=resistant, control=control, subject=subject)
        rows = [{"condition": row.pop("sirna"), **row, **counts, "p_note": None} for row in found.to_dicts()]
        if not are_experiments:
            refused = dict.fromkeys(
                ("standard_error", "degrees_of_freedom", "t", "p_value", "p_holm", "lower", "upper")
            )
            rows = [{**row, **refused, "p_note": NO_UNIT} for row in rows]
    done = {row["condition"] for row in rows}
    note = "no comparison: a line has no reportable EC50 with this knock-down or with the control"
    rows += [
        {"condition": name, "contrast": contrast, **counts, "p_note": note}
        for name in tried
        if name not in done
        for contrast in CONTRASTS
    ]
    return rows
