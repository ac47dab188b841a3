import numpy as np
import polars as pl
import pytest

from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.science.deg.methods import differential_gene_lists
from resistance_assets.science.deg.published import find_adjusted_p_values, import_published
from resistance_assets.science.deg.result import RESULT_COLUMNS
from resistance_assets.science.statistics.multiple_testing import adjust_bh

COLUMNS = {
    "feature": "HG_U133A_2_ID",
    "hgnc_symbol": "geneSymbol",
    "entrez_gene_id": "geneID",
    "log2_fold_change": "H1975_logFC",
    "p_value": "H1975_pValue",
}
SMALL = pl.DataFrame(
    {
        "probe": ["a", "b", "c", "d", "e"],
        "gene": ["AXL", "AXL", "GAS6", "MET /// HGF", None],
        "lfc": [1.0, -2.0, 0.5, 3.0, 1.0],
        "p": [0.04, 0.01, 0.03, 0.001, 0.5],
    }
)
SMALL_COLUMNS = {"feature": "probe", "hgnc_symbol": "gene", "log2_fold_change": "lfc", "p_value": "p"}


def read(table, columns=SMALL_COLUMNS, **changes):
    options = {"contrast_id": "c", "method": "limma (as published)", "n_numerator": 3, "n_denominator": 3}
    options["multi_gene_separator"] = " /// "
    return import_published(table, columns, **(options | changes))


@pytest.fixture(scope="module")
def table(shared):
    path = shared / "studies" / "gse37699_wz4002_limma" / "WZ4002_adrH1975_diffexDT.tsv.gz"
    return pl.read_csv(path, separator="\t", infer_schema_length=None)


def test_gse37699_probes_as_the_source_states_them(table):
    published = read(table, COLUMNS)
    assert published.features.height == 22277
    called = published.features.filter((pl.col("q_value_bh_features") < 0.05) & (pl.col("log2_fold_change").abs() > 1))
    assert called.height == 813
    assert called.filter(pl.col("log2_fold_change") > 0).height == 241
    counts = dict(published.rejected["reason"].value_counts().iter_rows())
    assert counts == {"several genes": 1405, "no gene symbol": 1052}
    assert published.features["is_kept"].sum() == 22277 - 1405 - 1052


def test_gse37699_genes(table):
    result = read(table, COLUMNS).result
    assert tuple(result.columns) == (*RESULT_COLUMNS, "feature", "entrez_gene_id", "probes", "p_value_probe_adjusted")
    assert result["hgnc_symbol"].is_unique().all()
    assert result["probes"].sum() == 22277 - 1405 - 1052
    top = result.filter(pl.col("hgnc_symbol") == "POSTN").row(0, named=True)
    assert top["p_value"] == 9.14803570920357e-13
    assert top["entrez_gene_id"] == "10631"
    assert top["p_value_probe_adjusted"] == pytest.approx(top["probes"] * top["p_value"], rel=1e-15)
    np.testing.assert_allclose(result["q_value_bh"], adjust_bh(result["p_value_probe_adjusted"].to_numpy()), rtol=1e-15)
    # Correcting for the choice of the probe can only raise q.
    assert (result["q_value_bh"].to_numpy() >= adjust_bh(result["p_value"].to_numpy())).all()
    lists = differential_gene_lists(result, "wz4002", 0.05, 1.0)
    assert 400 < lists.height < 813


def test_smallest_p_speaks_for_the_gene_and_the_rest_is_set_aside():
    published = read(SMALL)
    axl = published.result.filter(pl.col("hgnc_symbol") == "AXL").row(0, named=True)
    assert (axl["feature"], axl["p_value"], axl["log2_fold_change"], axl["probes"]) == ("b", 0.01, -2.0, 2)
    assert axl["p_value_probe_adjusted"] == 0.02
    assert axl["p_value_note"] is not None
    assert published.rejected.rows() == [("d", "MET /// HGF", "several genes"), ("e", None, "no gene symbol")]
    gas6 = published.result.filter(pl.col("hgnc_symbol") == "GAS6").row(0, named=True)
    assert gas6["p_value_note"] is None
    np.testing.assert_allclose(published.result["q_value_bh"], [0.03, 0.03])


def test_result_starts_with_the_common_columns():
    assert tuple(read(SMALL).result.columns[: len(RESULT_COLUMNS)]) == RESULT_COLUMNS


def test_equal_p_values_are_settled_by_fold_change_whatever_the_row_order():
    tied = SMALL.with_columns(p=pl.lit(0.02))
    for rows in (tied, tied.reverse()):
        assert read(rows).result.filter(pl.col("hgnc_symbol") == "AXL")["feature"].item() == "b"


def test_without_p_values_the_evidence_is_effect_only():
    result = read(SMALL, {k: v for k, v in SMALL_COLUMNS.items() if k != "p_value"}).result
    assert result["evidence_kind"].unique().to_list() == ["effect_only"]
    assert result["q_value_bh"].null_count() == result.height
    assert result.height == 2


def test_missing_numbers_are_rejected_with_their_reason():
    rows = SMALL.with_columns(
        p=pl.Series(["0.04", "NA", "0.03", "0.001", "0.5"]), lfc=pl.Series([1.0, 2.0, None, 3.0, 1.0])
    )
    reasons = dict(read(rows).rejected.select("feature", "reason").iter_rows())
    assert reasons == {"b": "no p-value", "c": "no fold change", "d": "several genes", "e": "no gene symbol"}


@pytest.mark.parametrize(
    ("rows", "columns", "fault", "message"),
    [
        (SMALL.with_columns(p=pl.lit(1.5)), SMALL_COLUMNS, DataFault, r"row 1: p-value 1\.5"),
        (SMALL.with_columns(lfc=pl.lit("up")), SMALL_COLUMNS, DataFault, "row 1, column lfc: 'up' is not a number"),
        (SMALL.with_columns(probe=pl.lit("a")), SMALL_COLUMNS, DataFault, "feature a occurs more than once"),
        (SMALL.drop("p"), SMALL_COLUMNS, DataFault, "no column p"),
        (SMALL, {"hgnc_symbol": "gene"}, CatalogFault, "roles missing: log2_fold_change"),
        (SMALL, {**SMALL_COLUMNS, "pval": "p"}, CatalogFault, "roles unknown: pval"),
    ],
)
def test_bad_tables_are_refused(rows, columns, fault, message):
    with pytest.raises(fault, match=message):
        read(rows, columns)


def test_a_published_q_value_is_kept_and_never_adjusted_again():
    table = pl.DataFrame({"gene": ["A", "A", "B", "C"], "lfc": [1.0, 2.0, -1.0, 0.5], "q": [0.2, 0.04, 0.03, None]})
    roles = {"hgnc_symbol": "gene", "log2_fold_change": "lfc", "q_value": "q"}
    found = import_published(table, roles, contrast_id="c", method="published", n_numerator=3, n_denominator=3)
    rows = found.result.select("hgnc_symbol", "log2_fold_change", "p_value", "q_value_bh", "evidence_kind").rows()
    assert rows == [("A", 2.0, None, 0.04, "inferential"), ("B", -1.0, None, 0.03, "inferential")]
    assert found.rejected.rows() == [("C", "C", "no p-value")]
    both = import_published(
        table.with_columns(p=pl.Series([0.1, 0.01, 0.02, 0.9])), {**roles, "p_value": "p"}, contrast_id="c",
        method="published", n_numerator=3, n_denominator=3,
    )  # fmt: skip
    assert both.result["q_value_bh"].to_list() == [0.04, 0.03, None]
    assert both.result["p_value"].to_list() == [0.01, 0.02, 0.9]


def test_adjusted_values_are_told_from_plain_ones():
    rng = np.random.default_rng(4)
    plain = np.concatenate([rng.uniform(size=1800), rng.uniform(0, 1e-4, size=200)])
    assert find_adjusted_p_values(pl.Series(plain)) is None
    assert find_adjusted_p_values(pl.Series(plain.round(3))) is None
    assert "repeat" in find_adjusted_p_values(pl.Series(adjust_bh(plain)))
    assert "are 1" in find_adjusted_p_values(pl.Series(np.minimum(1.0, plain * len(plain))))
