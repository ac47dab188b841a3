"""Inputs that people really have: every case of `cases/hostile` and `cases/live`, with what is right for it.

`pytest -k hostile` runs them all. Studies go through the catalog and the reader of their kind, as a run reads them;
single files go through the reader that meets them.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.connectors.arrayexpress.biostudies import read_idf, read_sdrf
from resistance_assets.connectors.arrayexpress.ena import EnaReport, read_report, select_strategy
from resistance_assets.connectors.arrayexpress.processed_counts import (
    read_processed_counts,
    read_sample_counts,
    rows_of_no_gene,
)
from resistance_assets.connectors.cbioportal.archive import is_matrix, read_meta, read_study
from resistance_assets.connectors.cbioportal.profiles import list_profiles, read_profile
from resistance_assets.connectors.clinical_cells import find_unread, read_numbers
from resistance_assets.connectors.formats.delimited import split_text
from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.connectors.gene_names import date_genes, reasons_of_no_gene
from resistance_assets.connectors.geo.soft import probe_genes, read_soft
from resistance_assets.connectors.lab_study.local_study import read_counts, read_deg_table
from resistance_assets.connectors.lab_study.study import (
    read_counts_study,
    read_published_study,
)
from resistance_assets.errors import CatalogFault, DataFault, Fault
from resistance_assets_tests.soak.mutations import read_mutations

READERS = {"rna_seq_counts": read_counts_study, "deg_result": read_published_study}


def read(folder: Path):
    """A study as a run reads it."""
    local = load_local_study(folder)
    return READERS[local.study.kind](local)


def told(fault: Fault) -> str:
    """The message of a fault: one line of bounded length that names no place of the cache."""
    message = str(fault)
    assert "\n" not in message
    assert len(message) < 2000
    assert "cache/" not in message
    return message


def study(tmp_path: Path, counts: str, *, samples: str | None = None, more: str = "") -> LocalStudy:
    """A count study with three resistant and three parental samples."""
    names = ["r1", "r2", "r3", "p1", "p2", "p3"]
    sheet = "sample_id\tcondition\n" + "".join(
        f"{name}\t{'resistant' if name[0] == 'r' else 'parental'}\n" for name in names
    )
    (tmp_path / "counts.tsv").write_text(counts)
    (tmp_path / "samples.tsv").write_text(samples or sheet)
    (tmp_path / "study.toml").write_text(
        '[study]\nid = "own"\ntitle = "Own"\norganism = "Homo sapiens"\nkind = "rna_seq_counts"\n'
        f'counts = "counts.tsv"\nsamples = "samples.tsv"\n{more}\n[[contrast]]\nid = "own_r_vs_p"\n'
        'factor = "condition"\nnumerator = "resistant"\ndenominator = "parental"\n'
    )
    return load_local_study(tmp_path)


HEADER = "gene\tr1\tr2\tr3\tp1\tp2\tp3\n"


# ---- studies of cases/hostile ----------------------------------------------------------------------------------------

TAKEN = {
    "studies/clean": (400, 0),
    "studies/fc_clean": (400, 0),
    "studies/toml_crlf_bom": (400, 0),
    "studies/htseq_rows": (400, 5),
    "studies/fc_htseq": (400, 5),
    "studies/blank_condition": (400, 0),
    "studies/case_levels": (400, 0),
    "studies/surv_words": (400, 0),
    "studies/surv_conflict": (400, 0),
    "mirror_studies/na_row": (398, 2),
    "mirror_studies/pipe_ids": (400, 0),
}


@pytest.mark.parametrize("case", TAKEN)
def test_hostile_study_is_taken_and_every_line_is_accounted_for(case, shared):
    found = read(shared / "cases" / "hostile" / case)
    assert (found.counts.height, found.rejected_features.height) == TAKEN[case]


REFUSED = {
    "studies/bracket_cell": r"bracket_cell/counts.tsv, line 5, column r1: '\[na\]' is not a whole number",
    "studies/huge_count": r"huge_count/counts.tsv, line 5, column r1: the count 99999999999999999999 is larger than",
    "studies/rounded_logs": r"rounded_logs/counts.tsv: no value is above .*rounded logarithms",
    "studies/row_numbers": r"row_numbers/counts.tsv, column gene: the genes are the row numbers 1 to 400",
    "studies/surv_agedays": r"surv_agedays/samples.tsv, sample t00, column age: .* ages are above 120.*age_column",
    "studies/pub_cuffdiff": r"pub_cuffdiff/t.tsv, line 2, column lfc: 1.79769e\+308 cannot be a fold change",
    "studies/pub_dates": r"pub_dates/t.tsv, line \d+, column g: '1-Mar' is a date .*MARCHF1 or MTARC1; so are 7 more",
    "studies/pub_mouse": r"key study.organism: the study is of Mus musculus.*map_orthologs",
    "studies/long64/s": r"key contrast.0.id: .*64 characters.*at most 63",
    "mirror_studies/mouse": r"key study.organism: the study is of Mus musculus.*map_orthologs",
    "mirror_studies/dates": r"dates/counts.tsv, line \d+, column gene: '1-Mar' is a date .*MARCHF1",
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_study_is_refused_in_one_line_that_names_the_place(case, shared):
    with pytest.raises((DataFault, CatalogFault), match=REFUSED[case]) as caught:
        read(shared / "cases" / "hostile" / case)
    assert "Sum its counts" not in told(caught.value)


def test_hostile_folder_holds_no_study_without_an_expectation(shared):
    held = {str(path.parent.relative_to(shared / "cases" / "hostile"))
            for path in (shared / "cases" / "hostile").rglob("study.toml")}  # fmt: skip
    assert held == {*TAKEN, *REFUSED}


def test_hostile_levels_and_samples_without_a_contrast_are_warned_of(shared):
    found = read(shared / "cases" / "hostile" / "studies" / "case_levels").warnings
    texts = " ".join(found["warning"])
    assert "'resistant' (r1, r3) and 'Resistant' (r2)" in texts
    assert "p3 (condition = 'parental cells')" in texts
    blank = read(shared / "cases" / "hostile" / "studies" / "blank_condition").warnings
    assert blank["warning"].to_list() == ["1 sample takes no part in any contrast: pool (condition is blank)"]


def test_hostile_samples_of_one_patient_that_disagree_are_warned_of(shared):
    found = read(shared / "cases" / "hostile" / "studies" / "surv_conflict").warnings
    assert found["place"][0] == "patient P00"
    assert "t00, t01 disagree in time, event, age, sex, stage" in found["warning"][0]


def test_hostile_clinical_words_are_read_or_counted(shared):
    found = read(shared / "cases" / "hostile" / "studies" / "surv_words")
    assert found.rejected_cells.height == 4
    assert set(found.rejected_cells["row"].str.extract(r", age (.*)$")) == {">89"}
    sexes, stages = found.samples["sex"], found.samples["stage"]
    assert not find_unread(sexes, "sex").any()
    assert not find_unread(stages, "stage").any()


# ---- gene names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "1-Mar",
        "2-Sep",
        "Mar-01",
        "2-Sep-20",
        "2020-03-01",
        "03/01/2020",
        "1. Mrz",
        "43891",
        "1-mars",
        "2020-03-01 00:00:00",
    ],
)
def test_hostile_spreadsheet_dates_are_no_genes_and_name_what_they_were(name):
    genes = date_genes(name)
    assert genes
    assert genes[0] in ("MARCHF1", "SEPTIN2")


@pytest.mark.parametrize(
    "name", ["MARCH1", "SEPT2", "DEC1", "14-3-3", "5-HT3A", "OCT-4", "APR-1", "1956", "HLA-A", "NOV"]
)
def test_hostile_names_that_only_look_like_dates_stay(name):
    assert date_genes(name) is None


def test_hostile_serial_numbers_are_entrez_ids_among_entrez_ids():
    assert date_genes("43891", among_symbols=False) is None


@pytest.mark.parametrize("numbers", ["90000", "9e4", "90000.0"])
@pytest.mark.parametrize(
    "name", ["NA", "nan", "N/A", "#N/A", "NULL", "", "n.a.", "#VALUE!", "\u00a0NA\u00a0", "\u200b"]
)
def test_hostile_missing_names_are_rejected_whatever_the_numbers_look_like(tmp_path, name, numbers):
    local = study(tmp_path, f"{HEADER}EGFR\t1\t2\t3\t4\t5\t6\n{name}\t{numbers}\t1\t1\t1\t1\t1\n")
    found = read_counts_study(local)
    assert found.counts["feature_id"].to_list() == ["EGFR"]
    assert found.rejected_features["line"].to_list() == [3]


@pytest.mark.parametrize("name", ["__no_feature", "no_feature", "N_unmapped", "Unassigned_NoFeatures", "X__ambiguous"])
def test_hostile_summary_rows_are_set_aside_on_every_path(tmp_path, name):
    local = study(tmp_path, f"{HEADER}EGFR\t1\t2\t3\t4\t5\t6\n{name}\t9\t9\t9\t9\t9\t9\n")
    assert read_counts_study(local).rejected_features["reason"].str.contains("summary row").all()
    one = tmp_path / "one.txt"
    one.write_text(f"EGFR\t1\n{name}\t9\n")
    assert read_sample_counts(one)["feature_id"].to_list() == ["EGFR"]
    assert reasons_of_no_gene(pl.Series(["EGFR", name])).is_null().to_list() == [True, False]


# ---- numbers that cannot be what they are said to be -----------------------------------------------------------------


def test_hostile_ratios_given_as_log2_are_refused_with_the_key(tmp_path):
    path = tmp_path / "t.tsv"
    rows = [(f"G{at}", (1 + at / 50) * (-1) ** at, at / 100) for at in range(100)]
    path.write_text("g\tfc\tp\n" + "".join(f"{g}\t{fc}\t{p}\n" for g, fc, p in rows))
    columns = {"feature": "g", "hgnc_symbol": "g", "log2_fold_change": "fc", "p_value": "p"}
    with pytest.raises(DataFault, match='fold_change_scale = "signed_ratio"'):
        read_deg_table(path, columns)
    table = read_deg_table(path, columns, scale="signed_ratio")
    assert table["log2_fold_change"][50] == pytest.approx(1.0)
    assert table["log2_fold_change"][1] < 0


def test_hostile_lists_of_chosen_genes_are_no_ratios(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("g\tfc\tp\n" + "".join(f"G{at}\t{1.2 + at / 9}\t0.001\n" for at in range(60)))
    columns = {"feature": "g", "hgnc_symbol": "g", "log2_fold_change": "fc", "p_value": "p"}
    assert read_deg_table(path, columns).height == 60


@pytest.mark.parametrize(
    ("unit", "time", "message"),
    [("years", "1261", "survival.unit"), ("months", "1261", "may be in days"), ("days", "30000", "survival.unit")],
)
def test_hostile_follow_up_in_another_unit_is_refused_with_the_key(shared, tmp_path, unit, time, message):
    source = shared / "cases" / "hostile" / "studies" / "surv_words"
    for name in ("counts.tsv", "samples.tsv", "study.toml"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    toml = (tmp_path / "study.toml").read_text().replace('unit = "days"', f'unit = "{unit}"')
    (tmp_path / "study.toml").write_text(toml)
    sheet = (tmp_path / "samples.tsv").read_text().replace("\t1261\t", f"\t{time}\t")
    (tmp_path / "samples.tsv").write_text(sheet)
    with pytest.raises(DataFault, match=message) as caught:
        read(tmp_path)
    assert "surv_words/samples.tsv, sample t" in told(caught.value)


def test_hostile_decimal_commas_are_numbers():
    assert read_numbers(pl.Series(["62,5", ">60", "1.000,5", "7"])).to_list() == [62.5, None, None, 7.0]


# ---- parsers of cases/hostile ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["featurecounts", "featurecounts_nocomment"])
def test_hostile_own_table_of_featurecounts_is_read(shared, name):
    folder = shared / "cases" / "hostile" / "parsers"
    found = read_counts(folder / f"{name}.txt", folder / f"{name}_samples.tsv")
    assert found.counts.rows() == [("EGFR", 10, 20)]
    assert found.counts.columns == ["feature_id", "s1", "s2"]


def test_hostile_blanks_in_header_cells_are_no_part_of_a_name(shared):
    folder = shared / "cases" / "hostile" / "parsers"
    found = read_counts(folder / "header_space.tsv", folder / "header_space_samples.tsv")
    assert found.counts.columns == ["feature_id", "s1", "s2"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("exceldate", "line 2, column gene: '1-Mar' is a date"), ("thousands_de2", "line 2, column s1: '1.000' may be")],
)
def test_hostile_counts_of_a_spreadsheet_are_refused(shared, name, message):
    folder = shared / "cases" / "hostile" / "parsers"
    with pytest.raises(DataFault, match=message):
        read_counts(folder / f"{name}.tsv", folder / f"{name}_samples.tsv")


def test_hostile_zip_is_named_by_its_kind(shared):
    folder = shared / "cases" / "hostile" / "parsers"
    with pytest.raises(DataFault, match=r"counts.tsv.zip: the workbook cannot be read"):
        read_counts(folder / "counts.tsv.zip", folder / "exceldate_samples.tsv")


def test_hostile_summary_rows_of_star_among_authors_counts_are_set_aside(shared):
    path = shared / "cases" / "hostile" / "parsers" / "proc_star_rows.txt"
    sheet = pl.DataFrame({"sample_id": ["SRR1", "SRR2"]})
    assert read_processed_counts(path, sheet).rows() == [("EGFR", 1, 2)]
    assert rows_of_no_gene(path, source="x")["reason"].to_list() == ["summary row of STAR, no gene"]


def test_hostile_line_ends_of_old_macs(shared):
    folder = shared / "cases" / "hostile" / "parsers"
    sets, _ = read_gmt(folder / "cr.gmt")
    assert sets.select("term", "gene_symbol").rows() == [("SET_A", "EGFR"), ("SET_A", "MET"), ("SET_B", "KRAS")]
    soft = read_soft(folder / "soft_cr.txt")
    assert soft.values["GPL1"].rows() == [("p1", 1.0), ("p2", 2.0)]


def test_hostile_newline_in_a_quoted_cell_of_a_sample_sheet(shared):
    sdrf = read_sdrf(shared / "cases" / "hostile" / "parsers" / "sdrf_nl_in_quotes.txt")
    assert (sdrf.n_rows, sdrf.rejected.height) == (1, 0)
    assert sdrf.column("comment", "ENA_RUN") == {2: ["ERR1"]}


@pytest.mark.parametrize("name", ["mac", "clin_5hash", "meta_crlf_bom", "clin_months_words"])
def test_hostile_archives_are_read(shared, name):
    path = shared / "cases" / "hostile" / "parsers" / f"{name}.tar.gz"
    found = read_study(path, required_patient_columns=["OS_MONTHS"], event_columns=["OS_STATUS"],
                       clinical_kinds={"OS_MONTHS": "time"})  # fmt: skip
    assert found.study_id == "luad_x"
    months = found.patient_attributes.filter(pl.col("attribute_id") == "OS_MONTHS").height
    unread = found.rejected.filter(pl.col("reason").str.contains("OS_MONTHS"))
    assert (months, unread.height) == ((0, 2) if name == "clin_months_words" else (2, 0))


# ---- further kinds ---------------------------------------------------------------------------------------------------


def workbook(rows: list[list[object]]) -> bytes:
    """An .xlsx of one sheet, as Office Open XML has it at the least."""

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="a" sheetId="1" '
        'r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
    }  # fmt: skip
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return data.getvalue()


def test_hostile_workbooks_and_utf_16_are_read_and_other_kinds_named(tmp_path):
    plain = b"gene\ts1\nEGFR\t5\n"
    (tmp_path / "samples.tsv").write_text("sample_id\ns1\n")
    for name, data in {
        "utf16.tsv": plain.decode().encode("utf-16"),
        "utf16be.tsv": plain.decode().encode("utf-16-be"),
        "bom.tsv": b"\xef\xbb\xbf" + plain,
        "cr.tsv": plain.replace(b"\n", b"\r"),
        "book.xlsx": workbook([["gene", "s1"], ["EGFR", 5]]),
        "packed.tsv": gzip.compress(plain),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert read_counts(tmp_path / name, tmp_path / "samples.tsv").counts.rows() == [("EGFR", 5)], name
    for data, kind in {
        b"BZh91AY": "bzip2",
        b"\xd0\xcf\x11\xe0\xa1\xb1": "old Excel",
        b"\x89HDF\r\n": "HDF5",
        b"PAR1xxxx": "Parquet",
    }.items():
        (tmp_path / "x.tsv").write_bytes(data)
        with pytest.raises(DataFault, match=f"x.tsv: the file is .*{kind}"):
            read_counts(tmp_path / "x.tsv", tmp_path / "samples.tsv")


def test_hostile_estimated_counts_need_the_key_and_are_rounded(tmp_path):
    counts = "gene_id\tgene_name\t" + HEADER.partition("\t")[2] + "ENSG00000146648\tEGFR\t1.4\t2.6\t3\t4\t5\t6\n"
    local = study(tmp_path, counts)
    with pytest.raises(DataFault, match='count_type = "estimated"'):
        read_counts_study(local)
    found = read_counts_study(study(tmp_path, counts, more='count_type = "estimated"'))
    assert found.counts.row(0) == ("ENSG00000146648", 1, 3, 3, 4, 5, 6)


def test_hostile_column_map_of_a_study_decides(tmp_path):
    counts = "no\tsym\tA\tr2\tr3\tp1\tp2\tp3\tnotes\n1\tEGFR\t1\t2\t3\t4\t5\t6\tx\n"
    more = 'gene_column = "sym"\nignored_columns = ["no", "notes"]\n[study.columns]\nr1 = "A"'
    assert read_counts_study(study(tmp_path, counts, more=more)).counts.row(0) == ("EGFR", 1, 2, 3, 4, 5, 6)


def test_hostile_samples_that_were_pasted_twice_are_warned_of(tmp_path):
    rows = "".join(f"G{at}\t{at}\t{at}\t{at + 1}\t{at * 2}\t9\t8\n" for at in range(30))
    found = read_counts_study(study(tmp_path, HEADER + rows))
    assert found.warnings["place"].to_list() == ["columns r1, r2"]


def test_hostile_study_of_a_mouse_is_mapped_through_its_orthologs(shared, tmp_path):
    source = shared / "cases" / "hostile" / "mirror_studies" / "mouse"
    table = shared / "data" / "single_cell" / "orthologs" / "homologene_human_mouse.tsv.gz"
    for name in ("counts.tsv", "samples.tsv"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    (tmp_path / table.name).write_bytes(table.read_bytes())
    toml = (source / "study.toml").read_text()
    keys = f'map_orthologs = true\northologs = "{table.name}"\n[[contrast]]'
    (tmp_path / "study.toml").write_text(toml.replace("[[contrast]]", keys))
    found = read(tmp_path)
    assert {"EGFR", "MET", "KRAS"} <= set(found.counts["feature_id"])
    assert found.counts.height + found.rejected_features.height == 400
    assert load_local_study(tmp_path).organism == "Mus musculus"


def test_hostile_runs_of_another_strategy_are_left_out_by_name():
    runs = pl.DataFrame({"run_accession": ["ERR1", "ERR2"], "library_strategy": ["RNA-Seq", "WXS"],
                         "sample_title": ["a", "a"], "secondary_sample_accession": ["ERS1", "ERS1"]})  # fmt: skip
    files = pl.DataFrame({"run_accession": ["ERR1", "ERR2"]})
    rejected = pl.DataFrame(schema={"source": pl.String, "line": pl.Int64, "reason": pl.String, "row": pl.String})
    found = select_strategy(EnaReport(runs, files, rejected))
    assert found.runs["run_accession"].to_list() == ["ERR1"]
    assert found.files["run_accession"].to_list() == ["ERR1"]
    assert "WXS" in found.rejected["reason"][0]


@pytest.mark.parametrize(
    ("table", "symbols"),
    [
        ({"ID": ["1", "2"], "GB_ACC": ["NM_005228.5", ""]}, ["NM_005228", None]),
        ({"ID": ["1"], "GENE": ["1956"]}, ["1956"]),
        (
            {"ID": ["1"], "SPOT_ID.1": ["NM_5 // RefSeq // Homo sapiens growth factor (EGFR), mRNA. // chr7 // 1"]},
            ["EGFR"],
        ),
    ],
)
def test_hostile_platforms_that_name_no_symbol(table, symbols):
    assert probe_genes(pl.DataFrame(table))["gene_symbol"].to_list() == symbols


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (["bam/S1.sorted.bam", "bam/S2.sorted.bam"], ["S1", "S2"]),
        (["PC9", "PC9 OsiR"], ["PC9 [RNA-seq]", "PC9 OsiR [RNA-seq]"]),
        (["S1.genes.results", "S2.genes.results"], ["S1", "S2"]),
    ],
)
def test_hostile_titles_and_paths_are_matched_to_samples(tmp_path, columns, titles):
    path = tmp_path / "c.txt"
    path.write_text("gene\t" + "\t".join(columns) + "\nEGFR\t1\t2\nMET\t3\t4\n")
    sheet = pl.DataFrame({"sample_id": ["GSM1", "GSM2"], "title": titles})
    assert read_processed_counts(path, sheet).rows() == [("EGFR", 1, 2), ("MET", 3, 4)]


@pytest.mark.parametrize(
    "text",
    [
        "N_unmapped\t9\t9\t9\nN_multimapping\t9\t9\t9\nN_noFeature\t9\t9\t9\nN_ambiguous\t9\t9\t9\nEGFR\t5\t1\t4\n",
        "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\nEGFR\tT\t9\t8.5\t4.60\t1.1\t2.2\n",
        "Name\tLength\tEffectiveLength\tTPM\tNumReads\nEGFR\t9\t8.5\t1.5\t5.2\n",
    ],
)
def test_hostile_tables_of_one_sample_of_star_rsem_and_salmon(tmp_path, text):
    path = tmp_path / "one.txt"
    path.write_text(text)
    assert read_sample_counts(path).rows() == [("EGFR", 5)]


# ---- cases/live ------------------------------------------------------------------------------------------------------


def live(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "cases" / "live").iterdir() if path.name != "PROVENANCE.md")


def packed(tmp_path: Path, files: dict[str, bytes]) -> Path:
    path = tmp_path / "luad_x.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"luad_x/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_hostile_live_metas_of_today_declare_their_matrices(shared):
    held = {}
    for path in live(shared):
        if path.name.endswith("metas_and_case_lists.tar.gz"):
            held[path.name.partition(".")[0]] = {
                name for name, entry in list_profiles(path).items() if is_matrix(entry)
            }
    assert "methylation_hm27_hm450_merge" in held["luad_tcga_pan_can_atlas_2018"]
    assert "methylation_epic" in held["luad_cptac_2020"]
    assert not any("segment" in name for names in held.values() for name in names)


def test_hostile_live_generic_assay_of_methylation_is_read(tmp_path):
    meta = (
        "cancer_study_identifier: luad_x\ngenetic_alteration_type: GENERIC_ASSAY\ngeneric_assay_type: METHYLATION\n"
        "datatype: LIMIT-VALUE\nstable_id: methylation_hm27_hm450_merge\ndata_filename: data_m.txt\n"
    )
    data = "ENTITY_STABLE_ID\tNAME\tDESCRIPTION\tTRANSCRIPT_ID\tP1-01\ncg01\tEGFR\td\tt\t0.25\n"
    found = read_profile(packed(tmp_path, {"meta_m.txt": meta.encode(), "data_m.txt": data.encode()}),
                         "methylation_hm27_hm450_merge")  # fmt: skip
    assert found.wide.rows() == [("cg01", "EGFR", 0.25)]


def test_hostile_live_study_of_the_importer_is_read(shared):
    found = read_study(shared / "cases" / "live" / "study_es_0.tar.gz")
    assert found.matrices
    assert found.samples.height > 0


@pytest.mark.parametrize("level", ["patient", "sample"])
def test_hostile_live_clinical_tables(shared, tmp_path, level):
    for path in live(shared):
        if f"data_clinical_{level}" not in path.name:
            continue
        text = split_text(path.read_bytes(), source=path.name, comment_rows=16)
        assert text.height
        assert all(text.header)


def test_hostile_live_sheets_and_reports_are_read(shared):
    folder = shared / "cases" / "live"
    for name in ("E-MTAB-10615", "E-MTAB-9296"):
        assert read_sdrf(folder / f"{name}.head.sdrf.txt").n_rows >= 1
    report = read_report(folder / "ffq_fastqs.txt")
    assert report.runs.height + report.rejected.height > 0
    with pytest.raises(DataFault):
        read_idf(folder / "E-MTAB-10615.head.idf.txt")  # the file was cut before its SDRF File


@pytest.mark.parametrize("name", ["tests_GPL4133.txt", "tests_soft_ex_family.txt", "inst_extdata_GSM11805.txt.gz"])
def test_hostile_live_soft_files_are_read(shared, name):
    soft = read_soft(shared / "cases" / "live" / name, complete=False)
    assert soft.n_rows > 0


def test_hostile_live_bom_in_a_meta_file():
    assert read_meta(b"\xef\xbb\xbfa: b\r\n", source="x") == {"a": "b"}


@pytest.mark.slow
def test_hostile_mutations_are_read_or_told_in_one_line(shared, tmp_path):
    outcomes = read_mutations(shared / "cases", tmp_path, inputs=300, seed=7)
    assert outcomes["read"] > 30
    assert outcomes["DataFault"] > 30


def test_hostile_repeated_symbols_of_a_published_table_are_told_apart(shared, tmp_path):
    source = shared / "cases" / "hostile" / "studies" / "pub_dates"
    lines = (source / "t.tsv").read_text().splitlines()[:401]
    (tmp_path / "t.tsv").write_text("\n".join([*lines, lines[1]]) + "\n")
    (tmp_path / "study.toml").write_bytes((source / "study.toml").read_bytes())
    results, rejected = read(tmp_path)
    assert results["feature"].n_unique() == results.height == 401
    assert results["feature"].to_list()[-1] == f"{lines[1].split(chr(9))[0]} (line 402)"
    assert rejected.is_empty()
