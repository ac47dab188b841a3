"""Claims of a paper on bench data: judged on a study that declares the paper, and private where nobody has one."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.claims import load_claims, needed_sources
from resistance_assets.orchestration.sql_models import run_queries
from resistance_assets.science.claims.claims import build_claims_report
from resistance_assets_tests.bench_world import bench_tables
from resistance_assets_tests.study_folder import write_study_folder

NEEDS = ("plasma_panel:wang_2022", "tumour_growth:wang_2022", "dose_response:wang_2022")
CLAIMS = [claim for claim in load_registry().claims.values() if set(claim.needs) & set(NEEDS)]
QUERIES = load_claims(CLAIMS)


def answers(tables: dict[str, pl.DataFrame], folder: Path, queries=QUERIES) -> dict[str, dict]:
    """What the queries of the claims give on these tables; a table that is not given is empty."""
    mounts = {}
    for ref in {ref for query in queries.values() for ref in query.refs}:
        mounts[ref] = folder / f"{ref}.parquet"
        TABLES[ref].shape(tables[ref]).write_parquet(mounts[ref]) if ref in tables else TABLES[
            ref
        ].empty().write_parquet(mounts[ref])
    found = run_queries(queries.values(), mounts)
    return {claim_id: dict(found[query.name]) for claim_id, query in queries.items()}


@pytest.fixture(scope="module")
def found(goldens: Path, tmp_path_factory) -> dict[str, dict]:
    root = tmp_path_factory.mktemp("bench_claims")
    tables = bench_tables(root, goldens)
    knocked = {"study_id": "curves", "resistant": "H3122CR", "parental": "H3122", "drug": "crizotinib",
               "condition": "siCCL20", "control": "siCtrl", "gene": "CCL20", "contrast": "resistant", "ratio": 0.25,
               "lower": 0.2, "upper": 0.4, "p_value": 0.001, "p_holm": 0.004, "n_fits": 9, "n_left_out": 0}  # fmt: skip
    table = TABLES["core.dose_response__knock_downs"]
    lacking = [pl.lit(None, dtype).alias(name) for name, dtype in table.polars_schema.items() if name not in knocked]
    tables[table.address] = table.shape(pl.DataFrame([knocked]).with_columns(lacking))
    curves = {"study_id": "curves", "title": "Curves", "kind": "dose_response", "is_public": False,
              "organism": "Homo sapiens", "paper_id": "wang_2022"}  # fmt: skip
    tables["raw.catalog__studies"] = pl.concat([tables["raw.catalog__studies"], pl.DataFrame([curves])])
    return answers(tables, root)


@pytest.fixture(scope="module")
def golden(goldens: Path):
    def read(name: str) -> pl.DataFrame:
        path = goldens / "bench" / "plasma_panel" / f"{name}_expected.tsv"
        return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None, quote_char=None)

    return read


def test_claims_on_bench_data_are_many_and_each_reads_its_kind():
    assert len(CLAIMS) == 57
    kinds = {need.partition(":")[0] for claim in CLAIMS for need in claim.needs}
    assert kinds == {"plasma_panel", "tumour_growth", "dose_response"}


@pytest.mark.slow
def test_hazard_ratios_of_table_2_are_those_of_the_median_split(found, golden):
    cox = golden("cox").filter(pl.col("model") == "median_split")
    checked = 0
    for claim in CLAIMS:
        if "_table2_" not in claim.id or "_uni_" not in claim.id:
            continue
        *_, endpoint, _, gene = claim.id.split("_")
        row = cox.filter(pl.col("endpoint") == endpoint, pl.col("marker") == gene.upper())
        if row.is_empty():
            assert found[claim.id]["value"] is None
            continue
        checked += 1
        assert found[claim.id]["value"] == pytest.approx(row["hazard_ratio"][0], rel=1e-5)
        assert found[claim.id]["p_value"] == pytest.approx(row["p_logrank"][0], rel=1e-6)
        assert (found[claim.id]["n"], found[claim.id]["events"]) == (row["n"][0], row["events"][0])
        assert found[claim.id]["q_value"] is not None
    assert checked >= 12


def test_models_of_all_significant_markers_auc_groups_and_pairs(found, golden):
    model = golden("cox_multivariable").filter(
        pl.col("endpoint") == "pfs", pl.col("rule") == "median_split_p_below_0.05", pl.col("term") == "CCL20"
    )
    for claim in ("wang_2022_table2_pfs_multi_ccl20", "wang_2022_text_pfs_multi_ccl20"):
        assert found[claim]["value"] == pytest.approx(model["hazard_ratio"][0], rel=1e-5)
        assert found[claim]["events_per_variable"] == 17
    roc = golden("time_roc").filter(pl.col("endpoint") == "os", pl.col("marker") == "CCL20", pl.col("month") == 60)
    assert found["wang_2022_auc_os"]["value"] == pytest.approx(roc["auc"][0], abs=1e-9)
    limma = golden("limma")
    groups = limma.filter(pl.col("analysis") == "short_vs_long", pl.col("marker") == "CCL24")
    assert found["wang_2022_responders_ccl24"]["value"] == pytest.approx(groups["log2_difference"][0], rel=1e-8)
    pairs = limma.filter(pl.col("analysis") == "progression_vs_baseline_paired", pl.col("marker") == "CCL15")
    assert found["wang_2022_progression_ccl15"]["value"] == pytest.approx(pairs["log2_difference"][0], rel=1e-8)
    assert found["wang_2022_progression_ccl15"]["n"] == 15


def test_sizes_of_the_panel_the_xenograft_and_the_knock_down(found, goldens):
    assert found["wang_2022_plasma_panel_size"]["value"] == 40
    assert found["wang_2022_plasma_patients"]["value"] == 61
    assert found["wang_2022_plasma_paired_patients"]["value"] == 15
    assert 0 < found["wang_2022_plasma_female"]["value"] < 100
    patients = pl.read_csv(goldens / "bench" / "plasma_panel" / "patients.tsv", separator="\t")
    alive = patients.filter(pl.col("os_event") == 0)["os_months"]
    assert found["wang_2022_plasma_follow_up_lower"]["value"] == alive.min()
    assert found["wang_2022_plasma_follow_up_upper"]["value"] == patients["os_months"].max()
    assert alive.min() < found["wang_2022_plasma_follow_up"]["value"] < patients["os_months"].max()
    assert found["wang_2022_plasma_follow_up"]["n"] == 61
    path = goldens / "bench" / "tumour_growth" / "last_day_expected.tsv"
    last = pl.read_csv(path, separator="\t").filter(pl.col("numerator") == "combination")
    against = last.filter(pl.col("denominator") != "vehicle")
    xenograft = found["wang_2022_xenograft_combination"]
    assert xenograft["p_value"] == pytest.approx(against["tukey_p"].max(), rel=1e-5), "against both single drugs"
    assert 0 < xenograft["value"] < 1
    assert found["wang_2022_ic50_ccl20"]["value"] == pytest.approx(math.log10(0.25))
    assert found["wang_2022_ic50_ccl24"]["value"] is None


def test_gene_sets_of_the_resistant_line_are_read_once_somebody_has_its_contrast(tmp_path: Path):
    contrast = "h3122_crizotinib_resistant_vs_parental"
    claims = [one for one in load_registry().claims.values() if one.id.startswith("wang_2022_h3122cr_c")]
    queries = load_claims(claims)
    assert len(claims) == 3
    assert all(list(claim.needs) == [f"contrast:{contrast}"] for claim in claims)
    assert all(row["value"] is None for row in answers({}, tmp_path, queries).values())
    table = TABLES["core.gsea__terms"]
    rows = [
        {"contrast_id": name, "method": method, "collection": "GO_MF", "term_id": term, "term": "t", "p_value": p,
         "normalised_enrichment_score": score, "q_value_bh": 2 * p, "set_size": 40}
        for name, method, term, score, p in (
            (contrast, "edger_exact", "GO:0008009", 1.9, 0.001), (contrast, "pydeseq2", "GO:0008009", -1.0, 0.5),
            (contrast, "edger_exact", "GO:0042379", 1.5, 0.02), ("another", "edger_exact", "GO:0048020", 2.0, 0.001),
        )
    ]  # fmt: skip
    lacking = [pl.lit(None, dtype).alias(name) for name, dtype in table.polars_schema.items() if name not in rows[0]]
    found = answers({table.address: pl.DataFrame(rows).with_columns(lacking)}, tmp_path, queries)
    activity = found["wang_2022_h3122cr_chemokine_activity"]
    assert (activity["value"], activity["p_value"], activity["n"]) == (1.9, 0.001, 40)
    assert found["wang_2022_h3122cr_chemokine_receptor_binding"]["value"] == 1.5
    assert found["wang_2022_h3122cr_ccr_receptor_binding"]["value"] is None


def test_generated_data_say_nothing_of_a_paper_and_own_data_are_judged(found):
    families = pl.DataFrame(
        {"analysis": ["core.claims__table2_audit"] * 2,
         "family": [f"wang_2022_table2 {endpoint} univariable" for endpoint in ("PFS", "OS")],
         "n_tests": [40, 40], "n_below_0_05": [10, 6], "n_q_below_0_05": [0, 0], "correction": ["BH"] * 2}
    )  # fmt: skip
    for is_synthetic in (True, False):
        ledger = build_claims_report(CLAIMS, found, {}, families, is_synthetic=is_synthetic)
        verdicts = dict(ledger.select("claim_id", "verdict").iter_rows())
        ccl20 = verdicts["wang_2022_table2_pfs_uni_ccl20"]
        assert (ccl20 == "synthetic") == is_synthetic
        assert ccl20 != "data_not_public"
        assert verdicts["wang_2022_ic50_ccl24"] == "data_not_public"


def test_without_a_study_of_the_paper_every_one_is_private(tmp_path: Path):
    empty = answers({}, tmp_path)
    assert all(row["value"] is None for row in empty.values())
    registry = load_registry()
    for claim in CLAIMS:
        (names,) = needed_sources(claim, registry).values()
        assert names == list(claim.needs), "no source has that name, so it is not loaded"


def test_a_study_that_declares_the_paper_is_what_its_claims_need(goldens: Path, tmp_path: Path):
    from resistance_assets_tests.defs.raw.studies.test_tumour_growth import PAPER

    folder = goldens / "bench" / "tumour_growth"
    names = ("measurements.tsv", "mice.tsv")
    write_study_folder(
        tmp_path / "own", "tumour_growth", 'paper = "wang_2022"\n' + PAPER, {name: folder / name for name in names}
    )
    registry = load_registry([tmp_path / "own"])
    claim = registry.claims["wang_2022_xenograft_combination"]
    assert needed_sources(claim, registry) == {"tumour_growth:wang_2022": ["own/*"]}
