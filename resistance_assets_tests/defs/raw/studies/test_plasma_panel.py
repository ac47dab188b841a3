"""Tables of a plasma panel against R, from the files of a study folder through the functions of the steps.

Tolerances as goldens/bench/plasma_panel states them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.raw.studies.plasma_panel import CORE, SYMBOLS, analyse, read_tables
from resistance_assets.demo.bench.plasma_panel import QUESTIONS
from resistance_assets.orchestration.checks import validate
from resistance_assets_tests.study_folder import write_study_folder

PAPER = f"""\
platform = "luminex"
panel = "panel.tsv"
limits = "limits.tsv"
samples = "samples.tsv"
patients = "patients.tsv"

{QUESTIONS}"""
FILES = ("panel.tsv", "limits.tsv", "samples.tsv", "patients.tsv")


def symbols(*rows: tuple[str, str | None, str]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["symbol", "hgnc_symbol", "resolution"], orient="row")
    return frame.with_columns(pl.col("hgnc_symbol").cast(pl.String), candidates=pl.lit("CCL3|CCL4"))


def tables_of(local, known: pl.DataFrame | None = None) -> dict[str, pl.DataFrame]:
    raw = read_tables(local) | {SYMBOLS: symbols(("IL8", "CXCL8", "previous")) if known is None else known}
    for name in (name for name in raw if name.startswith("raw.plasma_panel")):
        TABLES[name].model.validate(raw[name])
    made = analyse(local, raw)
    for name, frame in made.items():
        assert all(check.passed for check in validate(TABLES[name], frame)), name
    return {name.partition("__")[2]: frame for name, frame in made.items()}


@pytest.fixture(scope="module")
def expected(goldens: Path):
    def read(name: str) -> pl.DataFrame:
        path = goldens / "bench" / "plasma_panel" / f"{name}.tsv"
        return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None, quote_char=None)

    return read


@pytest.fixture(scope="module")
def tables(goldens: Path, tmp_path_factory) -> dict[str, pl.DataFrame]:
    folder = goldens / "bench" / "plasma_panel"
    return tables_of(
        write_study_folder(
            tmp_path_factory.mktemp("panel") / "own", "plasma_panel", PAPER, {name: folder / name for name in FILES}
        )
    )


def one(frame: pl.DataFrame, **where: Any) -> dict[str, Any]:
    return frame.filter(*(pl.col(name) == value for name, value in where.items())).row(0, named=True)


@pytest.mark.slow
def test_flags_and_values(tables, expected):
    wanted = expected("long_expected").rename({"value_pg_ml": "value"})
    names = ["sample_id", "marker", "flag", "value", "log2_value"]
    assert_frame_equal(
        tables["values"].select(names), wanted.select(names), rel_tol=1e-12, check_row_order=False, check_dtypes=False
    )


def test_detection(tables, expected):
    wanted = expected("detection_expected").rename({"tested": "is_tested"})
    found = tables["detection"].select(wanted.columns)
    assert_frame_equal(found, wanted, rel_tol=1e-12, check_dtypes=False, check_row_order=False)
    tested = set(wanted.filter(pl.col("is_tested"))["marker"])
    for name in ("survival", "auc"):
        assert set(tables[name]["marker"]) == tested, "a refused marker has no survival analysis"
    limma = tables["comparisons"].filter(pl.col("method") == "limma")
    assert set(limma["marker"]) == tested, "a refused marker is out before the prior is estimated"


@pytest.mark.parametrize(
    ("analysis", "contrast", "method"),
    [
        ("short_vs_long", "short_vs_long", "limma"),
        ("short_vs_long_age_sex", "short_vs_long", "limma_adjusted"),
        ("short_vs_long_trend_robust", "short_vs_long", "limma_trend_robust"),
        ("progression_vs_baseline_paired", "progression_vs_baseline", "limma_paired"),
        ("progression_vs_baseline_duplicate_correlation", "progression_vs_baseline", "limma_block_correlation"),
    ],
)
def test_moderated_differences(tables, expected, analysis, contrast, method):
    """t rel 1e-6, p 1e-5; with the correlation within patients t rel 1e-3, which is estimated to 1e-4."""
    own = tables["comparisons"].filter(pl.col("contrast") == contrast, pl.col("method") == method)
    wanted = expected("limma_expected").filter(pl.col("analysis") == analysis)
    assert own.height == wanted.height == 36
    loose = method == "limma_block_correlation"
    for row in wanted.iter_rows(named=True):
        found = one(own, marker=row["marker"])
        for name, other, tolerance in (
            ("difference_log2", "log2_difference", 1e-8), ("average_log2", "average", 1e-9), ("statistic", "t", 1e-6),
            ("p", "p", 1e-5), ("q", "q_bh", 1e-5), ("sigma", "sigma", 1e-7), ("df_residual", "df_residual", 0),
            ("s2_prior", "s2_prior", 1e-6), ("df_prior", "df_prior", 1e-6), ("s2_posterior", "s2_post", 1e-6),
            ("degrees_of_freedom", "df_total", 1e-6),
        ):  # fmt: skip
            theirs = float(row[other])
            limit = max(tolerance, 1e-3) if loose and name != "df_residual" else tolerance
            assert found[name] == pytest.approx(theirs, rel=limit, abs=1e-9), (row["marker"], name)
        assert found["b_statistic"] == pytest.approx(row["B"], abs=2e-2 if loose else 1e-5)
        width = row["upper"] - row["lower"]
        assert found["ci_lower"] == pytest.approx(row["lower"], abs=(1e-3 if loose else 1e-6) * width)
        assert found["ci_upper"] == pytest.approx(row["upper"], abs=(1e-3 if loose else 1e-6) * width)


def test_sizes_of_the_groups_and_who_is_of_neither(tables):
    found = one(tables["comparisons"], method="limma", marker="CCL1")
    assert (found["n_numerator"], found["n_denominator"], found["n_left_out"]) == (23, 27, 11)
    assert found["is_primary"]


def test_correlation_within_patients(tables, expected):
    found = one(tables["comparisons"], method="limma_block_correlation", marker="CCL20")["block_correlation"]
    assert found == pytest.approx(expected("duplicate_correlation_expected")["consensus_correlation"][0], abs=1e-4)


def test_rank_sums_and_censored_regressions(tables, expected):
    """W and p 1e-9; Tobit difference 1e-4 of its error, log-likelihood 1e-6, p 1e-3."""
    own = tables["comparisons"]
    for row in expected("groups_rank_and_tobit_expected").iter_rows(named=True):
        ranks = one(own, method="wilcoxon_rank_sum", marker=row["marker"])
        assert (ranks["n_numerator"], ranks["n_denominator"]) == (row["n_short"], row["n_long"])
        assert ranks["statistic"] == row["W"]
        assert ranks["p"] == pytest.approx(row["p_wilcoxon"], rel=1e-9)
        found = one(own, method="censored_regression", marker=row["marker"])
        below = (found["n_below_numerator"], found["n_below_denominator"])
        assert below == (row["below_lod_short"], row["below_lod_long"])
        assert abs(found["difference_log2"] - row["tobit_difference"]) <= 1e-4 * row["tobit_se"]
        assert found["standard_error"] == pytest.approx(row["tobit_se"], rel=1e-4)
        assert found["p_wald"] == pytest.approx(row["tobit_p_wald"], rel=1e-3)
        assert found["p"] == pytest.approx(row["tobit_p_lrt"], rel=1e-3)
        assert found["sigma"] == pytest.approx(row["tobit_sigma"], rel=1e-5)
        assert found["log_likelihood"] == pytest.approx(row["tobit_loglik"], abs=1e-6)


def test_pairs(tables, expected):
    own = tables["comparisons"]
    for row in expected("paired_expected").iter_rows(named=True):
        ranks = one(own, method="wilcoxon_signed_rank", marker=row["marker"])
        assert (ranks["n_pairs"], ranks["n_zero_differences"]) == (row["pairs"], row["zero_differences"])
        assert ranks["n_pairs_both_below"] == row["pairs_both_below_lod"]
        assert ranks["statistic"] == row["V"]
        assert ranks["difference_log2"] == pytest.approx(row["median_difference"], rel=1e-9, abs=1e-12)
        assert ranks["p"] == pytest.approx(row["p_wilcoxon_r_default"], rel=1e-9)
        assert ranks["q"] == pytest.approx(row["q_bh_wilcoxon"], rel=1e-9)
        assert ("exact" in row["method"]) == (ranks["test"] == "exact")
        found = one(own, method="paired_t", marker=row["marker"])
        for name, other in (("difference_log2", "mean_difference"), ("statistic", "t"), ("p", "t_p"),
                            ("ci_lower", "t_lower"), ("ci_upper", "t_upper")):  # fmt: skip
            assert found[name] == pytest.approx(row[other], rel=1e-9)


def test_cox_models_and_median_splits(tables, expected):
    """As the survival goldens: coefficients 1e-6 of their error, p 1e-5, concordance exact."""
    wanted = expected("cox_expected")
    assert tables["survival"].height == wanted.height == 144
    for row in wanted.iter_rows(named=True):
        found = one(tables["survival"], endpoint=row["endpoint"].upper(), marker=row["marker"], model=row["model"])
        assert (found["n"], found["events"]) == (row["n"], row["events"])
        assert abs(found["log_hazard_ratio"] - row["log_hazard_ratio"]) <= 1e-6 * row["se"]
        for name, other in (
            ("standard_error", "se"), ("hazard_ratio", "hazard_ratio"), ("ci_lower", "lower"), ("ci_upper", "upper"),
            ("p_value", "p_wald"), ("p_likelihood_ratio", "p_lrt"), ("q_value_bh", "q_bh_wald"),
            ("p_proportional_hazards", "p_ph"), ("concordance", "concordance"),
        ):  # fmt: skip
            assert found[name] == pytest.approx(row[other], rel=1e-5), (row["marker"], row["model"], name)
        if row["model"] == "median_split":
            assert found["n_high"] == row["n_high"]
            assert found["p_logrank"] == pytest.approx(row["p_logrank"], rel=1e-7)


def test_models_of_several_markers(tables, expected):
    names = {"age": "age_years", "male": "sex"}
    for row in expected("cox_multivariable_expected").iter_rows(named=True):
        own = tables["multivariable"].filter(
            pl.col("endpoint") == row["endpoint"].upper(),
            pl.col("rule") == row["rule"],
            pl.col("estimator") != "reference",
        )
        found = one(own, variable=names.get(row["term"], row["term"]))
        assert found["level"] == ("male" if row["term"] == "male" else None)
        assert (found["n"], found["events"]) == (row["n"], row["events"])
        assert abs(found["log_hazard_ratio"] - row["log_hazard_ratio"]) <= 1e-6 * row["se"]
        for name, other in (
            ("events_per_variable", "events_per_variable"), ("standard_error", "se"), ("hazard_ratio", "hazard_ratio"),
            ("ci_lower", "lower"), ("ci_upper", "upper"), ("p_value", "p_wald"),
            ("p_likelihood_ratio_model", "p_lrt_model"),
        ):  # fmt: skip
            assert found[name] == pytest.approx(row[other], rel=1e-5), (row["term"], name)
        is_thin = row["events_per_variable"] < 10
        assert (found["model_note"] is not None) == is_thin


def test_auc_of_markers(tables, expected):
    """AUC 1e-9, error 1e-6; no interval with fewer than ten cases or controls."""
    refused = 0
    for row in expected("time_roc_expected").iter_rows(named=True):
        found = one(tables["auc"], endpoint=row["endpoint"].upper(), marker=row["marker"], month=float(row["month"]))
        for name in ("n", "cases", "controls", "censored_before"):
            assert found[name] == row[name]
        assert found["auc"] == pytest.approx(row["auc"], abs=1e-9)
        if min(row["cases"], row["controls"]) < 10:
            refused += 1
            assert found["ci_lower"] is None
            assert "an interval asks for 10 of each" in found["interval_note"]
        else:
            assert found["standard_error"] == pytest.approx(row["se"], rel=1e-6)
            assert found["ci_lower"] == pytest.approx(row["lower"], rel=1e-6)
    assert refused


def test_refused_markers_are_said_to_be_detected_or_not_and_no_more(tables):
    refused = set(tables["detection"].filter(~pl.col("is_tested"))["marker"])
    own = tables["comparisons"].filter(pl.col("marker").is_in(list(refused)))
    assert set(own["method"]) <= {"fisher_detected"}
    assert own["difference_log2"].null_count() == own.height
    assert refused


@pytest.mark.slow
def test_markers_are_genes_and_a_name_that_is_none_is_told(goldens: Path, tmp_path: Path):
    folder = goldens / "bench" / "plasma_panel"
    head, _, rest = (folder / "panel.tsv").read_text().partition("\n")
    limits = (folder / "limits.tsv").read_text()
    files: dict[str, str | Path] = {name: folder / name for name in FILES}
    renamed = {"CXCL8": "IL-8", "CCL4": "MIP1", "TNF": "TNF-α", "CCL1": "Mystery 1"}
    for old, new in renamed.items():
        head = (
            head.replace(f"\t{old}\t", f"\t{new}\t") if f"\t{old}\t" in head else head.replace(f"\t{old}", f"\t{new}")
        )
        limits = limits.replace(f"\n{old}\t", f"\n{new}\t")
    files |= {"panel.tsv": f"{head}\n{rest}", "limits.tsv": limits}
    known = symbols(("IL8", "CXCL8", "previous"), ("TNFA", "TNF", "alias"), ("CCL20", "CCL20", "approved"),
                    ("CCL21", "CCL21", "approved"))  # fmt: skip
    options = PAPER.replace("[groups]", 'markers = { "CCL22" = "CCL21" }\n\n[groups]')
    found = tables_of(write_study_folder(tmp_path / "own", "plasma_panel", options, files), known)
    genes = {row["marker"]: (row["hgnc_symbol"], row["symbol_note"]) for row in found["detection"].to_dicts()}
    assert genes["IL-8"] == ("CXCL8", "previous symbol")
    assert genes["TNF-α"] == ("TNF", "alias symbol")
    assert genes["CCL20"] == ("CCL20", None)
    assert genes["CCL22"] == ("CCL21", "study.toml says CCL21; read as CCL21")
    assert genes["Mystery 1"] == (None, "not a name that HGNC knows: state its gene in study.markers")
    assert one(found["survival"], marker="IL-8")["hgnc_symbol"] == "CXCL8"


@pytest.mark.slow
def test_pairs_of_an_olink_panel(shared: Path, tmp_path: Path):
    """Long NPX of the vendor's demonstration: two time points, no limits table, no patients table."""
    table = shared / "data" / "bench" / "plasma_panel_olink_npx_data1_chemokines.tsv"
    options = 'platform = "olink"\npanel = "npx.tsv"\nbaseline = "Baseline"\n\n[pairs]\nlater = "Week.6"\n'
    found = tables_of(write_study_folder(tmp_path / "olink", "plasma_panel", options, {"npx.tsv": table}))
    assert found["detection"].height == 22
    paired = found["comparisons"].filter(pl.col("method") == "limma_paired")
    assert paired["p"].null_count() == 0
    assert paired["n_numerator"].min() > 40
    assert found["survival"].is_empty()
    below = found["values"].filter(pl.col("flag") == "below")
    assert below.height
    assert (below["value"] == below["log2_value"]).all(), "NPX below the limit is kept as it is"


@pytest.mark.slow
def test_fewer_than_five_pairs_and_few_patients_of_a_group_have_no_test(goldens: Path, tmp_path: Path):
    folder = goldens / "bench" / "plasma_panel"
    samples = (folder / "samples.tsv").read_text().splitlines()
    late = [row for row in samples if row.endswith("progression")]
    kept = [row for row in samples if row not in late[4:]]
    ids = {row.split("\t")[0] for row in kept[1:]}
    panel = (folder / "panel.tsv").read_text().splitlines()
    files = {
        "panel.tsv": "\n".join([panel[0], *(row for row in panel if row.split("\t")[0] in ids)]) + "\n",
        "samples.tsv": "\n".join(kept) + "\n",
        "limits.tsv": folder / "limits.tsv",
        "patients.tsv": folder / "patients.tsv",
    }
    options = PAPER.replace("early_months = 6", "early_months = 0.5")
    found = tables_of(write_study_folder(tmp_path / "few", "plasma_panel", options, files))
    paired = found["comparisons"].filter(pl.col("contrast") == "progression_vs_baseline")
    assert set(paired["p_note"]) == {"fewer than 5 pairs"}
    assert paired["p"].null_count() == paired.height
    groups = found["comparisons"].filter(pl.col("contrast") == "short_vs_long")
    assert all("fewer than 3 patients in a group" in note for note in groups["p_note"])


@pytest.mark.slow
def test_without_the_symbols_of_hgnc_a_panel_is_computed_and_says_so(goldens: Path, tmp_path: Path):
    folder = goldens / "bench" / "plasma_panel"
    local = write_study_folder(tmp_path / "own", "plasma_panel", PAPER, {name: folder / name for name in FILES})
    found = tables_of(local, symbols(("x", "x", "approved")).clear())
    assert set(found["detection"]["symbol_note"]) == {"the symbols of HGNC are not loaded"}
    assert found["survival"].height == 144


def test_every_core_table_of_the_kind_is_written(tables):
    assert set(tables) == set(CORE)
