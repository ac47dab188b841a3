"""Sets of the built-in catalog: what is on, and whether the atlas's arms are those of the sample sheets at hand."""

from __future__ import annotations

import math
import re

import polars as pl
import pytest

from resistance_assets.catalog.registry import load_registry, set_names
from resistance_assets.connectors.cbioportal.profiles import list_profiles
from resistance_assets.connectors.sample_groups import group_samples
from resistance_assets.science.survival.meta_analysis import one_cohort_per_patient, pool_screens


@pytest.fixture(scope="module")
def atlas():
    return load_registry(sets=("atlas",))


def test_sets_are_off_unless_a_setting_names_them(atlas):
    assert set(set_names()) >= {"seeds", "atlas"}
    assert not [name for name in load_registry().public_studies if name.startswith("gse")]
    assert len(atlas.public_studies) == 9


def test_every_arm_of_the_atlas_says_from_where_it_is_known(atlas):
    for study in atlas.public_studies.values():
        for group in study.group:
            assert group.verified_from, group.id
            assert group.samples or study.id == "gse49135_erlotinib"


def test_every_contrast_of_the_atlas_has_drug_class_and_state_and_a_line_of_its_own(atlas):
    contrasts = atlas.contrasts()
    assert all(one.drug and one.drug_class and one.state for one in contrasts)
    assert [one.id for one in contrasts if one.cell_line is None] == ["gse49135_resistant_vs_sensitive"]
    acquired = {(c.drug_class, c.cell_line, c.laboratory or c.study_id) for c in contrasts if c.state == "acquired"}
    assert len([one for one in acquired if one[0] == "EGFR-TKI"]) >= 9
    assert ("ALK-TKI", "H3122", "Bivona laboratory") in acquired


def test_each_sample_of_the_atlas_is_in_one_arm(atlas):
    named = [sample for study in atlas.public_studies.values() for group in study.group for sample in group.samples]
    accessions = [name for name in named if name.startswith("GSM")]
    assert len(accessions) == len(set(accessions)) == 18 + 36 + 36


@pytest.mark.parametrize(
    ("study_id", "file"),
    [
        ("gse38310_hcc827_erlotinib", "GSE38310_titles.tsv"),
        ("gse193258_osimertinib_persisters", "GSE193258_titles_and_columns.tsv"),
    ],
)
def test_arms_of_the_atlas_are_those_of_the_titles(atlas, shared, study_id, file):
    sheet = pl.read_csv(shared / "cases/live" / file, separator="\t")
    study = atlas.public_studies[study_id]
    placed = group_samples(sheet, study.group, study=study_id).join(sheet, on="sample_id")
    assert placed.height == sum(len(group.samples) for group in study.group)
    words = {"dmso": "DMSO", "erlotinib": "erlotinib", "osimertinib_24h": "osi_acute", "persister": "osi_DTP"}
    for _, group, title in placed.select("sample_id", "group_id", "title").iter_rows():
        line, _, arm = group.partition("_") if "t15_2" not in group else ("t15_2", "", group.removeprefix("t15_2_"))
        assert title.lower().startswith(line.replace("t15_2", "t15-2")), (group, title)
        assert words[arm] in title, (group, title)


def test_the_page_of_the_atlas_names_every_study_and_no_other(atlas):
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs/atlas.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(gse\d+_\w+)` \|", text, re.MULTILINE)) == set(atlas.public_studies)
    left_out = set(re.findall(r"GSE\d+", text.partition("## Left out")[2]))
    accessions = {study.id.split("_")[0].upper() for study in atlas.public_studies.values()}
    assert not left_out & (accessions - {"GSE37699"})


@pytest.mark.parametrize("cohort_id", ["luad_oncosg", "luad_cptac"])
def test_profiles_of_the_lung_cohorts_are_those_of_the_meta_files(shared, cohort_id):
    cohort = load_registry(sets=("seeds", "lung_cohorts")).cohorts[cohort_id]
    study = cohort.source.removeprefix("cbioportal_")
    held = list_profiles(shared / "cases/live" / f"{study}.metas_and_case_lists.tar.gz")
    named = {*cohort.expression_profiles, *cohort.z_score_profiles, *cohort.log2_copy_number_profiles,
             *cohort.protein_profiles, *cohort.methylation_profiles, cohort.copy_number_profile}  # fmt: skip
    assert named <= set(held)
    assert {held[name]["genetic_alteration_type"] for name in cohort.expression_profiles} == {"MRNA_EXPRESSION"}
    assert all(held[name]["genetic_alteration_type"] == "METHYLATION" for name in cohort.methylation_profiles)


def test_three_independent_cohorts_of_the_set_are_followed_and_none_shares_patients():
    cohorts = load_registry(sets=("seeds", "lung_cohorts")).cohorts
    followed = {one.patient_set for one in cohorts.values() if any(e.id == "OS" for e in one.endpoint)}
    assert followed == {"luad_tcga", "lusc_tcga", "luad_oncosg", "luad_cptac"}


def test_a_gene_is_pooled_over_three_independent_cohorts_of_the_set():
    """One of them on z-scores; another view of the same patients does not count."""
    registry = load_registry(sets=("seeds", "lung_cohorts"))
    estimates = {"luad_tcga": 0.30, "luad_tcga_xena": 0.30, "lusc_tcga": 0.10, "luad_oncosg": 0.25}
    screens = pl.DataFrame(
        {
            "cohort_id": list(estimates),
            "endpoint": "OS",
            "model": "rank_normal",
            "hgnc_symbol": "AXL",
            "n": 300,
            "events": 100,
            "log_hazard_ratio": list(estimates.values()),
            "standard_error": [0.10, 0.10, 0.12, 0.15],
            "hazard_ratio_per_sd": [math.exp(beta) for beta in estimates.values()],
            "estimator": "partial_likelihood",
        }
    )
    sets = {name: registry.cohorts[name].patient_set for name in estimates}
    (pooled,) = pool_screens(one_cohort_per_patient(screens, sets, list(registry.cohorts))).to_dicts()
    assert pooled["cohorts"] == 3
    assert 0.1 < math.log(pooled["hazard_ratio"]) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("sets", [(), ("atlas",), ("lung_cohorts",), ("seeds", "atlas", "lung_cohorts")])
def test_every_choice_of_sets_makes_a_graph(sets):
    from resistance_assets.defs.graph import load_steps

    registry = load_registry(sets=sets)
    steps = load_steps(registry)
    assert ("parts.survival__cohort_endpoint_genes__luad_oncosg__os" in steps) == ("lung_cohorts" in sets)
    assert any("gse38310_er3_vs_hcc827" in name for name in steps) == ("atlas" in sets)
