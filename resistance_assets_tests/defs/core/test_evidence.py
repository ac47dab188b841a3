"""Which contrasts and which method of each enter the candidate score, and what the demo's planted genes get."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.catalog.models.analysis_settings import EvidenceSettings, EvidenceWeights
from resistance_assets.catalog.models.lab_study import HUMAN
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.evidence import (
    contrast_states,
    contrasts_without_state,
    known_mechanism_ranks,
    resistance_effects,
)
from resistance_assets_tests.warehouse_runs import ask

SETTINGS = EvidenceSettings(weights=EvidenceWeights(inferential=1.0, effect_only=0.25))


def contrasts(*rows: tuple[str, str | None, str], state: str | None = "acquired") -> pl.DataFrame:
    blank = {"study_id": "s", "study_title": "s", "numerator": "r", "denominator": "p", "drug": "d", "state": state}
    blank["organism"] = HUMAN
    limits = {"q_value_threshold": 0.05, "abs_log2_fold_change_threshold": 1.0}
    return pl.DataFrame(
        [{**blank, **limits, "contrast_id": c, "drug_class": k, "methods": m} for c, k, m in rows],
        schema=TABLES["raw.catalog__contrasts"].polars_schema,
    )


def genes(*rows: tuple[str, str, str]) -> pl.DataFrame:
    blank = dict.fromkeys(TABLES["core.deg__contrast_genes"].polars_schema)
    return pl.DataFrame(
        [
            {**blank, "contrast_id": c, "method": m, "evidence_kind": k, "hgnc_symbol": "A", "log2_fold_change": 1.0}
            for c, m, k in rows
        ],
        schema=TABLES["core.deg__contrast_genes"].polars_schema,
    )


def test_the_first_declared_method_with_rows_speaks_for_a_contrast():
    declared = contrasts(("r_vs_p", "TKI", "pydeseq2|limma_voom|edger_exact"))
    found = genes(("r_vs_p", "edger_exact", "effect_only"), ("r_vs_p", "limma_voom", "inferential"))
    effects = resistance_effects(found, declared, SETTINGS)
    assert effects.select("contrast_id", "evidence_kind", "weight").rows() == [("r_vs_p", "inferential", 1.0)]


def test_contrasts_without_a_drug_class_and_of_cells_that_did_not_grow_resistant_take_no_part():
    declared = pl.concat(
        [
            contrasts(("tumour_vs_normal", None, "limma"), ("r_vs_p", "TKI", "fold_change")),
            contrasts(("p_treated_vs_p", "TKI", "limma"), state="treated"),
            contrasts(("dtp_vs_p", "TKI", "limma"), state="tolerant"),
            contrasts(("unsaid_vs_p", "TKI", "limma"), state=None),
        ]
    )
    assert contrasts_without_state(declared) == ["unsaid_vs_p"]
    found = genes(
        ("tumour_vs_normal", "limma", "inferential"),
        ("p_treated_vs_p", "limma", "inferential"),
        ("dtp_vs_p", "limma", "inferential"),
        ("unsaid_vs_p", "limma", "inferential"),
        ("r_vs_p", "fold_change", "effect_only"),
    )
    effects = resistance_effects(found, declared, SETTINGS)
    assert effects.select("contrast_id", "weight").rows() == [("r_vs_p", 0.25)]


def test_no_contrast_is_no_row():
    assert resistance_effects(genes(), contrasts(), SETTINGS).height == 0


@pytest.fixture(scope="module")
def data_dir(demo_place):
    return demo_place / "data"


def test_every_class_is_ranked_without_gaps_and_with_its_stability(data_dir):
    ranks = ask(data_dir, "SELECT * FROM core.evidence__resistance_ranks")
    assert ranks.height > 0
    for (_, studies), one in ranks.group_by("drug_class", "n_studies"):
        if studies > 1:
            assert (one["rank_min_leave_one_out"] <= one["rank_max_leave_one_out"]).all()
            assert one["p_value_permutation"].is_between(0, 1, closed="right").all()
    worst = ranks.group_by("drug_class").agg(pl.col("rank").min().alias("first"), pl.col("rank").max().alias("last"))
    assert worst["first"].to_list() == [1] * worst.height
    assert (worst["last"] <= ranks.group_by("drug_class").len()["len"].max()).all()


def test_the_mart_keeps_every_ranked_gene_and_says_what_patients_and_tissue_say(data_dir):
    counts = ask(
        data_dir,
        """
        SELECT (SELECT count(*) FROM core.evidence__resistance_ranks) AS ranked, count(*) AS rows,
            count(os_hazard_ratio_per_sd) AS with_survival, count(tumour_log2_fold_change) AS with_tumour,
            count(target_families) AS with_family
        FROM marts.resistance_candidates
        """,
    ).row(0, named=True)
    assert counts["rows"] == counts["ranked"]
    assert counts["with_survival"] > 0
    assert counts["with_tumour"] > 0


def test_a_gene_of_the_mart_agrees_with_the_lists_it_claims(data_dir):
    wrong = ask(
        data_dir,
        """
        SELECT g.hgnc_symbol, g.direction, g.n_contrasts, count(*) AS listed
        FROM marts.concordant_genes AS g
        INNER JOIN marts.deg_by_contrast AS d ON d.hgnc_symbol = g.hgnc_symbol AND d.in_list = g.direction
        GROUP BY ALL
        HAVING listed <> g.n_contrasts
        """,
    )
    assert wrong.height == 0


def test_the_sample_sheet_has_every_sample_once(data_dir):
    found = ask(
        data_dir,
        "SELECT kind, count(*) AS n, count(DISTINCT dataset_id || sample_id) AS u FROM marts.sample_sheet GROUP BY 1",
    )
    assert set(found["kind"]) == {"cohort", "study"}
    assert (found["n"] == found["u"]).all()


def known_inputs(*items: tuple[str, str, str]) -> tuple[pl.DataFrame, ...]:
    """Ranks and votes of one class over forty genes, evidence (gene, drug, direction), and the class's drugs."""
    genes = [f"G{at:02d}" for at in range(40)]
    ranks = pl.DataFrame({"hgnc_symbol": genes, "score": [1.0 - at / 40 for at in range(40)]}).with_columns(
        drug_class=pl.lit("ALK-TKI")
    )
    votes = ranks.select("drug_class", "hgnc_symbol", contrast_id=pl.lit("line"), signed_rank=-pl.col("score"))
    evidence = pl.DataFrame(items, schema=["hgnc_symbol", "drug", "direction"], orient="row")
    return ranks, votes, evidence, pl.DataFrame({"drug_class": ["ALK-TKI"], "drug": ["crizotinib"]})


def test_a_ranking_is_scored_by_the_genes_that_are_known_for_its_class():
    items = [(gene, "crizotinib", "supports") for gene in ("G00", "G02", "G05")]
    items += [("G39", "crizotinib", "does_not_support"), ("G38", "gefitinib", "supports")]
    found = known_mechanism_ranks(*known_inputs(*items))
    assert found["ranking"].to_list() == ["line", "score"]
    for row in found.iter_rows(named=True):
        assert (row["n_known"], row["median_rank"], row["known_genes"]) == (3, 3.0, "G00|G02|G05")
        assert row["ci_lower"] > 0.5


def test_where_nothing_is_known_there_is_no_row():
    assert known_mechanism_ranks(*known_inputs(("G01", "crizotinib", "does_not_support"))).is_empty()


def states(*rows: dict[str, str | None]) -> dict[str, str]:
    base = {"drug_class": "TKI", "state": "acquired", "organism": HUMAN, "study_id": "s", "methods": "limma"}
    table = pl.DataFrame([base | row for row in rows], schema=TABLES["raw.catalog__contrasts"].polars_schema)
    return dict(contrast_states(table).select("contrast_id", "independent_study").iter_rows())


def test_studies_of_one_line_and_laboratory_are_one_study():
    line = {"cell_line": "PC9", "laboratory": "A"}
    assert states(
        {"contrast_id": "a", "study_id": "x", **line},
        {"contrast_id": "b", "study_id": "y", **line},
        {"contrast_id": "c", "study_id": "y", "cell_line": "PC9", "laboratory": "B"},
        {"contrast_id": "d", "study_id": "z", "cell_line": "PC9"},
    ) == {"a": "PC9 (A)", "b": "PC9 (A)", "c": "PC9 (B)", "d": "z"}


def test_a_drug_on_resistant_cells_is_no_response_of_parental_ones():
    found = states(
        {"contrast_id": "r_vs_p", "numerator": "R", "denominator": "P"},
        {"contrast_id": "pa_vs_p", "numerator": "PA", "denominator": "P", "state": "treated"},
        {"contrast_id": "ra_vs_r", "numerator": "RA", "denominator": "R", "state": "treated"},
        {"contrast_id": "unsaid", "numerator": "R", "denominator": "P", "state": None},
        {"contrast_id": "mouse", "numerator": "R", "denominator": "P", "organism": "Mus musculus"},
    )
    assert set(found) == {"r_vs_p", "pa_vs_p"}
