"""Tables of plasma panels are read in every layout and held against each other; nothing is guessed, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.connectors.plasma_panel.study import PlasmaPanelFrames, read_plasma_panel_study
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets_tests.study_folder import write_study_folder

PANEL = "sample_id\tIL8\tCCL20\nS1\t12.5\t<3\nS2\tOOR <\t*7.1\nS3\t***\t>900\n"
LIMITS = "marker\tunit\tlod\tupper_limit\nIL8\tpg/ml\t2\t500\nCCL20\tpg/ml\t3\t900\n"
SAMPLES = "sample_id\tpatient_id\ttimepoint\nS1\tP1\tbaseline\nS2\tP2\tbaseline\nS3\tP1\tprogression\n"
PATIENTS = "patient_id\tsex\tpfs\tevent\nP1\tmale\t12\t1\nP2\tfemale\t3.5\t0\n"
OPTIONS = """\
platform = "luminex"
panel = "panel.tsv"
limits = "limits.tsv"
samples = "samples.tsv"
patients = "patients.tsv"

[[follow_up]]
endpoint = "PFS"
time_column = "pfs"
event_column = "event"
unit = "months"
"""


def read(folder: Path, panel=PANEL, limits=LIMITS, samples=SAMPLES, patients=PATIENTS, options=OPTIONS):
    files = {"panel.tsv": panel, "limits.tsv": limits, "samples.tsv": samples, "patients.tsv": patients}
    return read_plasma_panel_study(write_study_folder(folder / "study", "plasma_panel", options, files))


def told(found: PlasmaPanelFrames) -> str:
    return "\n".join(": ".join(row) for row in found.warnings.rows())


def test_a_wide_panel_with_its_limits_samples_and_patients(tmp_path: Path):
    found = read(tmp_path)
    cells = {(row["sample_id"], row["marker"]): row for row in found.cells.to_dicts()}
    assert (cells["S1", "IL8"]["flag"], cells["S1", "IL8"]["number"]) == ("measured", 12.5)
    assert cells["S1", "CCL20"]["flag"] == "below"
    assert cells["S2", "IL8"]["flag"] == "below"
    assert cells["S2", "CCL20"]["is_extrapolated"]
    assert cells["S3", "IL8"]["flag"] == "missing"
    assert cells["S3", "CCL20"]["flag"] == "above"
    assert cells["S1", "IL8"]["unit"] == "pg/ml"
    assert found.samples.rows()[2] == ("S3", "P1", "progression")
    assert found.patients.columns == ["patient_id", "sex", "pfs", "event"]


def test_a_long_panel_says_the_same(tmp_path: Path):
    long = "Sample\tAnalyte\tObs Conc\tUnits\n" + "".join(
        f"{line.split(chr(9))[0]}\t{marker}\t{line.split(chr(9))[at]}\tpg/ml\n"
        for line in PANEL.splitlines()[1:]
        for at, marker in ((1, "IL8"), (2, "CCL20"))
    )
    wide, found = read(tmp_path / "a"), read(tmp_path / "b", panel=long)
    key = ["sample_id", "marker"]
    assert found.cells.sort(key).equals(wide.cells.sort(key))
    assert "Sample is sample_id, Analyte is marker, Obs Conc is value, Units is unit" in told(found)


def test_decimal_commas_are_read_and_thousands_are_not_guessed(tmp_path: Path):
    assert read(tmp_path / "a", panel=PANEL.replace(".", ",")).cells["number"][0] == 12.5
    with pytest.raises(DataFault, match=r"line 2, column IL8: '1,250' may be 1250 or 1.250"):
        read(tmp_path / "b", panel=PANEL.replace("12.5", "1,250").replace("*7.1", "*7"))
    with pytest.raises(DataFault, match=r"line 2, column IL8.*'1,250' is no value"):
        read(tmp_path / "c", panel=PANEL.replace("12.5", "1,250"), options='decimal = "point"\n' + OPTIONS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"panel": PANEL.replace("12.5", "high")}, r"line 2, column IL8 .sample S1, marker IL8.: 'high' is no value"),
        ({"panel": PANEL + "S1\t1\t2\n"}, r"lines 2 and 5, column sample_id: sample S1 occurs twice"),
        ({"panel": PANEL + "S4\t1\t2\n"}, r"samples.tsv.*sample S4 of own/panel.tsv is not in it"),
        ({"panel": PANEL + "S4\t1\t2\t3\n"}, r"line 5: the row has 4 cells"),
        ({"limits": LIMITS.replace("CCL20", "CCL2")}, r"panel.tsv, header: column CCL2 is missing; did you mean CCL20"),
        ({"limits": LIMITS.replace("2\t500", "600\t500")}, r"line 2: the limit of detection 600 of IL8 is not below"),
        ({"limits": LIMITS.replace("2\t500", "x\t500")}, r"line 2, column lod"),
        ({"samples": SAMPLES.replace("P2", "P3")}, r"patients.tsv.*patient P3 of sample S2 is not in it"),
        (
            {"samples": SAMPLES.replace("S3\tP1\tprogression", "S3\tP1\tbaseline")},
            r"patient P1 has 2 samples at baseline",
        ),
        (
            {"samples": SAMPLES.replace("baseline", "base")},
            r"no sample has the time point baseline.*Did you mean base\?",
        ),
        ({"patients": PATIENTS + "P1\tmale\t1\t1\n"}, r"lines 2 and 4, column patient_id: patient P1 occurs twice"),
        ({"patients": PATIENTS.replace("12\t1", "12\t2")}, r"column event: '2' is no event"),
        ({"patients": PATIENTS.replace("12\t1", "1200\t1")}, r"the longest follow-up is 1,200 months"),
        ({"patients": PATIENTS.replace("pfs", "PFS_m")}, r"column pfs is missing"),
    ],
)
def test_tables_that_disagree_are_one_clear_error(tmp_path: Path, changed, message):
    with pytest.raises(DataFault, match=message):
        read(tmp_path, **changed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            '[[model]]\nid = "m"\nterms = ["CCL2"]\n',
            r"key model m: CCL2 is neither marker nor column. Did you mean CCL20",
        ),
        ('[discrimination]\nmonths = [12]\nmarkers = ["IL-8"]\n', r"IL-8 is no marker of the panel. Did you mean IL8"),
        ('[pairs]\nlater = "progresion"\n', r"no sample has the time point progresion.*Did you mean progression\?"),
        ('[groups]\nnumerator = "male"\ndenominator = "women"\ncolumn = "sex"\n', r"no patient has sex women"),
        ('[groups]\nnumerator = "a"\ndenominator = "b"\ncolumn = "gender"\n', r"gender is neither marker nor column"),
    ],
)
def test_what_study_toml_names_and_no_table_has_is_told(tmp_path: Path, options, message):
    with pytest.raises(DataFault, match=message):
        read(tmp_path, options=OPTIONS + options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('[groups]\nnumerator = "a"\ndenominator = "b"\n', "either column, or endpoint"),
        (
            '[groups]\nnumerator = "a"\ndenominator = "b"\nendpoint = "OS"\nearly_months = 6\nlate_months = 12\n',
            "has no",
        ),
        ('[groups]\nnumerator = "a"\ndenominator = "a"\ncolumn = "sex"\n', "are two groups"),
        ('[pair]\nlater = "x"\n', r"key pair: the key is unknown. Did you mean pairs\?"),
        ("[discrimination]\nmonth = [12]\n", r"key discrimination.month: the key is unknown. Did you mean months\?"),
    ],
)
def test_an_option_that_cannot_be_is_named(tmp_path: Path, options, message):
    with pytest.raises(CatalogFault, match=message):
        read(tmp_path, options=OPTIONS + options)


def test_patients_without_a_sample_and_samples_of_other_times_are_told(tmp_path: Path):
    found = read(tmp_path, patients=PATIENTS + "P9\tmale\t1\t1\n")
    assert "1 patients have no sample, such as P9" in told(found)
    assert "1 samples of other time points take no part: progression" in told(found)


@pytest.mark.slow
def test_controls_of_an_olink_plate_are_set_aside(shared: Path, tmp_path: Path):
    table = shared / "data" / "bench" / "plasma_panel_olink_npx_data1_chemokines.tsv"
    options = 'platform = "olink"\npanel = "npx.tsv"\nbaseline = "Baseline"\n'
    found = read_plasma_panel_study(write_study_folder(tmp_path / "o", "plasma_panel", options, {"npx.tsv": table}))
    assert found.rejected.height == 88
    assert set(found.rejected["reason"]) == {"no patient: a control of the plate"}
    assert found.cells.height + found.rejected.height + 0 == sum(1 for _ in table.open()) - 1
    assert found.cells["lod"].null_count() == 0


@pytest.mark.parametrize("name", ["example02", "example03", "missing_optional_fields", "NaN_and_not_reported_values"])
def test_blocks_of_xponent_exports(shared: Path, tmp_path: Path, name: str):
    """These hold intensities and no concentrations, which has to be said to be wanted."""
    table = shared / "data" / "bench" / "luminex" / f"luminex_xPONENT_{name}.csv"
    options = 'platform = "luminex"\npanel = "export.csv"\n'
    files: dict[str, str | Path] = {"export.csv": table}
    with pytest.raises(DataFault, match=r"no block of concentrations.*expected one of Median.*data_type"):
        read_plasma_panel_study(write_study_folder(tmp_path / "a", "plasma_panel", options, files))
    with pytest.raises(DataFault, match=r"there is no block Medan.*Did you mean Median\?"):
        read_plasma_panel_study(
            write_study_folder(tmp_path / "b", "plasma_panel", options + 'data_type = "Medan"\n', files)
        )
    median = options + 'data_type = "Median"\nunit = "MFI"\n'
    local = write_study_folder(tmp_path / "c", "plasma_panel", median, files)
    if name == "missing_optional_fields":
        with pytest.raises(DataFault, match="sample Donor14_1 occurs twice in the block Median"):
            read_plasma_panel_study(local)
        return
    found = read_plasma_panel_study(local)
    assert set(found.cells["unit"]) == {"MFI"}
    assert "Total Events" not in set(found.cells["marker"])
    if name == "example02":
        first = found.cells.filter(pl.col("sample_id") == "Unknown1").select("marker", "number").rows()
        assert first == [("alpha", 10921.5), ("bravo", 37214.0)]
    if name.startswith("NaN"):
        assert set(found.cells["flag"]) == {"missing"}
