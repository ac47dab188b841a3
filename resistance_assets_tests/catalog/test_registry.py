"""The catalog loads, agrees with itself, and names what is wrong with a file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from resistance_assets.catalog.models.contrast import ResultContrast
from resistance_assets.catalog.registry import CATALOG_DIR, load_registry
from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.connectors.gdc.clinical import cases_resource
from resistance_assets.connectors.gdc.counts import files_resource
from resistance_assets.errors import CatalogFault

STUDY = """
[study]
id = "my_study"
title = "A study"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[[contrast]]
id = "resistant_vs_parental"
factor = "condition"
numerator = "resistant"
denominator = "parental"
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    for path in CATALOG_DIR.glob("*.toml"):
        shutil.copy(path, folder)
    return folder


def write_study(folder: Path, text: str = STUDY) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(text)
    for name in ("counts.tsv", "samples.tsv"):
        (folder / name).touch()
    return folder


def edit(folder: Path, name: str, before: str, after: str) -> None:
    path = folder / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_the_catalog_agrees_with_itself():
    registry = load_registry()
    assert set(registry.cohorts) == {"luad_tcga", "luad_tcga_xena"}
    assert [endpoint.id for endpoint in registry.cohorts["luad_tcga"].endpoint] == ["OS", "DSS", "DFS", "PFS"]
    assert {"h1975_anlotinib", "h2228_alk_tki"} == set(registry.public_studies)
    assert {"CCL20", "CXCL2", "AXL", "GAS6"} <= set(registry.genes.of_interest)
    for source in registry.sources.values():
        assert source.licence
        assert source.citation


def test_cohorts_say_whose_patients_they_are(catalog: Path):
    registry = load_registry()
    xena, project = registry.cohorts["luad_tcga_xena"], registry.projects["gdc_tcga_luad"]
    assert xena.patient_set == project.patient_set == registry.cohorts["luad_tcga"].patient_set == "luad_tcga"
    assert xena.months_per_unit == pytest.approx(1 / 30.4375)
    assert {e.id: e.same_as for e in xena.endpoint} == {"OS": None, "DSS": None, "DFI": "DFS", "PFI": "PFS"}
    # The lists that the host is asked for are those that the connectors ask for.
    assert registry.sources[project.counts_source].url == files_resource(project.project).url
    assert registry.sources[project.clinical_source].url == cases_resource(project.project).url
    for before, after, problem in (
        ('patients_of = "luad_tcga"', 'patients_of = "luad_tgca"', "cohort luad_tgca is not known"),
        ('patients_of = "luad_tcga"', 'patients_of = "luad_tcga_xena"', "cohort luad_tcga_xena is not known"),
        ('same_as = "DFS"', 'same_as = "DFI"', "endpoint of the shared cohort DFI is not known"),
        ('endpoint_source = "xena_tcga_luad_survival"', 'endpoint_source = "xena"', "source xena is not known"),
    ):
        original = (catalog / "studies.toml").read_text()
        edit(catalog, "studies.toml", before, after)
        with pytest.raises(CatalogFault, match=problem):
            load_registry(catalog_dir=catalog)
        (catalog / "studies.toml").write_text(original)


def test_every_accession_of_the_papers_has_a_source():
    urls = " ".join(source.url for source in load_registry().sources.values())
    for accession in ("E-MTAB-5997", "E-MTAB-7068", "GSE94089", "luad_tcga_pan_can_atlas_2018", "allOnco_May2018"):
        assert accession in urls


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        (
            "sources.toml",
            'connector = "cbioportal"',
            'conector = "cbioportal"',
            r"sources\.toml.*conector.*(unknown|connector)",
        ),
        ("sources.toml", 'content = "tar.gz"', 'content = "rar"', r"sources\.toml.*content.*'rar'"),
        ("sources.toml", "[source.geo_gse94089]", "[source.geo_gse94089", r"sources\.toml, line \d+.*TOML"),
        (
            "studies.toml",
            "abs_log2_fold_change",
            "abs_log2_foldchange",
            r"abs_log2_foldchange.*Did you mean abs_log2_fold_change",
        ),
        ("studies.toml", 'source = "msigdb_hallmark"', 'source = "msigdb_halmark"', "Did you mean msigdb_hallmark"),
        ("studies.toml", 'numerator = "PA"', 'numerator = "PB"', "contrast h1975_parental_anlotinib_vs_parental.*PB"),
        ("studies.toml", 'id = "KEGG_MSIGDB"', 'id = "KEGG"', "the id KEGG occurs twice"),
        ("claims.toml", 'paper = "wang_2022"', 'paper = "wang_2021"', "Did you mean wang_2022"),
        (
            "claims.toml",
            'quantity = "Spearman rho"\n',
            "",
            r"claim wang_2022_ccl20_vegfa, key claim\.\d+\.quantity: the key is missing",
        ),
    ],
)
def test_a_mistake_in_the_catalog_is_named_with_file_key_and_remedy(catalog, name, before, after, message):
    edit(catalog, name, before, after)
    with pytest.raises(CatalogFault, match=message):
        load_registry(catalog_dir=catalog)


def test_a_threshold_of_a_study_wins_over_the_catalogs(tmp_path):
    write_study(tmp_path / "a", STUDY + "thresholds = { q_value = 0.2 }\n")
    contrast = next(c for c in load_registry([tmp_path]).contrasts() if c.study_id == "my_study")
    assert contrast.thresholds.q_value == 0.2
    assert contrast.thresholds.abs_log2_fold_change == 1.0


def test_studies_are_found_one_by_one_and_by_the_folder(tmp_path):
    write_study(tmp_path / "many" / "a")
    write_study(tmp_path / "b", STUDY.replace("my_study", "other").replace("resistant_vs", "other_vs"))
    registry = load_registry([tmp_path / "many", tmp_path / "b"])
    assert set(registry.local_studies) == {"my_study", "other"}


def test_a_study_with_a_typo_takes_out_itself_alone(tmp_path):
    write_study(tmp_path / "a", STUDY.replace("denominator", "denominater"))
    write_study(tmp_path / "b", STUDY.replace("my_study", "other").replace("resistant_vs", "other_vs"))
    registry = load_registry([tmp_path])
    assert set(registry.local_studies) == {"other"}
    ((folder, fault),) = registry.study_faults
    assert folder.name == "a"
    assert "study.toml, key contrast.0.denominat" in str(fault)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('kind = "rna_seq_counts"', 'kind = "rna_seq_count"', "Set it to rna_seq_counts"),
        ('counts = "counts.tsv"', 'counts = "count.tsv"', r"the table count\.tsv is not in the folder"),
        ('title = "A study"', "title = A study", "line 4"),
        ('id = "my_study"', 'id = "my study"', "key study.id: the value 'my study' is not allowed"),
    ],
)
def test_a_mistake_in_a_study_is_named(tmp_path, before, after, message):
    assert before in STUDY
    write_study(tmp_path / "a", STUDY.replace(before, after))
    with pytest.raises(CatalogFault, match=message):
        load_local_study(tmp_path / "a")


def test_two_studies_of_one_id_are_refused(tmp_path):
    write_study(tmp_path / "a")
    write_study(tmp_path / "b")
    registry = load_registry([tmp_path])
    assert len(registry.local_studies) == 1
    assert "already taken" in str(registry.study_faults[0][1])


def test_a_study_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CatalogFault, match=r"does not exist.*--studies"):
        load_registry([tmp_path / "nowhere"])


def test_the_shared_studies_load(shared):
    registry = load_registry([shared / "studies"])
    assert not registry.study_faults
    assert set(registry.local_studies) == {"luad_paired", "gse37699"}
    published = registry.local_studies["gse37699"].contrasts[0]
    assert isinstance(published, ResultContrast)
    assert published.multi_gene_separator == " /// "


PUBLISHED = """
[study]
id = "mine"
title = "A published table"
organism = "Homo sapiens"
kind = "deg_result"

[[contrast]]
id = "c"
table = "counts.tsv"
numerator = "r"
denominator = "p"
method = "limma"
n_numerator = 3
n_denominator = 3
columns = { feature = "gene", hgnc_symbol = "gene", log2_fold_change = "logFC" }
"""


def test_fold_changes_alone_must_be_meant(tmp_path: Path):
    told = str(load_registry([written_study(tmp_path, PUBLISHED)]).study_faults[0][1])
    assert "names neither p_value" in told
    assert 'evidence_kind = "effect_only"' in told
    meant = written_study(tmp_path, PUBLISHED + 'evidence_kind = "effect_only"\n')
    assert load_registry([meant]).study_faults == ()
    both = PUBLISHED.replace('"logFC" }', '"logFC", p_value = "P" }') + 'evidence_kind = "effect_only"\n'
    assert "says that there is none" in str(load_registry([written_study(tmp_path, both)]).study_faults[0][1])


FOLLOWED = STUDY.split("[[contrast]]")[0]


def written_study(tmp_path: Path, text: str) -> Path:
    for name in ("counts.tsv", "samples.tsv"):
        (tmp_path / name).touch()
    (tmp_path / "study.toml").write_text(text)
    return tmp_path


def test_a_study_with_follow_up_is_a_cohort_and_needs_no_contrast(tmp_path: Path):
    table = '[survival]\nendpoint = "OS"\nunit = "days"\nage_column = "age"\n'
    folder = written_study(tmp_path, FOLLOWED + table)
    registry = load_registry([folder])
    assert registry.study_faults == ()
    assert [cohort.id for cohort in registry.analysed_cohorts()] == ["luad_tcga", "luad_tcga_xena", "my_study"]
    own = registry.analysed_cohorts()[-1]
    assert [endpoint.id for endpoint in own.endpoint] == ["OS"]
    assert (own.endpoint[0].status_attribute, own.endpoint[0].months_attribute) == ("event", "time")
    assert registry.local_studies["my_study"].survival.months_per_unit == pytest.approx(1 / 30.4375)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "needs a .*contrast.* or a .*survival. table"),
        ('[survival]\nendpoint = "EFS"\nunit = "days"\n', "key survival.endpoint.*'EFS' is not allowed"),
        ('[survival]\nendpoint = "OS"\nunit = "weeks"\n', "key survival.unit.*'weeks' is not allowed"),
        ('[survival]\nendpoint = "OS"\nunit = "days"\ntime_colum = "t"\n', "time_colum.*Did you mean time_column"),
    ],
)
def test_follow_up_that_study_toml_gets_wrong_is_named(tmp_path: Path, table: str, message: str):
    with pytest.raises(CatalogFault, match=message):
        load_local_study(written_study(tmp_path, FOLLOWED + table))


def test_a_discrimination_model_must_be_declared(catalog: Path):
    path = catalog / "studies.toml"
    path.write_text(path.read_text().replace('["unadjusted", "age_sex_stage"]', '["unadjusted", "age_stage"]'))
    with pytest.raises(CatalogFault, match="survival model age_stage is not known"):
        load_registry(catalog_dir=catalog)


def test_a_contrast_may_state_pairing_continuous_covariates_and_a_rule_of_its_own(tmp_path: Path):
    own = """pairing = "patient"
continuous = ["age"]
covariates = ["age"]
fit_all_levels = true
fold_change = { threshold = 1.5, floor_arm = "both" }

[[interaction]]
id = "response"
factor = "arm"
parental = "P"
parental_treated = "PA"
resistant = "R"
resistant_treated = "RA"
"""
    study = load_local_study(write_study(tmp_path / "s", STUDY + own))
    (contrast,) = study.contrasts
    assert (contrast.pairing, contrast.continuous, contrast.fit_all_levels) == ("patient", ("age",), True)
    assert (contrast.fold_change.threshold, contrast.fold_change.floor, contrast.fold_change.unit) == (1.5, 1.0, "cpm")
    assert study.interactions[0].levels == ("P", "PA", "R", "RA")


def test_an_interaction_may_not_take_the_id_of_a_contrast(tmp_path: Path):
    arms = "".join(
        f'{name} = "{name}"\n' for name in ("parental", "parental_treated", "resistant", "resistant_treated")
    )
    twice = f'{STUDY}\n[[interaction]]\nid = "resistant_vs_parental"\nfactor = "arm"\n{arms}'
    with pytest.raises(CatalogFault, match="resistant_vs_parental occurs twice"):
        load_local_study(write_study(tmp_path / "s", twice))


def test_an_array_study_needs_to_say_whether_it_is_normalised(tmp_path: Path):
    array = STUDY.replace("rna_seq_counts", "microarray").replace("counts = ", "probes = ")
    array = array.replace('samples = "samples.tsv"', 'samples = "samples.tsv"\nmatrix = "counts.tsv"')
    folder = write_study(tmp_path / "s", array)
    with pytest.raises(CatalogFault, match=r"key study\.normalise: the key is missing"):
        load_local_study(folder)
    (folder / "study.toml").write_text(array.replace("matrix =", 'normalise = "quantile"\nmatrix ='))
    study = load_local_study(folder)
    assert [path.name for path in study.files] == ["counts.tsv", "samples.tsv", "counts.tsv"]
    assert study.contrasts[0].methods == ("limma",)


@pytest.mark.parametrize(
    ("before", "after", "match"),
    [
        ('panel = "wang_2022_cytokines"', 'panel = "wang_2022_cytokine"', r"panel wang_2022_cytokine is not known"),
        ('resistant_treated = "RA"', 'resistant_treated = "RB"', r"group RB is not known"),
        ("permutations = 9999", "permutation = 9999", r"intersecting\.permutation.*Did you mean permutations"),
    ],
)
def test_what_the_catalog_says_of_lists_and_interactions_is_checked(catalog: Path, before, after, match):
    edit(catalog, "studies.toml", before, after)
    with pytest.raises(CatalogFault, match=match):
        load_registry(catalog_dir=catalog)


INTERSECTION = (
    STUDY
    + """
[[intersection]]
id = "mine_with_cancer_genes"
title = "Up in mine and on the cancer list"
lists = ["resistant_vs_parental__pydeseq2__up", "allonco_may2018"]
universe = "tested"
"""
)


def test_a_study_asks_for_an_intersection_of_its_lists_with_others(tmp_path: Path):
    write_study(tmp_path / "mine", INTERSECTION)
    registry = load_registry([tmp_path / "mine"])
    assert not registry.study_faults
    assert registry.intersections["mine_with_cancer_genes"].lists[1] == "allonco_may2018"
    assert "h2228_three_alk_tki_up" in registry.intersections


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("__pydeseq2__up", "__pydeseq__up", "Did you mean resistant_vs_parental__pydeseq2__up"),
        ("__pydeseq2__up", "__limma__up", "no gene list resistant_vs_parental__limma__up is made"),
        ('universe = "tested"', 'universe = "testd"', "the universe testd is not known.*Did you mean tested"),
        ("mine_with_cancer_genes", "resistant_vs_parental", "occurs twice"),
        (
            "mine_with_cancer_genes",
            "h2228_three_alk_tki_up",
            "already taken by another study, contrast, intersection or list",
        ),
    ],
)
def test_an_intersection_that_cannot_be_is_left_out_and_says_why(tmp_path, before, after, message):
    assert before in INTERSECTION
    write_study(tmp_path / "mine", INTERSECTION.replace(before, after, 1))
    registry = load_registry([tmp_path / "mine"])
    ((_, fault),) = registry.study_faults
    assert re.search(message, str(fault)), str(fault)
    # A wrong id is a fault of the file; a list that nobody makes takes the intersection alone.
    assert ("my_study" in registry.local_studies) == (fault.place or "").startswith("intersection ")
    assert "mine_with_cancer_genes" not in registry.intersections


def test_a_study_that_is_left_out_takes_no_other_with_it(tmp_path: Path):
    other = STUDY.replace('"my_study"', '"other_study"').replace('"resistant_vs_parental"', '"other_vs_parental"')
    shared = INTERSECTION.replace("allonco_may2018", "other_vs_parental__pydeseq2__up")
    write_study(tmp_path / "mine", shared)
    write_study(tmp_path / "other", other)
    assert "mine_with_cancer_genes" in load_registry([tmp_path]).intersections
    write_study(tmp_path / "other", other.replace("[study]", '[study]\ncolour = "blue"'))
    registry = load_registry([tmp_path])
    assert list(registry.local_studies) == ["my_study"]
    assert "mine_with_cancer_genes" not in registry.intersections
    assert [folder.name for folder, _ in registry.study_faults] == ["other", "mine"]


OWN_LISTS = """
[genes]
of_interest = ["KRT18", "AXL"]

[[gene_list]]
id = "our_panel"
title = "Our panel"
file = "panel.txt"

[[collection]]
id = "our_sets"
title = "Our sets"
file = "sets.gmt"
"""


def test_a_study_brings_genes_of_interest_lists_and_gene_sets(tmp_path: Path):
    shared = INTERSECTION.replace("allonco_may2018", "our_panel") + OWN_LISTS
    write_study(tmp_path / "mine", shared)
    panel, sets = load_registry([tmp_path]).study_faults
    assert "panel.txt is not in the folder" in str(panel[1])
    assert "sets.gmt is not in the folder" in str(sets[1])
    (tmp_path / "mine" / "panel.txt").write_text("AXL\nKRT18\n")
    (tmp_path / "mine" / "sets.gmt").write_text("SET\tours\tAXL\tKRT18\n")
    registry = load_registry([tmp_path], genes_of_interest=["NQO1", "AXL"])
    assert registry.study_faults == ()
    # Those of the catalog first, each once.
    assert registry.genes.of_interest[-2:] == ("KRT18", "NQO1")
    assert registry.genes.of_interest.count("AXL") == 1
    assert [one.id for _, one in registry.own_gene_lists()] == ["our_panel"]
    assert [one.id for _, one in registry.own_collections()] == ["our_sets"]
    assert registry.intersections["mine_with_cancer_genes"].lists[1] == "our_panel"
    # What was measured does not rest on them.
    names = [path.name for path in registry.local_studies["my_study"].files]
    assert "panel.txt" not in names
    assert "sets.gmt" not in names


def test_a_contrast_has_a_title(tmp_path: Path):
    write_study(tmp_path / "mine", STUDY.replace("[[contrast]]", '[[contrast]]\ntitle = "Our line under the drug"', 1))
    assert load_registry([tmp_path]).contrasts()[-1].title == "Our line under the drug"


def test_a_study_may_name_the_paper_whose_data_it_holds(tmp_path: Path):
    write_study(tmp_path / "own", STUDY.replace("[study]", '[study]\npaper = "wang_2022"'))
    write_study(tmp_path / "other", STUDY.replace("[study]", '[study]\npaper = "wang_2021"'))
    registry = load_registry([tmp_path / "own"])
    assert [study.study.paper for study in registry.local_studies.values()] == ["wang_2022"]
    ((_, fault),) = load_registry([tmp_path / "other"]).study_faults
    assert "paper wang_2021 is not known. Did you mean wang_2022?" in str(fault)
