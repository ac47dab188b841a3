"""Knock-downs: what a siRNA does to the EC50 in each line, and whether it does more in the resistant one.

ln EC50 of the replicate fits ~ cell line * siRNA, by ordinary least squares. The interaction (resistant minus parental)
asks for selective re-sensitisation: below 0 where the knock-down lowers the EC50 of the resistant line more. Holm over
the siRNAs within each contrast (Holm 1979).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

from resistance_assets.errors import DataFault
from resistance_assets.science.statistics.multiple_testing import adjust_holm

CONTRASTS = ("parental", "resistant", "resistant_minus_parental")


def compare_knock_downs(
    fits: pl.DataFrame, *, parental: str, resistant: str, control: str, subject: str = "knock-down"
) -> pl.DataFrame:
    """Ratio of EC50 with a siRNA to EC50 with the control siRNA, per line, and the ratio of the two ratios.

    Args:
        fits: one row per cell line, siRNA and independent replicate: cell_line, sirna, ln_ec50.
        parental, resistant: names of the cell lines.
        control: name of the control siRNA.
        subject: named in errors.

    Returns:
        sirna, contrast (parental, resistant, resistant_minus_parental), ln_ratio, ratio, standard_error,
        degrees_of_freedom, t, p_value, lower, upper (95 %, of the ratio), p_holm. p is null without residual degrees of
        freedom.

    Raises:
        DataFault: a line without the control, or a siRNA that is missing in a line.
    """
    usable = fits.filter(pl.col("cell_line").is_in([parental, resistant]), pl.col("ln_ec50").is_finite())
    present = set(usable.select("cell_line", "sirna").unique().iter_rows())
    for line in (parental, resistant):
        if (line, control) not in present:
            raise DataFault(
                f"{line} has no usable fit with the control {control}",
                subject=subject,
                expected="one fit or more",
                remedy="Name the control siRNA as the table does.",
            )
    names = usable["sirna"].unique(maintain_order=True)
    tested = [
        name for name in names if name != control and all((line, name) in present for line in (parental, resistant))
    ]
    kept = usable.filter(pl.col("sirna").is_in([control, *tested]))
    if not tested:
        raise DataFault(
            "no siRNA was used in both lines beside the control",
            subject=subject,
            remedy="Check the names of the siRNAs in both lines.",
        )
    is_resistant = (kept["cell_line"] == resistant).to_numpy().astype(float)
    indicators = [(kept["sirna"] == name).to_numpy().astype(float) for name in tested]
    design = np.column_stack(
        [np.ones(kept.height), is_resistant, *indicators, *(indicator * is_resistant for indicator in indicators)]
    )
    response = kept["ln_ec50"].to_numpy()
    coefficients, _, rank, _ = np.linalg.lstsq(design, response, rcond=None)
    df = kept.height - int(rank)
    residual = response - design @ coefficients
    variance = float(residual @ residual) / df if df > 0 else np.nan
    covariance = np.linalg.pinv(design.T @ design) * variance
    rows = []
    for at, name in enumerate(tested):
        own, extra = 2 + at, 2 + len(tested) + at
        for contrast in CONTRASTS:
            weights = np.zeros(design.shape[1])
            weights[own] = contrast != "resistant_minus_parental"
            weights[extra] = contrast != "parental"
            rows.append({"sirna": name, "contrast": contrast, **_ratio(weights, coefficients, covariance, df)})
    frame = pl.DataFrame(rows)
    adjusted = np.full(frame.height, np.nan)
    for contrast in CONTRASTS:
        places = np.flatnonzero((frame["contrast"] == contrast).to_numpy())
        adjusted[places] = adjust_holm(frame["p_value"].to_numpy()[places])
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    return frame.with_columns(p_holm=pl.Series(adjusted)).with_columns(pl.col(*floats, "p_holm").fill_nan(None))


def _ratio(weights: np.ndarray, coefficients: np.ndarray, covariance: np.ndarray, df: int) -> dict[str, float]:
    """A ratio of EC50 from the weights of its logarithm, with its t test; NaN without residual degrees of freedom."""
    estimate = float(weights @ coefficients)
    error = float(np.sqrt(weights @ covariance @ weights)) if df > 0 else np.nan
    reach = stats.t.ppf(0.975, df) * error if df > 0 else np.nan
    t = estimate / error if error > 0 else np.nan
    return {
        "ln_ratio": estimate,
        "ratio": float(np.exp(estimate)),
        "standard_error": error,
        "degrees_of_freedom": df,
        "t": t,
        "p_value": float(2.0 * stats.t.sf(abs(t), df)) if np.isfinite(t) else np.nan,
        "lower": float(np.exp(estimate - reach)),
        "upper": float(np.exp(estimate + reach)),
    }
