"""A laboratory's own tables: two real studies, round trips, and the place of every fault."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.catalog.models.lab_study import StudySurvival
from resistance_assets.connectors.gene_names import date_genes
from resistance_assets.connectors.lab_study.local_study import (
    DEG_SCHEMA,
    read_counts,
    read_deg_table,
    read_matrix,
    read_probe_genes,
)
from resistance_assets.connectors.lab_study.sample_sheet import check_follow_up
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh

COUNTS = "gene\ts1\ts2\nA\t1\t2\nB\t3\t4\n"
SAMPLES = "sample_id\tcondition\ns2\ttumor\ns1\tNA\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "counts.tsv").write_text(COUNTS)
    (tmp_path / "samples.tsv").write_text(SAMPLES)
    return tmp_path


def read(folder):
    return read_counts(folder / "counts.tsv", folder / "samples.tsv")


# Real studies


def test_paired_lung_adenocarcinoma(shared):
    folder = shared / "studies" / "luad_paired"
    counts, samples, *_ = read_counts(folder / "counts.tsv.gz", folder / "samples.tsv")
    assert counts.shape == (13_044, 60)
    assert counts.dtypes == [pl.String] + [pl.Int64] * 59
    assert samples["sample_id"].to_list() == counts.columns[1:]
    assert samples["condition"].value_counts().sort("condition").rows() == [("normal", 27), ("tumor", 32)]
    assert set(samples["sample_type_code"]) == {"01", "11"}
    assert counts.select(pl.exclude("feature_id").max()).max_horizontal().item() == 804_303


def test_published_limma_table(shared):
    folder = shared / "studies" / "gse37699_wz4002_limma"
    contrast = tomllib.loads((folder / "study.toml").read_text())["contrast"][0]
    table = read_deg_table(folder / contrast["table"], contrast["columns"])
    assert table.schema == DEG_SCHEMA
    assert table.height == 22_277
    assert table["feature"].n_unique() == 22_277
    assert table["hgnc_symbol"].null_count() == 1052
    assert table["hgnc_symbol"].str.contains(" /// ").sum() == 1405
    assert (table["line"].min(), table["line"].max()) == (2, 22_278)
    q_value = adjust_bh(table["p_value"].to_numpy())
    chosen = table.filter((pl.Series(q_value) < 0.05) & (table["log2_fold_change"].abs() > 1))
    assert ((chosen["log2_fold_change"] > 0).sum(), (chosen["log2_fold_change"] < 0).sum()) == (241, 572)


# Counts


def is_name(text: str) -> bool:
    return bool(text.strip("-.")) and date_genes(text) is None


@pytest.mark.slow
@given(
    st.dictionaries(
        st.text("ABCabc123-.", min_size=1, max_size=6).filter(is_name),
        st.tuples(*[st.integers(0, 2**40)] * 3),
        min_size=1,
    ),
    st.sampled_from(["counts.tsv", "counts.csv", "counts.tsv.gz"]),
)
def test_counts_come_back_as_written(tmp_path_factory, genes, name):
    folder = tmp_path_factory.mktemp("study")
    separator = "," if "csv" in name else "\t"
    rows = [["", "s1", "s2", "s3"], *[[gene, *map(str, values)] for gene, values in genes.items()]]
    data = "".join(separator.join(row) + "\n" for row in rows).encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    (folder / "samples.tsv").write_text("sample_id\ns3\ns1\ns2\n")
    counts, samples, *_ = read_counts(folder / name, folder / "samples.tsv")
    assert counts.columns == ["feature_id", "s1", "s2", "s3"]
    assert {row[0]: row[1:] for row in counts.rows()} == genes
    assert samples["sample_id"].to_list() == ["s1", "s2", "s3"]


def test_sheet_is_put_in_the_order_of_the_counts(folder):
    counts, samples, *_ = read(folder)
    assert counts.rows() == [("A", 1, 2), ("B", 3, 4)]
    assert samples.rows() == [("s1", None), ("s2", "tumor")]


def test_whole_numbers_may_be_written_as_r_does(folder):
    (folder / "counts.tsv").write_text('"s1"\t"s2"\n"A"\t1e+05\t2.0\n"B"\t3\t4\n')
    assert read(folder)[0].rows() == [("A", 100_000, 2), ("B", 3, 4)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\t3\t", "\t-3\t", r"counts.tsv, line 3, column s1: the count -3 is negative .*raw counts"),
        ("\t3\t", "\t3.5\t", r"counts.tsv, line 3, column s1: '3.5' is not a whole number"),
        ("\t3\t", "\tmany\t", r"line 3, column s1: 'many' is not a whole number"),
        ("\t3\t", "\tinf\t", r"line 3, column s1: 'inf' is not a whole number"),
        ("\t3\t", "\tNA\t", r"line 3, column s1: the count is missing"),
        ("\t3\t", "\t\t", r"line 3, column s1: the count is missing"),
        ("B\t", "A\t", r"lines 2 and 3, column gene: gene A occurs twice"),
        ("\ts2", "\ts1", r"column s1 occurs twice \(columns 2 and 3\)"),
        ("\ts2", "\tS-2", r"counts.tsv, header: sample S-2 is not in samples.tsv; the nearest name there is s2"),
        ("A\t1\t2\nB\t3\t4\n", "", "a header and no row"),
        (COUNTS, "", "the file is empty"),
        ("\t", ";", "the only column is 'gene;s1;s2'"),
        ("\t4", "", r"line 3: the row has 2 fields"),
    ],
)
def test_fault_in_the_counts_is_told_with_its_place(folder, old, new, message):
    assert old in COUNTS
    (folder / "counts.tsv").write_text(COUNTS.replace(old, new))
    with pytest.raises(DataFault, match=message):
        read(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sample_id", "sample", r"samples.tsv, header: column sample_id is missing; did you mean sample"),
        ("s1\tNA\n", "", r"counts.tsv, header: sample s1 is not in samples.tsv"),
        ("s1\tNA\n", "s1\tNA\ns3\tx\n", r"samples.tsv, sample s3: sample s3 is not in counts.tsv"),
        ("s1\t", "s2\t", r"samples.tsv, lines 2 and 3, column sample_id: sample s2 occurs twice"),
        ("s1\t", "\t", r"samples.tsv, line 3, column sample_id: the sample has no name"),
        ("\tcondition", "\tsample_id", "column sample_id occurs twice"),
        ("s2\ttumor\ns1\tNA\n", "", "samples.tsv: the table has a header and no row"),
    ],
)
def test_fault_in_the_sheet_is_told_with_its_place(folder, old, new, message):
    assert old in SAMPLES
    (folder / "samples.tsv").write_text(SAMPLES.replace(old, new))
    with pytest.raises(DataFault, match=message):
        read(folder)


# Finished tables

DEG = "probe\tsymbol\tlogFC\tP.Value\nx_at\tGAS6\t1.5\t1e-300\ny_at\t\tNA\tNA\n"
COLUMNS = {"feature": "probe", "hgnc_symbol": "symbol", "log2_fold_change": "logFC", "p_value": "P.Value"}


def test_finished_table_keeps_every_line(tmp_path):
    path = tmp_path / "deg.tsv"
    path.write_text(DEG)
    assert read_deg_table(path, COLUMNS).rows() == [
        ("x_at", "GAS6", None, 1.5, 1e-300, None, 2),
        ("y_at", None, None, None, None, None, 3),
    ]


def test_table_of_r_with_unnamed_genes(tmp_path):
    path = tmp_path / "deg.csv"
    path.write_text('"","log2FoldChange","pvalue"\n"GAS6",-2,0.5\n')
    columns = {"feature": "feature", "log2_fold_change": "log2FoldChange", "p_value": "pvalue"}
    assert read_deg_table(path, columns).rows() == [("GAS6", None, None, -2.0, 0.5, None, 2)]


def test_a_column_of_adjusted_values_is_never_offered_for_plain_ones(tmp_path):
    path = tmp_path / "deg.tsv"
    path.write_text(DEG.replace("P.Value", "adj.P.Val"))
    with pytest.raises(DataFault) as raised:
        read_deg_table(path, COLUMNS)
    assert "adj.P.Val" not in str(raised.value)
    adjusted = {name: column for name, column in COLUMNS.items() if name != "p_value"}
    table = read_deg_table(path, {**adjusted, "q_value": "adj.P.Val"})
    assert (table["p_value"].to_list(), table["q_value"].to_list()) == ([None, None], [1e-300, None])
    effects = read_deg_table(path, adjusted)
    assert effects.select(pl.col("p_value", "q_value").null_count()).row(0) == (2, 2)
    with pytest.raises(CatalogFault, match="did you mean q_value"):
        read_deg_table(path, {**adjusted, "padj": "adj.P.Val"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1e-300", "1.01", r"deg.tsv, line 2, column P.Value: '1.01' .*probability from 0 to 1"),
        ("1e-300", "-0.1", r"line 2, column P.Value: '-0.1'"),
        ("1e-300", "0,05", r"line 2, column P.Value: '0,05'"),
        ("1.5", "Inf", r"line 2, column logFC: 'Inf' .*finite"),
        ("P.Value", "PValue", r"column P.Value is missing; did you mean PValue"),
    ],
)
def test_fault_in_a_finished_table_is_told_with_its_place(tmp_path, old, new, message):
    path = tmp_path / "deg.tsv"
    assert old in DEG
    path.write_text(DEG.replace(old, new))
    with pytest.raises(DataFault, match=message):
        read_deg_table(path, COLUMNS)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"hgnc_symbol": "symbol", "p_value": "P.Value"}, "does not say which one is log2_fold_change"),
        ({"log2_fold_change": "logFC", "p_value": "P.Value"}, "names no gene"),
        (COLUMNS | {"pvalue": "P.Value"}, "unknown name pvalue; did you mean p_value"),
    ],
)
def test_fault_in_the_mapping_is_told(tmp_path, columns, message):
    path = tmp_path / "deg.tsv"
    path.write_text(DEG)
    with pytest.raises(CatalogFault, match=message):
        read_deg_table(path, columns)


# ---- microarrays -----------------------------------------------------------------------------------------------------


def _array(tmp_path: Path, matrix: str, probes: str = "ID\tSymbol\np1\tAXL\n") -> tuple[Path, Path, Path]:
    paths = tuple(tmp_path / name for name in ("matrix.tsv", "samples.tsv", "probes.tsv"))
    for path, text in zip(paths, (matrix, "sample_id\tcondition\na\tx\nb\ty\n", probes), strict=True):
        path.write_text(text)
    return paths  # pyright: ignore[reportReturnType]


def test_a_matrix_is_read_by_probe_with_its_sheet(tmp_path: Path):
    matrix, samples, _ = _array(tmp_path, "ID_REF\tb\ta\np1\t1.5\t2e1\np2\t-0.5\t3\n")
    values, sheet = read_matrix(matrix, samples)
    assert values.columns == ["probe_id", "b", "a"]
    assert values.rows() == [("p1", 1.5, 20.0), ("p2", -0.5, 3.0)]
    assert sheet["sample_id"].to_list() == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("ID\ta\tb\np1\t1\t\n", r"matrix\.tsv, line 2, column b: the intensity is missing"),
        ("ID\ta\tb\np1\t1\t2\np2\tlow\t2\n", r"line 3, column a: 'low' is no finite number"),
        ("ID\ta\tb\np1\t1\t2\np1\t3\t2\n", r"lines 2 and 3, column ID: probe p1 occurs twice"),
        ("ID\ta\tc\np1\t1\t2\n", r"sample c is not in samples\.tsv"),
    ],
)
def test_a_wrong_matrix_is_told_with_its_place(tmp_path: Path, text: str, match: str):
    matrix, samples, _ = _array(tmp_path, text)
    with pytest.raises(DataFault, match=match):
        read_matrix(matrix, samples)


def test_probes_of_no_gene_or_of_several_are_set_aside_with_their_line(tmp_path: Path):
    text = "ID\tSymbol\np1\tAXL\np2\t\np3\tAXL /// GAS6\np4\tIL6\np4\tIL8\np5\tIL6\n"
    *_, probes = _array(tmp_path, "ID\ta\tb\np1\t1\t2\n", text)
    genes, rejected = read_probe_genes(probes, probe_column="ID", symbol_column="Symbol", separator=" /// ")
    assert genes.rows() == [("p1", "AXL"), ("p5", "IL6")]
    assert rejected.select("line", "reason").rows() == [
        (3, "no gene symbol"), (4, "several genes"), (5, "several genes"), (6, "several genes"),
    ]  # fmt: skip
    with pytest.raises(DataFault, match=r"probes\.tsv.*Symbol"):
        read_probe_genes(probes, probe_column="ID", symbol_column="Symbols")


# ---- follow-up -------------------------------------------------------------------------------------------------------

FOLLOWED = pl.DataFrame({"sample_id": ["s1", "s2", "s3"], "time": ["12", "0", None], "event": ["1", "0", None],
                         "tissue": ["tumour", "tumour", "normal"]})  # fmt: skip
SURVIVAL = StudySurvival(unit="months", endpoint="OS")


def test_follow_up_that_can_be_used_is_let_through():
    check_follow_up(FOLLOWED, SURVIVAL, source="samples.tsv")
    subset = SURVIVAL.model_copy(update={"subset": {"tissue": ("tumour",)}})
    check_follow_up(FOLLOWED, subset, source="samples.tsv")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("time", ["-1", "2", "3"], r"samples\.tsv, sample s1, column time: '-1' is no time.*months, at least 0"),
        ("time", ["1", "inf", "3"], "sample s2, column time: 'inf' is no time"),
        ("time", ["1", "soon", "3"], "sample s2, column time: 'soon' is no time"),
        ("event", ["1", "0", "dead"], "sample s3, column event: 'dead' is no event.*1 = event, 0 = censored"),
        ("event", ["1", "2", "0"], "sample s2, column event: '2' is no event"),
        ("event", ["0", "0", None], "column event: none of 3 samples has an event"),
    ],
)
def test_follow_up_that_cannot_be_used_is_named(column, values, message):
    sheet = FOLLOWED.with_columns(pl.Series(column, values, dtype=pl.String))
    with pytest.raises(DataFault, match=message):
        check_follow_up(sheet, SURVIVAL, source="samples.tsv")


def test_follow_up_columns_and_subsets_that_are_not_there_are_named():
    with pytest.raises(DataFault, match=r"tme.*time"):
        check_follow_up(FOLLOWED, SURVIVAL.model_copy(update={"time_column": "tme"}), source="samples.tsv")
    subset = SURVIVAL.model_copy(update={"subset": {"tissue": ("metastasis",)}})
    with pytest.raises(DataFault, match="no sample has tissue metastasis"):
        check_follow_up(FOLLOWED, subset, source="samples.tsv")
