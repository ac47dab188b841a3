import numpy as np
import polars as pl
import pytest
from scipy import stats

from resistance_assets.science.expression.principal_components import (
    associate_components,
    describe_confounding,
    explain_variance,
    principal_components,
)

SHEET = pl.DataFrame(
    {
        "sample_id": [f"s{j}" for j in range(8)],
        "condition": list("aaaabbbb"),
        "batch": list("xyxyxyxy"),
        "run": list("1122") + list("3344"),
        "site": list("mmmmnnnn"),
        "age": ["50", "61", "47", "70", "55", "66", "58", "49"],
    }
)


def planted():
    """Expression with a batch effect in most genes and an effect of condition in few."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 0.3, size=(600, 8))
    x[:300] += 3.0 * (SHEET["batch"] == "y").to_numpy()
    x[300:340] += 2.0 * (SHEET["condition"] == "b").to_numpy()
    return x


def test_components_are_those_of_a_singular_value_decomposition():
    x = planted()[:50]
    scores, shares = principal_components(x)
    centred = x - x.mean(axis=1, keepdims=True)
    values = np.sort(np.linalg.eigvalsh(centred.T @ centred))[::-1]
    np.testing.assert_allclose(shares, values[:5] / values.sum(), rtol=1e-9)
    assert scores.shape == (8, 5)


def test_a_batch_effect_is_seen_in_the_first_component():
    found = associate_components(planted(), SHEET["sample_id"].to_list(), SHEET, ["condition"])
    first = {row["attribute_id"]: row for row in found.filter(pl.col("component") == 1).iter_rows(named=True)}
    assert first["batch"]["r_squared"] > 0.99
    assert first["batch"]["p_value"] < 1e-6
    assert first["condition"]["p_value"] > 0.5
    assert (first["condition"]["is_factor"], first["batch"]["is_factor"]) == (True, False)
    assert first["age"]["attribute_kind"] == "continuous"
    second = found.filter((pl.col("component") == 2) & (pl.col("attribute_id") == "condition"))
    assert second["p_value"].item() < 1e-4


def test_associations_equal_scipys_tests():
    rng = np.random.default_rng(1)
    scores, groups, x = rng.normal(size=9), np.array(list("aaabbbccc"), dtype=object), rng.normal(size=9)
    _, p = explain_variance(scores, groups, False)
    assert p == pytest.approx(stats.f_oneway(scores[:3], scores[3:6], scores[6:]).pvalue, rel=1e-9)
    r_squared, p = explain_variance(scores, x, True)
    line = stats.linregress(x, scores)
    assert (r_squared, p) == (pytest.approx(line.rvalue**2, rel=1e-9), pytest.approx(line.pvalue, rel=1e-9))
    assert explain_variance(scores, np.arange(9).astype(str).astype(object), False) == (None, None)


def test_confounding_is_told_in_one_line():
    assert describe_confounding(SHEET, "site", "condition").startswith("site is the same as condition")
    assert describe_confounding(SHEET, "run", "condition").startswith("run lies within condition")
    assert describe_confounding(SHEET, "condition", "run").startswith("run lies within condition")
    assert describe_confounding(SHEET, "batch", "condition") is None
    assert describe_confounding(SHEET, "sample_id", "condition") is None
