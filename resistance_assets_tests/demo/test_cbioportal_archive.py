from __future__ import annotations

import tarfile

import numpy as np
import polars as pl
import pytest

from resistance_assets.connectors.cbioportal.archive import CbioportalStudy, read_study
from resistance_assets.demo.cbioportal_archive import STUDY
from resistance_assets.science.correlation.correlation import correlate_genes
from resistance_assets.science.survival.screen import screen_cox
from resistance_assets_tests.demo.conftest import WrittenDemo

SOURCE = "cbioportal_luad_tcga_pan_can_atlas_2018"
FURTHER = ("mutations", "sv", "log2_cna", "rppa", "methylation", "timeline", "sequenced")
ENDPOINTS = ("OS", "DSS", "DFS", "PFS")


@pytest.fixture(scope="module")
def study(demo: WrittenDemo) -> CbioportalStudy:
    cohort = demo.registry.cohorts["luad_tcga"]
    events = [endpoint.status_attribute for endpoint in cohort.endpoint]
    months = [endpoint.months_attribute for endpoint in cohort.endpoint]
    return read_study(demo.source(SOURCE), required_patient_columns=[*events, *months], event_columns=events)


@pytest.fixture(scope="module")
def patients(study: CbioportalStudy) -> pl.DataFrame:
    wide = study.patient_attributes.pivot("attribute_id", index="patient_id", values="value")
    return wide.with_columns(
        pl.col([f"{e}_MONTHS" for e in ENDPOINTS]).cast(pl.Float64),
        *[pl.col(f"{e}_STATUS").str.slice(0, 1).cast(pl.Float64).alias(f"{e}_event") for e in ENDPOINTS],
    )


@pytest.fixture(scope="module")
def tumours(study: CbioportalStudy) -> pl.DataFrame:
    """log2(RSEM + 1) of the primary tumours, one row per gene with a symbol that occurs once."""
    matrix = study.matrices["rna_seq_v2_mrna"]
    primary = [column for column in matrix.columns[2:] if column.endswith("-01")]
    known = matrix.filter(pl.col("hugo_symbol").is_not_null() & pl.col("hugo_symbol").is_unique())
    return known.select("hugo_symbol", (pl.col(primary) + 1).log(2))


def test_files_headers_and_keys_are_those_of_the_host(demo: WrittenDemo, shared):
    real = shared / "mirror/files/datahub.assets.cbioportal.org/luad_tcga_pan_can_atlas_2018.tar.gz"

    def texts(path) -> dict[str, list[str]]:
        with tarfile.open(path) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            return {m.name: archive.extractfile(m).read().decode().splitlines() for m in members}  # pyright: ignore

    ours, theirs = texts(demo.source(SOURCE)), texts(real)
    # The full RSEM matrix is on the host and not in the cut-down copy.
    rsem = {f"{STUDY}/meta_mrna_seq_v2_rsem.txt", f"{STUDY}/data_mrna_seq_v2_rsem.txt"}
    further = {name for name in ours if any(f"_{word}" in name for word in FURTHER)}
    assert set(ours) - further == set(theirs) | rsem
    for table in ("patient", "sample"):
        name = f"{STUDY}/data_clinical_{table}.txt"
        # Header, data types and priorities to the byte; names and descriptions are our own words.
        # The demo's samples have one column more, tumour purity, which other studies of the host have.
        of_host = [
            line.removesuffix(extra)
            for line, extra in zip(ours[name][2:5], ("\tNUMBER", "\t1", "\tTUMOR_PURITY"), strict=True)
        ]
        assert (of_host if table == "sample" else ours[name][2:5]) == theirs[name][2:5]
        assert all(line.startswith("#") and line.count("\t") == ours[name][4].count("\t") for line in ours[name][:4])
    for name in theirs:
        if "/meta_" in name:
            expected = {line.partition(":")[0] for line in theirs[name]} - {"pmid"}
            assert {line.partition(":")[0] for line in ours[name]} == expected, name
    for name in (n for n in theirs if "/data_" in n and "clinical" not in n):
        assert ours[name][0].split("\t")[:2] == theirs[name][0].split("\t")[:2]


def test_the_archive_is_read_without_a_rejected_row(study: CbioportalStudy, demo: WrittenDemo):
    assert study.study_id == STUDY
    assert "synthetic" in study.meta["description"].lower()
    assert study.rejected.is_empty()
    assert study.patients.height == demo.truth.n_patients
    # 2,000 genes, one row without a symbol and one that repeats a symbol, as on the host.
    matrix = study.matrices["rna_seq_v2_mrna"]
    assert matrix.height == 2002
    assert matrix["hugo_symbol"].null_count() == 1
    assert matrix.filter(pl.col("hugo_symbol").is_duplicated()).height == 2
    assert sum(column.endswith("-01") for column in matrix.columns) == demo.truth.n_samples_expressed
    assert set(matrix.columns[2:]) <= set(study.samples["sample_id"])
    lists = study.case_lists.group_by("case_list_id").len().sort("len")["len"].to_list()
    assert lists == [240, 295, 295, 303]


def test_no_barcode_is_that_of_a_real_patient(study: CbioportalStudy, shared):
    sheet = (shared / "samples/cbioportal/cases_all.txt").read_text("utf-8")
    assert all(patient.startswith("TCGA-SY-") and len(patient) == 12 for patient in study.patients["patient_id"])
    assert "TCGA-SY-" not in sheet


def test_z_scores_are_those_of_the_linear_matrix(study: CbioportalStudy):
    linear, scores = study.matrices["rna_seq_v2_mrna"], study.matrices["rna_seq_v2_mrna_median_Zscores"]
    silent = linear.select(pl.max_horizontal(linear.columns[2:]) == 0).to_series()
    assert (
        scores.select(pl.all_horizontal(pl.col(scores.columns[2:]).is_null())).to_series().to_list() == silent.to_list()
    )
    diploid = study.matrices["gistic"].filter(hugo_symbol="CCL20").select(linear.columns[2:]).to_numpy()[0] == 0
    logged = np.log2(linear.filter(hugo_symbol="CCL20").select(linear.columns[2:]).to_numpy()[0] + 1)
    expected = (logged - logged[diploid].mean()) / logged[diploid].std(ddof=1)
    printed = scores.filter(hugo_symbol="CCL20").select(linear.columns[2:]).to_numpy()[0]
    # Four decimals are printed, and the linear values have six digits.
    np.testing.assert_allclose(printed, expected, atol=2e-4)


def test_endpoints_have_the_counts_of_a_real_cohort(patients: pl.DataFrame):
    n = {e: patients[f"{e}_event"].count() for e in ENDPOINTS}
    events = {e: patients[f"{e}_event"].sum() for e in ENDPOINTS}
    assert 0.33 <= events["OS"] / n["OS"] <= 0.38
    assert events["DSS"] < events["OS"] < events["PFS"]
    assert n["DFS"] < 0.75 * n["PFS"]
    assert patients.filter(pl.col("OS_MONTHS").is_null()).height == 5
    assert patients.filter(pl.col("OS_MONTHS") == 0).height == 2
    assert patients["AGE"].null_count() == 10
    assert patients.filter(pl.col("PFS_MONTHS") > pl.col("OS_MONTHS")).is_empty()
    # Whole days, divided as the host divides them.
    days = patients["OS_MONTHS"].drop_nulls() * 30.417
    assert (days - days.round()).abs().max() < 1e-6


def _endpoint(patients: pl.DataFrame, tumours: pl.DataFrame, endpoint: str):
    columns = tumours.columns[1:]
    order = pl.DataFrame({"patient_id": [column[:12] for column in columns]})
    rows = order.join(patients, on="patient_id", how="left", maintain_order="left")
    months, event = rows[f"{endpoint}_MONTHS"].to_numpy(), rows[f"{endpoint}_event"].to_numpy()
    usable = ~np.isnan(months) & ~np.isnan(event) & (months > 0)
    return tumours.select(columns).to_numpy()[:, usable], months[usable], event[usable]


@pytest.mark.parametrize("endpoint", ["OS", "PFS"])
def test_planted_hazards_are_found(demo: WrittenDemo, patients: pl.DataFrame, tumours: pl.DataFrame, endpoint: str):
    planted = demo.truth.log_hazard_per_sd[endpoint]
    x, months, event = _endpoint(patients, tumours, endpoint)
    genes = tumours["hugo_symbol"].to_list()
    row = {gene: at for at, gene in enumerate(genes)}
    # Given one another, the genes have the planted log hazard ratios, within 2.5 standard errors of about 0.11 each.
    core = [row[gene] for gene in planted]
    for gene in planted:
        others = x[[at for at in core if at != row[gene]]].T
        found = screen_cox(x[[row[gene]]], months, event, [gene], covariates=others).row(0, named=True)
        assert abs(np.log(found["hazard_ratio_per_sd"]) - planted[gene]) < 0.275, gene

    screen = screen_cox(x, months, event, genes)
    by_gene = {r["hgnc_symbol"]: r for r in screen.iter_rows(named=True)}
    for gene, effect in planted.items():
        assert (by_gene[gene]["hazard_ratio_per_sd"] > 1) == (effect > 0), gene
    assert by_gene["LDHA"]["q_value_bh"] < 0.05
    assert by_gene["NAPSA"]["q_value_bh"] < 0.05
    # As in the real cohort: nominally significant, near the top, and not beyond the multiplicity of all genes.
    assert by_gene["CCL20"]["p_value"] < 0.01
    assert by_gene["CCL20"]["q_value_bh"] > 0.05
    assert all(by_gene[gene]["p_value"] > 0.1 for gene in demo.truth.not_prognostic)
    # Genes without an effect are nominally significant about as often as chance has it.
    assert 0.03 < screen.filter(pl.col("p_value") < 0.05).height / screen.height < 0.08


def test_planted_correlations_are_found(demo: WrittenDemo, tumours: pl.DataFrame):
    x, genes = tumours.drop("hugo_symbol").to_numpy(), tumours["hugo_symbol"].to_list()
    found = correlate_genes(x, genes, ["CCL20"])
    rho = dict(found.select("hgnc_symbol_b", "rho").iter_rows())
    for gene, planted in demo.truth.spearman_with_ccl20.items():
        # Pearson's r is exact in the sample; the ranks of 292 values add about 0.02 to it.
        assert abs(rho[gene] - planted) < 0.05, gene
    assert abs(rho["AXL"]) < 0.05
