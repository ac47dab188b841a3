"""Differential expression, intersections and enrichment as assets: the demo, and studies with designs of every kind.

The demo's run is the session's; the other one has no mirror, and makes what these tables need and no more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from resistance_assets.commands.run import Summary, bring_up_to_date, contrasts_without_p_value
from resistance_assets.demo import DemoTruth
from resistance_assets.demo.plan import (
    ARM_RESISTANT,
    PARENTAL_TREATED,
    PUBLISHED,
    RESISTANT,
    RESISTANT_TREATED,
    RESPONSE,
)
from resistance_assets.demo.study_folders import SHARED
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.report.pages.contrasts import contrast_pages
from resistance_assets.report.paths import contrast_path
from resistance_assets.report.published import open_published
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.fold_change import FoldChangeRule, call_fold_changes
from resistance_assets.science.deg.methods import run_limma, run_limma_voom
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.settings import load_settings
from resistance_assets_tests.warehouse_runs import ask, environment

WANTED = " or ".join(
    f'+key:"{key}"'
    for key in ("core/deg__contrasts", "core/deg__designs", "core/deg__fold_change_calls",
                "core/studies__gene_expression", "staging/genes__name_recognition", "raw/rejected_rows")
)  # fmt: skip
ARMS = tuple(sorted((PARENTAL_TREATED, ARM_RESISTANT, RESISTANT_TREATED)))

ARRAY = """
[study]
id = "array_study"
title = "Three resistant against three parental cultures on an array"
organism = "Homo sapiens"
kind = "microarray"
matrix = "matrix.tsv"
samples = "samples.tsv"
probes = "probes.tsv"
probe_column = "ID"
symbol_column = "Gene Symbol"
multi_gene_separator = " /// "
normalise = "none"
collapse = "median"
detection_floor = 4.0
detection_min_samples = 3

[[contrast]]
id = "array_resistant_vs_parental"
factor = "condition"
numerator = "resistant"
denominator = "parental"
"""

DESIGNS = """
[study]
id = "designs"
title = "Designs of every kind"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"
gene_lengths = "lengths.tsv"
"""

_ARMS = 'factor = "condition"\nnumerator = "resistant"\ndenominator = "parental"\n'
CONTRASTS = {
    "spoiled_singular": _ARMS + 'covariates = ["batch"]\nmethods = ["limma_voom"]',
    "spoiled_empty_arm": _ARMS + 'subset = { batch = ["one"] }\nmethods = ["edger_exact"]',
    "spoiled_typo": _ARMS.replace("resistant", "resistent") + 'methods = ["edger_exact"]',
    "spoiled_missing": _ARMS + 'covariates = ["passage"]\nmethods = ["limma_voom"]',
    "sound": _ARMS + 'pairing = "plate"\nmethods = ["limma_voom"]',
    "aged": _ARMS + 'covariates = ["age"]\ncontinuous = ["age"]\nmethods = ["limma_voom"]',
    "lonely": _ARMS
    + 'subset = { plate = ["1"] }\nmethods = ["fold_change"]\n'
    + 'fold_change = { threshold = 1.5, inclusive = true, floor = 5.0, floor_arm = "both", normalisation = "tmm" }',
    "lonely_rpkm": _ARMS
    + 'subset = { plate = ["1"] }\nmethods = ["fold_change"]\n'
    + 'fold_change = { floor = 2000.0, unit = "rpkm" }',
}
SPOILED_METHODS = {
    "spoiled_singular": "limma_voom",
    "spoiled_empty_arm": "edger_exact",
    "spoiled_typo": "edger_exact",
    "spoiled_missing": "limma_voom",
}
SPOILED = set(SPOILED_METHODS)


def write_array_study(folder: Path) -> pl.DataFrame:
    """An array of 200 genes with two probes each, the first ten genes up; the log2 intensities by probe."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    probes = [f"p{i:04d}_at" for i in range(400)]
    values = rng.normal(8, 0.2, (400, 6))
    values[:20, 3:] += 2.0
    values[398:] = rng.normal(2, 0.1, (2, 6))
    names = [f"{kind}_{i}" for kind in ("parental", "resistant") for i in (1, 2, 3)]
    frame = pl.DataFrame([pl.Series("probe", probes), *map(pl.Series, names, np.round(values, 4).T)])
    frame.write_csv(folder / "matrix.tsv", separator="\t")
    pl.DataFrame({"sample_id": names, "condition": [n.split("_")[0] for n in names]}).write_csv(
        folder / "samples.tsv", separator="\t"
    )
    symbols = [f"SYN{i // 2:04d}" for i in range(400)]
    symbols[100], symbols[102] = "SYN0050 /// SYN0051", ""
    pl.DataFrame({"ID": probes, "Gene Symbol": symbols}).write_csv(folder / "probes.tsv", separator="\t")
    (folder / "study.toml").write_text(ARRAY)
    return frame


def write_designs(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A count study with sound and impossible contrasts; its counts and its sheet."""
    folder.mkdir()
    rng = np.random.default_rng(6)
    names = [f"s{i}" for i in range(6)]
    table = rng.poisson(rng.uniform(20, 400, 60)[:, None], (60, 6))
    table[7] = 0
    table[10, 3:] *= 4
    counts = pl.DataFrame([pl.Series("gene", [f"SYN{i:04d}" for i in range(60)]), *map(pl.Series, names, table.T)])
    sheet = pl.DataFrame(
        {
            "sample_id": names,
            "condition": ["parental"] * 3 + ["resistant"] * 3,
            "batch": ["one"] * 3 + ["two"] * 3,
            "plate": ["1", "2", "3"] * 2,
            "passage": ["a", "b", "a", None, "b", "a"],
            "age": [41, 50, 66, 58, 43, 71],
        }
    )
    counts.write_csv(folder / "counts.tsv", separator="\t")
    counts.select("gene", length_bp=np.arange(60) * 50 + 500).write_csv(folder / "lengths.tsv", separator="\t")
    sheet.write_csv(folder / "samples.tsv", separator="\t")
    contrasts = "".join(f'\n[[contrast]]\nid = "{name}"\n{rest}\n' for name, rest in CONTRASTS.items())
    (folder / "study.toml").write_text(DESIGNS + contrasts)
    return counts.rename({"gene": "hgnc_symbol"}), sheet


PUBLISHED_TABLES = """
[study]
id = "tables"
title = "One table, published in three ways"
organism = "Homo sapiens"
kind = "deg_result"
"""
PUBLISHED_COLUMNS = {
    "table_with_p": ', p_value = "P" }',
    "table_with_q": ', q_value = "FDR" }',
    "table_with_effects": ' }\nevidence_kind = "effect_only"',
}


def write_published(folder: Path) -> pl.DataFrame:
    """A published table of 50 genes, the first ten up, declared with p alone, with q alone, and with neither."""
    folder.mkdir()
    rng = np.random.default_rng(9)
    p = np.concatenate([np.full(10, 1e-6), rng.uniform(0.1, 1, 40)])
    effect = np.concatenate([np.full(10, 2.0), rng.normal(0, 0.2, 40)]).round(4)
    frame = pl.DataFrame(
        {"gene": [f"SYN{i:04d}" for i in range(50)], "logFC": effect, "P": p, "FDR": np.minimum(1, p * 3)}
    )
    frame.write_csv(folder / "table.tsv", separator="\t")
    contrasts = "".join(
        f'\n[[contrast]]\nid = "{name}"\ntable = "table.tsv"\nnumerator = "resistant"\ndenominator = "parental"\n'
        'method = "limma"\nn_numerator = 3\nn_denominator = 3\n'
        f'columns = {{ feature = "gene", hgnc_symbol = "gene", log2_fold_change = "logFC"{columns}\n'
        for name, columns in PUBLISHED_COLUMNS.items()
    )
    (folder / "study.toml").write_text(PUBLISHED_TABLES + contrasts)
    return frame


class Job(NamedTuple):
    data_dir: Path
    summary: Summary
    probes: pl.DataFrame
    counts: pl.DataFrame
    sheet: pl.DataFrame
    published: pl.DataFrame


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Job:
    root = tmp_path_factory.mktemp("designs")
    for name in ("mirror", "studies"):
        (root / name).mkdir()
    (root / "mirror" / "index.jsonl").touch()
    probes = write_array_study(root / "studies" / "array_study")
    counts, sheet = write_designs(root / "studies" / "designs")
    published = write_published(root / "studies" / "tables")
    with environment(root / "data", mirror=root / "mirror", studies=[root / "studies"]):
        summary = bring_up_to_date(load_settings(), select=WANTED, quiet=True)
    return Job(root / "data", summary, probes, counts, sheet, published)


@pytest.fixture(scope="module")
def data_dir(demo_place: Path) -> Path:
    return demo_place / "data"


@pytest.fixture(scope="module")
def truth(demo_place: Path) -> DemoTruth:
    return DemoTruth.from_json(json.loads((demo_place / "demo" / "truth.json").read_text()))


# ---- designs ---------------------------------------------------------------------------------------------------------


def test_what_the_designs_can_support_is_told_before_anything_is_computed(job, data_dir):
    own = ask(job.data_dir, "SELECT * FROM core.deg__designs").rows_by_key("contrast_id", named=True, unique=True)
    demo = ask(data_dir, "SELECT * FROM core.deg__designs").rows_by_key("contrast_id", named=True, unique=True)
    paired = demo["luad_tumour_vs_normal"]
    assert (paired["n_samples"], paired["n_coefficients"], paired["rank"]) == (24, 13, 13)
    assert (paired["residual_degrees_of_freedom"], paired["reason"]) == (11, None)
    assert (paired["model"], paired["coefficient"]) == ("~ patient_id + condition", "condition[tumor]")
    assert paired["coefficients"].split("|")[0] == "Intercept"
    assert paired["coefficients"].split("|")[-1] == "condition[tumor]"
    assert (own["sound"]["pairing"], own["sound"]["residual_degrees_of_freedom"]) == ("plate", 2)
    assert (own["aged"]["n_coefficients"], own["aged"]["evidence_kind"]) == (3, "inferential")
    for row in (own["lonely"], *(demo[contrast] for contrast in ARMS)):
        assert row["evidence_kind"] == "effect_only"
        assert "no replicates" in row["reason"]
    assert demo[PUBLISHED]["rank"] is None
    assert "not checked" in demo[PUBLISHED]["reason"]
    refused = {name: row["reason"] for name, row in own.items() if row["evidence_kind"] == "refused"}
    assert set(refused) == SPOILED
    assert "batch cannot be told apart from condition" in refused["spoiled_singular"]
    assert "arm resistant (numerator) is empty" in refused["spoiled_empty_arm"]
    assert "did you mean 'resistant'?" in refused["spoiled_typo"]
    assert "passage is missing for s3" in refused["spoiled_missing"]


@pytest.mark.slow
def test_a_refused_design_stops_its_own_contrast_with_one_clear_error(job):
    failed = {address: job.summary.launch.messages[address] for address in job.summary.launch.failed}
    contrast_of = {partition_of("parts.deg__features", name, method): name for name, method in SPOILED_METHODS.items()}
    assert failed.keys() == contrast_of.keys()
    for address, message in failed.items():
        assert message.startswith(f"contrast {contrast_of[address]}: ")
        assert "\n" not in message
    assert job.summary.release == 1
    computed = ask(job.data_dir, "SELECT DISTINCT contrast_id FROM core.deg__contrasts")["contrast_id"]
    sound = {"sound", "aged", "lonely", "lonely_rpkm", "array_resistant_vs_parental"}
    assert set(computed) == sound | set(PUBLISHED_COLUMNS)


def test_a_published_table_says_what_was_published_and_nothing_else(job):
    rows = ask(job.data_dir, "SELECT * FROM core.deg__contrast_genes ORDER BY contrast_id, hgnc_symbol")
    by = {name: rows.filter(pl.col("contrast_id") == name) for name in PUBLISHED_COLUMNS}
    p, q = job.published["P"].to_numpy(), job.published["FDR"].to_numpy()
    assert by["table_with_p"]["p_value"].to_list() == p.tolist()
    np.testing.assert_allclose(by["table_with_p"]["q_value_bh"], adjust_bh(p), rtol=1e-12)
    assert by["table_with_q"]["p_value"].null_count() == 50
    assert by["table_with_q"]["q_value_bh"].to_list() == q.tolist()
    assert by["table_with_q"]["p_value_note"].unique().to_list() == ["q as published, not adjusted again"]
    effects = by["table_with_effects"]
    assert effects.select(pl.col("p_value", "q_value_bh").null_count()).row(0) == (50, 50)
    assert effects["p_value_note"].unique().to_list() == ["no p-value was published"]
    kinds = {name: frame["evidence_kind"].unique().to_list() for name, frame in by.items()}
    inferential, effect_only = ["inferential"], ["effect_only"]
    assert kinds == dict(zip(PUBLISHED_COLUMNS, (inferential, inferential, effect_only), strict=True))
    designs = dict(
        ask(
            job.data_dir, "SELECT contrast_id, evidence_kind FROM core.deg__designs WHERE study_id = 'tables'"
        ).iter_rows()
    )
    assert designs == {name: kind[0] for name, kind in kinds.items()}
    up = dict(ask(job.data_dir, "SELECT contrast_id, genes_up FROM core.deg__contrasts").iter_rows())
    assert [up[name] for name in PUBLISHED_COLUMNS] == [10, 10, 0]


def test_the_page_of_a_published_table_shows_what_there_is(job):
    with open_published(job.data_dir) as published:
        pages = {page.path: "".join(map(str, page.parts)) for page in contrast_pages(published, set())}
    with_p, with_q, effects = (pages[contrast_path(name, "published")] for name in PUBLISHED_COLUMNS)
    assert "volcano" in with_p
    assert "no p-values to draw" in with_q
    assert "Q as published, not adjusted again." in with_q
    assert "q &lt; 0.05 and |log2 FC| &gt; 1" in with_q
    assert with_q.count("SYN000") >= 10
    assert "was not tested. No p-value was published." in effects
    for word in ("q (BH)", "q &lt;", "Benjamini"):
        assert word not in effects
    assert "0 of 50 gene names are known, not e.g. &#39;SYN0000&#39;" in effects


def test_pairing_and_continuous_covariates_reach_the_fit(job):
    for name, declared in (
        ("sound", Contrast("sound", "condition", "resistant", "parental", pairing="plate")),
        ("aged", Contrast("aged", "condition", "resistant", "parental", ("age",), continuous=("age",))),
    ):
        expected = run_limma_voom(job.counts, job.sheet, declared)
        ours = ask(job.data_dir, f"SELECT * FROM core.deg__contrast_genes WHERE contrast_id = '{name}'")
        both = expected.join(ours, left_on="hgnc_symbol", right_on="source_symbol", suffix="_ours")
        assert both.height == 60
        assert (both["statistic"] / both["statistic_ours"] - 1).abs().max() <= 1e-9


def test_a_gene_that_is_zero_everywhere_stays_as_a_row_that_says_so(job):
    silent = ask(
        job.data_dir,
        "SELECT * FROM core.deg__contrast_genes WHERE contrast_id = 'sound' AND source_symbol = 'SYN0007'",
    ).to_dicts()[0]
    assert (silent["p_value"], silent["log2_fold_change"]) == (None, None)
    assert "zero in every sample" in silent["p_value_note"]


def test_a_contrast_s_own_fold_change_rule_is_the_one_that_is_applied(job):
    rule = FoldChangeRule(1.5, inclusive=True, floor=5.0, floor_arm="both", normalisation="tmm")
    declared = Contrast("lonely", "condition", "resistant", "parental", subset={"plate": ["1"]})
    expected = call_fold_changes(job.counts, job.sheet, declared, rule).sort("hgnc_symbol")
    asked = "SELECT * FROM core.deg__fold_change_calls WHERE contrast_id = '{}' ORDER BY hgnc_symbol"
    ours = ask(job.data_dir, asked.format("lonely"))
    assert (ours["is_called"] == expected["is_called"]).all()
    assert ours["is_called"].any()
    assert (ours["expression_numerator"] / expected["expression_numerator"].replace(0, None) - 1).abs().max() < 1e-12
    plain = FoldChangeRule(floor=2000.0, unit="rpkm")
    by_length = call_fold_changes(job.counts, job.sheet, declared, plain, np.arange(60) * 50.0 + 500)
    rpkm = ask(job.data_dir, asked.format("lonely_rpkm"))
    assert rpkm["unit"].unique().to_list() == ["rpkm"]
    assert rpkm["passes_floor"].sum() == by_length["passes_floor"].sum() > 0


def test_designs_without_replicates_have_no_p_value_and_the_run_says_so_in_one_line(job, data_dir, capsys):
    expected = {"none was published": ("table_with_effects",), "one sample per arm": ("lonely", "lonely_rpkm")}
    assert job.summary.effect_only == expected
    assert job.summary.as_document()["effect_only"] == {reason: list(names) for reason, names in expected.items()}
    job.summary.show()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("effect only")]
    assert "lonely, lonely_rpkm, because one sample per arm" in line
    assert "table_with_effects, because none was published" in line
    of_arms = contrasts_without_p_value(Lake(data_dir / "lake"))["one sample per arm"]
    assert set(ARMS) <= set(of_arms)
    found = ask(
        data_dir,
        "SELECT contrast_id, count(*) AS n, count(p_value) AS p, count(q_value_bh) AS q, count(log2_fold_change) AS e"
        " FROM core.deg__contrast_genes WHERE evidence_kind = 'effect_only' GROUP BY contrast_id",
    )
    assert set(found["contrast_id"]) == set(of_arms)
    assert (found["p"].sum(), found["q"].sum()) == (0, 0)
    own = found.filter(pl.col("contrast_id").is_in(list(ARMS)))
    assert own["n"].to_list() == [2 * 2000] * 3
    assert own["e"].sum() > 11_000


def test_shrunken_fold_changes_stand_beside_the_plain_ones_where_pydeseq2_made_them(data_dir):
    rows = ask(
        data_dir,
        "SELECT method, log2_fold_change AS plain, log2_fold_change_shrunken AS shrunken"
        f" FROM core.deg__contrast_genes WHERE contrast_id = '{RESISTANT}' AND log2_fold_change IS NOT NULL",
    )
    assert rows.filter(pl.col("method") != "pydeseq2")["shrunken"].null_count() == (rows["method"] != "pydeseq2").sum()
    own = rows.filter(pl.col("method") == "pydeseq2").drop_nulls()
    assert own.height > 1900
    assert own["shrunken"].abs().mean() < 0.97 * own["plain"].abs().mean()
    large = own.filter(pl.col("plain").abs() > 2)
    assert (large["shrunken"] / large["plain"]).median() > 0.9


def test_methods_of_a_contrast_are_held_against_each_other(data_dir):
    rows = ask(data_dir, "SELECT * FROM core.deg__method_agreement").rows_by_key("contrast_id", named=True)
    (own,) = rows[RESISTANT]
    assert (own["method_a"], own["method_b"], own["genes_compared"]) == ("edger_exact", "pydeseq2", 2000)
    assert own["spearman_log2_fold_change"] > 0.99
    assert own["sign_disagreements_significant"] == 0
    lists = ask(
        data_dir,
        f"SELECT method, genes_up + genes_down AS n FROM core.deg__contrasts WHERE contrast_id = '{RESISTANT}'",
    )
    assert dict(lists.rows()) == {"edger_exact": own["significant_a"], "pydeseq2": own["significant_b"]}
    (arms,) = rows[ARM_RESISTANT]
    assert (arms["genes_with_both_p_values"], arms["spearman_minus_log10_p"]) == (0, None)


# ---- without replicates ----------------------------------------------------------------------------------------------


def test_what_an_assumed_variation_would_call_falls_as_it_grows(data_dir):
    rows = ask(
        data_dir, "SELECT contrast_id, list(genes_at_fdr ORDER BY bcv) AS n FROM core.deg__bcv_sensitivity GROUP BY 1"
    )
    # Contrasts with replicates have no curve.
    replicated = ask(data_dir, "SELECT contrast_id FROM core.deg__designs WHERE evidence_kind = 'inferential'")
    assert not set(rows["contrast_id"]) & set(replicated["contrast_id"])
    assert set(ARMS) <= set(rows["contrast_id"])
    for called in rows.filter(pl.col("contrast_id").is_in(list(ARMS)))["n"]:
        assert called.to_list() == sorted(called, reverse=True)
        assert called[0] > 100


def test_noise_alone_passes_a_fold_change_rule(data_dir):
    rows = ask(data_dir, f"SELECT * FROM core.deg__noise_null WHERE contrast_id = '{ARM_RESISTANT}' ORDER BY bcv")
    assert rows["bcv"].to_list() == [0.1, 0.2, 0.3, 0.4]
    assert rows["expected_genes"].is_sorted()
    assert rows["genes"].unique().to_list() == [2000]
    called = ask(
        data_dir,
        "SELECT sum(n_genes) FROM core.gene_lists__lists"
        f" WHERE contrast_id = '{ARM_RESISTANT}' AND method = 'fold_change'",
    ).item()
    # The observed number is that of the paper's lists, since a ratio of shares is a ratio of CPM.
    assert rows["observed_genes"].unique().to_list() == [called]


def test_lists_of_fold_changes_alone_say_so(data_dir):
    lists = ask(data_dir, "SELECT * FROM core.gene_lists__lists WHERE method = 'fold_change'")
    assert lists.filter(pl.col("contrast_id").is_in(list(ARMS))).height == 6
    assert lists["role"].unique().to_list() == ["contrast_effect_only"]
    assert lists["rule"].str.starts_with("fold change alone, no statistical evidence: more than 2-fold").all()
    outside = ask(
        data_dir,
        "SELECT count(*) FROM core.gene_lists__members m JOIN core.gene_lists__lists l USING (list_id)"
        " JOIN core.deg__fold_change_calls c ON c.contrast_id = l.contrast_id AND c.hgnc_symbol = m.hgnc_symbol"
        " WHERE l.role = 'contrast_effect_only' AND NOT (c.is_called AND c.passes_floor AND c.direction = m.direction)",
    )
    assert outside.item() == 0


def test_the_interaction_finds_lost_and_gained_responses(data_dir, truth):
    found = ask(data_dir, f"SELECT * FROM core.deg__interactions WHERE interaction_id = '{RESPONSE}'")
    assert (found["evidence_kind"].unique().to_list(), found["p_value"].null_count()) == (["effect_only"], 2000)
    classes = dict(found.select("hgnc_symbol", "response_class").iter_rows())
    planted = truth.response_class
    for word, ours in (("lost response", "lost_response"), ("gained response", "gained_response")):
        genes = [gene for gene, stated in planted.items() if stated == word]
        # Effects of 1.5 and more against a threshold of 1 and a standard error of 0.29 (four samples at BCV 0.1).
        assert np.mean([classes[gene] == ours for gene in genes]) > 0.85
    kept = found.filter(pl.col("paper_rule_keeps"))
    assert (kept["cpm_resistant"] < kept["cpm_resistant_treated"]).all()
    asked = f"SELECT genes_at_fdr FROM core.deg__interaction_bcv WHERE interaction_id = '{RESPONSE}' ORDER BY bcv"
    curve = ask(data_dir, asked)["genes_at_fdr"]
    assert len(curve) == 4
    assert curve.to_list() == sorted(curve, reverse=True)


# ---- lists and intersections -----------------------------------------------------------------------------------------


def test_intersections_of_two_and_three_lists(data_dir):
    found = ask(data_dir, "SELECT * FROM core.intersections__sets")
    assert (found["q_value_bh"] - pl.Series(adjust_bh(found["p_value"].to_numpy()))).abs().max() <= 1e-15
    two, three = (found.filter(pl.col("n_lists") == n) for n in (2, 3))
    assert (two["p_value"] - two["p_value_exact"]).abs().max() == 0
    assert (two["permutations"].null_count(), two["seed"].null_count()) == (two.height, two.height)
    assert three.height > 0
    assert three["permutations"].unique().to_list() == [9999]
    # Binomial error of a share of 9,999 draws: five standard errors.
    p = three["p_value_exact"].to_numpy()
    assert (np.abs(three["p_value"].to_numpy() - p) <= 5 * np.sqrt(p * (1 - p) / 9999) + 2e-4).all()
    shared = two.filter(
        pl.col("intersection_id") == f"{RESISTANT}__pydeseq2__up__and__{PUBLISHED}__published__up"
    ).to_dicts()[0]
    assert shared["size"] == shared["n_same_direction"] > 5 * shared["expected_by_chance"]
    # A list of fold changes meets the cancer genes, and never a list that rests on a test.
    effect_only = two.filter(pl.col("list_ids").str.contains("fold_change"))
    assert effect_only["list_ids"].str.contains("allonco").all()


def test_an_intersection_that_a_study_asks_for_is_the_one_it_named(data_dir, truth):
    row = ask(data_dir, f"SELECT * FROM core.intersections__sets WHERE intersection_id = '{SHARED}'").to_dicts()[0]
    lists = row["list_ids"].split("|")
    assert lists == [f"{RESISTANT}__pydeseq2__up", f"{PUBLISHED}__published__up", "allonco_may2018"]
    members = [
        set(ask(data_dir, f"SELECT hgnc_symbol FROM core.gene_lists__members WHERE list_id = '{one}'")["hgnc_symbol"])
        for one in lists
    ]
    assert set(row["genes"].split(",")) == set.intersection(*members)
    tested = ask(
        data_dir,
        "SELECT count(q_value_bh) FROM core.deg__contrast_genes"
        f" WHERE contrast_id = '{RESISTANT}' AND method = 'pydeseq2'",
    ).item()
    assert row["universe_size"] == tested


def test_upset_sizes_add_up_to_the_lists(data_dir):
    upset = ask(data_dir, "SELECT * FROM core.intersections__upset")
    assert set(upset["family_id"]) == {"contrasts_up", "contrasts_down", "cancer_gene_lists"}
    sizes = dict(ask(data_dir, "SELECT list_id, n_genes FROM core.gene_lists__lists").iter_rows())
    summed = (
        upset.with_columns(pl.col("list_ids").str.split("|"))
        .explode("list_ids")
        .group_by("list_ids")
        .agg(pl.col("exclusive_size").sum())
    )
    assert all(sizes[list_id] == size for list_id, size in summed.iter_rows())
    assert (upset["inclusive_size"] >= upset["exclusive_size"]).all()


# ---- enrichment ------------------------------------------------------------------------------------------------------


def test_planted_sets_lead_their_families(data_dir, truth):
    up = f"{RESISTANT}__pydeseq2__up"
    for planted in truth.enriched_sets:
        rows = ask(
            data_dir,
            f"SELECT * FROM core.enrichment__terms WHERE list_id = '{up}' AND collection = '{planted.collection}'"
            " ORDER BY p_value",
        )
        best = rows.to_dicts()[0]
        assert best["term_id"] == planted.term_id == best["representative_term_id"]
        assert (best["set_size"], best["overlap"]) == (planted.size, planted.overlap)
        assert best["log_p"] == pytest.approx(np.log(best["p_value"]), rel=1e-9)


def test_a_term_and_its_parent_are_told_in_one_line_and_both_kept(data_dir):
    rows = ask(
        data_dir,
        "SELECT term_id, representative_term_id AS stands_for_it FROM core.enrichment__terms"
        f" WHERE list_id = '{RESISTANT}__pydeseq2__up' AND term_id IN ('GO:9000001', 'GO:9000002')",
    )
    assert dict(rows.rows()) == {"GO:9000001": "GO:9000001", "GO:9000002": "GO:9000001"}


def test_every_family_accounts_for_its_genes_and_terms(data_dir):
    families = ask(data_dir, "SELECT * FROM core.enrichment__families")
    assert (families["n_genes_given"] == families["n_outside_universe"] + families["list_size"]).all()
    terms = families["n_terms_too_small"] + families["n_terms_too_large"] + families["n_tested"]
    assert (families.filter(pl.col("list_size") > 0)["n_terms"] == terms.filter(families["list_size"] > 0)).all()
    counted = ask(data_dir, "SELECT list_id, collection, count(*) AS n FROM core.enrichment__terms GROUP BY ALL")
    both = counted.join(families, on=["list_id", "collection"], how="left")
    assert (both["n"] == both["n_tested"]).all()
    assert both.height == families.filter(pl.col("n_tested") > 0).height


def test_partners_of_chemokines_are_tested_and_marked_where_that_is_circular(data_dir):
    lists = ask(data_dir, "SELECT * FROM core.gene_lists__lists WHERE role = 'interaction_partners'")
    assert "partners__biogrid_human__wang_2022_cytokines" in lists["list_id"]
    assert "partners__biogrid_human__CCL20" in lists["list_id"]
    foreign = ask(
        data_dir,
        "SELECT count(*) FROM core.gene_lists__members m"
        " WHERE list_id = 'partners__biogrid_human__CCL20' AND NOT EXISTS (SELECT 1 FROM raw.interactions__pairs p"
        " WHERE p.organism_id_a = '9606' AND p.organism_id_b = '9606'"
        " AND 'CCL20' IN (p.symbol_a, p.symbol_b) AND m.hgnc_symbol IN (p.symbol_a, p.symbol_b))",
    )
    assert foreign.item() == 0
    universe = ask(
        data_dir, "SELECT DISTINCT universe_id FROM core.enrichment__families WHERE list_id LIKE 'partners__%'"
    )
    assert universe["universe_id"].to_list() == ["protein_coding"]
    marked = ask(
        data_dir,
        "SELECT lower(term) AS term, is_circular, circularity_reason FROM core.enrichment__terms"
        " WHERE list_id LIKE 'partners__%'",
    )
    named = marked["term"].str.contains("chemokine|cytokine")
    assert (marked["is_circular"] == named).all()
    assert (marked["circularity_reason"].is_not_null() == named).all()
    assert named.any()


def test_pre_ranked_enrichment_finds_the_planted_sets_by_every_statistic(data_dir, truth):
    found = ask(data_dir, f"SELECT * FROM core.gsea__terms WHERE contrast_id = '{RESISTANT}'")
    assert dict(found.select("method", "ranking_metric").unique().iter_rows()) == {
        "pydeseq2": "wald_z",
        "edger_exact": "signed_minus_log10_p",
    }
    for method in ("pydeseq2", "edger_exact"):
        for planted in truth.enriched_sets:
            own = found.filter(pl.col("method") == method, pl.col("term_id") == planted.term_id)
            best = own.to_dicts()[0]
            assert best["enrichment_score"] > 0.4
            assert best["p_value"] < 0.01
    assert set(found["p_value_method"]) <= {
        "permutation", "permutation_both_signs", "multilevel_splitting", "multilevel_splitting_bound",
    }  # fmt: skip
    # Nothing counted by permutation lies below what so many permutations can show.
    counted = found.filter(pl.col("p_value_method") == "permutation")
    assert counted["p_value"].min() >= 1 / 10_001
    assert found["seed"].unique().to_list() == [20240501]
    effect_only = ask(data_dir, f"SELECT count(*) FROM core.gsea__terms WHERE contrast_id = '{ARM_RESISTANT}'")
    assert effect_only.item() == 0


# ---- published tables and arrays -------------------------------------------------------------------------------------


def test_a_published_result_keeps_its_probes_and_their_price(data_dir):
    rows = ask(data_dir, f"SELECT * FROM core.deg__contrast_genes WHERE contrast_id = '{PUBLISHED}'")
    several = rows.filter(pl.col("probes") > 1)
    assert several.height == 300
    price = several["p_value_probe_adjusted"] / several["p_value"]
    assert ((price - several["probes"]).abs() < 1e-9).sum() > 200
    single = rows.filter(pl.col("probes") == 1)
    assert (single["p_value_probe_adjusted"] == single["p_value"]).all()
    counted = ask(data_dir, f"SELECT count(probes) FROM core.deg__contrast_genes WHERE contrast_id = '{RESISTANT}'")
    assert counted.item() == 0


def test_an_array_goes_from_probes_to_genes_to_limma(job):
    probes, data_dir = job.probes, job.data_dir
    genes = ask(data_dir, "SELECT * FROM core.studies__gene_expression WHERE study_id = 'array_study'")
    # SYN0050 and SYN0051 keep one probe each; the last gene is below the detection floor.
    assert genes["feature_id"].n_unique() == 199
    assert dict(genes.filter(pl.col("probes") == 1).select("feature_id", "probes").unique().iter_rows()) == {
        "SYN0050": 1, "SYN0051": 1,
    }  # fmt: skip
    samples = probes.columns[1:]
    by_hand = (
        probes.with_row_index("at")
        .filter(~pl.col("at").is_in([100, 102, 398, 399]))
        .with_columns(hgnc_symbol=pl.format("SYN{}", (pl.col("at") // 2).cast(pl.String).str.zfill(4)))
        .group_by("hgnc_symbol")
        .agg(pl.col(samples).median())
        .sort("hgnc_symbol")
    )
    sheet = pl.DataFrame({"sample_id": samples, "condition": [name.split("_")[0] for name in samples]})
    expected = run_limma(by_hand, sheet, Contrast("array", "condition", "resistant", "parental"))
    ours = ask(
        data_dir,
        "SELECT * FROM core.deg__contrast_genes"
        " WHERE contrast_id = 'array_resistant_vs_parental' ORDER BY source_symbol",
    )
    both = expected.join(ours, left_on="hgnc_symbol", right_on="source_symbol", suffix="_ours")
    assert both.height == 199
    # The same numbers by the same function; intensities pass through a file of doubles.
    for name in ("log2_fold_change", "statistic", "p_value", "q_value_bh", "average_expression_log2"):
        assert (both[name] - both[f"{name}_ours"]).abs().max() <= 1e-9 * both[name].abs().max()
    listed = ours.filter(pl.col("q_value_bh") < 0.05, pl.col("log2_fold_change").abs() > 1)
    assert listed["source_symbol"].to_list() == [f"SYN{i:04d}" for i in range(10)]
    rejected = ask(data_dir, "SELECT reason, count(*) FROM raw.rejected_rows WHERE source <> 'x' GROUP BY 1")
    assert dict(rejected.rows()) == {
        "several genes": 1, "no gene symbol": 1, "no gene in the annotation": 2, "below the detection floor": 1,
    }  # fmt: skip
