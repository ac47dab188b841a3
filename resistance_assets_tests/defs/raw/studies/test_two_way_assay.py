"""Two-way assays from their folders to their tables: R's numbers, and what is refused.

Tolerances are those of goldens/bench/assays: t, F and estimates relative 1e-9 (1e-8 of sums), GLM 1e-6 and its p 1e-4.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.errors import CatalogFault, Fault
from resistance_assets_tests.defs.raw.studies.bench_folders import golden, tables_of, write_study

KIND = "two_way_assay"
STUDY = """fields = "fields.tsv"
replicate_unit = "experiment"
"""
ASSAYS = """
[[assay]]
id = "cck8"
scale = "log"

[[assay]]
id = "wound_closure_percent"
scale = "percent"
start = "wound_width_0h"
end = "wound_width_24h"

[[assay]]
id = "invasion"
scale = "count"

[[assay]]
id = "apoptosis"
scale = "fraction"
"""
UNITS, EFFECTS, ANOVA = (f"core.assays__two_way{name}" for name in ("_units", "", "_anova"))


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "assays"


@pytest.fixture(scope="module")
def tables(folder: Path, tmp_path_factory) -> dict[str, pl.DataFrame]:
    place = tmp_path_factory.mktemp("two_way") / "study"
    return tables_of(write_study(place, STUDY, {"fields.tsv": folder / "two_way.tsv"}, kind=KIND, more=ASSAYS))


def agree(found: pl.DataFrame, name: str, theirs: str, relative: float, absolute: float = 0.0) -> None:
    for ours, other in zip(found[name], found[theirs], strict=True):
        assert ours == (None if other is None else pytest.approx(other, rel=relative, abs=absolute)), name


def test_every_unit_is_r_s(folder, tables):
    theirs = golden(folder / "two_way_units_expected.tsv").rename({"lig01": "ligand01"})
    theirs = theirs.with_columns(pl.col("experiment").cast(pl.Int64).cast(pl.String))
    key = ["assay", "experiment", "drug01", "ligand01"]
    both = tables[UNITS].join(theirs, on=key, suffix="_r", validate="1:1")
    assert both.height == theirs.height == tables[UNITS].height == 64
    agree(both, "value", "value_r", 1e-12)
    agree(both, "response", "response_r", 1e-9, 1e-12)


def test_every_effect_and_interaction_is_r_s(folder, tables):
    """With the experiment as fixed block; the random block gives the same t, because the design is balanced."""
    every = golden(folder / "two_way_tests_expected.tsv")
    found = tables[EFFECTS].filter(pl.col("model") == "least_squares")
    names = (("estimate", "estimate_r"), ("standard_error", "se"), ("degrees_of_freedom", "df"), ("t", "t_r"),
             ("p_value", "p"), ("lower", "lower_r"), ("upper", "upper_r"))  # fmt: skip
    theirs = every.filter(pl.col("model") == "block_fixed").drop("model", "scale")
    both = found.join(theirs, on=["assay", "term"], suffix="_r", validate="1:1")
    assert both.height == theirs.height == 16
    for ours, other in names:
        agree(both, ours, other, 1e-8)
    random = every.filter(pl.col("model") == "block_random").drop("model", "scale")
    both = found.join(random, on=["assay", "term"], suffix="_r", validate="1:1")
    assert both.height == random.height == 12
    agree(both.filter(~pl.col("singular")), "t", "t_r", 1e-5)


def test_every_analysis_of_variance_is_r_s(folder, tables):
    theirs = golden(folder / "two_way_anova_expected.tsv")
    both = tables[ANOVA].join(theirs, on=["assay", "source"], suffix="_r", validate="1:1")
    assert both.height == theirs.height == tables[ANOVA].height == 20
    for ours, other, relative in (
        ("degrees_of_freedom", "df", 0.0),
        ("sum_of_squares", "sum_sq", 1e-8),
        ("f", "F", 1e-8),
        ("p_value", "p", 1e-6),
    ):
        agree(both, ours, other, relative)


def test_every_model_of_counts_is_r_s(folder, tables):
    theirs = golden(folder / "two_way_glm_expected.tsv").filter(pl.col("family").str.starts_with("quasi"))
    theirs = theirs.with_columns(pl.col("assay").str.split("_").list.first()).rename({"family": "model"})
    both = tables[EFFECTS].join(theirs, on=["assay", "model", "term"], suffix="_r", validate="1:1")
    assert both.height == theirs.height == 6
    for ours, other, relative in (
        ("estimate", "estimate_r", 1e-6),
        ("standard_error", "se", 1e-5),
        ("degrees_of_freedom", "df", 0.0),
        ("dispersion", "dispersion_r", 1e-6),
        ("t", "statistic", 1e-5),
        ("p_value", "p", 1e-4),
        ("lower", "lower_r", 1e-5),
        ("upper", "upper_r", 1e-5),
    ):
        agree(both, ours, other, relative)


def test_wells_never_become_degrees_of_freedom(folder, tables, tmp_path):
    """44 degrees of freedom are those of wells that pose as experiments; without an id there is no test at all."""
    assert tables[EFFECTS]["degrees_of_freedom"].max() == 9
    text = pl.read_csv(folder / "two_way.tsv", separator="\t", infer_schema_length=0)
    bare = text.filter(pl.col("assay") == "cck8").drop("experiment").write_csv(separator="\t")
    cck8 = '[[assay]]\nid = "cck8"\nscale = "log"\n'
    with pytest.raises(Fault, match="there is no column experiment"):
        tables_of(write_study(tmp_path / "a", STUDY, {"fields.tsv": bare}, kind=KIND, more=cck8))
    study = STUDY.replace('replicate_unit = "experiment"\n', "")
    found = tables_of(write_study(tmp_path / "b", study, {"fields.tsv": bare}, kind=KIND, more=cck8))
    assert set(found[EFFECTS]["p_note"]) == {"no experiment id: wells are not replicates"}
    assert found[EFFECTS]["p_value"].null_count() == 5
    assert found[ANOVA].height == 0


def test_without_experiments_declared_there_are_estimates_and_no_p(folder, tmp_path):
    study = STUDY.replace('replicate_unit = "experiment"\n', "")
    local = write_study(tmp_path / "s", study, {"fields.tsv": folder / "two_way.tsv"}, kind=KIND, more=ASSAYS)
    found = tables_of(local)[EFFECTS]
    assert found["estimate"].null_count() == 0
    assert found["p_value"].null_count() == found.height
    assert all("replicate_unit" in note for note in found["p_note"])


# ---- refusals --------------------------------------------------------------------------------------------------------

HEADER = "assay\texperiment\tdrug\tligand\tfield\tvalue\tdenominator"


def rows(assay: str = "a", value: float = 20.0, denominator: str = "") -> list[str]:
    return [
        f"{assay}\t{experiment}\t{drug}\t{ligand}\t1\t{value + experiment}\t{denominator}"
        for experiment in (1, 2, 3)
        for drug in ("none", "crizotinib")
        for ligand in ("none", "CXCL2")
    ]


def read(place: Path, table: list[str], scale: str, more: str = "") -> dict[str, pl.DataFrame]:
    text = "\n".join([HEADER, *table]) + "\n"
    assay = f'[[assay]]\nid = "a"\nscale = "{scale}"\n{more}'
    return tables_of(write_study(place, STUDY, {"fields.tsv": text}, kind=KIND, more=assay))


def changed(row: int, before: str, after: str) -> list[str]:
    table = rows()
    table[row] = table[row].replace(before, after)
    return table


REFUSED = {
    "a count that is not whole": (
        changed(2, "21.0", "21.5"), "count", r"line 4, column value: 21.5 .*whole numbers",
    ),
    "a negative count": (
        changed(2, "21.0", "-1"), "count", r"line 4, column value: -1 .*whole numbers",
    ),
    "a fraction without denominator": (rows(), "fraction", r"line 2, column denominator: a fraction without"),
    "more cells than were counted": (rows(denominator="21"), "fraction", r"line 6, column value: 22 .*its denominator"),
    "fractions as percent": (rows(value=-2.0), "percent", r"largest value of a is .*look like fractions"),
    "two drugs": (
        changed(-1, "crizotinib", "anlotinib"), "log",
        r"column drug: its levels are none, crizotinib, anlotinib",
    ),
    "no row without ligand": (
        [row.replace("none\t1", "CXCL2\t1") for row in rows()], "log", r"column ligand: no row is without ligand",
    ),
    "an assay without a scale": ([*rows(), *rows("b")], "log", r"assay b has no declared scale"),
    "an assay that is not there": (rows("A549"), "log", r"there is no assay a \(expected one of A549"),
    "no experiment": (changed(0, "a\t1", "a\t"), "log", r"line 2, column experiment: the row has no"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_cannot_be_meant_is_refused_with_its_place(name, tmp_path):
    table, scale, message = REFUSED[name]
    with pytest.raises(Fault, match=message) as caught:
        read(tmp_path / "bench", table, scale)
    assert caught.value.remedy


def test_a_wound_without_width_at_the_start_is_refused(tmp_path):
    assay = '[[assay]]\nid = "closure"\nscale = "percent"\nstart = "w0"\nend = "w24"\n'
    table = [*rows("w0", 800.0), *rows("w24", 400.0)]

    def run(place: str, lines: list[str]) -> dict[str, pl.DataFrame]:
        text = "\n".join([HEADER, *lines]) + "\n"
        return tables_of(write_study(tmp_path / place, STUDY, {"fields.tsv": text}, kind=KIND, more=assay))

    assert run("a", table)[UNITS]["value"].min() == pytest.approx(100 * (1 - 403 / 803))
    with pytest.raises(Fault, match=r"line 2, column value: the wound's width at the start is 0.0"):
        run("b", [table[0].replace("801.0", "0"), *table[1:]])
    with pytest.raises(Fault, match=r"line 13, column field: the field has no w0"):
        run("c", table[1:])
    found = run("d", [*table[:-1], table[-1].replace("403.0", "900")])
    assert found[UNITS]["n_flagged"].sum() == 1, "a closure below 0 is kept and counted"
    assert found[UNITS].height == 12


def test_percentages_of_0_or_100_have_no_logit_and_are_modelled_as_counts(tmp_path):
    table = [row.replace("21.0", "0") if "\t1\tnone\tnone\t" in row else row for row in rows(denominator="100")]
    found = read(tmp_path / "bench", table, "fraction")
    assert found[UNITS]["response"].null_count() == 1
    models = found[EFFECTS].filter(pl.col("term") == "interaction", pl.col("p_value").is_not_null())["model"]
    assert set(models) == {"least_squares", "quasibinomial"}


def test_a_scale_must_be_declared_and_closure_is_in_percent(tmp_path):
    with pytest.raises(CatalogFault, match=r"assay.0.scale: .*'ratio' is not allowed"):
        read(tmp_path / "a", rows(), "ratio")
    with pytest.raises(CatalogFault, match="closure is in percent"):
        read(tmp_path / "b", rows(), "log", 'start = "a"\nend = "b"\n')
