"""A study's tables are looked at as a whole: every missing column, every sample that is in one file alone."""

from pathlib import Path

from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.connectors.lab_study.table_checks import faults_of_tables

COUNTS = """
[study]
id = "lab"
title = "A cohort"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[survival]
endpoint = "OS"
unit = "days"
time_column = "tim"
event_column = "event"
age_column = "agee"
"""
PUBLISHED = """
[study]
id = "table"
title = "A table"
organism = "Homo sapiens"
kind = "deg_result"

[[contrast]]
id = "r_vs_p"
table = "table.tsv"
numerator = "r"
denominator = "p"
method = "limma"
columns = { feature = "ID", hgnc_symbol = "Gene", log2_fold_change = "logFC", q_value = "adj.P.Val" }
"""


def faults(folder: Path, text: str, **tables: str) -> list[str]:
    (folder / "study.toml").write_text(text)
    for name, content in tables.items():
        (folder / f"{name}.tsv").write_text(content)
    return [str(fault) for fault in faults_of_tables(load_local_study(folder))]


def test_columns_of_follow_up_and_samples_are_told_together(tmp_path):
    found = faults(
        tmp_path,
        COUNTS,
        counts="gene\ts1\ts2\ts3\nAXL\t1\t2\t3\n",
        samples="sample_id\ttime\tevent\tage\ns1\t10\t1\t60\nS-2\t20\t0\t61\nS-3\t30\t0\t62\n",
    )
    assert [one.partition(";")[0] for one in found] == [
        "lab/samples.tsv, header, asked by [survival] of study.toml: column tim is missing",
        "lab/samples.tsv, header, asked by [survival] of study.toml: column agee is missing",
        "lab/counts.tsv, header: sample s2 is not in samples.tsv, nor is s3",
    ]
    assert "it lists S-2, S-3, which are not in counts.tsv" in found[2]


def test_every_missing_column_of_a_published_table_is_told(tmp_path):
    found = faults(tmp_path, PUBLISHED, table="ID\tSymbol\tlogFC\tpadj\n1\tAXL\t1.5\t0.01\n")
    assert [one.partition(";")[0] for one in found] == [
        "table/table.tsv, header, contrast r_vs_p, key columns.hgnc_symbol: column Gene is missing",
        "table/table.tsv, header, contrast r_vs_p, key columns.q_value: column adj.P.Val is missing",
    ]


def test_good_headers_leave_what_the_reader_refuses(tmp_path):
    good = "ID\tGene\tlogFC\tadj.P.Val\n1\tAXL\t1.5\t0.01\n"
    assert faults(tmp_path, PUBLISHED, table=good) == []
    [fault] = faults(tmp_path, PUBLISHED, table=good.replace("0.01", "1.5"))
    assert "a probability from 0 to 1" in fault
