"""Long tables as matrices: sorted names, any order of rows, missing values and absent pairs."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.science.expression.matrices import encode, expression_matrix


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.6))
@settings(max_examples=20, deadline=None)
def test_every_value_stands_at_its_gene_and_patient_and_nothing_else_does(seed, absent):
    random = np.random.default_rng(seed)
    pairs = [(gene, patient) for gene in ("TP53", "AXL", "a b", "Ä") for patient in ("P2", "P10", "P1")]
    kept = [pair for pair in pairs if random.random() >= absent]
    random.shuffle(kept)
    values = [None if random.random() < 0.2 else float(at) for at in range(len(kept))]
    long = pl.DataFrame(
        {
            "hgnc_symbol": [gene for gene, _ in kept],
            "patient_id": [patient for _, patient in kept],
            "expression_value": values,
        },
        schema={"hgnc_symbol": pl.String, "patient_id": pl.String, "expression_value": pl.Float64},
    )
    matrix, genes, patients = expression_matrix(long)
    assert genes == sorted({gene for gene, _ in kept})
    assert patients == sorted({patient for _, patient in kept})
    told = {pair: value for pair, value in zip(kept, values, strict=True) if value is not None}
    for row, gene in enumerate(genes):
        for column, patient in enumerate(patients):
            expected = told.get((gene, patient))
            assert np.isnan(matrix[row, column]) if expected is None else matrix[row, column] == expected


def test_names_are_encoded_in_their_order():
    names, places = encode(pl.Series(["b", "a", "c", "a"]))
    assert names == ["a", "b", "c"]
    assert places.tolist() == [1, 0, 2, 0]
