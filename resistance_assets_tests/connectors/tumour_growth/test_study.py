"""Tables of tumour growth are read in every layout, units and arms are held against each other, nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.connectors.tumour_growth.study import TumourGrowthFrames, read_tumour_growth_study
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets_tests.study_folder import write_study_folder

HEADER = "mouse_id\tday\tlength_mm\twidth_mm\tbody_weight_g\n"
ROWS = "".join(
    f"{mouse}\t{day}\t{8 + day / 10:.2f}\t{6 + day / 10:.2f}\t{21 - day / 10:.1f}\n"
    for mouse in ("m1", "m2", "m3", "m4", "m5", "m6")
    for day in (0, 3, 7)
)
MICE = "mouse_id\tarm\tend_day\tend_reason\n" + "".join(
    f"{mouse}\t{arm}\t7\tstudy_end\n"
    for mouse, arm in zip(("m1", "m2", "m3", "m4", "m5", "m6"), ["vehicle"] * 3 + ["drug"] * 3, strict=True)
)
OPTIONS = 'measurements = "measurements.tsv"\nmice = "mice.tsv"\ncontrol_arm = "vehicle"\n'


def read(folder: Path, rows: str = ROWS, mice: str = MICE, options: str = OPTIONS, header: str = HEADER):
    files = {"measurements.tsv": header + rows, "mice.tsv": mice}
    return read_tumour_growth_study(write_study_folder(folder / "study", "tumour_growth", options, files))


def told(found: TumourGrowthFrames) -> str:
    return "\n".join(": ".join(row) for row in found.warnings.rows())


def test_a_laboratorys_own_tables_are_read(tmp_path: Path):
    found = read(tmp_path)
    assert found.measurements.height == 18
    assert found.rejected.is_empty()
    assert found.warnings.is_empty()
    first = found.measurements.row(0, named=True)
    assert first["volume_mm3"] == pytest.approx(8 * 6**2 / 2)
    assert (first["arm"], first["was_swapped"]) == ("vehicle", False)
    assert found.mice.filter(pl.col("n_measurements") == 3).height == 6


def test_swapped_length_and_width_are_exchanged_and_counted(tmp_path: Path):
    found = read(tmp_path, ROWS.replace("m1\t0\t8.00\t6.00", "m1\t0\t6.00\t8.00"))
    assert found.measurements["volume_mm3"][0] == 144.0
    assert found.measurements["was_swapped"].sum() == 1
    assert "length was below width in 1 rows: the two were exchanged" in told(found)


def test_centimetres_for_millimetres_are_refused_with_the_option_that_says_so(tmp_path: Path):
    small = "".join(f"{m}\t{d}\t0.8{d}\t0.6{d}\t20\n" for m in ("m1", "m2", "m3", "m4", "m5", "m6") for d in (0, 3, 7))
    plain = HEADER.replace("_mm", "")
    with pytest.raises(
        DataFault, match=r"line 2, columns length_mm and width_mm: 18 of 18 volumes are not.*diameter_unit = \"cm\""
    ):
        read(tmp_path / "a", small, header=plain)
    found = read(tmp_path / "b", small, header=plain, options=OPTIONS + 'diameter_unit = "cm"\n')
    assert found.measurements["volume_mm3"][0] == pytest.approx(8.0 * 6.0**2 / 2, rel=1e-9)
    with pytest.raises(DataFault, match=r"column length_cm is in cm, and study.toml says mm"):
        read(tmp_path / "c", small, header=HEADER.replace("_mm", "_cm"))


def test_rows_that_cannot_be_are_set_aside_with_line_and_reason(tmp_path: Path):
    rows = (
        ROWS.replace("m1\t3\t8.30\t6.30", "m1\t3\t-8.30\t6.30")
        .replace("m2\t3\t8.30\t6.30", "m2\t3\t\t6.30")
        .replace("m3\t3\t8.30\t6.30", "m3\t3\t83.0\t63.0")
        .replace("m4\t7\t8.70\t6.70\t20.3", "m4\t7\t0\t0\t0")
        .replace("m5\t7\t8.70\t6.70\t20.3", "m5\t7\t8.70\t6.70\t0")
    )
    found = read(tmp_path, rows)
    assert found.measurements.height == 14
    reasons = dict(found.rejected.select("line", "reason").iter_rows())
    assert reasons == {
        3: "a negative size",
        6: "no size",
        9: "a volume of 164713.5 mm3 is not between 1 and 10000 mm3; write 0 where no tumour is felt",
        13: "neither body weight nor tumour: the mouse was no longer there, which is no regression",
    }
    assert "1 body weights of 0 or less are taken as not measured, such as mouse m5 on day 7" in told(found)


def test_decimal_commas_are_read_and_thousands_are_not_guessed(tmp_path: Path):
    found = read(tmp_path / "a", ROWS.replace(".", ","))
    assert found.measurements["length_mm"][1] == 8.3
    with pytest.raises(DataFault, match=r"line 2, column length_mm: '8,00' has a decimal comma, and 53 other cells"):
        read(tmp_path / "b", ROWS.replace("m1\t0\t8.00", "m1\t0\t8,00"))
    volumes = "mouse_id\tday\tvolume_mm3\n" + "".join(f"m{m}\t{d}\t1,{m}00\n" for m in range(1, 7) for d in (0, 3))
    with pytest.raises(DataFault, match=r"'1,100' may be 1100 or 1.100.*line 2|line 2.*'1,100' may be 1100 or 1.100"):
        read(tmp_path / "c", volumes, header="")
    found = read(tmp_path / "d", volumes, header="", options=OPTIONS + 'decimal = "comma"\n')
    assert found.measurements["volume_mm3"].min() == 1.1


@pytest.mark.parametrize(
    ("rows", "mice", "message"),
    [
        (ROWS, MICE + "m1\tdrug\t7\tstudy_end\n", r"lines 2 and 8.*mouse m1 is in two arms, vehicle and drug"),
        (ROWS, MICE + "m1\tvehicle\t7\tstudy_end\n", r"lines 2 and 8.*mouse m1 has two rows"),
        (ROWS.replace("m6", "m7"), MICE, r"line 17, column mouse_id: mouse m7 is not in own/mice.tsv.*Did you mean m"),
        (ROWS + "m1\t3\t9\t7\t20\n", MICE, r"lines 3 and 20: mouse m1 is measured twice on day 3"),
        (ROWS + "m1\t9\t9\t7\t20\n", MICE, r"line 20, column day: mouse m1 is measured on day 9 and ended on day 7"),
        (ROWS, MICE.replace("study_end\nm2", "studyend\nm2"), r"line 2, column end_reason.*Did you mean study_end\?"),
        (ROWS, MICE.replace("vehicle", "vehicel"), r"no mouse is in the arm vehicle.*Did you mean vehicel\?"),
        (ROWS, MICE.replace("drug", "vehicle"), r"all mice are in the arm vehicle"),
        (ROWS.replace("8.30", "large"), MICE, r"line 3, column length_mm: 'large' is no number"),
        (ROWS.replace("m1\t0", "\t0"), MICE, r"line 2, column mouse_id: the mouse has no name"),
    ],
)
def test_tables_that_disagree_are_one_clear_error(tmp_path: Path, rows, mice, message):
    with pytest.raises(DataFault, match=message):
        read(tmp_path, rows, mice)


def test_a_mouse_in_two_arms_is_found_without_a_table_of_mice_too(tmp_path: Path):
    rows = "mouse_id\tarm\tday\tvolume_mm3\nm1\tvehicle\t0\t100\nm1\tdrug\t3\t110\nm2\tdrug\t0\t100\n"
    options = 'measurements = "measurements.tsv"\ncontrol_arm = "vehicle"\n'
    with pytest.raises(DataFault, match=r"mouse m1 is in two arms, vehicle and drug.*ids_within_arm"):
        read(tmp_path, rows, options=options, header="")


def test_mice_without_a_measurement_are_told_and_did_not_start(tmp_path: Path):
    found = read(tmp_path, mice=MICE + "m7\tdrug\t7\tother\n")
    assert "m7" not in found.mice["mouse_id"]
    assert "1 mice have no measurement and count as not started: m7" in told(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('control_arms = "vehicle"\n', r"key study.control_arms: the key is unknown. Did you mean control_arm\?"),
        ('combination_arm = "both"\n', "combination_arm goes with combination_of"),
        ('combination_arm = "both"\ncombination_of = ["a"]\n', "names the two arms"),
        ('diameter_unit = "inch"\n', "key study.diameter_unit"),
    ],
)
def test_an_option_that_cannot_be_is_named(tmp_path: Path, options, message):
    with pytest.raises(CatalogFault, match=message):
        read(tmp_path, options=OPTIONS + options)


def test_a_study_of_mouse_tumours_is_taken_because_it_names_no_genes(tmp_path: Path):
    text = OPTIONS.replace("measurements =", 'licence = "own"\nmeasurements =')
    local = write_study_folder(
        tmp_path / "s", "tumour_growth", text, {"measurements.tsv": HEADER + ROWS, "mice.tsv": MICE}
    )
    (local.folder / "study.toml").write_text((local.folder / "study.toml").read_text().replace("Homo sapiens", "mouse"))
    from resistance_assets.catalog.study_folders import load_local_study

    assert load_local_study(local.folder).organism == "mouse"


def test_a_wide_table_with_a_second_header_row_and_decimal_commas(shared: Path, tmp_path: Path):
    table = shared / "data" / "bench" / "tumour_growth_tumgrowth_TestLong.tsv"
    options = 'measurements = "m.tsv"\ncontrol_arm = "C"\n'
    with pytest.raises(DataFault, match=r"line 2, column 5.*'Z', which is not known to be a volume"):
        read_tumour_growth_study(write_study_folder(tmp_path / "a", "tumour_growth", options, {"m.tsv": table}))
    options += 'measures = { Z = "volume" }\n'
    with pytest.raises(DataFault, match="mouse 1 is in two arms, C and A"):
        read_tumour_growth_study(write_study_folder(tmp_path / "b", "tumour_growth", options, {"m.tsv": table}))
    options += "ids_within_arm = true\n"
    found = read_tumour_growth_study(write_study_folder(tmp_path / "c", "tumour_growth", options, {"m.tsv": table}))
    assert found.mice.height == 20
    assert found.rejected.select("line", "reason").rows() == [(4, "not marked in column Use")]
    last = found.measurements.filter(pl.col("mouse_id") == "C/1").select("day", "volume_mm3").rows()
    assert last[-2:] == [(20.0, 201.5), (22.0, 202.5)]
    assert "one column per day, 7 days" in told(found)


def test_surfaces_are_no_volumes(shared: Path, tmp_path: Path):
    table = shared / "data" / "bench" / "tumour_growth_tumgrowth_TestOS.tsv"
    options = 'measurements = "m.tsv"\ncontrol_arm = "IC.WT"\n'
    with pytest.raises(DataFault, match=r"a surface .length x width. is no volume"):
        read_tumour_growth_study(write_study_folder(tmp_path / "a", "tumour_growth", options, {"m.tsv": table}))


def test_mice_of_patients_tumours_are_named_by_tumour_and_arm(shared: Path, tmp_path: Path):
    """Patient-derived xenografts, one mouse per tumour and arm."""
    table = shared / "data" / "bench" / "tumour_growth_pdxe_nsclc.tsv"
    options = 'measurements = "m.tsv"\ncontrol_arm = "untreated"\n'
    found = read_tumour_growth_study(write_study_folder(tmp_path / "a", "tumour_growth", options, {"m.tsv": table}))
    assert found.within_tumours
    assert found.measurements.height == 2005
    assert found.mice["tumour_id"].n_unique() == 25
    text = told(found)
    assert "Treatment is arm, Model is tumour_id, Days Post T0 is day" in text
    assert "one mouse per tumour and arm is assumed" in text
