"""GEO series: real matrices and SOFT files, what is wrong with others, and the way from a record to values."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.catalog.models.study import Group
from resistance_assets.connectors.arrayexpress.ena import report_resource
from resistance_assets.connectors.arrayexpress.processed_counts import read_sample_counts
from resistance_assets.connectors.geo import series as geo
from resistance_assets.connectors.geo.kernel import values_of_known_features
from resistance_assets.connectors.geo.matrix import geo_sample_sheet, read_series_matrix
from resistance_assets.connectors.geo.soft import probe_genes, read_soft
from resistance_assets.connectors.geo.study import series_crawler
from resistance_assets.connectors.geo.tables import distinct_names
from resistance_assets.connectors.sample_groups import group_samples
from resistance_assets.connectors.transport.transport import FailureKind, failure_kind
from resistance_assets.errors import (
    CatalogFault,
    DataFault,
    DesignFault,
    Fault,
    SourceUnavailable,
    TransportFault,
)
from resistance_assets_tests.loopback import Reply


@pytest.fixture
def samples(shared):
    return shared / "samples"


# Series matrix


@pytest.mark.parametrize(
    ("name", "n_samples", "title", "organism"),
    [
        ("GSE183947_series_matrix.txt.gz", 60, "tumor rep1", "Homo sapiens"),
        ("GSE52778_series_matrix.txt", 16, "N61311_untreated", "Homo sapiens"),
        ("GSE99709_series_matrix.txt.gz", 12, "EV2_6", "Mus musculus"),
    ],
)
def test_real_sequencing_matrices_have_samples_and_no_values(samples, name, n_samples, title, organism):
    matrix = read_series_matrix(samples / "geo_matrix" / name)
    assert (matrix.values.shape, matrix.n_rows, matrix.rejected.height) == ((0, n_samples + 1), 0, 0)
    assert geo.series_kind(matrix.of_series("type"), matrix.n_rows) == "sequencing"
    sheet = geo_sample_sheet(matrix.attributes)
    assert (sheet.height, sheet["title"][0], sheet["organism"].unique().to_list()) == (n_samples, title, [organism])
    assert sheet["biosample"].str.starts_with("SAMN").all()
    assert sheet["sra_experiment"].str.starts_with("SRX").all()
    assert sheet["sample_id"].to_list() == matrix.samples


def test_real_array_matrix(samples):
    matrix = read_series_matrix(samples / "geo_matrix" / "GSE781-GPL97_series_matrix.relaid.txt")
    assert (matrix.values.shape, matrix.n_rows, matrix.rejected.height) == ((800, 18), 800, 0)
    assert geo.series_kind(matrix.of_series("type"), matrix.n_rows) == "array"
    first = matrix.values.row(0, named=True)
    assert (first["feature_id"], first["GSM11815"], first["GSM12448"]) == ("200000_s_at", 4254.0, 3482.1)
    sheet = geo_sample_sheet(matrix.attributes)
    assert set(sheet["characteristic_disease_state"]) == {"RCC", "normal"}
    assert sheet["characteristic_individual"][0] == "035"


def matrix_text(rows: str, *, n: int = 2, head: str = "", end: str = "!series_matrix_table_end\n") -> str:
    samples = "\t".join(f'"GSM{k}"' for k in range(1, n + 1))
    return (
        '!Series_title\t"a title"\n!Series_type\t"Expression profiling by array"\n'
        f"!Sample_title\t{samples}\n{head}!Sample_geo_accession\t{samples}\n"
        f'!series_matrix_table_begin\n"ID_REF"\t{samples}\n{rows}{end}'
    )


def write(path, text: str | bytes):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_missing_values_odd_ids_and_carriage_returns(tmp_path):
    rows = '"NA"\t1\tnull\r\n"a"\tNULL\t-2.5e-3\r\n"b b"\t\tNaN\r\n\r\n"µ"\t3\t4\r\n'
    head = '!Sample_data_processing\t"first\rline"\t"second"\n'
    matrix = read_series_matrix(write(tmp_path / "m.txt", matrix_text(rows, head=head)))
    assert matrix.values.rows() == [("NA", 1.0, None), ("a", None, -0.0025), ("b b", None, None), ("µ", 3.0, 4.0)]
    assert (matrix.n_rows, matrix.rejected.height) == (4, 0)
    processing = matrix.attributes.filter(pl.col("attribute_id") == "data_processing")["value"].to_list()
    assert processing == ["first line", "second"]


def test_rows_that_do_not_fit_are_rejected_with_their_line(tmp_path):
    rows = '"a"\t1\t2\n"b"\t1\n"c"\t1\t2\t3\n"d"\tone\t2\n\t1\t2\n"a"\t5\t6\n"e"\tInf\t1\n"f"\t7\t8\n'
    matrix = read_series_matrix(write(tmp_path / "m.txt", matrix_text(rows)))
    assert matrix.values.rows() == [("a", 1.0, 2.0), ("f", 7.0, 8.0)]
    assert matrix.n_rows == matrix.values.height + matrix.rejected.height == 8
    assert dict(matrix.rejected.select("line", "reason").rows()) == {
        8: "the row has 2 cells and the header 3",
        9: "the row has 4 cells and the header 3",
        10: "'one' in column GSM1 is not a finite number",
        11: "blank id",
        12: "repeats the feature of an earlier row, which is kept",
        13: "'Inf' in column GSM1 is not a finite number",
    }


def test_metadata_of_another_width_is_rejected(tmp_path):
    head = '!Sample_characteristics_ch1\t"age: 3"\n'
    matrix = read_series_matrix(write(tmp_path / "m.txt", matrix_text('"a"\t1\t2\n', head=head)))
    assert matrix.rejected["reason"].to_list() == ["the line has 1 values for 2 samples"]


def test_characteristics_may_differ_lack_a_key_or_hold_colons(tmp_path):
    head = (
        '!Sample_characteristics_ch1\t"treatment: drug: 8 ug/ml"\t"parental"\n'
        '!Sample_characteristics_ch1\t"cell line: H2228"\t"Cell Line: H2228"\n'
        '!Sample_characteristics_ch2\t"cell line: ref"\t""\n'
    )
    matrix = read_series_matrix(write(tmp_path / "m.txt", matrix_text('"a"\t1\t2\n', head=head)))
    sheet = geo_sample_sheet(matrix.attributes)
    assert sheet.select(pl.col("^characteristic.*$")).to_dicts() == [
        {
            "characteristic_treatment": "drug: 8 ug/ml",
            "characteristic_unnamed": None,
            "characteristic_cell_line": "H2228",
            "characteristic_ch2_cell_line": "ref",
        },
        {
            "characteristic_treatment": None,
            "characteristic_unnamed": "parental",
            "characteristic_cell_line": "H2228",
            "characteristic_ch2_cell_line": None,
        },
    ]


@pytest.mark.parametrize(
    ("text", "fault", "message"),
    [
        (matrix_text("", end=""), TransportFault, "truncated: the end marker"),
        (matrix_text("") + matrix_text(""), DataFault, "2 tables"),
        ('Accession "GSE1" was deleted by the GEO staff', DataFault, "0 tables"),
        (matrix_text("").replace('"ID_REF"\t"GSM1"', '"ID_REF"\t"GSM9"'), DataFault, "starts with sample GSM9"),
        (matrix_text("").replace('"GSM2"', '"GSM1"'), DataFault, "twice"),
        (matrix_text("").replace('"ID_REF"\t"GSM1"\t"GSM2"', '"ID_REF"'), DataFault, "names no sample"),
        (gzip.compress(matrix_text("").encode())[:-9], TransportFault, "truncated"),
    ],
)
def test_files_that_are_no_series_matrix_are_refused(tmp_path, text, fault, message):
    with pytest.raises(fault, match=message):
        read_series_matrix(write(tmp_path / "m.txt", text))


# SOFT

REAL_SOFT = {
    # file: entities, platform tables, value frames, rows, rejected
    "GPL20814_family.soft": ({"GPL20814": (2, 4)}, {}, 3, 1),
    "GPL4133.txt": ({"GPL4133": (13, 22)}, {}, 13, 0),
    "GSE105845_family.soft": ({}, {}, 0, 0),
    "GSE99709_self_brief.txt": ({}, {}, 0, 0),
    "GSM11805.txt.gz": ({}, {"GPL96": (22283, 2)}, 22283, 0),
    "GSM2795971.txt": ({}, {}, 0, 0),
    "GSM32878.txt": ({}, {"unknown": (2, 2)}, 2, 0),
    "soft_ex_family.txt": (
        {"Murine 15K long oligo array version 2.0": (20, 6)},
        {"Murine 15K long oligo array version 2.0": (20, 4)},
        80,
        0,
    ),
}


@pytest.mark.parametrize("name", REAL_SOFT)
def test_real_soft_files(samples, name):
    tables, values, n_rows, n_rejected = REAL_SOFT[name]
    soft = read_soft(samples / "geo_soft" / name)
    assert {key: frame.shape for key, frame in soft.platform_tables.items()} == tables
    assert {key: frame.shape for key, frame in soft.values.items()} == values
    assert (soft.n_rows, soft.rejected.height) == (n_rows, n_rejected)
    held = sum(frame.height for frame in soft.platform_tables.values())
    assert soft.n_rows == held + soft.n_values + soft.rejected.height


def test_repeated_keys_and_mojibake_and_equals_signs(samples):
    soft = read_soft(samples / "geo_soft" / "GSE105845_family.soft")
    assert soft.of("series", "sample_id") == ["GSM2828511", "GSM2828512"]
    assert len(soft.of("series", "summary")) == 2  # the blank one is no value
    record = read_soft(samples / "geo_soft" / "GSE99709_self_brief.txt")
    assert record.of("series", "last_update_date") == ["May 15 2019"]
    matrix = read_series_matrix(samples / "geo_matrix" / "GSE99709_series_matrix.txt.gz")
    assert matrix.of_series("last_update_date") == ["Oct 31 2018"]
    sample = read_soft(samples / "geo_soft" / "GSM2795971.txt")
    assert sample.of("sample", "title")[0].startswith("SMAD2/3, Hs578T, TGF")
    described = read_soft(samples / "geo_soft" / "GSM11805.txt.gz").of("sample", "description")
    assert described[0].startswith("Age = 70; Gender = Female")


def test_sample_table_gives_its_values(samples):
    soft = read_soft(samples / "geo_soft" / "GSM11805.txt.gz")
    values = soft.values["GPL96"]
    assert values.columns == ["feature_id", "GSM11805"]
    assert dict(values.rows())["AFFX-BioB-5_at"] == 953.9
    assert soft.columns.filter(pl.col("column") == "VALUE")["description"][0].startswith("MAS 5.0")
    sheet = geo_sample_sheet(soft.sample_attributes)
    assert sheet.select("sample_id", "platform_id").row(0) == ("GSM11805", "GPL96")


def soft_text(*tables: str, platform: str = "") -> str:
    samples = "".join(
        f"^SAMPLE = GSM{n}\n!Sample_platform_id = GPL1\n#VALUE = x\n!sample_table_begin\n{table}!sample_table_end\n"
        for n, table in enumerate(tables, start=1)
    )
    return f"^SERIES = GSE1\n!Series_title = t\n{platform}{samples}"


def test_samples_with_other_features_are_joined_by_feature(tmp_path):
    text = soft_text("ID_REF\tVALUE\na\t1\nb\t2\n", "VALUE\tID_REF\n", "ID_REF\tCALL\tVALUE\nc\tP\t3\nb\tA\tnull\n")
    soft = read_soft(write(tmp_path / "s.soft", text))
    frame = soft.values["GPL1"]
    assert frame.columns == ["feature_id", "GSM1", "GSM3"]
    assert frame.rows() == [("a", 1.0, None), ("b", 2.0, None), ("c", None, 3.0)]


def test_rows_of_sample_tables_are_kept_or_rejected(tmp_path):
    text = soft_text(
        "ID_REF\tVALUE\na\t1\na\t2\nb\tx\n\t4\n\nc\nd\t5\n", "ID_REF\tVALUE\na\t1\na\t2\nd\t5\n", "ID_REF\tP\na\t1\n"
    )
    soft = read_soft(write(tmp_path / "s.soft", text))
    assert soft.values["GPL1"].rows() == [("a", 1.0, 1.0), ("d", 5.0, 5.0)]
    assert (soft.n_rows, soft.n_values, soft.rejected.height) == (10, 4, 6)
    assert dict(soft.rejected.select("line", "reason").rows()) == {
        9: "repeats the feature of an earlier row, which is kept",
        10: "'x' in column VALUE is not a finite number",
        11: "blank id",
        13: "the row has 1 cells and the header 2",
        22: "repeats the feature of an earlier row, which is kept",
        30: "the sample's table has no column VALUE",
    }
    lines = text.split("\n")
    assert [lines[line - 1] for line in soft.rejected["line"]] == soft.rejected["row"].to_list()


@pytest.mark.slow
def test_tables_of_a_large_family_are_read_alike_whether_compiled_or_not(tmp_path):
    rng = np.random.default_rng(5)
    n = 1500
    values = rng.normal(8, 3, (n, 4)).round(6)
    values[7] = [1e-9, 123456789012345678.0, -0.0, 3.25e4]

    def table(k: int, strange: str = "") -> str:
        rows = "".join(f"p{i}\t{float(values[i, k])!r}\tP\n" for i in range(n - 1))
        return f"ID_REF\tVALUE\tCALL\n{rows}{strange or f'p{n - 1}'}\t\tA\n"

    text = soft_text(table(0), table(1), table(2, strange="other"), table(3))
    frame = read_soft(write(tmp_path / "s.soft", gzip.compress(text.encode()))).values["GPL1"]
    assert frame.height == n + 1
    assert np.array_equal(frame.select(pl.exclude("feature_id")).to_numpy()[: n - 1], values[: n - 1])
    assert frame["feature_id"][n] == "other"
    assert frame.filter(pl.col("feature_id") == f"p{n - 1}").row(0) == (f"p{n - 1}", None, None, None, None)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.decimals(allow_nan=False, allow_infinity=False, places=5).map(str),
        st.text("0123456789+-.eE \r", max_size=12),
    )
)
def test_compiled_numbers_are_those_of_python_or_refused(text):
    body = np.frombuffer(f"id\t{text}\n".encode(), np.uint8)
    out = np.zeros(1)
    taken = values_of_known_features(body, np.frombuffer(b"id", np.uint8), np.array([0, 2]), 1, 2, out)
    if taken and text:
        assert out[0] == float(text)
        assert np.signbit(out[0]) == np.signbit(float(text))
    elif taken:
        assert np.isnan(out[0])


@pytest.mark.parametrize(
    ("text", "fault", "message"),
    [
        (soft_text("ID_REF\tVALUE\na\t1\n")[:-20], TransportFault, "the table of GSM1 has no end marker"),
        (
            soft_text("ID_REF\tVALUE\na\t1\n", "ID_REF\tVALUE\na\t1\n").replace("!sample_table_end\n", "", 1),
            TransportFault,
            "the table of GSM1 has no end marker",
        ),
        ('Could not find a public or private accession "GSE1"', DataFault, "Could not find a public"),
        ("", DataFault, "no line starts an entity"),
        (gzip.compress(soft_text("ID_REF\tVALUE\na\t1\n").encode())[:-6], TransportFault, "truncated"),
        (b"\x1f\x8b\x08\x00broken gzip data that is long enough", TransportFault, "truncated"),
    ],
)
def test_files_that_are_no_soft_are_refused(tmp_path, text, fault, message):
    with pytest.raises(fault, match=message):
        read_soft(write(tmp_path / "s.soft", text))


def test_gzip_of_several_members_is_read_to_its_end(tmp_path):
    text = soft_text("ID_REF\tVALUE\na\t1\n").encode()
    path = write(tmp_path / "s.soft.gz", gzip.compress(text[:30]) + gzip.compress(text[30:]) + b"\0" * 8)
    assert read_soft(path).values["GPL1"].rows() == [("a", 1.0)]


# Platforms


def test_real_platform_annotation_with_repeated_columns(samples):
    path = samples / "geo_platform" / "GPL97.annot.head.txt"
    with pytest.raises(TransportFault, match="the table of GPL97 has no end marker"):
        geo.read_platform_annotation(path)
    table, rejected = geo.read_platform_annotation(path, complete=False)
    assert (table.shape, rejected.height) == ((250, 21), 0)
    assert table.columns[-1] == "GO:Component_2"
    genes = probe_genes(table)
    assert genes.row(0) == ("200000_s_at", "PRPF8", "10594")
    assert genes.filter(pl.col("gene_symbol").is_not_null()).height > 200


def test_genes_of_other_platforms():
    affy_st = pl.DataFrame(
        {
            "ID": ["1", "2"],
            "gene_assignment": ["NM_1 // TP53 // t // 17p // 7157 /// XM_2 // TP53 // t // 17p // 7157", "---"],
        }
    )
    assert probe_genes(affy_st).rows() == [("1", "TP53", "7157"), ("2", None, None)]
    affy = pl.DataFrame({"ID": ["1"], "Gene Symbol": ["DDR1 /// MIR4640"], "ENTREZ_GENE_ID": ["780 /// 100616237"]})
    assert probe_genes(affy).rows() == [("1", "DDR1|MIR4640", "780|100616237")]
    with pytest.raises(DataFault, match="no column names the genes"):
        probe_genes(pl.DataFrame({"ID": ["1"], "SEQUENCE": ["ACGT"]}))


def test_repeated_and_blank_column_names_become_distinct():
    assert distinct_names(["a", "a", "", "a_2", "a"]) == ["a", "a_2", "column_3", "a_2_2", "a_3"]


# Counts of NCBI


def test_generated_counts_and_their_genes(tmp_path):
    counts, rejected = geo.read_ncbi_counts(
        write(tmp_path / "c.tsv", "GeneID\tGSM2\tGSM1\n100\t5\t0\n101\t7\t9\n100\t1\t1\n")
    )
    assert counts.rows() == [(100, 5, 0), (101, 7, 9)]
    assert counts.schema == {"entrez_gene_id": pl.Int64, "GSM2": pl.Int64, "GSM1": pl.Int64}
    assert rejected.select("line", "reason").rows() == [
        (4, "repeats the entrez_gene_id of an earlier row, which is kept")
    ]
    tpm, _ = geo.read_ncbi_counts(write(tmp_path / "t.tsv", "GeneID\tGSM2\n100\t5.25\n"), normalised=True)
    assert tpm.rows() == [(100, 5.25)]
    genes, _ = geo.read_ncbi_annotation(
        write(tmp_path / "a.tsv", 'GeneID\tSymbol\tDescription\tLength\n100\tADA\tthe "A" chain\t1500\n')
    )
    assert genes.select("entrez_gene_id", "symbol", "description", "length_bp").row(0) == (
        100,
        "ADA",
        'the "A" chain',
        1500,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("GeneID\tGSM1\n1\t-1\n", "line 2, column GSM1: '-1'"),
        ("GeneID\tGSM1\n1\t\n", "line 2, column GSM1"),
        ("GeneID\tGSM1\n1\t1.5\n", "line 2, column GSM1"),
        ("GeneID\tSample 1\n1\t1\n", "GSM accessions"),
        ("Gene\tGSM1\n1\t1\n", "column GeneID is missing"),
        ("GeneID\tGSM1\nTP53\t1\n", "line 2, column GeneID"),
    ],
)
def test_counts_of_another_layout_are_refused(tmp_path, text, message):
    with pytest.raises(DataFault, match=message):
        geo.read_ncbi_counts(write(tmp_path / "c.tsv", text))


# E-utilities and small pages


def test_folder_page_lists_matrices_alone(tmp_path):
    page = (
        '<a href="/geo/series/">Parent</a><a href="GSE1-GPL96_series_matrix.txt.gz">x</a>'
        '<a href="GSE1-GPL97_series_matrix.txt.gz">y</a><a href="https://hhs.gov/vulnerability">z</a>'
    )
    assert geo.read_matrix_listing(write(tmp_path / "p.html", page)) == [
        "GSE1-GPL96_series_matrix.txt.gz",
        "GSE1-GPL97_series_matrix.txt.gz",
    ]


def test_folder_of_an_accession():
    assert [geo.bucket(name) for name in ("GSE94089", "GSE781", "GPL570", "GPL16791")] == [
        "GSE94nnn",
        "GSEnnn",
        "GPLnnn",
        "GPL16nnn",
    ]
    assert geo.matrix_resource("GSE94089").url == (
        "https://ftp.ncbi.nlm.nih.gov/geo/series/GSE94nnn/GSE94089/matrix/GSE94089_series_matrix.txt.gz"
    )
    with pytest.raises(DataFault, match="no accession of GEO"):
        geo.bucket("E-MTAB-1")


# Scale


@pytest.mark.parametrize(
    ("top", "words", "is_log", "declared"),
    [
        (14.0, ["RMA normalised, log2"], True, "log"),
        (40_000.0, ["MAS 5.0, scaled to 500"], False, "linear"),
        (40_000.0, ["log2 ratios"], False, "log"),
        (14.0, [], True, None),
    ],
)
def test_scale_is_told_from_the_numbers_and_words_are_compared(top, words, is_log, declared):
    values = np.linspace(2.0, top, 200).reshape(50, 4)
    scale = geo.value_scale(values, words, looks_logged=lambda x: bool(np.nanmax(x) < 100))
    assert (scale.is_log, scale.declared) == (is_log, declared)
    assert ("do not" in scale.statement) == (declared == "log" and not is_log)


# Groups

SHEET = pl.DataFrame(
    {
        "sample_id": ["GSM1", "GSM2", "GSM3"],
        "title": ["H2228 rep1", "H2228 CR rep1", "H2228 AR rep1"],
        "characteristic_resistance": [None, "crizotinib", "alectinib"],
        "organism": ["Homo sapiens"] * 3,
    }
)


def group(name: str, *patterns: str, accession: str | None = None) -> Group:
    return Group(id=name, title=name, patterns=patterns, accession=accession)


def test_samples_are_grouped_by_titles_and_characteristics():
    rules = [
        group("parental", r"title: H2228 rep\d"),
        group("crizotinib_resistant", "H2228", "RESISTANCE: crizotinib"),
        group("other_study", "nothing", accession="GSE2"),
    ]
    frame = group_samples(SHEET, rules, study="h2228", accession="GSE1")
    assert frame.rows() == [("GSM1", "parental"), ("GSM2", "crizotinib_resistant")]


def test_rule_that_matches_nothing_shows_the_sample_sheet():
    with pytest.raises(CatalogFault) as caught:
        group_samples(SHEET, [group("ceritinib_resistant", "ceritinib")], study="h2228", accession="GSE1")
    message = str(caught.value)
    assert "ceritinib_resistant match no sample" in message
    assert "[GSM2: title=H2228 CR rep1, characteristic_resistance=crizotinib]" in message
    assert "organism" not in message  # it tells no sample from another


def test_a_gene_of_rsem_goes_by_its_id_without_the_name_that_is_joined_to_it(tmp_path):
    table = tmp_path / "a.genes.results"
    rows = [
        "ENSG00000167601.12_AXL\tt\t1500\t1350\t10.25",
        "A1BG_A1BG\tt\t900\t750\t3.00",
        "HLA_DRB\tt\t900\t750\t1.00",
    ]
    table.write_text("\n".join(["gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count", *rows]) + "\n")
    read = read_sample_counts(table)
    assert read.rows() == [("ENSG00000167601.12", 10), ("A1BG", 3), ("HLA_DRB", 1)]


def test_rules_that_overlap_or_cannot_be_read_are_refused():
    with pytest.raises(DesignFault, match="sample GSM2 is in the groups a and b"):
        group_samples(SHEET, [group("a", "CR"), group("b", "crizotinib")], study="h2228")
    with pytest.raises(CatalogFault, match="no regular expression"):
        group_samples(SHEET, [group("a", "(")], study="h2228")
    with pytest.raises(CatalogFault, match="neither samples nor patterns"):
        group_samples(SHEET, [group("a")], study="h2228")


def test_a_group_that_names_its_samples_needs_no_pattern_and_each_of_them_must_be_there():
    named = Group(id="resistant", title="t", samples=("GSM2",), verified_from="the record")
    frame = group_samples(SHEET, [named, group("parental", r"title: H2228 rep")], study="h2228")
    assert frame.rows() == [("GSM1", "parental"), ("GSM2", "resistant")]
    wrong = Group(id="resistant", title="t", samples=("GSM2", "GSM7", "GSM8"))
    with pytest.raises(CatalogFault, match=r"group resistant: the record has no sample GSM7 and 1 more.*\[GSM1: "):
        group_samples(SHEET, [wrong], study="h2228")
    with pytest.raises(DesignFault, match="sample GSM2 is in the groups resistant and b"):
        group_samples(SHEET, [named, Group(id="b", title="t", samples=("GSM2",))], study="h2228")
    by_title = Group(id="resistant", title="t", samples=("H2228 CR rep1",))
    assert group_samples(SHEET, [by_title], study="h2228").rows() == [("GSM2", "resistant")]
    by_column_of_r = Group(id="resistant", title="t", samples=("H2228.CR.rep1",))
    assert group_samples(SHEET, [by_column_of_r], study="h2228").rows() == [("GSM2", "resistant")]
    with pytest.raises(CatalogFault, match="GSM2 and H2228 CR rep1 are one sample"):
        group_samples(SHEET, [Group(id="a", title="t", samples=("GSM2", "H2228 CR rep1"))], study="h2228")
    alike = SHEET.with_columns(description=pl.lit("cells"))
    with pytest.raises(CatalogFault, match="3 samples are called cells"):
        group_samples(alike, [Group(id="a", title="t", samples=("cells",))], study="h2228")
    runs = SHEET.with_columns(run_accession=pl.Series([None, "SRR1 | SRR2", "SRR3"]))
    assert group_samples(runs, [Group(id="a", title="t", samples=("SRR2",))], study="h2228").rows() == [("GSM2", "a")]
    with pytest.raises(ValueError, match="samples or has patterns, not both"):
        Group(id="a", title="t", samples=("GSM1",), patterns=("x",))


# The host

ARRAY = gzip.compress(matrix_text('"p1"\t5\t6\n"p2"\t7\t8\n').encode())
EMPTY = matrix_text("").replace("by array", "by high throughput sequencing")
SEQUENCING = gzip.compress(EMPTY.encode())
CAPTCHA = b"<!DOCTYPE html><html><head><title>reCAPTCHA</title></head><body>prove it</body></html>"
RECORD = (
    b"^SERIES = GSE1000\n!Series_title = t\n!Series_last_update_date = May 15 2019\n"
    b"!Series_type = Expression profiling by array\n!Series_platform_id = GPL96\n"
    b"!Series_supplementary_file = ftp://h/GSE1000_counts.txt.gz\n!Series_relation = SRA: https://n/sra?term=SRP1\n"
)
COUNTS = gzip.compress(b"GeneID\tGSM1\tGSM2\n1\t5\t6\n")
GENES = gzip.compress(b"GeneID\tSymbol\tLength\n1\tA1BG\t1700\n")


def place(resource) -> str:
    return resource.url.replace("https:/", "")


@pytest.fixture
def host(loopback):
    loopback.script(place(geo.record_resource("GSE1000")), Reply(RECORD))
    loopback.script(place(geo.matrix_resource("GSE1000")), Reply(ARRAY))
    return loopback


def test_array_series(public_hosts, host):
    series = geo.fetch_series(public_hosts, "GSE1000")
    assert (series.kind, series.platforms, series.last_update) == ("array", ["GPL96"], "May 15 2019")
    assert series.matrices["GPL96"].values.height == 2
    assert series.counts is None
    assert series.notes == []
    assert "2 features" in series.choice


def test_sequencing_series_with_generated_counts(public_hosts, host):
    host.script(place(geo.matrix_resource("GSE1000")), Reply(SEQUENCING))
    host.script(place(geo.counts_resource("GSE1000")), Reply(COUNTS))
    host.script(place(geo.counts_annotation_resource("GSE1000")), Reply(GENES))
    series = geo.fetch_series(public_hosts, "GSE1000")
    assert (series.kind, series.counts.rows(), series.annotation["length_bp"][0]) == ("sequencing", [(1, 5, 6)], 1700)
    assert "1 genes in 2 samples" in series.choice


def test_sequencing_series_without_generated_counts_says_what_there_is(public_hosts, host):
    host.script(place(geo.matrix_resource("GSE1000")), Reply(SEQUENCING))
    series = geo.fetch_series(public_hosts, "GSE1000")
    assert (series.kind, series.counts) == ("sequencing", None)
    assert series.choice == (
        "sequencing without NCBI-generated counts: supplementary files GSE1000_counts.txt.gz; reads of SRP1"
    )
    assert "status 404" in series.notes[0]


def test_runs_are_asked_for_beside_generated_counts_where_a_group_names_them(public_hosts, host):
    host.script(place(geo.matrix_resource("GSE1000")), Reply(SEQUENCING))
    host.script(place(geo.counts_resource("GSE1000")), Reply(COUNTS))
    host.script(place(geo.counts_annotation_resource("GSE1000")), Reply(GENES))
    table = "run_accession\texperiment_accession\tsample_accession\tlibrary_strategy\nSRR1\tSRX1\tSAMN1\tRNA-Seq\n"
    host.script(place(report_resource("SRP1")), Reply(table.encode()))
    named = Group(id="a", title="a", samples=("SRR1",))
    series, _ = series_crawler("GSE1000", (named,))(public_hosts)
    assert series.counts is not None
    assert series.authors.reads is not None
    assert series.authors.reads.runs["run_accession"].to_list() == ["SRR1"]
    without, _ = series_crawler("GSE1000", (Group(id="a", title="a", samples=("GSM1",)),))(public_hosts)
    assert without.authors.reads is None


def test_files_of_the_authors_are_had_or_told_of(public_hosts, host):
    """A captcha in place of the table and no word from ENA leave the series without values; both served, with them."""
    host.script(place(geo.matrix_resource("GSE1000")), Reply(SEQUENCING))
    table, report = geo.supplementary_resource("GSE1000", "GSE1000_counts.txt.gz"), report_resource("SRP1")
    host.script(place(table), Reply(CAPTCHA))
    host.script(place(report), Reply(status=204))
    series = geo.fetch_series(public_hosts, "GSE1000")
    fault = series.authors.tables["GSE1000_counts.txt.gz"]
    assert isinstance(fault, Fault)
    assert failure_kind(fault) is FailureKind.HTML_PAGE
    assert series.authors.reads is None
    assert "no_content" in series.notes[-1]
    assert geo.runs_of_series(series).is_empty()
    host.script(place(table), Reply(gzip.compress(b"gene\tGSM1\tGSM2\nAXL\t1\t2\n")))
    runs = b"run_accession\texperiment_accession\nSRR1\tSRX1\nSRR2\tSRX2\n"
    host.script(place(report), Reply(runs))
    series = geo.fetch_series(public_hosts, "GSE1000")
    assert isinstance(series.authors.tables["GSE1000_counts.txt.gz"], Path)
    assert series.authors.reads is not None
    assert series.authors.reads.runs["run_accession"].to_list() == ["SRR1", "SRR2"]


def test_series_on_two_platforms_has_two_matrices(public_hosts, host):
    host.script(
        place(geo.record_resource("GSE1000")),
        Reply(RECORD.replace(b"= GPL96\n", b"= GPL96\n!Series_platform_id = GPL97\n")),
    )
    for platform in ("GPL96", "GPL97"):
        host.script(place(geo.matrix_resource("GSE1000", platform)), Reply(ARRAY))
    assert list(geo.fetch_series(public_hosts, "GSE1000").matrices) == ["GPL96", "GPL97"]


def test_captcha_before_the_record_leaves_the_matrix(public_hosts, host):
    host.script(place(geo.record_resource("GSE1000")), Reply(CAPTCHA))
    series = geo.fetch_series(public_hosts, "GSE1000")
    assert series.kind == "array"
    assert "html_page" in series.notes[0]


def test_platforms_unknown_are_read_from_the_folder(public_hosts, host):
    host.script(place(geo.record_resource("GSE1000")), Reply(CAPTCHA))
    host.script(place(geo.matrix_resource("GSE1000")), Reply(status=404))
    page = b'<html><a href="GSE1000-GPL96_series_matrix.txt.gz">x</a><a href="https://hhs.gov/">y</a></html>'
    host.script(place(geo.matrix_listing_resource("GSE1000")), Reply(page, headers={"Content-Type": "text/html"}))
    host.script(place(geo.matrix_resource("GSE1000", "GPL96")), Reply(ARRAY))
    assert list(geo.fetch_series(public_hosts, "GSE1000").matrices) == ["GPL96"]


@pytest.mark.parametrize(
    ("reply", "fault", "kind"),
    [
        (Reply(CAPTCHA), TransportFault, FailureKind.HTML_PAGE),
        (Reply(gzip.compress(EMPTY.encode()[:-30])), TransportFault, FailureKind.MARKER_MISSING),
        (Reply(ARRAY[:-10]), TransportFault, FailureKind.TRUNCATED),
        (Reply(status=404), SourceUnavailable, FailureKind.REFUSED_OR_GONE),
        (Reply(status=503), SourceUnavailable, FailureKind.SERVER_ERROR),
        (Reply(b""), TransportFault, FailureKind.EMPTY_FILE),
    ],
)
def test_matrix_that_cannot_be_had_is_named(public_hosts, host, reply, fault, kind):
    host.script(place(geo.matrix_resource("GSE1000")), reply)
    with pytest.raises(fault) as caught:
        geo.fetch_series(public_hosts, "GSE1000")
    assert failure_kind(caught.value) is kind


def test_host_that_recovers_is_asked_again(public_hosts, host, waits):
    host.script(place(geo.matrix_resource("GSE1000")), Reply(status=503), Reply(ARRAY))
    host.script(place(geo.record_resource("GSE1000")), Reply(status=429, headers={"Retry-After": "2"}), Reply(RECORD))
    assert geo.fetch_series(public_hosts, "GSE1000").kind == "array"
    assert 2.0 in waits


def test_deleted_accession_is_told(public_hosts, host):
    host.script(place(geo.record_resource("GSE1000")), Reply(b'Accession "GSE1000" was deleted by the GEO staff'))
    assert "was deleted by the GEO staff" in geo.fetch_series(public_hosts, "GSE1000").notes[0]
