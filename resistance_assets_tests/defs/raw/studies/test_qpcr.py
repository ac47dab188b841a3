"""qPCR studies from their folders to their tables: R's numbers, a QuantStudio export, refusals.

Tolerances are those of goldens/bench/assays: Ct arithmetic relative 1e-12 (1e-10 of differences), t and limits 1e-9.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.errors import CatalogFault, Fault
from resistance_assets_tests.defs.raw.studies.bench_folders import golden, tables_of, write_study

KIND = "qpcr"
STUDY = """wells = "wells.tsv"
reference_gene = "GAPDH"
control = "siCtrl"
replicate_unit = "experiment"
replicates_are_paired = true
"""
SAMPLES, FOLDS, BLANKS = (f"core.qpcr__{name}" for name in ("samples", "fold_changes", "no_template"))
KEY = ["condition", "gene", "biological_replicate"]


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "assays"


@pytest.fixture(scope="module")
def tables(folder: Path, tmp_path_factory) -> dict[str, pl.DataFrame]:
    place = tmp_path_factory.mktemp("qpcr") / "study"
    return tables_of(write_study(place, STUDY, {"wells.tsv": folder / "qpcr_ct.tsv"}, kind=KIND))


def expected(path: Path) -> pl.DataFrame:
    frame = golden(path)
    keys = [name for name in ("biological_replicate",) if name in frame.columns]
    return frame.with_columns(pl.col(keys).cast(pl.String))


def agree(found: pl.DataFrame, name: str, theirs: str, relative: float, absolute: float = 0.0) -> None:
    for ours, other in zip(found[name], found[theirs], strict=True):
        assert ours == (None if other is None else pytest.approx(other, rel=relative, abs=absolute)), name


def test_every_sample_is_r_s(folder, tables):
    theirs = expected(folder / "qpcr_mean_ct_expected.tsv")
    both = tables[SAMPLES].join(theirs, on=KEY, suffix="_r", validate="1:1")
    assert both.height == theirs.height == tables[SAMPLES].height == 27
    for ours, other in (("mean_ct", "mean_ct_r"), ("sd_before", "sd_before_r"), ("sd_ct", "sd_ct_r")):
        agree(both, ours, other, 1e-12 if ours == "mean_ct" else 1e-10)
    for ours, other in (
        ("n_wells", "n_wells_r"),
        ("n_undetermined", "undetermined"),
        ("well_dropped", "well_dropped_r"),
        ("n_used", "n_used_r"),
    ):
        assert both[ours].to_list() == both[other].to_list()
    assert both["flag"].null_count() == 27
    theirs = expected(folder / "qpcr_delta_ct_expected.tsv")
    found = tables[SAMPLES].filter(pl.col("gene") != "GAPDH")
    both = found.join(theirs, on=KEY, suffix="_r", validate="1:1")
    assert both.height == theirs.height == found.height == 18
    for name in ("delta_ct", "delta_delta_ct_paired", "delta_delta_ct_pooled", "relative_expression"):
        agree(both, name, f"{name}_r", 1e-10, 1e-12)


def test_every_fold_change_is_r_s(folder, tables):
    theirs = expected(folder / "qpcr_tests_expected.tsv")
    both = tables[FOLDS].join(theirs, on=["gene", "condition"], suffix="_r", validate="1:1")
    assert both.height == theirs.height == tables[FOLDS].height == 4
    tests = [f"{way}_{name}" for way in ("welch", "paired") for name in ("t", "df", "p", "fold_lower", "fold_upper")]
    for name in ("n", "delta_delta_ct", "fold_change", "knock_down_percent", *tests):
        agree(both, name, f"{name}_r", 1e-9)
    assert both["p_note"].null_count() == both["warning"].null_count() == 4


def test_every_no_template_control_is_r_s(folder, tables):
    theirs = golden(folder / "qpcr_no_template_expected.tsv")
    found = tables[BLANKS].join(theirs.select("gene", theirs="verdict"), on="gene", validate="1:1")
    assert found.height == theirs.height == 2
    assert found["verdict"].to_list() == found["theirs"].to_list()


def test_a_quantstudio_export_with_a_sheet_of_samples_gives_the_same_numbers(folder, tables, tmp_path):
    wells = pl.read_csv(folder / "qpcr_ct.tsv", separator="\t", infer_schema_length=0)
    header = "Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tCT\tCt Mean"
    rows = [
        f"{at}\tA{at}\tfalse\t{sample}\t{gene}\t{'NTC' if condition == 'no_template' else 'UNKNOWN'}\tSYBR\t{ct}\t"
        for at, (sample, condition, gene, ct) in enumerate(
            wells.select("sample_id", "condition", "gene", "ct").iter_rows(), start=1
        )
    ]
    empty = "97\tH1"
    head = ["* Chemistry = SYBR_GREEN", "* Experiment Type = Comparative", "", "[Sample Setup]", "Well", "1", ""]
    text = "\n".join([*head, "[Results]", header, *rows, empty, "", "[Melt Curve Raw Data]", "Well"])
    sheet = wells.filter(pl.col("condition") != "no_template").select("sample_id", "condition", "biological_replicate")
    study = 'format = "quantstudio"\nsamples = "samples.tsv"\n' + STUDY
    files: dict[str, str | Path] = {"wells.tsv": text, "samples.tsv": sheet.unique().write_csv(separator="\t")}
    found = tables_of(write_study(tmp_path / "s", study, files, kind=KIND))
    for name in (FOLDS, SAMPLES):
        keys = [column for column in ("condition", "gene", "biological_replicate") if column in found[name].columns]
        assert found[name].sort(keys).equals(tables[name].sort(keys)), name
    assert found[BLANKS].height == 2
    assert set(found["raw.rejected_rows"]["reason"]) == {"an empty well"}


def test_a_real_export_is_read_and_its_missing_reference_gene_is_named(shared, tmp_path):
    file = shared / "data" / "bench" / "qpcr" / "appbio_quantstudio_example01.txt"
    lines = [line for line in file.read_text().splitlines() if "\tTARGET_1\tUNKNOWN\t" in line and "false" in line]
    names = [line.split("\t")[3] for line in lines]
    sheet = "\n".join(
        ["sample_name\tcondition\treplicate", *(f"{name}\tgroup_{name.split('_')[1][0]}\t{name[-1]}" for name in names)]
    )
    study = 'format = "quantstudio"\nsamples = "samples.tsv"\n' + STUDY.replace("siCtrl", "group_1")
    with pytest.raises(Fault, match=r"the reference gene GAPDH is in no sample \(expected one of TARGET_1"):
        tables_of(write_study(tmp_path / "s", study, {"wells.tsv": file, "samples.tsv": sheet}, kind=KIND))


def test_an_export_of_presence_and_absence_is_refused(shared, tmp_path):
    file = shared / "data" / "bench" / "qpcr" / "appbio_quantstudio_minimal_test01.txt"
    study = 'format = "quantstudio"\nsamples = "samples.tsv"\n' + STUDY
    sheet = "sample_name\tcondition\tbiological_replicate\nNAC\ta\t1\n"
    files: dict[str, str | Path] = {"wells.tsv": file, "samples.tsv": sheet}
    with pytest.raises(Fault, match=r"no well is a sample with a Ct"):
        tables_of(write_study(tmp_path / "s", study, files, kind=KIND))
    files["wells.tsv"] = file.read_text().replace("\tCT\t", "\tCall\t").replace("\tCt\t", "\tCall\t")
    with pytest.raises(Fault, match=r"line 58: the block \[Results\] has no column CT"):
        tables_of(write_study(tmp_path / "t", study, files, kind=KIND))
    files["wells.tsv"] = "Well\tCT\n1\t20\n"
    with pytest.raises(Fault, match=r"there is no block \[Results\]"):
        tables_of(write_study(tmp_path / "u", study, files, kind=KIND))


# ---- rules and refusals ----------------------------------------------------------------------------------------------

HEADER = "condition\tgene\tbiological_replicate\tct"


def wells(replicates: int = 3, **ct: str) -> list[str]:
    """Three wells a sample; `ct` replaces the Ct of a condition and gene."""
    usual = {"siCtrl_GAPDH": "18", "siCtrl_CCL20": "25", "siCCL20_GAPDH": "18", "siCCL20_CCL20": "27"} | ct
    return [
        "\t".join([*name.split("_"), str(replicate), value if value.isalpha() else f"{float(value) + shift:.2f}"])
        for name, value in usual.items()
        for replicate in range(1, replicates + 1)
        for shift in (0.01 * replicate, 0.01 * (replicate + 1), 0.01 * (replicate + 2))
    ]


def read(place: Path, rows: list[str], study: str = STUDY, header: str = HEADER) -> dict[str, pl.DataFrame]:
    return tables_of(write_study(place, study, {"wells.tsv": "\n".join([header, *rows]) + "\n"}, kind=KIND))


def test_a_gene_that_is_undetermined_everywhere_is_not_detected_and_has_no_fold_change(tmp_path):
    found = read(tmp_path / "s", wells(siCCL20_CCL20="Undetermined"))
    row = found[FOLDS].row(0, named=True)
    assert row["p_note"] == "not detected here: a bound, not a fold change"
    assert row["fold_change"] is None
    flags = found[SAMPLES].filter(pl.col("condition") == "siCCL20", pl.col("gene") == "CCL20")["flag"]
    assert set(flags) == {"not_detected"}


def test_a_sample_without_its_reference_gene_has_no_delta_ct(tmp_path):
    rows = wells()
    lost = [row.startswith("siCCL20\tGAPDH\t2") for row in rows]
    rows = [row[: row.rindex("\t")] + "\tUndetermined" if gone else row for row, gone in zip(rows, lost, strict=True)]
    found = read(tmp_path / "s", rows)
    row = found[SAMPLES].filter(pl.col("note").is_not_null()).row(0, named=True)
    assert row["note"] == "GAPDH missing or undetermined in this sample"
    assert row["delta_ct"] is None
    assert found[FOLDS]["n"].item() == 2


def test_two_replicates_give_a_fold_change_without_p(tmp_path):
    row = read(tmp_path / "s", wells(2))[FOLDS].row(0, named=True)
    assert row["fold_change"] == pytest.approx(0.25, abs=1e-3)
    assert row["welch_p"] is None
    assert row["p_note"] == "fewer than 3 biological replicates: fold change without p"


def test_technical_replicates_alone_are_not_tested(tmp_path):
    study = STUDY.replace('replicate_unit = "experiment"\n', "")
    row = read(tmp_path / "s", wells(), study)[FOLDS].row(0, named=True)
    assert row["welch_p"] is row["paired_p"] is None
    assert "technical wells are no replicates" in row["p_note"]
    rows = ["\t".join(cell for at, cell in enumerate(line.split("\t")) if at != 2) for line in wells()]
    header = HEADER.replace("biological_replicate\t", "")
    with pytest.raises(Fault, match="there is no column biological_replicate"):
        read(tmp_path / "t", rows, header=header)
    found = read(tmp_path / "u", rows, study, header)
    assert found[FOLDS]["n"].item() == 1
    assert found[FOLDS]["fold_change"].item() == pytest.approx(0.25, abs=1e-3)


def test_a_reference_gene_that_moves_is_told(tmp_path):
    row = read(tmp_path / "s", wells(siCCL20_GAPDH="19"))[FOLDS].row(0, named=True)
    assert row["warning"] == "GAPDH itself moves by 1.0 cycles"
    assert row["reference_shift_ct"] == pytest.approx(1.0)


REFUSED = {
    "a word for a Ct": ("27.02", "high", r"line 30, column ct: 'high' is no Ct"),
    "a decimal comma": ("27.02", "27,02", r"line 30, column ct: '27,02' has a decimal comma"),
    "a Ct of 0": ("27.02", "0", r"line 30, column ct: a Ct of 0 \(expected above 0 and up to 60"),
    "no gene": ("CCL20\t1\t27.02", "\t1\t27.02", r"line 30, column gene: the well has no gene"),
    "no replicate": ("\t1\t27.02", "\t\t27.02", r"line 30, column biological_replicate: the well has no biological"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_cell_that_cannot_be_meant_is_refused_with_its_place(name, tmp_path):
    before, after, message = REFUSED[name]
    text = "\n".join(wells())
    assert before in text
    with pytest.raises(Fault, match=message):
        read(tmp_path / "bench", text.replace(before, after, 1).split("\n"))


def test_a_reference_gene_or_control_that_is_not_there_is_named_with_the_nearest(tmp_path):
    with pytest.raises(Fault, match=r"reference gene GADPH is in no sample.*Did you mean GAPDH"):
        read(tmp_path / "a", wells(), STUDY.replace("GAPDH", "GADPH"))
    with pytest.raises(Fault, match=r"control condition siCtr is in no sample.*Did you mean siCtrl"):
        read(tmp_path / "b", wells(), STUDY.replace("siCtrl", "siCtr"))
    with pytest.raises(CatalogFault, match="reference_gene: the key is missing"):
        read(tmp_path / "c", wells(), STUDY.replace('reference_gene = "GAPDH"\n', ""))
