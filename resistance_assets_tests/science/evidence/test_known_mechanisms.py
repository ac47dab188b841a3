"""How early rankings find known mechanisms, against the definition of the area and the numbers of pROC's method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.science.evidence.known_mechanisms import area_with_error, rank_known

numbers = st.lists(st.integers(0, 6).map(float), min_size=2, max_size=12)


@given(numbers, numbers)
def test_the_area_is_the_share_of_pairs_in_order_and_its_error_that_of_the_components(positive, negative):
    first, second = np.array(positive), np.array(negative)
    higher = (first[:, None] > second).astype(float) + 0.5 * (first[:, None] == second)
    auc, error = area_with_error(first, second)
    assert auc == pytest.approx(higher.mean(), abs=1e-12)
    expected = higher.mean(axis=1).var(ddof=1) / first.size + higher.mean(axis=0).var(ddof=1) / second.size
    assert error**2 == pytest.approx(expected, abs=1e-12)


def ranked(n: int = 100) -> tuple[list[str], np.ndarray]:
    return [f"G{at:03d}" for at in range(1, n + 1)], np.linspace(1.0, 0.0, n)


def test_known_genes_at_the_top_have_early_ranks_and_an_interval_above_one_half():
    genes, strength = ranked()
    found = rank_known(genes, strength, {"G001", "G003", "G005", "G012", "ABSENT"})
    assert (found["n_genes"], found["n_known"], found["n_known_not_ranked"]) == (100, 4, 1)
    assert (found["median_rank"], found["median_rank_percent"]) == (4.0, 4.0)
    assert 0.5 < found["ci_lower"] < found["auc"] < found["ci_upper"] < 1.0


def test_genes_that_mean_nothing_have_an_interval_that_holds_one_half():
    genes, strength = ranked()
    found = rank_known(genes, strength, {"G010", "G040", "G055", "G090"})
    assert found["ci_lower"] < 0.5 < found["ci_upper"]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (set(), "no mechanism is known"),
        ({"ABSENT"}, "none of the known genes was ranked"),
        ({"G001", "G002"}, "an area needs 3"),
        ({"G001", "G002", "G003"}, "no interval"),
    ],
)
def test_an_area_that_cannot_be_had_is_refused_with_the_reason(known, reason):
    found = rank_known(*ranked(), known)
    assert found["ci_lower"] is None
    assert reason in found["note"]
