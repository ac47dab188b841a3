"""Mutations, fusions, copy number, methylation and protein of a laboratory's cohort, and what is wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from resistance_assets.connectors.lab_study.layers import MUTATIONS, PANELS, PROFILED, VALUES, VARIANTS, read_layers
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.science.alterations.consequences import is_readable_change
from resistance_assets_tests.study_folder import write_study_folder

HEAD = """
counts = "counts.tsv"
samples = "samples.tsv"
[survival]
unit = "months"
endpoint = "OS"
"""
ALL = """
[mutations]
file = "mutations.maf"
[fusions]
file = "fusions.csv"
columns = { site1_hugo_symbol = "five_prime", site2_hugo_symbol = "three_prime" }
[copy_number_calls]
file = "calls.tsv"
[copy_number_log2]
file = "log2.tsv"
[methylation]
file = "beta.tsv"
gene_column = "symbol"
[protein]
file = "rppa.tsv"
[sequenced]
samples = "sequenced.tsv"
genes = "panel.tsv"
megabases = 1.2
"""
FILES = {
    "counts.tsv": "gene\ts1\ts2\ts3\nEGFR\t5\t6\t7\n",
    "samples.tsv": "sample_id\ttime\tevent\ns1\t3\t1\ns2\t4\t0\ns3\t5\t0\n",
    "mutations.maf": (
        "#version 2.4\nHugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\tHGVSp_Short\n"
        "EGFR\tMissense_Mutation\ts1\tp.L858R\nTP53\tNonsense_Mutation\ts2\tp.R213*\n"
    ),
    "fusions.csv": "sample,five_prime,three_prime\ns3,EML4,ALK\n",
    "calls.tsv": "gene\tEntrez_Gene_Id\ts1\ts2\ts3\nMET\t4233\t2\t0\t-2\nERBB2\t2064\tNA\t1\t-1\n",
    "log2.tsv": "gene\ts1\ts2\ts3\nMET\t1.9\t0.02\t-1.3\n",
    "beta.tsv": "probe\tsymbol\ts1\ts2\ts3\ncg01\tGAS6\t0.1\t0.9\t1\ncg02\t\t0\t0.5\t0.5\n",
    "rppa.tsv": "antibody\ts1\ts2\ts3\nEGFR|EGFR_pY1068\t0.5\t-1\t2\nAXL\t1\t1\t2\n",
    "sequenced.tsv": "sample_id\ns1\ns2\ns3\n",
    "panel.tsv": "hgnc_symbol\nEGFR\nTP53\nALK\n",
}


def read(folder: Path, options: str = ALL, **changes: str):
    files = {**FILES, **{name.replace("__", "."): text for name, text in changes.items()}}
    return read_layers(
        write_study_folder(folder, "rna_seq_counts", HEAD + options, files), is_readable=is_readable_change
    )


def told(found) -> list[tuple[str, int, str]]:
    return [
        (row["source"], row["line"], row["reason"]) for _, rows in found.rejected for row in rows.iter_rows(named=True)
    ]


def test_every_layer_of_a_study_folder_is_read(tmp_path):
    found = read(tmp_path / "s").tables
    assert found[MUTATIONS].select(
        "sample_id", "hugo_symbol", "protein_change", "source_file", "source_line"
    ).rows() == [
        ("s1", "EGFR", "p.L858R", "own/mutations.maf", 3),
        ("s2", "TP53", "p.R213*", "own/mutations.maf", 4),
    ]
    assert found[VARIANTS].select("sample_id", "site1_hugo_symbol", "site2_hugo_symbol").rows() == [
        ("s3", "EML4", "ALK")
    ]
    values = found[VALUES]
    assert values["layer"].unique(maintain_order=True).to_list() == [
        "copy_number",
        "log2_copy_number",
        "methylation",
        "protein",
    ]
    assert values.filter(layer="copy_number").select("feature_row", "hugo_symbol", "sample_id", "value").rows() == [
        (2, "MET", "s1", 2.0), (2, "MET", "s2", 0.0), (2, "MET", "s3", -2.0),
        (3, "ERBB2", "s1", None), (3, "ERBB2", "s2", 1.0), (3, "ERBB2", "s3", -1.0),
    ]  # fmt: skip
    by_probe = values.filter(layer="methylation", sample_id="s1").select("feature_id", "hugo_symbol", "value").rows()
    assert by_probe == [("cg01", "GAS6", 0.1), ("cg02", None, 0.0)]
    assert values.filter(layer="protein", sample_id="s1")["hugo_symbol"].to_list() == ["EGFR", "AXL"]
    assert found[PROFILED].rows() == [
        (layer, sample, "panel") for layer in ("mutations", "fusions") for sample in ("s1", "s2", "s3")
    ]
    assert found[PANELS]["hugo_symbol"].to_list() == ["ALK", "EGFR", "TP53"]
    assert told(read(tmp_path / "again")) == []


def test_the_line_of_a_maf_says_who_was_sequenced(tmp_path):
    maf = "#sequenced_samples: s1 s3 elsewhere\n" + FILES["mutations.maf"].replace("#version 2.4\n", "").replace(
        "s2", "s3"
    )
    found = read(tmp_path / "s", '[mutations]\nfile = "mutations.maf"\n', mutations__maf=maf)
    assert found.tables[PROFILED].rows() == [("mutations", "s1", None), ("mutations", "s3", None)]


@pytest.mark.parametrize(
    ("changes", "line", "reason"),
    [
        (
            {"mutations__maf": FILES["mutations.maf"] + "MET\tMissense_Mutation\ts1\tp.D1010N\n"},
            5,
            "gene panel does not",
        ),
        ({"mutations__maf": FILES["mutations.maf"].replace("\ts2\t", "\ts9\t")}, 4, "not in the sample sheet"),
        (
            {"mutations__maf": FILES["mutations.maf"].replace("p.L858R", "twelve")},
            3,
            "cannot be read and is left blank",
        ),
        ({"fusions__csv": "sample,five_prime,three_prime\ns3,,ALK\n"}, 2, "one gene is named"),
        ({"fusions__csv": "sample,five_prime,three_prime\ns3,EML4,ALK\ns3,KIF5B,RET\n"}, 3, "gene panel does not"),
        ({"calls__tsv": FILES["calls.tsv"].replace("\t2\t0\t", "\t3\t0\t")}, 2, "expected a call of -2, -1, 0, 1 or 2"),
        ({"calls__tsv": FILES["calls.tsv"].replace("NA", "-3")}, 3, "expected a call of -2, -1, 0, 1 or 2"),
        ({"calls__tsv": FILES["calls.tsv"].replace("NA", "1.5")}, 3, "expected a call of -2, -1, 0, 1 or 2"),
        ({"calls__tsv": FILES["calls.tsv"].replace("\ts3\n", "\ts4\n")}, 1, "not in the sample sheet"),
        ({"calls__tsv": FILES["calls.tsv"] + "MET\t4233\t0\t0\t0\n"}, 4, "repeats the name of an earlier row"),
        ({"beta__tsv": FILES["beta.tsv"].replace("0.9", "1.2")}, 2, "expected a share"),
        ({"beta__tsv": FILES["beta.tsv"].replace("0\t0.5", "-0.1\t0.5")}, 3, "expected a share"),
        ({"sequenced__tsv": FILES["sequenced.tsv"] + "s8\n"}, 5, "not in the sample sheet"),
        (
            {"sequenced__tsv": "sample_id\tpanel\ns1\tpanel\ns2\tother\n"},
            3,
            "does not say which genes panel other holds",
        ),
    ],
)
def test_odd_rows_and_cells_are_told_with_file_and_line(tmp_path, changes, line, reason):
    (row,) = told(read(tmp_path / "s", **changes))
    assert row[0] == f"own/{next(iter(changes)).replace('__', '.')}"
    assert row[1] == line
    assert reason in row[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calls__tsv": FILES["calls.tsv"].replace("NA", "amp")}, r"own/calls.tsv.*line 3.*ERBB2.*s1.*'amp' is not a"),
        ({"beta__tsv": FILES["beta.tsv"].replace("0.9", "high")}, r"own/beta.tsv.*line 2.*s2.*'high' is not a number"),
        ({"calls__tsv": "gene\tA\tB\nMET\t1\t2\n"}, "own/calls.tsv.*no column is a sample"),
        ({"mutations__maf": "Hugo_Symbol\tx\nEGFR\t1\n"}, "own/mutations.maf.*column Tumor_Sample_Barcode is missing"),
        ({"mutations__maf": "Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\n"}, "a header and no row"),
        ({"fusions__csv": "sample,five,three_prime\ns3,EML4,ALK\n"}, "own/fusions.csv.*column five_prime is missing"),
        ({"sequenced__tsv": "sample_id\nx1\n"}, "own/sequenced.tsv.*no sample of the sample sheet is listed"),
        ({"panel__tsv": "symbol_of\nEGFR\n"}, "own/panel.tsv.*column hgnc_symbol is missing"),
    ],
)
def test_tables_that_cannot_be_read_are_refused_with_their_place(tmp_path, changes, message):
    with pytest.raises(DataFault, match=message):
        read(tmp_path / "s", **changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('[mutations]\nfile = "absent.maf"\n', "absent.maf is not in the folder"),
        ('[sequenced]\nsamples = "sequenced.tsv"\n', "name their file too"),
        ('[mutation]\nfile = "mutations.maf"\n', "mutation"),
    ],
)
def test_a_study_toml_that_is_wrong_is_told(tmp_path, options, message):
    with pytest.raises(CatalogFault, match=message):
        read(tmp_path / "s", options)


def test_layers_need_follow_up(tmp_path):
    head = '\ncounts = "counts.tsv"\nsamples = "samples.tsv"\n[[contrast]]\nid = "c"\nfactor = "event"\n'
    options = (
        head + 'numerator = "1"\ndenominator = "0"\nmethods = ["fold_change"]\n[mutations]\nfile = "mutations.maf"\n'
    )
    with pytest.raises(CatalogFault, match=r"mutations is analysed in a cohort, which needs a \[survival\] table"):
        write_study_folder(tmp_path / "s", "rna_seq_counts", options, FILES)


def test_a_column_that_is_none_of_ours_is_told_with_the_nearest(tmp_path):
    options = '[fusions]\nfile = "fusions.csv"\ncolumns = { site1_symbol = "five_prime" }\n'
    with pytest.raises(DataFault, match=r"site1_symbol.*Did you mean site1_hugo_symbol"):
        read(tmp_path / "s", options)
