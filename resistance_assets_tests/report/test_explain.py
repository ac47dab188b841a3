"""One gene's story: right numbers, each with its table and source, and what is missing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from resistance_assets.errors import UsageFault
from resistance_assets.report.explain.evidence import explain_gene, resolve_gene
from resistance_assets.report.explain.text import explanation_as_text, number

AXES = (
    "contrasts",
    "tumour_vs_normal",
    "tissue_ranks",
    "lists",
    "survival",
    "discrimination",
    "competing_risks",
    "correlates",
    "enriched_terms",
    "interactions",
    "copy_number",
)


@pytest.fixture(scope="module")
def ccl20(demo):
    return explain_gene(demo, "CCL20")


def test_every_number_names_table_version_and_a_source_with_checksum(demo, ccl20):
    entries = [entry for axis in AXES for entry in ccl20[axis]]
    assert entries
    versions = {f"{r['layer']}.{r['table_name']}": r["data_version"] for r in demo.rows("SELECT * FROM meta.tables")}
    for entry in entries:
        assert entry["data_version"] == versions[entry["table"]]
        assert entry["sources"], entry
        assert all(len(source["sha256"]) == 64 for source in entry["sources"])


def test_tissues_are_compared_by_rank_sums_with_n_and_scale(demo, ccl20):
    expected = demo.rows("SELECT * FROM core.expression__tumour_normal WHERE hgnc_symbol = 'CCL20'")
    assert expected
    assert len(ccl20["tissue_ranks"]) == len(expected)
    for row, truth in zip(ccl20["tissue_ranks"], sorted(expected, key=lambda one: one["comparison_id"]), strict=True):
        assert (row["p_value"], row["n_tumour"], row["n_normal"]) == (
            truth["p_value"],
            truth["n_tumour"],
            truth["n_normal"],
        )
        assert truth["expression_scale"] in row["method"]
    assert "Tumour against normal, rank sums" in explanation_as_text(ccl20)


def test_contrasts_are_those_of_the_table(demo, ccl20):
    found = {
        (r["contrast_id"], r["method"]): r["log2_fold_change"] for r in ccl20["contrasts"] + ccl20["tumour_vs_normal"]
    }
    expected = demo.rows("SELECT * FROM core.deg__contrast_genes WHERE hgnc_symbol = 'CCL20'")
    assert found == {(row["contrast_id"], row["method"]): row["log2_fold_change"] for row in expected}
    assert found
    for row in ccl20["contrasts"]:
        assert row["n_numerator"] > 0
        assert row["evidence_kind"] in ("inferential", "effect_only")


def test_survival_has_n_events_percentile_and_q_per_endpoint(demo, ccl20):
    expected = demo.value("SELECT count(*) FROM core.survival__cohort_endpoint_genes WHERE hgnc_symbol = 'CCL20'")
    assert len(ccl20["survival"]) == expected >= 8
    assert {row["endpoint"] for row in ccl20["survival"]} >= {"OS", "DSS", "DFS", "PFS"}
    for row in ccl20["survival"]:
        assert 0 < row["events"] <= row["n"]
        assert 0 <= row["q_value_bh"] <= 1
        assert 0 < row["percentile_among_genes"] <= 100


def test_auc_stands_beside_that_of_the_covariates_alone_with_the_gain_and_the_convention(demo, ccl20):
    table = "core.survival__time_dependent_auc"
    expected = demo.value(f"SELECT count(*) FROM {table} WHERE hgnc_symbol = 'CCL20' AND auc IS NOT NULL")
    assert len(ccl20["discrimination"]) == expected
    assert {row["model"] for row in ccl20["discrimination"]} >= {"age sex stage", "age sex stage: covariates alone"}
    for row in ccl20["discrimination"]:
        if row["auc_gain"] is not None:
            assert row["auc_gain"] == pytest.approx(row["auc"] - row["auc_covariates_alone"], abs=1e-12)
            assert row["auc_gain_ci_lower"] <= row["auc_gain_ci_upper"]
    assert any(row["auc_gain"] is not None for row in ccl20["discrimination"])
    assert "T <= t" in explanation_as_text(ccl20)


def test_cumulative_incidence_is_the_last_step_before_the_month_and_below_one_minus_kaplan_meier(demo, ccl20):
    assert ccl20["competing_risks"]
    for row in ccl20["competing_risks"]:
        last = demo.rows(
            "SELECT * FROM core.survival__cumulative_incidence WHERE hgnc_symbol = 'CCL20' AND cohort_id = ? "
            "AND expression_group = ? AND cause = 'disease' AND time_months <= ? ORDER BY time_months DESC LIMIT 1",
            [row["cohort_id"], row["expression_group"], row["month"]],
        )[0]
        assert row["incidence_disease"] == last["cumulative_incidence"]
        assert row["incidence_disease"] <= row["one_minus_kaplan_meier"] + 1e-12
    assert "other deaths are censored in the Kaplan-Meier curve" in explanation_as_text(ccl20)


def test_time_ratios_are_told_where_hazards_are_not_proportional(demo):
    gene = demo.value("SELECT min(hgnc_symbol) FROM core.survival__time_ratios")
    document = explain_gene(demo, gene)
    expected = demo.value("SELECT count(*) FROM core.survival__time_ratios WHERE hgnc_symbol = ?", [gene])
    assert len(document["time_ratios"]) == expected > 0
    assert "Time ratios" in explanation_as_text(document)


@pytest.mark.parametrize("asked", ["IL8", "il8", "CXCL8", " cxcl8 ", "ENSG00000169429", "3576"])
def test_aliases_and_ids_lead_to_the_approved_symbol(demo, asked):
    assert resolve_gene(demo, asked)["hgnc_symbol"] == "CXCL8"


@pytest.mark.parametrize(("asked", "meant"), [("CXLC2", "CXCL2"), ("CCL200", "CCL20"), ("AXLL", "AXL")])
def test_an_unknown_symbol_suggests_the_nearest(demo, asked, meant):
    with pytest.raises(UsageFault, match=rf"Did you mean [^?]*\b{meant}\b"):
        resolve_gene(demo, asked)


def test_nothing_near_says_what_to_give(demo):
    with pytest.raises(UsageFault, match="Give an HGNC symbol"):
        resolve_gene(demo, "QQQQQQQQQQQQQQQQ")


def test_a_name_of_several_genes_is_not_guessed(demo):
    rows = demo.rows(
        "SELECT symbol, candidates FROM staging.genes__symbols WHERE resolution = 'ambiguous' ORDER BY symbol LIMIT 1"
    )
    if not rows:
        pytest.skip("no name of the demo stands for several genes")
    with pytest.raises(UsageFault, match="stands for several genes") as raised:
        resolve_gene(demo, rows[0]["symbol"])
    assert rows[0]["candidates"].split("|")[0] in str(raised.value)


def test_what_is_missing_has_a_reason(ccl20):
    assert ccl20["missing"]
    assert all(entry["what"] and entry["why"] for entry in ccl20["missing"])
    not_loaded = [entry for entry in ccl20["missing"] if entry["what"].startswith("gene list")]
    assert all("not loaded" in entry["why"] for entry in not_loaded)


def test_a_gene_of_one_dataset_is_told_why_the_others_lack_it(demo):
    gene = demo.value(
        """
        SELECT hgnc_symbol FROM core.deg__contrast_genes
        WHERE hgnc_symbol NOT IN (SELECT hgnc_symbol FROM staging.cohorts__genes) ORDER BY 1 LIMIT 1
        """
    )
    if gene is None:
        pytest.skip("the demo's cohort measures every gene of its studies")
    document = explain_gene(demo, gene)
    assert any("survival in" in entry["what"] and "does not hold" in entry["why"] for entry in document["missing"])


def test_the_text_says_synthetic_and_names_sources_in_full(ccl20):
    text = explanation_as_text(ccl20)
    assert "SYNTHETIC" in text
    for entry in ccl20["contrasts"]:
        assert entry["sources"][0]["sha256"] in text
    assert max(len(line) for line in text.splitlines()) < 400


def test_an_alias_is_named_in_the_first_line(demo):
    text = explanation_as_text(explain_gene(demo, "IL8"))
    assert text.startswith("IL8 is CXCL8 (previous symbol)")


def test_the_document_is_json(ccl20):
    assert json.loads(json.dumps(ccl20, default=str, allow_nan=False))["gene"]["hgnc_symbol"] == "CCL20"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "."),
        (True, "yes"),
        (12345, "12,345"),
        (0.5, "0.5"),
        (3.21e-5, "3.21e-05"),
        (0.0, "0"),
        (1.23456, "1.23"),
        (-0.98765, "-0.988"),
        (1234.5, "1,234"),
        (999.7, "1,000"),
        (98.71, "98.7"),
    ],
)
def test_numbers_are_written_as_people_read_them(value, text):
    assert number(value) == text


def test_explaining_needs_neither_dagster_nor_the_table_models():
    code = (
        "import sys, resistance_assets.report.explain.evidence, resistance_assets.report.lineage;"
        "print([m for m in ('dagster', 'pandera', 'pandas', 'scipy', 'plotly') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
