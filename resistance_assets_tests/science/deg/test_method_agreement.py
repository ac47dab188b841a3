import polars as pl
import pytest
from scipy import stats

from resistance_assets.science.deg.method_agreement import AGREEMENT_SCHEMA, compare_methods
from resistance_assets.science.deg.methods import run_contrast
from resistance_assets.science.deg.result import build_result

from .goldens import TUMOUR_VS_NORMAL, counts_and_samples


def result(method, genes, lfc, p):
    return build_result(
        genes, method=method, n_numerator=3, n_denominator=3, evidence_kind="inferential",
        log2_fold_change=lfc, p_value=p, q_value_bh=p,
    )  # fmt: skip


A = result("a", ["g1", "g2", "g3", "g4", "g5"], [2.0, -2.0, 3.0, 0.1, None], [0.001, 0.01, 0.02, 0.5, None])
B = result("b", ["g1", "g2", "g3", "g4", "g6"], [1.5, 2.5, 0.5, -0.1, 4.0], [0.002, 0.01, 0.03, 0.6, 0.001])


def test_one_pair_by_hand():
    table = compare_methods(pl.concat([A, B]))
    assert dict(table.schema) == AGREEMENT_SCHEMA
    row = table.row(0, named=True)
    assert (row["method_a"], row["method_b"], row["genes_compared"]) == ("a", "b", 4)
    expected = stats.spearmanr([2.0, -2.0, 3.0, 0.1], [1.5, 2.5, 0.5, -0.1]).statistic
    assert row["spearman_log2_fold_change"] == pytest.approx(expected)
    assert row["spearman_minus_log10_p"] == pytest.approx(1.0)
    assert (row["significant_a"], row["significant_b"], row["significant_both"]) == (3, 3, 2)
    # g1 and g2 of the union g1, g2, g3, g6.
    assert row["jaccard"] == 0.5
    assert (row["sign_disagreements"], row["sign_disagreements_significant"]) == (2, 1)


def test_order_of_rows_and_methods_does_not_matter():
    assert compare_methods(pl.concat([A, B])).equals(compare_methods(pl.concat([B.reverse(), A])))


def test_nothing_to_compare_is_null_not_zero():
    empty = compare_methods(pl.concat([A, B]).filter(pl.col("hgnc_symbol") == "g4"))
    row = empty.row(0, named=True)
    assert (row["spearman_log2_fold_change"], row["jaccard"]) == (None, None)
    assert compare_methods(A).is_empty()
    with pytest.raises(ValueError, match="more than once"):
        compare_methods(pl.concat([A, A]))


@pytest.mark.slow
def test_three_methods_on_real_counts_agree(goldens):
    counts, samples = counts_and_samples(goldens / "deg_luad_paired", "in_3v3")
    methods = ("pydeseq2", "limma_voom", "edger_exact")
    stacked = pl.concat([run_contrast(counts, samples, TUMOUR_VS_NORMAL, method=m) for m in methods])
    table = compare_methods(stacked)
    assert table.select("method_a", "method_b").rows() == [
        ("edger_exact", "limma_voom"),
        ("edger_exact", "pydeseq2"),
        ("limma_voom", "pydeseq2"),
    ]
    assert (table["spearman_log2_fold_change"] > 0.95).all()
    assert (table["spearman_minus_log10_p"] > 0.85).all()
    assert (table["sign_disagreements_significant"] <= 3).all()
