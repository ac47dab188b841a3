"""Tables of alterations of 453 real patients against R, from an archive through the readers, the SQL of staging and
the steps of the cohort; tolerances as the goldens state them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.models.cohort import Cohort, Endpoint, Stratum
from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs.core.alterations.cohort_layers import CohortLayers, layer_matrix
from resistance_assets.defs.core.alterations.cohort_tables import compute_cohort_tables
from resistance_assets.defs.core.alterations.layer_slices import MATRICES
from resistance_assets.orchestration.lake import Lake
from resistance_assets.science.expression.matrices import expression_matrix
from resistance_assets_tests.cohort_lake import alteration_steps, cohort_targets, put_raw, read_tables, run_upstream
from resistance_assets_tests.defs.core.alterations.real_archive import (
    STUDY,
    golden,
    read_raw_tables,
    write_real_archive,
)

ENDPOINT = Endpoint(id="OS", title="overall survival", status_attribute="OS_STATUS", months_attribute="OS_MONTHS")
# Twenty altered patients is what the goldens ask for their q.
LIMITS = {"min_group_share": 0.0, "min_group_patients": 20, "min_group_expected_events": 0.0, "permutations": 200}
SURVIVAL = load_registry().survival.model_copy(update=LIMITS)
DRIVERS = {"TP53": 231, "KRAS": 139, "EGFR": 61, "KEAP1": 81, "STK11": 67}
EMPTY = {
    "mutations": ("patient_id", "hgnc_symbol", "variant_classification", "protein_change"),
    "copy_number": ("patient_id", "hgnc_symbol", "gistic_call"),
    "log2_copy_number": ("patient_id", "hgnc_symbol", "log2_copy_number"),
    "fusions": ("patient_id", "hgnc_symbol_site1", "hgnc_symbol_site2"),
    "methylation": ("patient_id", "hgnc_symbol", "feature_id", "beta_value"),
    "protein": ("patient_id", "hgnc_symbol", "feature_id", "protein_level"),
    "attributes": ("patient_id", "attribute_id", "value"),
    "profiled": ("patient_id", "layer", "gene_panel_id"),
    "panel_genes": ("gene_panel_id", "hgnc_symbol"),
}
NUMBERS = {
    "gistic_call": pl.Int64,
    "log2_copy_number": pl.Float64,
    "beta_value": pl.Float64,
    "protein_level": pl.Float64,
}


STRATA = (
    Stratum(id="egfr_mutant", title="EGFR", altered=("EGFR:mutation",)),
    Stratum(id="alk_fusion", title="ALK", altered=("ALK:fusion",)),
    Stratum(id="few", title="few", altered=("EGFR:mutation",), min_events=1000),
)


def layers_of(expression: pl.DataFrame, patients: pl.DataFrame, follow_up: pl.DataFrame, **given: pl.DataFrame):
    blank = {
        name: pl.DataFrame(schema={column: NUMBERS.get(column, pl.String) for column in columns})
        for name, columns in EMPTY.items()
    }
    frames = {**blank, **given}
    layers = {name: layer_matrix(frames.pop(name), value) for name, (_, value) in MATRICES.items()}
    return CohortLayers(
        matrix=expression_matrix(expression), patients=patients, follow_up={"OS": follow_up}, **layers, **frames
    )


def profiled(patients: pl.Series | list[str], panel: str | None = None) -> pl.DataFrame:
    return pl.DataFrame({"patient_id": patients}).with_columns(
        layer=pl.lit("mutations"), gene_panel_id=pl.lit(panel, pl.String)
    )


def cohort_of(*strata: Stratum) -> Cohort:
    return Cohort(
        id="luad", title="LUAD", source="luad", expression_profiles=("z",), endpoint=(ENDPOINT,), stratum=strata
    )


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "multiomics"


@pytest.fixture(scope="module")
def found(goldens: Path, shared: Path, tmp_path_factory) -> dict[str, pl.DataFrame]:
    """The real patients on the whole way: archive, readers, SQL of staging, slices, alterations."""
    place = tmp_path_factory.mktemp("real_alterations")
    asked = golden(goldens / "multiomics" / "interaction_with_KRAS.tsv.gz")["gene"].to_list()
    registry = load_registry()
    # Those that the goldens compare; every driver more is 300 genes by two Cox models.
    drivers = tuple(one for one in registry.alterations.driver if one.id in ("TP53", "KRAS", "EGFR"))
    cohort = registry.cohorts["luad_tcga"].model_copy(
        update={"endpoint": (ENDPOINT,), "stratum": STRATA, "purity_attribute": None}
    )
    registry = replace(
        registry,
        cohorts={cohort.id: cohort},
        alterations=registry.alterations.model_copy(update={"pair_genes": 120, "driver": drivers}),
        survival=SURVIVAL,
        genes=registry.genes.model_copy(update={"of_interest": tuple(asked), "panels": {}}),
    )
    archive = write_real_archive(place / f"{STUDY}.tar.gz", shared, goldens)
    lake = Lake(place / "lake")
    put_raw(lake, registry, read_raw_tables(cohort, archive))
    run_upstream(lake, alteration_steps(registry), cohort_targets(cohort.id))
    return read_tables(lake, cohort.id)


@pytest.mark.slow
def test_drivers_have_their_known_numbers_of_patients(found):
    rows = found["core.alterations__gene_frequencies"].filter(
        (pl.col("alteration_class") == "mutation") & (pl.col("stratum_id") == "all")
    )
    by_gene = {row["hgnc_symbol"]: row for row in rows.iter_rows(named=True)}
    for gene, n in DRIVERS.items():
        row = by_gene[gene]
        assert (row["n_altered"], row["n_profiled"]) == (n, 453)
        assert row["frequency_lower"] < row["frequency"] < row["frequency_upper"]


def test_survival_by_mutation_is_that_of_r(found, folder):
    """Coefficients within 1e-5 of their error (coxph stops at 1e-9 of the likelihood); errors relative 1e-6; p and the
    q over genes with twenty mutated patients relative 1e-5."""
    expected = golden(folder / "survival_by_mutation.tsv.gz").filter(pl.col("n_mutated") >= 20)
    ours = found["core.alterations__survival"].filter(pl.col("alteration_class") == "mutation")
    both = expected.join(ours, left_on="gene", right_on="hgnc_symbol", validate="1:1")
    assert both.height == expected.height > 800
    assert both["n_mutated"].to_list() == both["n_altered"].to_list()
    assert both["events_mutated"].to_list() == both["events_altered"].to_list()
    assert ((both["log_hazard_ratio"] - both["coef"]).abs() < 1e-5 * both["se"]).all()
    np.testing.assert_allclose(both["standard_error"], both["se"], rtol=1e-6)
    for name, theirs in (("p_value", "wald_p"), ("p_likelihood_ratio", "lrt_p"), ("p_logrank", "logrank_p")):
        np.testing.assert_allclose(both[name], both[theirs], rtol=1e-5)
    np.testing.assert_allclose(both["logrank_chi2"], both["logrank_chi2_right"], rtol=1e-6)
    np.testing.assert_allclose(both["q_value_bh"], both["lrt_q"], rtol=1e-5)


def test_copy_number_against_mrna_is_that_of_r(found, folder):
    expected = golden(folder / "cis_copy_number_expression.tsv.gz")
    ours = found["core.alterations__cis_effects"].filter(pl.col("layer") == "copy_number")
    both = expected.join(ours, left_on="gene", right_on="hgnc_symbol", validate="1:1", suffix="_ours")
    assert both.height == expected.height == ours.height
    np.testing.assert_allclose(both["rho_ours"], both["rho"], atol=1e-12)
    np.testing.assert_allclose(both["p_value"], both["p"], rtol=1e-6)
    np.testing.assert_allclose(both["q_value_bh"], both["q"], rtol=1e-6)
    assert both["n_amplified_ours"].to_list() == both["n_amplified"].to_list()
    assert both["n_deep_loss_ours"].to_list() == both["n_deep_loss"].to_list()
    theirs = both["amplified_vs_diploid_wilcoxon_p"].fill_null(np.nan)
    np.testing.assert_allclose(both["p_amplified_against_diploid"].fill_null(np.nan), theirs, rtol=1e-6)


@pytest.mark.parametrize("driver", ["TP53", "KRAS", "EGFR"])
def test_expression_by_driver_is_that_of_limma(found, folder, driver):
    """t, difference and p relative 1e-6, B absolute 1e-6."""
    expected = golden(folder / f"expression_by_{driver}.tsv.gz")
    ours = found["core.alterations__driver_expression"].filter(pl.col("driver_id") == driver)
    both = expected.join(ours, left_on="gene", right_on="hgnc_symbol", validate="1:1", suffix="_ours")
    assert both.height == expected.height == 1555
    assert set(both["n_ours"]) == {443}
    assert both["n_altered"].to_list() == both["n_mutated"].to_list()
    np.testing.assert_allclose(both["log2_difference"], both["logFC"], rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(both["statistic"], both["t"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(both["p_value"], both["p"], rtol=1e-6)
    np.testing.assert_allclose(both["q_value_bh"], both["q"], rtol=1e-6)
    np.testing.assert_allclose(both["b_statistic"], both["B"], atol=1e-6)
    assert set(both["covariates"]) == {"age_years|sex"}


def test_gene_by_kras_on_survival_is_that_of_r(found, folder):
    """Coefficient within 1e-5 of its standard error, p relative 1e-4."""
    expected = golden(folder / "interaction_with_KRAS.tsv.gz")
    ours = found["core.alterations__driver_interactions"].filter(pl.col("driver_id") == "KRAS")
    both = expected.join(ours, left_on="gene", right_on="hgnc_symbol", validate="1:1", suffix="_ours")
    assert both.height == expected.height == 300
    se = both["se_interaction"].to_numpy()
    assert (np.abs(both["log_hazard_ratio_difference"] - both["coef_interaction"]).to_numpy() < 1e-5 * se).all()
    assert (np.abs(both["log_hazard_ratio_unaltered"] - both["coef_wildtype"]).to_numpy() < 1e-5 * se).all()
    np.testing.assert_allclose(both["p_likelihood_ratio"], both["interaction_lrt_p"], rtol=1e-4)


def test_fisher_of_pairs_is_that_of_r(found, folder):
    """p relative 1e-6; odds ratio 3e-4, because R's fisher.test ends its root search at 1.2e-4."""
    expected = golden(folder / "cooccurrence_fisher.tsv.gz")
    ours = found["core.alterations__pairs"].with_columns(
        pair=pl.concat_list("hgnc_symbol_a", "hgnc_symbol_b").list.sort().list.join("|")
    )
    first, second = expected.columns[:2]
    both = expected.with_columns(pair=pl.concat_list(first, second).list.sort().list.join("|")).join(
        ours, on="pair", validate="1:1", suffix="_ours"
    )
    assert both.height == expected.height > 6000
    np.testing.assert_allclose(both["p_value_fisher"], both["p"], rtol=1e-6)
    finite = both.with_columns(pl.col("odds_ratio").cast(pl.Float64, strict=False)).filter(
        pl.col("odds_ratio").is_finite() & pl.col("odds_ratio_fisher").is_not_null()
    )
    assert finite.height > 0.9 * both.height
    np.testing.assert_allclose(finite["odds_ratio_fisher"], finite["odds_ratio"], rtol=3e-4)


def test_pairs_keep_the_burden_and_show_fisher_beside(found):
    pairs = found["core.alterations__pairs"]
    egfr_kras = pairs.filter((pl.col("hgnc_symbol_a") == "EGFR") & (pl.col("hgnc_symbol_b") == "KRAS")).row(
        0, named=True
    )
    assert egfr_kras["direction"] == "exclusive"
    assert egfr_kras["q_value_bh"] < 0.05
    assert (pairs["q_value_bh"] < 0.05).sum() < (pairs["q_value_fisher_bh"] < 0.05).sum()


def test_strata_say_their_patients_first_and_refuse_too_few(found):
    strata = {row["stratum_id"]: row for row in found["core.alterations__strata"].iter_rows(named=True)}
    assert strata["egfr_mutant"]["status"] == "screened"
    assert strata["egfr_mutant"]["n"] == 61
    assert strata["few"]["status"] == "too_small"
    assert "the minimum is 20 patients and 1000 events" in strata["few"]["note"]
    assert (strata["alk_fusion"]["status"], strata["alk_fusion"]["n"]) == ("not_measured", None)
    screened = found["core.alterations__stratum_survival"]
    assert set(screened["stratum_id"]) == {"egfr_mutant"}
    assert screened["n"].max() == 61


def test_a_layer_that_was_not_measured_is_said_and_is_no_zero(found):
    layers = {row["layer"]: row for row in found["core.alterations__layers"].iter_rows(named=True)}
    assert layers["mutations"]["n_patients"] == 453
    for name in ("fusions", "methylation", "protein", "log2_copy_number"):
        assert (layers[name]["is_measured"], layers[name]["n_patients"]) == (False, None)
        assert layers[name]["note"] == "not measured"
    classes = set(found["core.alterations__gene_frequencies"]["alteration_class"])
    assert "fusion" not in classes
    assert {"mutation", "amplification"} <= classes


def small(**given: pl.DataFrame) -> CohortLayers:
    patients = [f"P{at:02d}" for at in range(12)]
    expression = pl.DataFrame(
        {"patient_id": patients, "hgnc_symbol": "AXL", "expression_value": [float(at) for at in range(12)]}
    )
    people = pl.DataFrame({"patient_id": patients, "sex": ["female", "male"] * 6}).with_columns(
        age_years=pl.lit(60.0), stage_group=pl.lit(None, pl.String), tumour_purity=pl.lit(None, pl.Float64)
    )
    follow_up = pl.DataFrame(
        {"patient_id": patients, "time_months": [float(at + 1) for at in range(12)], "event_observed": [1, 0] * 6}
    )
    return layers_of(expression, people, follow_up, **given)


def test_a_cohort_without_any_layer_has_rows_of_layers_alone():
    registry = load_registry()
    found = compute_cohort_tables(small(), cohort_of(), registry.alterations, ("AXL",), SURVIVAL)
    filled = {name for name, frame in found.items() if frame.height}
    assert filled == {"core.alterations__layers", "core.alterations__drivers"}
    assert set(found["core.alterations__drivers"]["status"]) == {"not_measured"}
    assert not found["core.alterations__layers"]["is_measured"].any()


def test_a_stratum_of_a_clinical_attribute_needs_no_alteration():
    stratum = Stratum(id="women", title="women", attribute="sex", values=("Female",), min_patients=5, min_events=3)
    found = compute_cohort_tables(small(), cohort_of(stratum), load_registry().alterations, (), SURVIVAL)
    row = found["core.alterations__strata"].row(0, named=True)
    assert (row["n"], row["events"], row["status"]) == (6, 6, "screened")


def test_a_silent_mutation_alters_nothing_and_a_hotspot_needs_three_patients():
    mutations = pl.DataFrame(
        {
            "patient_id": ["P00", "P01", "P02", "P03", "P03"],
            "hgnc_symbol": ["EGFR"] * 5,
            "variant_classification": ["Missense_Mutation"] * 3 + ["Silent", "Nonsense_Mutation"],
            "protein_change": ["p.L858R", "p.L858R", "p.Leu858Gln", "p.L858=", "p.Q10*"],
        }
    )
    fusions = pl.DataFrame(
        {"patient_id": ["P05", "P06"], "hgnc_symbol_site1": ["EML4", None], "hgnc_symbol_site2": ["ALK", "ALK"]},
        schema_overrides={"hgnc_symbol_site1": pl.String},
    )
    found = compute_cohort_tables(
        small(mutations=mutations, fusions=fusions), cohort_of(), load_registry().alterations, (), SURVIVAL
    )
    rows = {
        (r["hgnc_symbol"], r["patient_id"]): r for r in found["core.alterations__gene_patients"].iter_rows(named=True)
    }
    assert rows["EGFR", "P00"]["hotspot_residues"] == "L858"
    assert rows["EGFR", "P03"]["mutation_class"] == "truncating"
    assert rows["EGFR", "P03"]["n_mutations"] == 1
    assert rows["ALK", "P05"]["fusion_partners"] == "EML4"
    assert rows["ALK", "P06"]["fusion_partners"] == "unknown"


def test_a_gene_is_measured_in_those_alone_whose_panel_holds_it():
    """Six patients were sequenced whole, four with a panel of KRAS, two with nothing: of EGFR six are known, of KRAS
    ten."""
    people = [f"P{at:02d}" for at in range(12)]
    mutations = pl.DataFrame(
        {
            "patient_id": ["P00", "P01", "P06", "P07"],
            "hgnc_symbol": ["EGFR", "KRAS", "KRAS", "KRAS"],
            "variant_classification": ["Missense_Mutation"] * 4,
            "protein_change": ["p.L858R", "p.G12C", "p.G12C", "p.G12D"],
        }
    )
    stratum = Stratum(id="egfr_wild_type", title="EGFR unaltered", unaltered=("EGFR:mutation",), min_patients=2)
    found = compute_cohort_tables(
        small(
            mutations=mutations,
            profiled=pl.concat([profiled(people[:6]), profiled(people[6:10], "KRAS only")]),
            panel_genes=pl.DataFrame({"gene_panel_id": ["KRAS only"], "hgnc_symbol": ["KRAS"]}),
        ),
        cohort_of(stratum).model_copy(update={"sequenced_megabases": 30.0}),
        load_registry().alterations,
        (),
        SURVIVAL,
    )
    rows = found["core.alterations__gene_frequencies"].filter(
        (pl.col("alteration_class") == "mutation") & (pl.col("stratum_id") == "all")
    )
    by_gene = {r["hgnc_symbol"]: (r["n_altered"], r["n_profiled"]) for r in rows.iter_rows(named=True)}
    assert by_gene == {"EGFR": (1, 6), "KRAS": (3, 10)}
    burden = {r["patient_id"]: r for r in found["core.alterations__patients"].iter_rows(named=True)}
    assert len(burden) == 10
    assert burden["P02"]["mutations_per_megabase"] == 0.0
    assert (burden["P08"]["gene_panel_id"], burden["P08"]["mutations_per_megabase"]) == ("KRAS only", None)
    assert found["core.alterations__strata"]["n"].to_list() == [5]


def test_a_driver_of_too_few_patients_is_not_compared_and_the_reason_is_said():
    people = [f"P{at:02d}" for at in range(12)]
    mutations = pl.DataFrame(
        {
            "patient_id": ["P00", "P03", "P00", "P02", "P04"],
            "hgnc_symbol": ["EGFR", "EGFR", "KRAS", "KRAS", "KRAS"],
            "variant_classification": ["Missense_Mutation"] * 5,
            "protein_change": ["p.L858R", "p.L858R", "p.G12C", "p.G12C", "p.G12D"],
        }
    )
    found = compute_cohort_tables(
        small(mutations=mutations, profiled=profiled(people)),
        cohort_of(),
        load_registry().alterations,
        ["AXL"],
        SURVIVAL,
    )
    drivers = {r["driver_id"]: r for r in found["core.alterations__drivers"].iter_rows(named=True)}
    assert drivers["KRAS"]["status"] == "compared"
    assert drivers["EGFR"]["note"] == "2 of 12 patients are altered; not compared: the minimum is 3 with and without it"
    assert drivers["ALK_fusion"]["n_altered"] is None
    assert set(found["core.alterations__driver_expression"]["driver_id"]) == {"KRAS"}
    interaction = {r["driver_id"]: r for r in found["core.alterations__driver_interactions"].iter_rows(named=True)}
    assert interaction["EGFR"]["p_likelihood_ratio"] is None
    assert "1 events with the driver and 5 without it" in interaction["EGFR"]["fit_note"]


def test_every_screen_is_repeated_within_a_stratum_and_in_no_stratum_that_is_too_small(found):
    genes = found["core.alterations__stratum_survival"]["hgnc_symbol"].n_unique()
    cuts = found["core.alterations__stratum_optimal_cuts"]
    assert set(cuts["stratum_id"]) == {"egfr_mutant"}
    assert cuts.height == genes == 1555
    assert set(cuts["n"]) == {61}
    models = found["core.alterations__stratum_multivariable_models"]
    assert set(models["model_id"]) == {"age_sex"}
    assert models["n"].max() <= 61
    curves = found["core.alterations__stratum_kaplan_meier"]
    assert set(curves["hgnc_symbol"]) == set(models["hgnc_symbol"])
    start = curves.group_by("hgnc_symbol", "expression_group").agg(pl.col("n_at_risk").max())
    assert set(start.group_by("hgnc_symbol").agg(pl.col("n_at_risk").sum())["n_at_risk"]) == {61}


def test_screens_of_a_stratum_are_those_of_its_patients_alone(found, folder):
    """The optimal cut and the adjusted model of EGFR-mutated patients, from the goldens' own tables of patients."""
    gene = found["core.alterations__stratum_multivariable_terms"]["hgnc_symbol"][0]
    inside = found["core.alterations__gene_patients"].filter(hgnc_symbol="EGFR", is_mutated=True)["patient_id"]
    clinical = golden(folder / "clinical.tsv.gz").filter(pl.col("case_id").is_in(inside.to_list()))
    cut = found["core.alterations__stratum_optimal_cuts"].filter(hgnc_symbol=gene).row(0, named=True)
    assert (cut["n"], cut["events"]) == (clinical.height, clinical["event"].sum())
    terms = found["core.alterations__stratum_multivariable_terms"].filter(hgnc_symbol=gene)
    assert set(terms["variable"]) == {"expression", "age_years", "sex"}
    assert terms["n"].max() == clinical["age"].count()


def test_curves_of_altered_and_unaltered_patients_begin_with_all_of_them(found):
    curves = found["core.alterations__kaplan_meier"].filter(hgnc_symbol="EGFR", alteration_class="mutation")
    start = dict(curves.group_by("alteration_group").agg(pl.col("n_at_risk").max()).iter_rows())
    assert start == {"altered": 61, "unaltered": 392}
    assert curves["n_events"].sum() == 158
