"""No method's numbers depend on the unit or the origin of a numeric covariate: age in days, a year of birth, a dose."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.interaction import Interaction, fit_interaction
from resistance_assets.science.deg.methods import run_contrast

RNG = np.random.default_rng(20)
GENES = [f"G{k:02d}" for k in range(40)]
SAMPLES = [f"S{k:02d}" for k in range(16)]
ARMS = ["p", "pa", "r", "ra"] * 4
AGE = RNG.normal(60, 9, len(SAMPLES)).round(2)
_MEANS = RNG.uniform(50, 500, (len(GENES), 1)) * np.exp(
    0.02 * RNG.normal(size=(len(GENES), 1)) * (AGE - 60) + np.where(np.array(ARMS) == "ra", 1.0, 0.0)
)
COUNTS = pl.DataFrame({"hgnc_symbol": GENES}).hstack(
    pl.DataFrame(RNG.negative_binomial(10, 10 / (10 + _MEANS)), schema=SAMPLES, orient="row")
)
LOGS = COUNTS.with_columns((pl.col(SAMPLES) + 1).log(2))
# A missing value: the gene is then fitted on its own.
LOGS = LOGS.with_columns(pl.when(pl.col("hgnc_symbol") == "G00").then(None).otherwise("S03").alias("S03"))

UNITS = {"shift": st.floats(-1e4, 1e4), "scale": st.floats(1e-3, 1e3)}


def sheet(shift: float, scale: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "sample_id": SAMPLES,
            "arm": ARMS,
            "line": ["resistant" if arm.startswith("r") else "parental" for arm in ARMS],
            "age": (AGE + shift) * scale,
        }
    )


def check_equal(ours: pl.DataFrame, plain: pl.DataFrame) -> None:
    for name, dtype in plain.schema.items():
        if dtype == pl.Float64:
            # Rounding of the covariate itself: 1e4 + 60 keeps twelve digits of an age.
            np.testing.assert_allclose(
                ours[name].fill_null(np.nan).to_numpy(), plain[name].fill_null(np.nan).to_numpy(), rtol=1e-6, atol=1e-9
            )
        else:
            assert ours[name].equals(plain[name]), name


def contrast_by(method: str, shift: float, scale: float) -> pl.DataFrame:
    contrast = Contrast("c", "line", "resistant", "parental", covariates=("age",))
    return run_contrast(LOGS if method == "limma" else COUNTS, sheet(shift, scale), contrast, method=method)


def interaction_by(method: str, shift: float, scale: float) -> pl.DataFrame:
    interaction = Interaction("i", "arm", "p", "pa", "r", "ra", covariates=("age",))
    return fit_interaction(COUNTS, sheet(shift, scale), interaction, method=method)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(**UNITS)
@pytest.mark.parametrize(
    ("fit", "method"), [(contrast_by, "limma"), (contrast_by, "limma_voom"), (interaction_by, "limma_voom")]
)
def test_linear_models_do_not_depend_on_unit_or_origin(fit, method, shift, scale):
    check_equal(fit(method, shift, scale), fit(method, 0.0, 1.0))


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(**UNITS)
@pytest.mark.parametrize("fit", [contrast_by, interaction_by])
def test_negative_binomial_models_do_not_depend_on_unit_or_origin(fit, shift, scale):
    check_equal(fit("pydeseq2", shift, scale), fit("pydeseq2", 0.0, 1.0))


def test_the_covariate_takes_part():
    without = run_contrast(COUNTS, sheet(0.0, 1.0), Contrast("c", "line", "resistant", "parental"), method="limma_voom")
    assert not np.allclose(without["log2_fold_change"], contrast_by("limma_voom", 0.0, 1.0)["log2_fold_change"])
