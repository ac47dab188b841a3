"""Designs proposed from sample sheets: the right arms and contrasts, or a doubt, and never a wrong arm in silence."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.connectors.arrayexpress.biostudies import read_sdrf, sample_sheet
from resistance_assets.connectors.geo.matrix import geo_sample_sheet, read_series_matrix
from resistance_assets.connectors.sample_design import Design, propose_design


def sheet(*titles: str, **columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"sample_id": [f"GSM{at}" for at in range(len(titles))], "title": list(titles), **columns})


def compared(design: Design) -> list[tuple[str, str, str, str | None]]:
    return [(one.state, one.numerator, one.denominator, one.drug) for one in design.contrasts]


def numbered(*arms: str, join: str = "_") -> list[str]:
    return [f"{arm}{join}{number}" for arm in arms for number in (1, 2, 3)]


def titles_of(shared: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(shared / "cases" / "live" / name, separator="\t").select("sample_id", "title")


# Series whose arms are known from public files


def test_treated_and_tolerant_cells_of_four_lines_are_compared_within_their_line(shared):
    """GSE193258: DMSO, a day of osimertinib, persisters, and two ways of taking the drug away again, in each line."""
    design = propose_design(titles_of(shared, "GSE193258_titles_and_columns.tsv"))
    assert [len(arm.samples) for arm in design.arms] == [3] * 20
    assert sorted(compared(design)) == sorted(
        (state, f"{line}_{arm}", f"{line}_dmso", "osimertinib")
        for line in ("h1975", "hcc2935", "hcc827", "pc9")
        for state, arm in (("treated", "osi_acute"), ("tolerant", "osi_dtp"))
    )
    assert sum("taken away again" in doubt for doubt in design.unsure) == 8


def test_lines_of_unknown_names_are_compared_only_where_the_record_calls_them_resistant(shared):
    """GSE38310: HCC827 and its erlotinib-resistant lines ER3 and T15-2, each with and without erlotinib."""
    titles = titles_of(shared, "GSE38310_titles.tsv")
    unsure = propose_design(titles)
    assert [len(arm.samples) for arm in unsure.arms] == [3] * 6
    assert {state for state, *_ in compared(unsure)} == {"treated"}
    assert any("t15_2_dmso_12h: T15-2 may be a line derived from HCC827" in doubt for doubt in unsure.unsure)
    told = propose_design(titles, context="HCC827 became resistant to erlotinib. ER3 and T15-2 are resistant lines.")
    acquired = [one for one in compared(told) if one[0] == "acquired"]
    assert acquired == [
        ("acquired", "er3_dmso_12h", "hcc827_dmso_12h", "erlotinib"),
        ("acquired", "t15_2_dmso_12h", "hcc827_dmso_12h", "erlotinib"),
    ]
    assert ("treated", "er3_erlotinib_12h", "er3_dmso_12h", "erlotinib") in compared(told)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        # Each time of a drug meets the same time without it, and no other.
        ("E-GEOD-59671.sdrf.txt", {f"{d}_{h}/none_{h}" for d in ("rofecoxib", "celecoxib") for h in (0, 2, 8, 24)}),
        ("E-MTAB-1443.seq.sdrf.txt", {"lmb_brd4_lmb/dmso_brd4_dmso", "i_bet151_brd4_ibet/dmso_brd4_dmso"}),
        # Sorted cells: nothing was treated, and nothing resists.
        ("E-MTAB-1963.sdrf.txt", set()),
        ("E-MTAB-3624.sdrf.txt", set()),
    ],
)
def test_records_of_arrayexpress(shared, file, expected):
    samples = sample_sheet(read_sdrf(shared / "samples" / "arrayexpress" / file))
    design = propose_design(samples)
    assert {f"{one.numerator}/{one.denominator}" for one in design.contrasts} == expected
    assert bool(design.contrasts) or any("nothing in the sheet says" in doubt for doubt in design.unsure)


@pytest.mark.parametrize(
    ("file", "expected", "doubt"),
    [
        # A virus is no drug: each treatment is compared within the cells that had the same virus.
        ("GSE99709_series_matrix.txt.gz", {"ec2/ev2", "cc2/cv2"}, None),
        # Four donors, each once in each arm: a paired design, which nobody declared.
        ("GSE52778_series_matrix.txt", set(), "each cell line or donor stands once in each arm"),
        # Tumours of patients.
        ("GSE183947_series_matrix.txt.gz", set(), "nothing in the sheet says"),
    ],
)
def test_series_matrices(shared, file, expected, doubt):
    samples = geo_sample_sheet(read_series_matrix(shared / "samples" / "geo_matrix" / file).attributes)
    design = propose_design(samples)
    assert {f"{one.numerator}/{one.denominator}" for one in design.contrasts} == expected
    assert doubt is None or any(doubt in one for one in design.unsure)


# Titles as submitters write them


@pytest.mark.parametrize(
    ("titles", "context", "expected"),
    [
        (
            numbered("PC9", "PC9.OR", join="."),
            "PC9 cells made resistant to osimertinib",
            [("acquired", "pc9_or", "pc9", "osimertinib")],
        ),
        (numbered("PC9", "PC9.OR", join="."), "", []),
        (
            numbered("H3122_DMSO", "H3122_alectinib_48h", "H3122_alectinib_resistant"),
            "",
            [
                ("treated", "h3122_alectinib_48h", "h3122_dmso", "alectinib"),
                ("acquired", "h3122_alectinib_resistant", "h3122_dmso", "alectinib"),
            ],
        ),
        (
            numbered("PC9 parental rep", "PC9 gefitinib-resistant rep", join=""),
            "",
            [("acquired", "pc9_gefitinib_resistant", "pc9_parental", "gefitinib")],
        ),
        (
            numbered("NCI-H1975_rep", "NCI-H1975 WZ4002 resistant_rep", join=""),
            "",
            [("acquired", "nci_h1975_wz4002_resistant", "nci_h1975", "wz4002")],
        ),
        # Resistance and treatment are two factors; a parental line that was given the drug is not resistant.
        (
            numbered("H1975", "H1975+anlotinib", "H1975 anlotinib resistant", "H1975 anlotinib resistant + anlotinib"),
            "",
            [
                ("treated", "h1975_anlotinib", "h1975", "anlotinib"),
                ("acquired", "h1975_anlotinib_resistant", "h1975", "anlotinib"),
                ("treated", "h1975_anlotinib_resistant_anlotinib", "h1975_anlotinib_resistant", "anlotinib"),
            ],
        ),
        # A second line is not pooled with the first.
        (
            numbered("PC9 DMSO", "PC9 osimertinib", "HCC827 DMSO"),
            "",
            [("treated", "pc9_osimertinib", "pc9_dmso", "osimertinib")],
        ),
        (numbered("PC9 DMSO", "HCC827 osimertinib"), "", []),
        (numbered("PC9_DMSO_24h", "PC9_gefitinib_72h"), "", []),
        (
            numbered("PC9_DMSO_24h", "PC9_DMSO_72h", "PC9_gefitinib_72h"),
            "",
            [("treated", "pc9_gefitinib_72h", "pc9_dmso_72h", "gefitinib")],
        ),
        (numbered("non-resistant PC9", "PC9 sensitive to erlotinib"), "", []),
        (["sample 1", "sample 2", "sample 3", "sample 4"], "resistant cells", []),
    ],
)
def test_titles(titles, context, expected):
    design = propose_design(sheet(*titles), context=context)
    assert compared(design) == expected
    assert expected or design.unsure


def test_a_characteristic_says_what_titles_leave_out():
    phenotype = ["Erlotinib sensitive"] * 3 + ["Erlotinib resistant"] * 3
    titles = [f"s{at}" for at in range(6)]
    nameless = propose_design(sheet(*titles, characteristic_phenotype=phenotype))
    assert nameless.contrasts == ()
    assert "no cell line is named, so it may not come from erlotinib_sensitive" in nameless.unsure[0]
    lines = ["HCC827"] * 6
    design = propose_design(sheet(*titles, characteristic_phenotype=phenotype, characteristic_cell_line=lines))
    assert compared(design) == [("acquired", "erlotinib_resistant", "erlotinib_sensitive", "erlotinib")]
    assert design.arms[1].samples == ("GSM3", "GSM4", "GSM5")


def test_one_sample_an_arm_is_said_to_have_no_p_values():
    (contrast,) = propose_design(sheet("PC9 DMSO", "PC9 gefitinib")).contrasts
    assert contrast.reason.endswith("pc9_gefitinib and pc9_dmso has one sample: effects without p-values")


def test_two_arms_that_could_be_the_baseline_are_a_doubt_and_no_contrast():
    design = propose_design(sheet(*numbered("PC9 DMSO batch A", "PC9 DMSO batch B", "PC9 gefitinib")))
    assert design.contrasts == ()
    assert any("there are 2 arms to compare it with" in doubt for doubt in design.unsure)


words = st.sampled_from(["PC9", "H1975", "DMSO", "osimertinib", "resistant", "parental", "DTP", "OR", "48h", "R2", "x"])


@given(st.lists(st.lists(words, max_size=4).map(" ".join), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_each_sample_is_in_one_arm_and_the_order_of_the_sheet_does_not_matter(titles, random):
    samples = sheet(*titles)
    design = propose_design(samples)
    assert sorted(one for arm in design.arms for one in arm.samples) == sorted(samples["sample_id"])
    assert len({arm.id for arm in design.arms}) == len(design.arms)
    order = list(range(len(titles)))
    random.shuffle(order)
    again = propose_design(samples[order])
    assert {frozenset(arm.samples) for arm in again.arms} == {frozenset(arm.samples) for arm in design.arms}


def test_no_rows_are_no_arms():
    assert propose_design(sheet()).arms == ()
