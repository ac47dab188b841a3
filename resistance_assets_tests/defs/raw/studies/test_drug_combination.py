"""Combination studies from their folders to their tables: R's numbers, real matrices, refusals.

Tolerances are those of goldens/bench/combination, with the reasons that stand there.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.errors import CatalogFault, Fault
from resistance_assets_tests.defs.raw.studies.bench_folders import golden, tables_of, write_study

KIND = "drug_combination"
STUDY = """wells = "wells.tsv"
response = "viability"
scale = "percent"
dose_unit = "uM"
replicate_unit = "experiment"
"""
CELLS, AGENTS, BLOCKS = (f"core.drug_combination__{name}" for name in ("cells", "single_agents", "blocks"))
KEY = ["block_id", "dose1_um", "dose2_um"]


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "combination"


@pytest.fixture(scope="module")
def tables(folder: Path, tmp_path_factory) -> dict[str, pl.DataFrame]:
    place = tmp_path_factory.mktemp("combination") / "study"
    return tables_of(write_study(place, STUDY, {"wells.tsv": folder / "matrices.tsv"}, kind=KIND))


def agree(found: pl.DataFrame, name: str, theirs: str, relative: float, absolute: float = 0.0) -> None:
    for ours, other in zip(found[name], found[theirs], strict=True):
        assert ours == (None if other is None else pytest.approx(other, rel=relative, abs=absolute)), name


@pytest.mark.slow
def test_every_cell_is_r_s(folder, tables):
    """Bliss and HSA 1e-9; errors 1e-8, p 1e-6; Loewe 0.01 where both drugs act; ZIP 0.02 points."""
    theirs = golden(folder / "cells_expected.tsv").with_columns(pl.col("dose1_um", "dose2_um").cast(pl.Float64))
    both = tables[CELLS].join(theirs, on=KEY, suffix="_r", validate="1:1")
    assert both.height == theirs.height == tables[CELLS].height == 168
    for name in ("bliss_reference", "bliss_excess", "hsa_reference", "hsa_excess"):
        agree(both, name, f"{name}_r", 0.0, 1e-9)
    agree(both, "inhibition_percent", "inhibition", 1e-9, 1e-9)
    agree(both, "standard_deviation", "sd", 1e-9)
    agree(both, "bliss_standard_error", "bliss_se", 1e-8)
    agree(both, "hsa_standard_error", "hsa_se", 1e-8)
    agree(both, "bliss_t", "bliss_t_r", 1e-6, 1e-9)
    agree(both, "bliss_p", "bliss_p_r", 1e-6)
    agree(both, "bliss_p_holm", "bliss_p_holm_r", 1e-6)
    agree(both, "zip_delta", "zip_delta_r", 0.0, 0.02)
    assert both["loewe_status"].to_list() == both["loewe_status_r"].to_list()
    agree(both.filter(pl.col("loewe_status") == "both_drugs"), "loewe_reference", "loewe_reference_r", 0.0, 0.01)
    assert (both["primary_excess"] == both["bliss_excess"]).drop_nulls().all()


def test_every_single_agent_is_r_s(folder, tables):
    """Residual sum 1e-8 and never larger; parameters 1e-4 where none lies on a bound, and none where one does."""
    theirs = golden(folder / "single_agents_expected.tsv")
    both = tables[AGENTS].join(theirs, on=["block_id", "which_drug"], suffix="_r", validate="1:1")
    assert both.height == theirs.height == tables[AGENTS].height == 8
    assert both["at_bound"].to_list() == both["at_bound_r"].to_list()
    assert (both["residual_sum_of_squares"] <= both["rss"] * (1 + 1e-8)).all()
    agree(both, "no_effect_p", "no_effect_p_r", 1e-4)
    free = both.filter(~pl.col("at_bound"))
    for ours, other in (("hill", "hill_r"), ("emax_percent", "emax"), ("ec50_um", "ec50")):
        agree(free, ours, other, 1e-4)
        assert both.filter(pl.col("at_bound"))[ours].null_count() == both["at_bound"].sum()


def test_every_block_is_r_s(folder, tables):
    theirs = golden(folder / "blocks_expected.tsv")
    both = tables[BLOCKS].join(theirs, on="block_id", suffix="_r", validate="1:1")
    assert both.height == theirs.height == tables[BLOCKS].height == 4
    for ours, other, relative, absolute in (
        ("n_combination_cells", "n_combination_cells_r", 0.0, 0.0),
        ("pooled_standard_deviation", "pooled_sd", 1e-9, 0.0),
        ("bliss_mean", "bliss_mean_r", 0.0, 1e-9),
        ("hsa_mean", "hsa_mean_r", 0.0, 1e-9),
        ("zip_mean", "zip_mean_r", 0.0, 0.02),
        ("loewe_cells_undefined", "loewe_cells_undefined_r", 0.0, 0.0),
        ("loewe_cells_beyond_weaker_drug", "loewe_cells_beyond_weaker_drug_r", 0.0, 0.0),
        ("n_replicates", "replicates", 0.0, 0.0),
        ("replicate_bliss_mean", "replicate_bliss_mean_r", 1e-8, 0.0),
        ("replicate_bliss_lower", "replicate_bliss_lower_r", 1e-8, 0.0),
        ("replicate_bliss_upper", "replicate_bliss_upper_r", 1e-8, 0.0),
        ("replicate_bliss_p", "replicate_bliss_p_r", 1e-6, 0.0),
    ):
        agree(both, ours, other, relative, absolute)
    inactive = both.filter(pl.col("loewe_cells_undefined") > 0)
    assert inactive.height
    assert inactive["loewe_mean"].null_count() == inactive.height


@pytest.mark.slow
def test_without_experiments_declared_there_are_scores_and_no_p(folder, tmp_path):
    study = STUDY.replace('replicate_unit = "experiment"\n', "")
    found = tables_of(write_study(tmp_path / "s", study, {"wells.tsv": folder / "matrices.tsv"}, kind=KIND))
    assert found[CELLS]["bliss_p"].null_count() == found[CELLS].height
    assert found[BLOCKS]["replicate_bliss_p"].null_count() == 4
    assert all("replicate_unit" in note for note in found[BLOCKS]["p_note"])
    assert found[BLOCKS]["bliss_mean"].null_count() == 0


# ---- real files ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(shared: Path) -> Path:
    return shared / "data" / "bench"


ONEIL = STUDY.replace("viability", "inhibition")


@pytest.mark.slow
def test_matrices_of_o_neil_have_four_replicates_once_their_order_is_declared(bench, tmp_path):
    file = {"wells.tsv": bench / "combination_oneil.tsv"}
    with pytest.raises(Fault, match=r"lines 2, 27, .*block 1, column replicate: 4 wells .*file_order"):
        tables_of(write_study(tmp_path / "a", ONEIL, file, kind=KIND))
    found = tables_of(write_study(tmp_path / "b", ONEIL + 'unnumbered_replicates = "file_order"\n', file, kind=KIND))
    blocks = found[BLOCKS]
    assert blocks["n_replicates"].to_list() == [4, 4]
    assert blocks["n_combination_cells"].to_list() == [16, 16]
    assert blocks.filter(pl.col("drug1") == "MK-1775")["bliss_mean"].item() > 5
    warnings = dict(blocks.select("drug1", "warnings").iter_rows())
    assert "MK-1775 alone lies on its bound" in warnings["MK-1775"]
    assert "points less" not in warnings["MK-1775"]
    assert all("same number in every replicate" in told for told in warnings.values())
    assert "in 14 of 16 cells both drugs do 50 points less than the better one alone" in warnings["Paclitaxel"]
    assert found[CELLS].height == 50
    assert found["raw.drug_combination__wells"].height == 200
    told = found["raw.studies__warnings"]["warning"].to_list()
    assert "there is none: repeated wells are numbered in the order of the file" in told


@pytest.mark.slow
def test_matrices_of_mathews_have_scores_no_p_and_a_warning_of_stimulation(bench, tmp_path):
    study = STUDY.replace('"uM"', '"nM"')
    found = tables_of(
        write_study(tmp_path / "s", study, {"wells.tsv": bench / "combination_mathews_ibrutinib.tsv"}, kind=KIND)
    )
    blocks = found[BLOCKS]
    assert blocks["replicate_bliss_p"].null_count() == 2
    assert set(blocks["p_note"]) == {"one matrix without replicates: scores, no p"}
    assert "rewards stimulation" in blocks.filter(pl.col("drug1") == "canertinib")["warnings"].item()
    assert found["raw.drug_combination__wells"]["dose1_um"].max() == 2.5
    wrong = write_study(tmp_path / "t", STUDY, {"wells.tsv": bench / "combination_mathews_ibrutinib.tsv"}, kind=KIND)
    with pytest.raises(Fault, match=r"line 2, column conc_r_unit: the unit is nM \(expected uM"):
        tables_of(wrong)


# ---- what is refused -------------------------------------------------------------------------------------------------

HEADER = "block_id\tdrug1\tdrug2\tdose1\tdose2\treplicate\tresponse"


def matrix(**changes) -> list[str]:
    values = {(a, b): 100.0 / (1 + a) / (1 + b) for a in (0, 0.5, 1, 2) for b in (0, 1, 3, 9)}
    drop, turn, scale = changes.get("drop"), changes.get("turn"), changes.get("scale", 1.0)
    return [
        f"m\tcrizotinib\tanlotinib\t{a}\t{b}\t1\t{scale * (100 - value if turn else value):.4f}"
        for (a, b), value in values.items()
        if drop is None or not drop(a, b)
    ]


def second(rows: list[str]) -> list[str]:
    """The same wells as replicate 2."""
    return ["\t".join([first, "2", value]) for first, _, value in (row.rsplit("\t", 2) for row in rows)]


def read(place: Path, rows: list[str], study: str = STUDY, header: str = HEADER) -> dict[str, pl.DataFrame]:
    return tables_of(write_study(place, study, {"wells.tsv": "\n".join([header, *rows]) + "\n"}, kind=KIND))


def changed(row: int, before: str, after: str) -> list[str]:
    rows = matrix()
    rows[row] = rows[row].replace(before, after)
    return rows


REFUSED = {
    "no single agents of drug 1": (matrix(drop=lambda a, b: b == 0), STUDY, r"block m: has no wells with crizotinib"),
    "no single agents of drug 2": (matrix(drop=lambda a, b: a == 0), STUDY, r"block m: has no wells with anlotinib"),
    "two plates without an id": (matrix() * 2, STUDY, r"2 wells of doses 0 and 0 uM have the same replicate"),
    "viability given as inhibition": (
        matrix(turn=True), STUDY, r"line 2, block m: the wells without drug have a viability of 0 % .*\"inhibition\"",
    ),
    "inhibition given as viability": (
        matrix(), ONEIL, r"the wells without drug have a inhibition of 100 % .*response = \"viability\"",
    ),
    "fractions as percent": (
        matrix(scale=0.01),
        STUDY,
        r"line 2, block m, column response: the largest response is 1 .*scale = \"fraction\"",
    ),
    "a replicate in fractions": (
        [*matrix(), *second(matrix(scale=0.01))], STUDY,
        r"line 18, block m, column response: the largest response of replicate 2 is 1 .*one scale",
    ),
    "a replicate in percent": (
        [*matrix(scale=0.01), *second(matrix())],
        STUDY.replace('"percent"', '"fraction"'),
        r"line 18, block m, column response: the largest response of replicate 2 is 100 .*expected fractions",
    ),
    "percent as fractions": (matrix(), STUDY.replace("percent", "fraction"), r"largest response is 100 .*\"percent\""),
    "another pair of drugs in a block": (
        changed(-1, "anlotinib", "ceritinib"), STUDY, r"line 17, block m: drug2 is anlotinib and",
    ),
    "no dose": (changed(-1, "\t9\t", "\t\t"), STUDY, r"line 17, column dose2: the well has no dose2"),
    "a well without replicate": (
        changed(0, "\t1\t100", "\t\t100"), STUDY, r"line 2, block m, column replicate: the well",
    ),
    "a decimal comma": (
        changed(0, "100.0000", "100,0"), STUDY, r"line 2, column response: '100,0' has a decimal comma",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_matrix_that_cannot_be_meant_is_refused_with_its_place(name, tmp_path):
    rows, study, message = REFUSED[name]
    with pytest.raises(Fault, match=message) as caught:
        read(tmp_path / "bench", rows, study)
    assert caught.value.remedy


def test_a_column_called_the_opposite_of_what_is_declared_is_refused(tmp_path):
    with pytest.raises(Fault, match=r"column inhibition: its name says inhibition \(expected viability"):
        read(tmp_path / "bench", matrix(), header=HEADER.replace("response", "inhibition"))


@pytest.mark.parametrize("key", ["response", "scale", "dose_unit"])
def test_sign_scale_and_unit_must_be_declared(key, tmp_path):
    study = "".join(line + "\n" for line in STUDY.splitlines() if not line.startswith(key))
    with pytest.raises(CatalogFault, match=f"key study.{key}: the key is missing .expected one of"):
        read(tmp_path / "bench", matrix(), study)


def test_three_doses_on_an_axis_give_neither_zip_nor_loewe(tmp_path):
    found = read(tmp_path / "bench", matrix(drop=lambda a, b: a == 2))
    assert found[CELLS]["zip_delta"].null_count() == found[CELLS]["loewe_excess"].null_count() == found[CELLS].height
    assert set(found[CELLS]["loewe_status"]) == {"single_agent", "too_few_doses"}
    assert "no ZIP, no Loewe" in found[BLOCKS]["warnings"].item()
