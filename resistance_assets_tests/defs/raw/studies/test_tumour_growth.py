"""Tables of tumour growth against R, from the files of a study folder through the functions of the steps.

Tolerances as goldens/bench/tumour_growth states them. Growth rates of a random intercept alone are held against R as
well: the table has them with the role not_valid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs import study_kinds
from resistance_assets.defs.raw.studies.tumour_growth import CORE, analyse, read_tables
from resistance_assets.orchestration.checks import validate
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import run_step
from resistance_assets_tests.study_folder import write_study_folder

PAPER = """\
measurements = "measurements.tsv"
mice = "mice.tsv"
control_arm = "vehicle"
combination_arm = "combination"
combination_of = ["anti_CCL20", "crizotinib"]
volume_limit_mm3 = 1500
"""


def tables_of(folder: Path, options: str, files: dict[str, str | Path]) -> dict[str, pl.DataFrame]:
    local = write_study_folder(folder, "tumour_growth", options, files)
    made = analyse(local, read_tables(local))
    for name, frame in made.items():
        assert all(check.passed for check in validate(TABLES[name], frame)), name
    return {name.partition("__")[2]: frame for name, frame in made.items()}


@pytest.fixture(scope="module")
def expected(goldens: Path):
    def read(name: str) -> pl.DataFrame:
        path = goldens / "bench" / "tumour_growth" / f"{name}.tsv"
        return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None)

    return read


@pytest.fixture(scope="module")
def tables(goldens: Path, tmp_path_factory) -> dict[str, pl.DataFrame]:
    folder = goldens / "bench" / "tumour_growth"
    files: dict[str, str | Path] = {name: folder / name for name in ("measurements.tsv", "mice.tsv")}
    return tables_of(tmp_path_factory.mktemp("growth") / "own", PAPER, files)


def one(frame: pl.DataFrame, **where: Any) -> dict[str, Any]:
    return frame.filter(*(pl.col(name) == value for name, value in where.items())).row(0, named=True)


@pytest.mark.slow
def test_volumes(tables, expected):
    wanted = expected("volumes_expected")
    found = tables["volumes"].select(wanted.columns)
    assert_frame_equal(found, wanted, rel_tol=1e-9, abs_tol=1e-9, check_dtypes=False)


def test_growth_rates_of_every_model(tables, expected):
    """Estimates 1e-4 of their error, errors and degrees of freedom 1e-3, p 1e-2."""
    rates, contrasts = tables["growth_rates"], tables["contrasts"]
    wanted = expected("mixed_contrasts_expected")
    assert wanted.height == 40
    for row in wanted.iter_rows(named=True):
        kind, _, what = row["contrast"].partition(":")
        if kind == "growth_rate_per_day":
            found = one(rates, model=row["model"], arm=what)
            estimate = found["rate_per_day"]
            doubling = row["doubling_time_days"]
            assert found["doubling_days"] == (doubling and pytest.approx(doubling, rel=1e-4))
        else:
            ours = {"measure": "growth_rate_per_day", "method": row["model"]}
            if kind == "interaction":
                found = one(contrasts, **ours, kind="interaction")
            else:
                numerator, denominator = what.split("_vs_")
                found = one(contrasts, **ours, kind="difference", numerator=numerator, denominator=denominator)
            estimate = found["estimate"]
        assert abs(estimate - row["estimate"]) <= 1e-4 * row["se"]
        assert found["standard_error"] == pytest.approx(row["se"], rel=1e-3)
        assert found["degrees_of_freedom"] == pytest.approx(row["df_satterthwaite"], rel=1e-3)
        assert found["p_value"] == pytest.approx(row["p_satterthwaite"], rel=1e-2)
        assert abs(found["ci_lower"] - row["lower"]) <= 1e-3 * row["se"]
        assert abs(found["ci_upper"] - row["upper"]) <= 1e-3 * row["se"]


def test_fixed_effects_of_every_model(tables, expected):
    """The intercepts too: the table gives ln volume on day 0 per arm."""
    for row in expected("mixed_fixed_effects_expected").iter_rows(named=True):
        rates = tables["growth_rates"].filter(pl.col("model") == row["model"])
        control = one(rates, arm="vehicle")
        term = row["term"].replace(":", "").replace("day", "", 1) if "day:" in row["term"] else row["term"]
        if term == "(Intercept)":
            found = control["ln_volume_at_day_0"]
        elif term == "day":
            found = control["rate_per_day"]
        else:
            own = one(rates, arm=term.removeprefix("arm"))
            name = "rate_per_day" if "day" in row["term"] else "ln_volume_at_day_0"
            found = own[name] - control[name]
        assert abs(found - row["estimate"]) <= 1e-4 * row["se"], row["term"]


def test_variances_and_likelihoods_of_every_model(tables, expected):
    names = {
        ("(Intercept)", None): "intercept_variance",
        ("day", None): "slope_variance",
        ("(Intercept)", "day"): "intercept_slope_covariance",
    }
    for row in expected("mixed_variance_expected").iter_rows(named=True):
        found = one(tables["growth_rates"], model=row["model"], arm="vehicle")
        assert found["log_likelihood"] == pytest.approx(row["reml_loglik"], abs=1e-5)
        assert found["is_singular"] == row["singular"]
        value = found["residual_sd"] ** 2 if row["group"] == "Residual" else found[names[row["var1"], row["var2"]]]
        assert value == pytest.approx(row["variance_or_covariance"], rel=1e-3)


@pytest.mark.parametrize(
    ("model", "file"), [("random_slope", "mixed_nlme_expected"), ("random_slope_car1", "mixed_car1_expected")]
)
def test_models_of_nlme(tables, expected, model, file):
    """Estimates 1e-4 of their error, errors 1e-3. nlme's degrees of freedom go by containment, ours by Satterthwaite.

    R's search for phi stopped at 0.014, where the likelihood is below that of phi = 0, a special case of the model:
    ours is not lower than R's, and its estimates are away from R's by up to 1.2e-4 of their error.
    """
    tolerance = 2e-4 if model == "random_slope_car1" else 1e-4
    rates = tables["growth_rates"].filter(pl.col("model") == model)
    control = one(rates, arm="vehicle")
    for row in expected(file).iter_rows(named=True):
        arm = row["term"].removeprefix("day:").removeprefix("arm")
        name = "rate_per_day" if row["term"].startswith("day") else "ln_volume_at_day_0"
        found = control[name] if arm in ("(Intercept)", "day") else one(rates, arm=arm)[name] - control[name]
        assert abs(found - row["estimate"]) <= tolerance * row["se"], row["term"]
        assert control["log_likelihood"] >= row["reml_loglik"] - 1e-5
        if row["term"].startswith("day:"):
            versus = one(tables["contrasts"], method=model, numerator=arm, denominator="vehicle", kind="difference")
            assert versus["standard_error"] == pytest.approx(row["se"], rel=1e-3)
        elif row["term"] == "day":
            assert control["standard_error"] == pytest.approx(row["se"], rel=1e-3)
        if "phi_per_day" in row:
            assert 0.0 <= control["phi_per_day"] <= row["phi_per_day"]
            assert control["p_value_phi"] == pytest.approx(row["p_car1_vs_independent"])


def test_the_model_to_read_has_random_slopes_and_a_random_intercept_alone_is_never_it(tables):
    roles = dict(tables["growth_rates"].select("model", "role").unique().iter_rows())
    assert roles["random_slope"] == "primary"
    assert roles["random_intercept"] == "not_valid"
    wrong = one(tables["contrasts"], method="random_intercept", numerator="anti_CCL20", denominator="vehicle")
    right = one(tables["contrasts"], method="random_slope", numerator="anti_CCL20", denominator="vehicle")
    assert wrong["p_value"] < 0.05 < right["p_value"]


def test_what_each_mouse_went_through(tables, expected):
    wanted = expected("per_mouse_expected").sort("mouse_id").rename(
        {"slope_se": "slope_standard_error", "weight_loss_over_20": "is_toxic_weight_loss"}
    ).with_columns(pl.col("max_weight_loss_percent").abs())  # fmt: skip
    assert_frame_equal(
        tables["mice"].select(wanted.columns),
        wanted.cast({"complete_regression": pl.Boolean, "is_toxic_weight_loss": pl.Boolean}),
        rel_tol=1e-9,
        abs_tol=1e-9,
        check_dtypes=False,
    )


def test_comparisons_of_slopes_and_areas(tables, expected):
    names = {"n_numerator": "n1", "n_denominator": "n2", "mean_numerator": "mean1", "mean_denominator": "mean2",
             "estimate": "difference", "ci_lower": "welch_lower", "ci_upper": "welch_upper", "statistic": "welch_t",
             "degrees_of_freedom": "welch_df", "p_value": "welch_p", "wilcoxon_w": "wilcoxon_W",
             "p_wilcoxon": "wilcoxon_exact_p", "p_value_holm": "welch_p_holm"}  # fmt: skip
    wanted = expected("group_tests_expected").rename({theirs: ours for ours, theirs in names.items()})
    key = ["measure", "numerator", "denominator"]
    found = tables["contrasts"].filter(pl.col("method") == "welch").select(*key, *names)
    assert_frame_equal(
        found.sort(key), wanted.select(*key, *names).sort(key), rel_tol=1e-8, abs_tol=1e-12, check_dtypes=False
    )


def test_slopes_as_a_two_by_two_design(tables, expected):
    own = tables["contrasts"].filter(pl.col("method") == "two_by_two")
    for row in expected("slope_two_way_expected").iter_rows(named=True):
        where = {"intercept": {"kind": "rate"}, "interaction": {"kind": "interaction"}}.get(
            row["term"], {"kind": "difference", "numerator": row["term"]}
        )
        found = one(own, **where)
        ours = ("estimate", "standard_error", "degrees_of_freedom", "statistic", "p_value", "ci_lower", "ci_upper")
        theirs = ("estimate", "se", "df", "t", "p", "lower", "upper")
        for name, other in zip(ours, theirs, strict=True):
            assert found[name] == pytest.approx(row[other], rel=1e-8)


def test_treatment_to_control(tables, expected):
    names = {"n_vehicle": "n_control", "vehicle_started": "control_started", "mean_treated": "mean_treated_mm3",
             "mean_vehicle": "mean_control_mm3", "zero_volumes_left_out_of_geometric": "zero_volumes_left_out",
             "tgi_percent_delta": "tgi_percent", "tgi_delta_se": "tgi_standard_error",
             "tgi_percent_endpoint": "tgi_percent_end_points"}  # fmt: skip
    wanted = expected("tc_tgi_expected").rename(names)
    columns = [name for name in wanted.columns if name != "wilcoxon_exact_p_volume"]
    found, key = tables["treatment_to_control"], ["arm", "day"]
    assert_frame_equal(
        found.select(columns).sort(key),
        wanted.select(columns).sort(key),
        rel_tol=1e-8,
        abs_tol=1e-10,
        check_dtypes=False,
    )
    both = found.join(wanted.select(*key, "wilcoxon_exact_p_volume").cast({"day": pl.Float64}), on=key).filter(
        pl.col("wilcoxon_method") == "exact"
    )
    assert both.height > 20
    for row in both.iter_rows(named=True):
        assert row["wilcoxon_p_volume"] == pytest.approx(row["wilcoxon_exact_p_volume"], rel=1e-9)
    days = dict(found.filter(pl.col("day_role").is_not_null()).select("day_role", "day").unique().iter_rows())
    assert days == {"last_complete": 14.0, "asked": 26.0}


def test_volumes_of_the_last_day_by_the_rule_of_papers(tables, expected):
    """Tukey's p by the studentized range of another library: relative 1e-6, as its quadrature allows."""
    own = tables["contrasts"].filter(pl.col("method") == "tukey_of_one_day")
    assert set(own["role"]) == {"as_published"}
    for row in expected("last_day_expected").iter_rows(named=True):
        found = one(own, numerator=row["numerator"], denominator=row["denominator"])
        for name, other, tolerance in (
            ("day", "day", 0), ("n_mice", "n", 0), ("anova_f", "anova_F", 1e-9), ("p_anova", "anova_p", 1e-9),
            ("estimate", "difference", 1e-9), ("p_student", "student_p", 1e-9), ("p_welch", "welch_p", 1e-9),
            ("ci_lower", "tukey_lower", 1e-5), ("ci_upper", "tukey_upper", 1e-5), ("p_value", "tukey_p", 1e-6),
            ("p_tukey_ln_volume", "tukey_p_log_volume", 1e-5),
        ):  # fmt: skip
            assert found[name] == pytest.approx(row[other], rel=tolerance, abs=1e-12), name


def test_times_to_doubling_and_quadrupling(tables, expected):
    key = ["event", "arm", "day"]
    curves = tables["time_to_event"]
    wanted = expected("time_to_event_km_expected").rename({"lower": "ci_lower", "upper": "ci_upper"})
    assert_frame_equal(
        curves.select(wanted.columns).sort(key), wanted.sort(key), rel_tol=1e-8, abs_tol=1e-12, check_dtypes=False
    )
    medians = expected("time_to_event_medians_expected").sort("event", "arm")
    found = curves.select(
        "event", "arm", n="n_mice", events="n_events", median_days="median_days", median_lower="median_ci_lower",
        median_upper="median_ci_upper",
    ).unique().sort("event", "arm")  # fmt: skip
    assert_frame_equal(found, medians, check_dtypes=False)


def test_tests_of_times_to_events(tables, expected):
    """Where an arm has no event R's hazard ratio runs to 0: ours is penalised, tests are R's all the same."""
    own = tables["contrasts"].filter(pl.col("method") == "log_rank_and_cox")
    penalised = 0
    for row in expected("time_to_event_tests_expected").iter_rows(named=True):
        found = one(
            own,
            measure=f"time_to_{row['event']}",
            numerator=row["numerator"],
            denominator=row["denominator"],
        )
        assert found["statistic"] == pytest.approx(row["chisq"], rel=1e-8)
        assert found["degrees_of_freedom"] == row["df"]
        assert found["p_value"] == pytest.approx(row["p_logrank"], rel=1e-7)
        if row["numerator"] == "all":
            continue
        # R stops where its coefficient runs away; the likelihood is then at its limit to some 1e-9.
        assert found["p_likelihood_ratio"] == pytest.approx(row["p_lrt"], rel=1e-5)
        if row["message"]:
            penalised += 1
            assert found["estimator"] == "firth"
            assert found["p_wald"] is None
            assert 0 < found["hazard_ratio"] < found["hazard_ratio_ci_upper"] < 1
        else:
            for name, other in (("hazard_ratio", "hazard_ratio"), ("hazard_ratio_ci_lower", "lower"),
                                ("hazard_ratio_ci_upper", "upper"), ("p_wald", "p_wald")):  # fmt: skip
                assert found[name] == pytest.approx(float(row[other]), rel=1e-6)
    assert penalised == 6


def test_regressions_are_counted_beside_the_rate_that_they_are_not_in(tables):
    found = one(tables["growth_rates"], model="random_slope", arm="combination")
    assert (found["n_zero_volumes"], found["n_mice_with_zero_volume"]) == (4, 1)
    assert found["rate_note"].startswith("1 mouse in complete regression: 4 volumes of 0 have no logarithm")
    assert found["doubling_days"] is None
    assert tables["mice"].filter(pl.col("is_toxic_weight_loss"))["mouse_id"].to_list() == ["m20"]


@pytest.mark.slow
def test_one_line_in_six_arms_of_eight_mice(shared: Path, tmp_path: Path):
    """A tumour line of DRAP: two rows of a mouse that was gone are no regression, and end the last complete day."""
    bench = shared / "data" / "bench"
    found = tables_of(
        tmp_path / "drap",
        'measurements = "volume.tsv"\nbody_weights = "weight.tsv"\ncontrol_arm = "Control"\n',
        {
            "volume.tsv": bench / "tumour_growth_drap_oneAN.volume.data.tsv",
            "weight.tsv": bench / "tumour_growth_drap_oneAN.bw.data.tsv",
        },
    )
    assert found["volumes"].height == 382
    primary = found["growth_rates"].filter(pl.col("role") == "primary")
    assert primary["n_mice"].to_list() == [8] * 6
    # The correlated random slope is singular here, so the uncorrelated one is read.
    assert set(primary["model"]) == {"random_slope_uncorrelated"}
    assert not found["mice"]["complete_regression"].any()
    days = found["treatment_to_control"].filter(pl.col("day_role") == "last_complete")["day"].unique().to_list()
    assert days == [15.0]


@pytest.mark.slow
def test_patients_tumours_are_compared_in_pairs_and_mice_are_no_replicates(shared: Path, tmp_path: Path):
    bench = shared / "data" / "bench"
    pdxe = tables_of(
        tmp_path / "pdxe",
        'measurements = "m.tsv"\ncontrol_arm = "untreated"\n',
        {"m.tsv": bench / "tumour_growth_pdxe_nsclc.tsv"},
    )
    assert set(pdxe["growth_rates"]["model"]) == {"paired_tumour_slopes"}
    alpelisib = one(pdxe["contrasts"], numerator="BYL719", kind="difference")
    assert (alpelisib["n_numerator"], alpelisib["degrees_of_freedom"]) == (25, 24.0)
    assert alpelisib["ci_upper"] < 0
    assert set(pdxe["contrasts"]["measure"]) == {"growth_rate_per_day"}
    assert pdxe["treatment_to_control"]["welch_p_volume"].null_count() == pdxe["treatment_to_control"].height
    several = tables_of(
        tmp_path / "four",
        'measurements = "v.tsv"\ncontrol_arm = "Control"\nwithin_tumours = true\n',
        {"v.tsv": bench / "tumour_growth_drap_TAN.volume.data.tsv"},
    )
    assert set(several["contrasts"]["n_numerator"]) == {4}, "the tumour is the replicate, not its eight mice"


@pytest.mark.slow
def test_few_mice_give_numbers_and_no_tests(goldens: Path, tmp_path: Path):
    folder = goldens / "bench" / "tumour_growth"
    mice = [row for row in (folder / "mice.tsv").read_text().splitlines() if "anti_CCL20" not in row]
    gone = {"m13", "m14", "m15", "m16"}
    kept = "\n".join(row for row in mice if row.split("\t")[0] not in gone)
    names = {row.split("\t")[0] for row in kept.splitlines()[1:]}
    lines = (folder / "measurements.tsv").read_text().splitlines()
    rows = "\n".join([lines[0], *(line for line in lines if line.split("\t")[0] in names)])
    options = 'measurements = "m.tsv"\nmice = "mice.tsv"\ncontrol_arm = "vehicle"\n'
    found = tables_of(tmp_path / "few", options, {"m.tsv": rows, "mice.tsv": kept})
    row = one(found["contrasts"], method="random_slope", numerator="crizotinib", kind="difference")
    assert row["estimate"] is not None
    assert row["p_value"] is None
    assert row["p_note"] == "fewer than 3 mice in crizotinib"


@pytest.mark.slow
def test_the_steps_of_a_study_write_its_partitions_and_their_unions(goldens: Path, tmp_path: Path):
    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.orchestration.steps import ExternalInput

    folder = goldens / "bench" / "tumour_growth"
    write_study_folder(
        tmp_path / "own", "tumour_growth", PAPER, {name: folder / name for name in ("measurements.tsv", "mice.tsv")}
    )
    registry = load_registry([tmp_path / "own"])
    steps = {name: step for step in study_kinds.steps(registry) for name in step.outputs}
    lake = Lake(tmp_path / "lake")
    own = [name for name in steps if name.startswith("parts.tumour_growth") and name.endswith("__own")]
    assert len(own) == 8
    for name in own:
        run_step(lake, steps[name])
    for table in ("raw.tumour_growth__enrolled_mice", *(f"core.tumour_growth__{name}" for name in CORE)):
        result = run_step(lake, steps[table])[table]
        assert result.table_version.rows > 0
        assert set(lake.read(table)["study_id"]) == {"own"}
    assert (
        run_step(lake, steps["core.tumour_growth__contrasts"])["core.tumour_growth__contrasts"].outcome == "cache hit"
    )
    assert isinstance(next(iter(steps[own[0]].external_inputs(None).values())), ExternalInput)
