"""Shares of cell types between arms in blocks, and designs that support no p."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.science.single_cell.composition import compare_composition

SAMPLES = [f"{arm}{at}" for arm in "vd" for at in range(5)]
ARMS = {name: "drug" if name[0] == "d" else "vehicle" for name in SAMPLES}
BLOCKS: dict[str, str | None] = {name: f"patient {name[1]}" for name in SAMPLES}
GROUPS = ("a", "b", "c", "d")


def counted(seed: int = 3) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    of_block = draw.dirichlet(np.ones(4) * 6, 5)
    rows = []
    for name in SAMPLES:
        share = of_block[int(name[1])] * np.array([2.0 if name[0] == "d" else 1.0, 1.0, 1.0, 1.0])
        n = draw.multinomial(400, share / share.sum())
        rows += [{"sample_id": name, "group": group, "n": int(one)} for group, one in zip(GROUPS, n, strict=True)]
    return pl.DataFrame(rows)


def compared(counts: pl.DataFrame, blocks: dict[str, str | None] | None) -> pl.DataFrame:
    return compare_composition(
        counts, ARMS, numerator="drug", denominator="vehicle", of_what="all_cells", blocks=blocks
    )


def test_blocks_enter_the_quasi_binomial_regression_as_in_statsmodels():
    """Pearson's dispersion and t on the residual degrees of freedom; R's glm, as ours, stops earlier: 1e-5."""
    import statsmodels.api as sm
    from scipy import stats

    counts = counted()
    found = compared(counts, BLOCKS).filter(pl.col("method") == "quasibinomial_t")
    wide = counts.pivot(on="group", index="sample_id", values="n")
    design = np.column_stack(
        [np.ones(10), [name[0] == "d" for name in SAMPLES]]
        + [[name[1] == str(block) for name in SAMPLES] for block in range(1, 5)]
    ).astype(float)
    for row in found.iter_rows(named=True):
        n = wide[row["group"]].to_numpy()
        fit = sm.GLM(np.column_stack([n, 400 - n]), design, family=sm.families.Binomial()).fit(tol=1e-12)
        mean = fit.fittedvalues
        dispersion = (400 * (n / 400 - mean) ** 2 / (mean * (1 - mean))).sum() / 4
        t = fit.params[1] / (fit.bse[1] * np.sqrt(dispersion))
        assert row["degrees_of_freedom"] == 4
        assert row["estimate"] == pytest.approx(fit.params[1], rel=1e-6)
        assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), 4), rel=1e-5)


def test_propeller_in_blocks_is_the_mean_of_the_differences_within_them_and_sees_more():
    counts = counted()
    paired, plain = compared(counts, BLOCKS), compared(counts, None)
    own = counts.filter(pl.col("group") == "a").sort("sample_id")["n"].to_numpy() / 400
    scaled = np.arcsin(np.sqrt(own))
    row = paired.row(by_predicate=(pl.col("method") == "propeller_asin") & (pl.col("group") == "a"), named=True)
    assert row["estimate"] == pytest.approx((scaled[:5] - scaled[5:]).mean(), rel=1e-12)
    before = plain.row(by_predicate=(pl.col("method") == "propeller_asin") & (pl.col("group") == "a"), named=True)
    assert row["p_value"] < before["p_value"]


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ({**BLOCKS, "v0": None}, "a sample has no block"),
        (dict(ARMS), "cannot be told apart"),
        ({name: f"{name[0]}{int(name[1]) // 2}" for name in SAMPLES}, "cannot be told apart"),
    ],
)
def test_blocks_that_cannot_be_used_leave_shares_without_p(blocks, reason):
    found = compared(counted(), blocks)
    assert set(found["method"]) == {"none"}
    assert found["p_note"].str.contains(reason).all()
    assert found["mean_numerator"].null_count() == 0


def test_a_type_that_an_arm_lacks_has_the_reason_in_its_row():
    gone = (pl.col("group") == "b") & pl.col("sample_id").str.starts_with("d")
    counts = counted().with_columns(n=pl.when(gone).then(0).otherwise("n"))
    found = compared(counts, None).filter(pl.col("method") == "quasibinomial_t")
    row = found.row(by_predicate=pl.col("group") == "b", named=True)
    assert row["p_value"] is None
    assert row["p_note"] == "none, or all, of the cells of one of the arms are of the type"
    assert found["p_note"].null_count() == 3
