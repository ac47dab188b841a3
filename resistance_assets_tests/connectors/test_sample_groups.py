"""Rules of the built-in studies on every way in which a sheet may be written: the right arms, or a loud stop."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from resistance_assets.catalog.models.study import Group, as_measured_study
from resistance_assets.catalog.registry import load_registry
from resistance_assets.connectors.public_study import assign_groups, lines_of_study
from resistance_assets.connectors.sample_groups import StudyLines, group_samples
from resistance_assets.errors import CatalogFault, DesignFault
from resistance_assets_tests.sample_sheets import every_sheet

ANLOTINIB, ALK = "h1975_anlotinib", "h2228_alk_tki"
STOPPED = "stops"


@pytest.fixture(scope="module")
def studies():
    return load_registry().public_studies


def sheet(**columns: Sequence[str | None]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    named = {"sample_id": [f"s{at}" for at in range(1, n + 1)], **columns}
    return pl.DataFrame(named, schema=dict.fromkeys(named, pl.String))


FOUR = ["P", "PA", "R", "RA"]
SHEETS_OF_H1975 = {
    "words in names": (
        sheet(source_name=["NCI-H1975 control", "NCI-H1975 anlotinib 24 h", "NCI-H1975/AR control",
                           "H1975/AR anlotinib 24h"],
              factor_phenotype=["parental", "parental", "anlotinib resistant", "anlotinib resistant"]),
        FOUR,
    ),
    "the parental line under the drug for a day": (
        sheet(source_name=["H1975", "H1975 exposed to anlotinib", "H1975 resistant to anlotinib",
                           "H1975 resistant to anlotinib exposed to anlotinib"]),
        FOUR,
    ),
    "a second cell line in names": (
        sheet(source_name=["H1975", "H1975+anlotinib", "H1975 resistant", "H1975 resistant + anlotinib", "PC9 control",
                           "A549 resistant"]),
        [*FOUR, None, None],
    ),
    "a second cell line in a column": (
        sheet(characteristic_cell_line=["NCI-H1975"] * 4 + ["PC9"] * 2, factor_compound=["none", "anlotinib"] * 3,
              characteristic_phenotype=["sensitive", "sensitive", "resistant", "resistant", "sensitive", "resistant"]),
        [*FOUR, None, None],
    ),
    "a dose of 0 with its unit": (
        sheet(source_name=["H1975", "H1975", "H1975 anlotinib-resistant", "H1975 anlotinib-resistant"],
              factor_dose=["0 ug/ml", "8 ug/ml"] * 2),
        FOUR,
    ),
    "a column of resistance that names the drug": (
        sheet(source_name=["H1975"] * 4, characteristic_drug_resistance=["no", "no", "anlotinib", "anlotinib"],
              factor_treatment=["untreated", "anlotinib"] * 2),
        FOUR,
    ),
    "cells of other experiments": (
        sheet(source_name=["H1975", "H1975+anlotinib", "H1975 resistant", "H1975 resistant+anlotinib",
                           "H1975 DTP anlotinib", "H1975 siCXCL2"]),
        [*FOUR, None, None],
    ),
    "other words for no drug in each accession": (
        sheet(source_name=["H1975", "H1975", "H1975", "H1975 resistant", "H1975 resistant"],
              factor_compound=["none", "anlotinib", "untreated", "none", "anlotinib"],
              accession=["E-MTAB-5997"] * 2 + ["E-MTAB-7068"] * 3),
        ["P", "PA", "P", "R", "RA"],
    ),
    "two times of the drug": (
        sheet(source_name=["H1975"] * 3 + ["H1975 resistant"] * 2,
              factor_compound=["none", "anlotinib", "anlotinib", "none", "anlotinib"],
              factor_time=["0 hour", "24 hour", "48 hour", "0 hour", "24 hour"]),
        STOPPED,
    ),
    "letters that may be replicates": (sheet(source_name=["H1975_P1", "H1975_P2", "H1975_R1", "H1975_R2"]), STOPPED),
    "the drug in every arm": (
        sheet(source_name=["H1975", "H1975", "H1975 resistant", "H1975 resistant"], factor_compound=["anlotinib"] * 4),
        STOPPED,
    ),
}  # fmt: skip
THREE = ["crizotinib_resistant", "ceritinib_resistant", "alectinib_resistant"]
DRUGS = ["crizotinib", "ceritinib", "alectinib"]
SHEETS_OF_H2228 = {
    "words in titles": (
        sheet(title=["H2228 parental", *(f"H2228 {drug}-resistant" for drug in DRUGS)]), ["parental", *THREE],
    ),
    "abbreviations, and a second line": (
        sheet(title=["H2228 parental rep1", "H2228-CR rep1", "H2228-LR rep1", "H2228-AR rep1", "H3122 parental",
                     "H3122-CR"]),
        ["parental", *THREE, None, None],
    ),
    "a column of resistance": (
        sheet(title=["s1", "s2", "s3", "s4"], characteristic_cell_line=["NCI-H2228"] * 4,
              characteristic_resistance=["none", *DRUGS]),
        ["parental", *THREE],
    ),
    "a parental line that is sensitive to the drugs": (
        sheet(title=["s1", "s2", "s3", "s4"], characteristic_cell_line=["NCI-H2228"] * 4,
              characteristic_phenotype=["sensitive to crizotinib", *(f"resistant to {drug}" for drug in DRUGS)]),
        ["parental", *THREE],
    ),
    "parental and resistant cells under a drug for a day": (
        sheet(title=["H2228 DMSO", "H2228 crizotinib 24 h", *(f"H2228 {drug}-resistant" for drug in DRUGS),
                     "H2228 crizotinib-resistant + crizotinib"]),
        ["parental", None, *THREE, None],
    ),
    "drugs without a word of resistance": (sheet(title=["H2228 1", *(f"H2228 {drug} 1" for drug in DRUGS)]), STOPPED),
    "resistant lines that are kept in the drug": (
        sheet(title=["H2228 parental", "H2228CR", "H2228LR", "H2228AR"],
              characteristic_treatment=["none", *(f"{drug} 1 uM" for drug in DRUGS)]),
        STOPPED,
    ),
}  # fmt: skip
CASES = [
    *((ANLOTINIB, way, *case) for way, case in SHEETS_OF_H1975.items()),
    *((ALK, way, *case) for way, case in SHEETS_OF_H2228.items()),
]


@pytest.mark.parametrize(("study_id", "way", "given", "expected"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_a_sheet_fills_the_arms_or_stops_with_the_sheet(studies, study_id, way, given, expected):
    study = studies[study_id]
    if expected != STOPPED:
        assert assign_groups(given, study_id, study.group, lines_of_study(study))["group"].to_list() == expected
        return
    with pytest.raises((CatalogFault, DesignFault)) as caught:
        assign_groups(given, study_id, study.group, lines_of_study(study))
    assert f"study {study_id}" in str(caught.value)
    assert "[s1: " in str(caught.value)


@pytest.mark.parametrize("study_id", [ANLOTINIB, ALK])
def test_every_sheet_of_another_series_stops_the_study(studies, shared, study_id):
    """None of them is of these lines and drugs; GSE193258 has NCI-H1975 under osimertinib."""
    study = studies[study_id]
    for name, given in every_sheet(shared).items():
        if given.height:
            with pytest.raises((CatalogFault, DesignFault), match=given["sample_id"][0].replace(" ", ".")):
                assign_groups(given, study_id, study.group, lines_of_study(study))
            assert name


def test_arms_of_several_lines_are_not_compared_where_the_study_names_no_line():
    rules = [Group(id=name, title=name, patterns=(f"phenotype: {name}",)) for name in ("sensitive", "resistant")]
    lines = StudyLines(compared=(("resistant", "sensitive"),))
    given = sheet(
        characteristic_cell_line=["HCC827", "HCC827", "PC9"],
        characteristic_phenotype=["sensitive", "resistant"] * 1 + ["resistant"],
    )
    with pytest.raises(DesignFault, match="differ in characteristic_cell_line: HCC827, PC9"):
        group_samples(given, rules, study="s", lines=lines)
    given = given.filter(pl.col("sample_id") != "s2")
    with pytest.raises(DesignFault, match="resistant and sensitive hold several cell lines: hcc827, pc9"):
        group_samples(given, rules, study="s", lines=lines)


def test_arms_of_several_accessions_are_compared_within_one(studies):
    measured = as_measured_study(studies[ANLOTINIB])
    assert {one.within for one in (*measured.contrasts, *measured.interactions)} == {"accession"}
    assert {one.within for one in as_measured_study(studies[ALK]).contrasts} == {None}
