from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.models.contrast import ResultContrast
from resistance_assets.catalog.models.lab_study import CountsStudy
from resistance_assets.catalog.registry import load_registry
from resistance_assets.connectors.lab_study.local_study import read_counts, read_deg_table
from resistance_assets.defs.graph import load_steps
from resistance_assets.demo.bench import dose_response, qpcr
from resistance_assets.demo.plan import (
    ARM_RESISTANT,
    PAIRED,
    PARENTAL_TREATED,
    PUBLISHED,
    RESISTANT,
    RESISTANT_TREATED,
)
from resistance_assets_tests.demo.conftest import WrittenDemo


def _counts(demo: WrittenDemo, study_id: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    local = demo.registry.local_studies[study_id]
    assert isinstance(local.study, CountsStudy)
    return read_counts(local.folder / local.study.counts, local.folder / local.study.samples)[:2]


def _log2_shares(counts: pl.DataFrame) -> np.ndarray:
    """log2 counts, each sample scaled so that its median gene agrees with the others: most genes do not change."""
    logged = np.log2(counts.drop("feature_id").to_numpy() + 0.5)
    return logged - np.median(logged - logged[:, :1], axis=0)


def _planted(demo: WrittenDemo, contrast_id: str, counts: pl.DataFrame) -> np.ndarray:
    effects = demo.truth.contrasts[contrast_id]
    return np.array([effects.get(gene, 0.0) for gene in counts["feature_id"]])


def test_the_registry_accepts_every_study(demo: WrittenDemo):
    registry = load_registry([demo.folder / "studies"], own_catalogs=[demo.folder / "catalog"])
    assert registry.study_faults == ()
    assert sorted(registry.local_studies) == [
        "demo_alk_plasma_panel",
        "demo_h1975_four_arms",
        "demo_h1975_resistance",
        "demo_h3122_combination",
        "demo_h3122_cxcl2_assays",
        "demo_h3122_dose_response",
        "demo_h3122_published",
        "demo_h3122_qpcr",
        "demo_h3122_xenograft",
        "demo_h3122_xenograft_cells",
        "demo_luad_followed",
        "demo_luad_paired",
    ]
    local = {c.id: c for c in registry.contrasts() if c.study_id in registry.local_studies}
    public = {c.id for c in registry.contrasts()} - set(local)
    assert set(local) | public == set(demo.truth.contrasts)
    assert local[RESISTANT].drug == "anlotinib"
    assert local[PUBLISHED].drug_class == "ALK-TKI"


@pytest.mark.parametrize(
    ("study_id", "contrast_id", "n_samples", "tolerance"),
    # Standard errors of a mean difference in log2: BCV 0.1, three against three, about 0.13; BCV 0.35, twelve pairs,
    # about 0.22. Counts vary by gene, so the root mean square over all genes is held against twice that.
    [("demo_h1975_resistance", RESISTANT, 6, 0.26), ("demo_luad_paired", PAIRED, 24, 0.44)],
)
def test_fold_changes_of_replicated_studies(
    demo: WrittenDemo, study_id: str, contrast_id: str, n_samples: int, tolerance: float
):
    counts, samples = _counts(demo, study_id)
    assert counts.shape == (2000, n_samples + 1)
    local = demo.registry.local_studies[study_id].contrasts[0]
    level = samples[local.factor].to_numpy()  # pyright: ignore
    shares = _log2_shares(counts)
    found = shares[:, level == local.numerator].mean(axis=1) - shares[:, level == local.denominator].mean(axis=1)
    planted = _planted(demo, contrast_id, counts)
    expressed = counts.drop("feature_id").to_numpy().mean(axis=1) > 20
    error = (found - planted)[expressed]
    assert np.sqrt((error**2).mean()) < tolerance
    changed = planted != 0
    assert (np.sign(found[changed]) == np.sign(planted[changed])).all()


def test_patients_of_the_paired_study_differ_and_are_paired(demo: WrittenDemo):
    counts, samples = _counts(demo, "demo_luad_paired")
    assert samples.group_by("patient_id").agg(pl.col("condition").sort()).n_unique("condition") == 1
    shares = _log2_shares(counts)
    order = samples.with_row_index().sort("patient_id", "condition")["index"].to_numpy().reshape(-1, 2)
    residual = shares - shares.mean(axis=1, keepdims=True)
    quiet = _planted(demo, PAIRED, counts) == 0
    pairs = [np.corrcoef(residual[quiet, a], residual[quiet, b])[0, 1] for a, b in order]
    strangers = [np.corrcoef(residual[quiet, order[i, 0]], residual[quiet, order[i - 1, 1]])[0, 1] for i in range(12)]
    # Patient variance 0.25 against residual variance of about 0.3 in log2: correlation near 0.4 within a pair.
    assert min(pairs) > 0.25
    assert max(strangers) < 0.1


def test_single_samples_carry_the_drug_response_and_its_loss(demo: WrittenDemo):
    counts, samples = _counts(demo, "demo_h1975_four_arms")
    assert samples["arm"].to_list() == ["P", "PA", "R", "RA"]
    shares = _log2_shares(counts)
    arm = dict(zip(samples["arm"], shares.T, strict=True))
    for contrast_id, numerator, denominator in (
        (PARENTAL_TREATED, "PA", "P"),
        (ARM_RESISTANT, "R", "P"),
        (RESISTANT_TREATED, "RA", "R"),
    ):
        planted = _planted(demo, contrast_id, counts)
        found = arm[numerator] - arm[denominator]
        changed = planted != 0
        # One sample per arm at BCV 0.1: standard error 0.2 in log2.
        assert np.sqrt(((found - planted)[changed] ** 2).mean()) < 0.4, contrast_id
    row = counts["feature_id"].to_list().index("CXCL2")
    assert demo.truth.response_class["CXCL2"] == "lost response"
    assert arm["PA"][row] - arm["P"][row] < -1
    assert abs(arm["RA"][row] - arm["R"][row]) < 0.6


def test_the_published_table_holds_probes_of_one_gene_of_several_and_of_none(demo: WrittenDemo):
    local = demo.registry.local_studies["demo_h3122_published"]
    contrast = local.contrasts[0]
    assert isinstance(contrast, ResultContrast)
    columns = {ours: vendor for ours, vendor in contrast.columns.model_dump().items() if vendor}
    table = read_deg_table(local.folder / contrast.table, columns)
    several = pl.col("hgnc_symbol").str.contains(" /// ", literal=True)
    assert table.height == 2000 + 300 + 60 + 80
    assert table.filter(several).height == 60
    assert table["hgnc_symbol"].null_count() == 80
    assert table["feature"].is_unique().all()
    assert table["p_value"].is_sorted()
    one_gene = table.filter(pl.col("hgnc_symbol").is_not_null() & ~several)
    assert one_gene["hgnc_symbol"].is_duplicated().sum() == 600
    planted = demo.truth.contrasts[PUBLISHED]
    changed = one_gene.filter(pl.col("hgnc_symbol").is_in(list(planted)))
    error = changed["log2_fold_change"] - changed["hgnc_symbol"].replace_strict(planted, return_dtype=pl.Float64)
    # Standard error 0.16 per probe.
    assert (error**2).mean() ** 0.5 < 0.25
    assert changed["p_value"].max() < 1e-4
    quiet = one_gene.filter(~pl.col("hgnc_symbol").is_in(list(planted)))
    assert 0.03 < (quiet["p_value"] < 0.05).mean() < 0.07
    # A renamed gene appears under its former symbol, as in a real array annotation.
    assert {"IL8", "SYNOLD0050"} <= set(one_gene["hgnc_symbol"])


@pytest.mark.slow
def test_the_steps_of_every_study_fit_into_one_graph(demo: WrittenDemo):
    made = load_steps(demo.registry)
    assert {f"parts.dose_response__wells__{dose_response.FOLDER}", f"parts.qpcr__wells__{qpcr.FOLDER}"} <= set(made)
