"""Proposals on every sample sheet at hand: the arms that are known, or a doubt, and no contrast that is not right."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.connectors.sample_design import propose_design
from resistance_assets_tests.sample_sheets import every_sheet

_GSE193258 = {
    (state, f"{line}_{arm}", f"{line}_dmso")
    for line in ("h1975", "hcc2935", "hcc827", "pc9")
    for state, arm in (("treated", "osi_acute"), ("tolerant", "osi_dtp"))
}
_GSE38310 = {("treated", f"{line}_erlotinib_12h", f"{line}_dmso_12h") for line in ("hcc827", "er3", "t15_2")}
_ROFECOXIB = {
    ("treated", f"{drug}_{hours}", f"none_{hours}") for drug in ("rofecoxib", "celecoxib") for hours in (0, 2, 8, 24)
}
# Sheet -> contrasts that are right, as its own public description tells them; none: the proposal says why.
RIGHT = {
    "GSE193258_titles_and_columns.tsv": _GSE193258,
    "GSE38310_titles.tsv": _GSE38310,
    "E-GEOD-59671.sdrf.txt": _ROFECOXIB,
    "E-MTAB-1443.hyb.sdrf.txt": {("treated", "oci_ibet", "oci_dmso")},
    "E-MTAB-1443.seq.sdrf.txt": {
        ("treated", "lmb_brd4_lmb", "dmso_brd4_dmso"), ("treated", "i_bet151_brd4_ibet", "dmso_brd4_dmso"),
    },
    "GSE99709_series_matrix.txt.gz": {("treated", "ec2", "ev2"), ("treated", "cc2", "cv2")},
    "GSE52778_series_matrix.txt": set(),
    "GSE183947_series_matrix.txt.gz": set(),
    "GSE781-GPL97_series_matrix.relaid.txt": set(),
    "E-MTAB-10615.head.sdrf.txt": set(),
    "E-MTAB-9296.head.sdrf.txt": set(),
    "E-MTAB-1963.sdrf.txt": set(),
    "E-MTAB-3624.sdrf.txt": set(),
    "E-MTAB-5171.head.sdrf.txt": set(),
    "E-MTAB-584.sdrf.txt": set(),
    "GSE105845_family.soft": set(),
    "tests_GSE105845_family.soft": set(),
    "soft_ex_family.txt": set(),
    "tests_soft_ex_family.txt": set(),
}  # fmt: skip


def test_each_sheet_has_an_answer_here(shared):
    assert set(every_sheet(shared)) == set(RIGHT)


@pytest.mark.parametrize("name", RIGHT)
def test_a_proposal_is_right_or_says_that_it_is_unsure(shared, name):
    sheet = every_sheet(shared)[name]
    design = propose_design(sheet)
    assert {(one.state, one.numerator, one.denominator) for one in design.contrasts} == RIGHT[name]
    assert design.contrasts or design.unsure
    placed = [sample for arm in design.arms for sample in arm.samples]
    assert sorted(placed) == sorted(sheet["sample_id"])


# Series whose names of samples are quoted in public files: what the record says of them, and what may be proposed.
QUOTED = {
    "gse37699_h1975_wz4002": (
        "NCI-H1975 and its WZ4002-resistant line WZR6",
        {("acquired", "nci_h1975_wzr6", "nci_h1975_parental")},
    ),
    "gse202859_osimertinib": (
        "Lines resistant to osimertinib",
        {("acquired", f"{line}_or", line) for line in ("pc9", "h1975", "hcc827")},
    ),
    # GT and WT are tolerant cells, and the names do not say so: three arms could be the baseline.
    "gse75602_pc9_gefitinib": ("PC9 and its gefitinib-resistant lines GR2 and GR3", set()),
    "gse129221_pc9_gefitinib": ("PC9 and gefitinib-resistant PC9GR", set()),
}


def quoted_sheet(study_id: str) -> pl.DataFrame:
    study = load_registry(sets=("atlas",)).public_studies[study_id]
    titles = [name for group in study.group for name in group.samples]
    return pl.DataFrame({"sample_id": [f"GSM{at}" for at in range(len(titles))], "title": titles})


@pytest.mark.parametrize("study_id", QUOTED)
def test_names_that_are_quoted_give_verified_arms_or_a_doubt(study_id):
    context, right = QUOTED[study_id]
    told = propose_design(quoted_sheet(study_id), context=context)
    assert {(one.state, one.numerator, one.denominator) for one in told.contrasts} == right
    assert told.contrasts or told.unsure
    # A record that says nothing of resistance leaves names alone.
    assert not [one for one in propose_design(quoted_sheet(study_id)).contrasts if one.state == "acquired"]


def test_a_drug_that_is_shortened_to_letters_is_no_resistance():
    titles = [f"{arm}.rep{at}" for arm in ("PC9_GR3_WZ", "PC9_GR3_XYZ", "PC9_GR3_VEH", "PC9_VEH") for at in (1, 2)]
    sheet = pl.DataFrame({"sample_id": [f"GSM{at}" for at in range(8)], "title": titles})
    design = propose_design(sheet, context="PC9-GR3 is resistant to gefitinib")
    assert ("acquired", "pc9_gr3_veh", "pc9_veh") in {(c.state, c.numerator, c.denominator) for c in design.contrasts}
    assert not [one for one in design.contrasts if one.state == "acquired" and one.numerator != "pc9_gr3_veh"]
    assert any("pc9_gr3_xyz" in doubt for doubt in design.unsure)
