"""The sources of patients on the demo: every profile of the archive, Xena and GDC, and what they say of one patient."""

from __future__ import annotations

import math

import polars as pl
import pytest

from resistance_assets.demo import DemoTruth
from resistance_assets.demo.alterations import DRIVERS, N_ANTIBODIES, N_LOG2_GENES, N_PROBES
from resistance_assets.demo.gdc_files import N_NORMALS, N_TUMOURS, gene_lengths
from resistance_assets.demo.plan import PAIRED, make_plan
from resistance_assets.science.survival.endpoints import summarise_endpoint
from resistance_assets_tests.warehouse_runs import ask


@pytest.fixture(scope="module")
def truth(demo_place) -> DemoTruth:
    import json

    return DemoTruth.from_json(json.loads((demo_place / "demo" / "truth.json").read_text()))


@pytest.fixture
def query(demo_place):
    return lambda sql: ask(demo_place / "data", sql)


def test_every_profile_of_the_archive_is_listed_and_says_where_its_values_are(query):
    profiles = dict(query("SELECT stable_id, loaded_into FROM raw.cbioportal__profiles").iter_rows())
    assert profiles == {
        "gistic": "raw.cbioportal__copy_number_values",
        "log2CNA": "raw.cbioportal__log2_copy_number_values",
        "methylation_hm27_hm450_merge": "raw.cbioportal__methylation_values",
        "mutations": "raw.cbioportal__mutations",
        "rna_seq_v2_mrna": "raw.cbioportal__mrna_values",
        "rna_seq_v2_mrna_median_Zscores": "raw.cbioportal__mrna_z_scores",
        "rppa": "raw.cbioportal__protein_values",
        "structural_variants": "raw.cbioportal__structural_variants",
    }
    for table in dict.fromkeys(profiles.values()):
        assert query(f"SELECT count(*) FROM {table}").item() > 0, table


def test_z_scores_and_expression_of_a_gene_tell_one_story(query):
    """A z-score is an affine transform of log2 expression within a gene, so the two correlate perfectly."""
    found = query("""
        SELECT z.hgnc_symbol, count(*) AS n, corr(z.z_score, e.expression_value) AS r
        FROM staging.cohorts__gene_z_scores AS z
        INNER JOIN staging.cohorts__gene_expression AS e USING (cohort_id, hgnc_symbol, patient_id)
        WHERE z.hgnc_symbol IN ('CCL20', 'AXL', 'LDHA') GROUP BY 1 ORDER BY 1
    """)
    assert found["hgnc_symbol"].to_list() == ["AXL", "CCL20", "LDHA"]
    assert found["n"].to_list() == [292] * 3
    # Four decimals are printed.
    assert found["r"].min() > 0.999_99


def test_alterations_reach_staging_with_patients_and_symbols(query):
    shares = query("""
        SELECT hgnc_symbol, count(DISTINCT patient_id) / 240 AS share FROM staging.cohorts__mutations
        WHERE is_protein_changing AND is_analysed_sample GROUP BY 1
    """)
    found = dict(shares.iter_rows())
    for gene, planted in DRIVERS.items():
        # Three standard errors of a share among 240.
        assert abs(found[gene] - planted) < 3 * math.sqrt(planted * (1 - planted) / 240), gene
    fractions = query("SELECT min(allele_fraction), max(allele_fraction) FROM staging.cohorts__mutations").row(0)
    assert 0 < fractions[0] < fractions[1] <= 0.5
    fusions = query("SELECT DISTINCT hgnc_symbol_site1, hgnc_symbol_site2 FROM staging.cohorts__structural_variants")
    assert fusions.rows() == [("EML4", "ALK")]
    events = query("""
        SELECT event_type, count(*) AS n, min(agent) IS NOT NULL AS has_agent, min(details) AS details
        FROM staging.cohorts__timeline GROUP BY 1 ORDER BY 1
    """)
    assert events["event_type"].to_list() == ["LAST CONTACT", "TREATMENT"]
    assert events["has_agent"].to_list() == [False, True]
    assert events["details"][0] == "EVENT_TYPE=LAST CONTACT"
    assert events["details"][1].startswith("AGENT=Cisplatin; TREATMENT_TYPE=")
    assert events["n"][1] == 60


def test_proteins_probes_and_log2_copy_number_are_per_patient(query):
    for table, column, features in (
        ("protein_levels", "feature_id", N_ANTIBODIES),
        ("methylation", "feature_id", N_PROBES),
        ("gene_log2_copy_number", "hgnc_symbol", N_LOG2_GENES),
    ):
        counted = query(f"SELECT count(DISTINCT {column}), count(*) FROM staging.cohorts__{table}").row(0)
        # One row per feature and analysed patient: recurrences are left out.
        assert counted == (features, features * 292), table
    antibodies = query(
        "SELECT count(DISTINCT feature_id) FROM staging.cohorts__protein_levels WHERE hgnc_symbol='CCL20'"
    )
    assert antibodies.item() == 2


def test_xena_is_a_cohort_of_its_own_with_tumours_and_normals_apart(query, truth: DemoTruth):
    endpoints = query(
        "SELECT endpoint, n_analysed FROM core.survival__cohort_endpoints WHERE cohort_id='luad_tcga_xena'"
    )
    assert set(endpoints["endpoint"]) == {"OS", "DSS", "DFI", "PFI"}
    # Days became months: the same patients, measured by the other source's months of 30.417 days.
    ratio = query("""
        SELECT min(x.time_months / c.time_months), max(x.time_months / c.time_months)
        FROM staging.cohorts__patient_endpoints AS x
        INNER JOIN staging.cohorts__patient_endpoints AS c
            ON c.cohort_id = 'luad_tcga' AND c.endpoint = 'DSS' AND c.patient_id = x.patient_id
        WHERE x.cohort_id = 'luad_tcga_xena' AND x.endpoint = 'DSS' AND c.time_months > 0
    """).row(0)
    assert ratio == pytest.approx((30.417 / 30.4375,) * 2, rel=1e-7)
    normals = query("SELECT count(*) FROM staging.cohorts__samples WHERE cohort_id='luad_tcga_xena' AND is_analysed"
                    " AND sample_type_code = '11'")  # fmt: skip
    assert normals.item() == 0
    # The old symbols of the host are today's, and the screens of both cohorts agree where they share a gene.
    screens = query("""
        SELECT hgnc_symbol, x.hazard_ratio_per_sd AS xena, c.hazard_ratio_per_sd AS cbioportal
        FROM core.survival__cohort_endpoint_genes AS x
        INNER JOIN core.survival__cohort_endpoint_genes AS c USING (hgnc_symbol, model)
        WHERE model = 'continuous' AND x.cohort_id = 'luad_tcga_xena' AND c.cohort_id = 'luad_tcga'
            AND x.endpoint = 'PFI' AND c.endpoint = 'PFS'
    """)
    assert screens.height >= 115
    effects = screens.filter(pl.col("hgnc_symbol").is_in(list(truth.log_hazard_per_sd["PFS"])))
    assert ((effects["xena"] > 1) == (effects["cbioportal"] > 1)).all()


def test_tumour_against_normal_finds_what_is_planted_at_both_hosts(query, truth: DemoTruth):
    planted = truth.contrasts[PAIRED]
    tests = query(
        "SELECT * FROM core.expression__tumour_normal WHERE dataset_id IN ('gdc_tcga_luad', 'luad_tcga_xena')"
    )
    for dataset, n_tumour, n_normal in (("gdc_tcga_luad", N_TUMOURS, N_NORMALS), ("luad_tcga_xena", 180, 20)):
        found = tests.filter(dataset_id=dataset).filter(pl.col("p_value").is_not_null())
        assert (found["n_tumour"].max(), found["n_normal"].max()) == (n_tumour, n_normal)
        changed = found.filter(pl.col("hgnc_symbol").is_in(list(planted)))
        right = changed.filter(pl.col("difference") * pl.col("hgnc_symbol").replace_strict(planted) > 0)
        # All effects are of 1.8 and more on the log2 scale, against a spread of about 0.5.
        assert right.height >= 0.95 * changed.height > 0, dataset
        others = found.filter(~pl.col("hgnc_symbol").is_in(list(planted)))
        assert (others["q_value_bh"] < 0.05).mean() < 0.10, dataset


def test_gene_lengths_are_those_that_the_counts_were_made_with(query, truth: DemoTruth):
    plan = make_plan(
        truth.seed, truth.generator, n_patients=truth.n_patients, n_samples_expressed=truth.n_samples_expressed
    )
    lengths = dict(zip(plan.symbols, gene_lengths(plan).tolist(), strict=True))
    found = query("""
        SELECT g.source_symbol, g.length_bp, g.resolution, max(c.read_count) AS reads FROM staging.gdc__genes AS g
        INNER JOIN raw.gdc__gene_counts AS c USING (project_id, gene_id) GROUP BY ALL
    """)
    assert found.height > 1900
    assert set(found["resolution"]) == {"ensembl"}
    wrong = found.filter(pl.col("length_bp") != pl.col("source_symbol").replace_strict(lengths))
    # FPKM has four decimals: of the highest value of a gene, half of the last digit is far below one base pair.
    assert wrong.is_empty()
    copy = query("SELECT length_bp FROM staging.gdc__genes WHERE gene_id LIKE '%_PAR_Y'")
    assert copy.rows() == [(None,)]


def test_the_dictionary_says_where_endpoints_come_from(query):
    found = query("SELECT * FROM marts.endpoint_dictionary WHERE patient_set = 'luad_tcga'")
    rows = {(r["endpoint"], r["source_id"]): r for r in found.iter_rows(named=True)}
    assert set(rows) == {
        *((e, "luad_tcga") for e in ("OS", "DSS", "DFS", "PFS")),
        *((e, "luad_tcga_xena") for e in ("OS", "DSS", "DFS", "PFS")),
        ("OS", "gdc_tcga_luad"),
    }
    xena = rows["PFS", "luad_tcga_xena"]
    assert (xena["source_endpoint"], xena["event_attribute"], xena["time_attribute"], xena["time_unit"]) == (
        "PFI", "PFI", "PFI.time", "days",
    )  # fmt: skip
    assert [r["is_reference"] for r in rows.values()].count(True) == 4
    # Two sources disagree on three patients in all; on the other endpoints they are of one mind.
    assert {key: r["n_disagreeing"] for key, r in rows.items() if r["n_disagreeing"]} == {
        ("OS", "luad_tcga"): 3, ("OS", "luad_tcga_xena"): 3, ("OS", "gdc_tcga_luad"): 3,
    }  # fmt: skip
    assert rows["OS", "gdc_tcga_luad"]["n_events"] == rows["OS", "luad_tcga"]["n_events"] + 1


def test_follow_up_of_the_dictionary_is_that_of_the_survival_module(query):
    values = query("SELECT * FROM staging.endpoints__patient_values WHERE event_observed IS NOT NULL")
    dictionary = query("SELECT * FROM marts.endpoint_dictionary")
    assert dictionary.height == 10
    for row in dictionary.iter_rows(named=True):
        own = values.filter(endpoint=row["endpoint"], source_id=row["source_id"], patient_set=row["patient_set"])
        expected = summarise_endpoint(own["time_months"], own["event_observed"], endpoint=row["endpoint"]).row(
            0, named=True
        )
        assert (row["n_usable"], row["n_events"]) == (expected["n"], expected["events"]), row["source_id"]
        assert row["median_follow_up_months"] == pytest.approx(expected["median_follow_up_months"], rel=1e-9)


def test_patients_on_whom_sources_disagree_stand_with_both_values(query):
    found = query("SELECT * FROM marts.endpoint_disagreements ORDER BY patient_id, source_id_a, source_id_b")
    assert set(found["endpoint"]) == {"OS"}
    first, second, third = found["patient_id"].unique(maintain_order=True)

    def told(patient: str, a: str, b: str) -> tuple:
        row = found.filter(patient_id=patient, source_id_a=a, source_id_b=b).row(0, named=True)
        return row["disagreement"], row["event_observed_a"], row["event_observed_b"], row["difference_months"]

    assert told(first, "luad_tcga", "luad_tcga_xena")[:3] == ("event", 0, 1)
    kind, *events, later = told(second, "luad_tcga", "luad_tcga_xena")
    assert (kind, events) == ("time", [0, 0])
    # 300 days more, and 0.07 % for the other month.
    assert later == pytest.approx(300 / 30.4375, abs=0.05)
    assert told(third, "gdc_tcga_luad", "luad_tcga")[:3] == ("event and time", 1, 0)
    assert found.height == 6


def test_no_patient_counts_twice_in_the_meta_analysis(query):
    pooled = query("SELECT DISTINCT endpoint, cohort_ids FROM core.survival__meta_analysis")
    assert pooled.rows() == [("OS", "demo_luad_followed|luad_tcga")]
