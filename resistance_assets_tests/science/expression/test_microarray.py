"""From probes to genes: order of the steps, and the account of what fell out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resistance_assets.errors import DataFault
from resistance_assets.science.expression.microarray import describe_intensities, genes_from_probes
from resistance_assets.science.expression.normalisation import quantile_normalise

GENES = pl.DataFrame({"probe_id": ["a", "b", "c", "d"], "hgnc_symbol": ["AXL", "AXL", "GAS6", "IL6"]})
LOGS = pl.DataFrame(
    {"probe_id": ["a", "b", "c", "d", "x"], "s1": [5.0, 7.0, 3.0, 9.0, 4.0], "s2": [6.0, 8.0, 2.0, 9.5, 4.0]}
)

LINEAR = LOGS.with_columns(pl.lit(2.0).pow(pl.col(name)).alias(name) for name in ("s1", "s2"))


def test_the_probe_with_the_highest_mean_or_the_median_stands_for_its_gene():
    highest, aside = genes_from_probes(LOGS, GENES, normalise="none")
    assert highest.rows() == [("AXL", 2, 7.0, 8.0), ("GAS6", 1, 3.0, 2.0), ("IL6", 1, 9.0, 9.5)]
    assert aside.rows() == [("x", "no gene in the annotation")]
    median, _ = genes_from_probes(LOGS, GENES, normalise="none", collapse="median")
    assert median.row(0) == ("AXL", 2, 6.0, 7.0)


def test_linear_intensities_become_logarithms_whether_told_or_found_out():
    linear = LINEAR
    told, _ = genes_from_probes(linear, GENES, scale="linear", normalise="none")
    expected, _ = genes_from_probes(LOGS, GENES, scale="log2", normalise="none")
    found, _ = genes_from_probes(linear, GENES, normalise="none")
    for frame in (told, found):
        assert np.allclose(frame.select("s1", "s2").to_numpy(), expected.select("s1", "s2").to_numpy(), atol=1e-12)


def test_a_gene_that_is_off_in_one_sample_keeps_its_probe():
    linear = LINEAR.with_columns(s1=pl.when(pl.col("probe_id") == "c").then(-3.0).otherwise("s1"))
    genes, aside = genes_from_probes(linear, GENES, scale="linear", normalise="none")
    assert genes["hgnc_symbol"].to_list() == ["AXL", "GAS6", "IL6"]
    assert "c" not in aside["name"].to_list()
    # The same number is added to every intensity: the smallest becomes 1.
    shifted = linear.with_columns(pl.exclude("probe_id") + 4)
    expected, _ = genes_from_probes(shifted, GENES, scale="linear", normalise="none")
    assert_frame_equal(genes, expected)
    assert genes["s1"].min() == 0
    told = describe_intensities(linear, scale="linear")
    assert told == "1 intensities are 0 or less: 4 is added to every intensity"
    assert describe_intensities(LINEAR, scale="linear") is None


def test_a_value_of_zero_may_be_declared_missing_and_quantiles_are_still_normalised():
    linear = LINEAR.with_columns(s1=pl.when(pl.col("probe_id") == "c").then(0.0).otherwise("s1"))
    genes, _ = genes_from_probes(linear, GENES, scale="linear", not_positive="missing")
    assert genes.filter(pl.col("hgnc_symbol") == "GAS6")["s1"].to_list() == [None]
    assert genes.filter(pl.col("hgnc_symbol") == "GAS6").drop("s1").null_count().sum_horizontal().item() == 0
    gone = LINEAR.with_columns(s1=pl.when(pl.col("probe_id") == "c").then(None).otherwise("s1"))
    also, _ = genes_from_probes(gone, GENES, scale="linear")
    assert_frame_equal(genes, also)


def test_quantiles_are_taken_over_all_probes_before_they_are_collapsed():
    genes, _ = genes_from_probes(LOGS, GENES, normalise="quantile")
    by_hand = quantile_normalise(LOGS.select("s1", "s2").to_numpy())
    assert genes.filter(pl.col("hgnc_symbol") == "IL6").row(0)[2:] == pytest.approx(tuple(by_hand[3]), abs=1e-12)


def test_a_gene_that_too_few_samples_reach_is_left_out():
    genes, aside = genes_from_probes(LOGS, GENES, normalise="none", detection_floor=2.5, detection_min_samples=2)
    assert genes["hgnc_symbol"].to_list() == ["AXL", "IL6"]
    assert ("GAS6", "below the detection floor") in aside.rows()


def test_the_annotation_of_another_array_is_a_clear_error():
    other = GENES.with_columns(probe_id=pl.lit("z") + pl.col("probe_id"))
    with pytest.raises(DataFault, match=r"no gene is left of 5 probes \(no gene in the annotation: 5.*annotation"):
        genes_from_probes(LOGS, other)
