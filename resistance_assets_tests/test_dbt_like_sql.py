"""The SQL models and tests of dbt_like_sql, run on small tables and on the real cohort."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.catalog.tables import LAYERS, TABLES
from resistance_assets.orchestration.checks import validate
from resistance_assets.orchestration.sql_models import load_models, load_tests, models_folder, run_model, run_test

MODELS = load_models(models_folder(), TABLES)
TESTS = load_tests(models_folder(), MODELS, TABLES)
_BLANK = {pl.String: "x", pl.Int64: 0, pl.Float64: 0.0, pl.Boolean: False}


def rows(address: str, *given: Mapping[str, Any]) -> pl.DataFrame:
    """A table of the given cells; what is not given is null where it may be, else a blank of its type."""
    columns = TABLES[address].columns
    assert all(name in TABLES[address].polars_schema for row in given for name in row)
    filled = [{c.name: r.get(c.name, None if c.nullable else _BLANK[c.dtype]) for c in columns} for r in given]
    return pl.DataFrame(filled, schema=TABLES[address].polars_schema)


class Warehouse:
    """Given tables, and those that the models make of them."""

    def __init__(self, **tables: list[dict[str, Any]] | pl.DataFrame) -> None:
        self.tables_given = tables
        given = {name.replace("__", ".", 1): content for name, content in tables.items()}
        self.tables = {a: t if isinstance(t, pl.DataFrame) else rows(a, *t) for a, t in given.items()}

    def __getitem__(self, address: str) -> pl.DataFrame:
        if address not in self.tables:
            model = MODELS.get(address)
            self.tables[address] = (
                run_model(model, {ref: self[ref] for ref in model.refs}) if model else TABLES[address].empty()
            )
        return self.tables[address]

    def ask(self, address: str, *columns: str, **where: Any) -> list[tuple]:
        return self[address].filter(**where).select(columns).rows()


# ---- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", MODELS)
def test_every_model_makes_an_empty_table_of_empty_tables(address: str):
    made = run_model(MODELS[address], {ref: TABLES[ref].empty() for ref in MODELS[address].refs})
    assert made.equals(TABLES[address].empty())


@pytest.mark.parametrize("address", MODELS)
def test_every_model_says_what_it_is_and_where_its_columns_come_from(address: str):
    model = MODELS[address]
    assert model.description.endswith((".", '"'))
    known = {f"{t.address}.{c.name}" for t in TABLES.values() if t.layer in LAYERS for c in t.columns}
    constants = {column for column, upstream in model.lineage.items() if not upstream}
    assert set(model.lineage) == set(model.table.polars_schema)
    assert {upstream for found in model.lineage.values() for upstream in found} <= known
    assert constants <= {"measurement", "kind", "prefers_entrez_id"}


def test_every_test_guards_a_table_and_says_why():
    assert all(test.description.endswith((".", ").")) for test in TESTS.values())
    guarded = {test.table for test in TESTS.values()}
    assert {"staging.cohorts__samples", "staging.genes__measured", "core.deg__contrast_genes"} <= guarded


# ---- symbols ---------------------------------------------------------------------------------------------------------


def gene(number: int, symbol: str, *, previous: str = "", alias: str = "", status: str = "Approved") -> dict[str, Any]:
    return {
        "hgnc_id": f"HGNC:{number}",
        "symbol": symbol,
        "status": status,
        "prev_symbol": previous or None,
        "alias_symbol": alias or None,
        "entrez_id": number,
        "ensembl_gene_id": f"ENSG{number:011d}",
    }


HGNC = [
    gene(1, "CXCL8", previous="IL8", alias="SCYB8|SHARED"),
    gene(2, "C9orf72", alias="SHARED|IL8"),
    gene(3, "AXL", alias="UFO"),
    gene(4, "UFO"),
    gene(5, "GONE", alias="DEAD", status="Entry Withdrawn"),
    gene(6, "SEPTIN1", previous="TWICE| "),
    gene(7, "SEPTIN2", previous="TWICE"),
]


def test_an_approved_symbol_beats_a_previous_one_and_that_an_alias():
    found = Warehouse(raw__hgnc__genes=HGNC)
    columns = ("hgnc_symbol", "entrez_gene_id", "resolution", "candidates")
    assert found.ask("staging.genes__symbols", *columns, symbol="UFO") == [("UFO", 4, "approved", "UFO")]
    assert found.ask("staging.genes__symbols", *columns, symbol="IL8") == [("CXCL8", 1, "previous", "CXCL8")]
    assert found.ask("staging.genes__symbols", *columns, symbol="SCYB8") == [("CXCL8", 1, "alias", "CXCL8")]
    assert found.ask("staging.genes__symbols", *columns, symbol="C9ORF72") == [("C9orf72", 2, "approved", "C9orf72")]
    assert found.ask("staging.genes__symbols", *columns, symbol="SHARED") == [
        (None, None, "ambiguous", "C9orf72|CXCL8")
    ]
    assert found.ask("staging.genes__symbols", *columns, symbol="TWICE") == [
        (None, None, "ambiguous", "SEPTIN1|SEPTIN2")
    ]
    known = set(found["staging.genes__symbols"]["symbol"])
    assert not known & {"GONE", "DEAD", ""}
    assert set(found["staging.genes__approved"]["hgnc_symbol"]) == {g["symbol"] for g in HGNC} - {"GONE"}


def measured(hgnc: list[dict[str, Any]], *names: str) -> dict[str, tuple[str, str]]:
    counts = [{"study_id": "s", "feature_id": name, "sample_id": "1"} for name in names]
    found = Warehouse(raw__hgnc__genes=hgnc, raw__studies__gene_sample_counts=counts)
    answers = found.ask("staging.genes__measured", "source_symbol", "hgnc_symbol", "resolution")
    assert found.ask("staging.studies__features", "feature_id", "hgnc_symbol", "resolution") == sorted(answers)
    return {source: (symbol, resolution) for source, symbol, resolution in answers}


def test_features_are_resolved_by_symbol_and_by_id():
    assert measured(HGNC, "IL8", "c9ORF72", "SHARED", "NOVEL", "3", "ENSG00000000004.7", "ENSG99999999999") == {
        "IL8": ("CXCL8", "previous"),
        "c9ORF72": ("C9orf72", "approved"),
        "SHARED": ("SHARED", "ambiguous"),
        "NOVEL": ("NOVEL", "unknown"),
        "3": ("AXL", "entrez"),
        "ENSG00000000004.7": ("UFO", "ensembl"),
        "ENSG99999999999": ("ENSG99999999999", "unknown"),
    }


def test_of_two_names_of_one_gene_the_approved_one_keeps_it():
    assert measured(HGNC, "CXCL8", "IL8") == {"CXCL8": ("CXCL8", "approved"), "IL8": ("IL8", "collision")}
    assert measured(HGNC, "SCYB8", "IL8") == {"SCYB8": ("SCYB8", "collision"), "IL8": ("IL8", "collision")}


def test_without_hgnc_every_symbol_stays_as_it_is():
    assert measured([], "IL8", "AXL") == {"IL8": ("IL8", "unknown"), "AXL": ("AXL", "unknown")}


NAMES = st.lists(st.sampled_from("ABCDEF"), unique=True, max_size=3).map("|".join)


@settings(max_examples=25, deadline=None)
@given(
    genes=st.dictionaries(st.sampled_from("ABCDEF"), st.tuples(NAMES, NAMES), max_size=6),
    matrix=st.lists(st.tuples(st.sampled_from([*"ABCDEFab", "", None]), st.integers(0, 7)), min_size=1, max_size=8),
)
def test_no_symbol_is_given_twice_and_no_row_is_lost(
    genes: dict[str, tuple[str, str]], matrix: list[tuple[str | None, int]]
):
    """Whatever HGNC and the vendor say of each other: renamed, swapped, in chains, with wrong Entrez ids."""
    hgnc = [gene(i, s, previous=p, alias=a) for i, (s, (p, a)) in enumerate(sorted(genes.items()), start=1)]
    found = cohort(
        raw__hgnc__genes=hgnc,
        raw__cbioportal__mrna_values=[
            value(row, symbol, "P1-01", entrez=entrez or None) for row, (symbol, entrez) in enumerate(matrix, start=1)
        ],
    )
    answer = found["staging.genes__measured"]
    assert all(v.passed for v in validate(TABLES["staging.genes__measured"], answer))
    assert answer["source_symbol"].is_unique().all()
    named = {symbol for symbol, _ in matrix if symbol}
    assert named <= set(answer["source_symbol"])
    kept = answer.filter(pl.col("hgnc_symbol") != pl.col("source_symbol"))
    assert set(kept["hgnc_symbol"]) <= set(genes)
    for test in TESTS.values():
        if test.table == "staging.genes__measured":
            assert run_test(test, {ref: found[ref] for ref in test.refs}).passed, test.name


# ---- cohorts ---------------------------------------------------------------------------------------------------------

ENDPOINT = {
    "cohort_id": "c",
    "study_id": "s",
    "title": "Cohort",
    "endpoint": "OS",
    "endpoint_title": "overall survival",
    "status_attribute": "OS_STATUS",
    "months_attribute": "OS_MONTHS",
    "age_attribute": "AGE",
    "sex_attribute": "SEX",
    "stage_attribute": "STAGE",
    "expression_profiles": "rsem|zscores",
    "copy_number_profile": "gistic",
    "sample_type_codes": "01|03",
    "origin": "cbioportal",
    "months_per_unit": 1.0,
    "patients_of": "c",
    "same_endpoint_as": "OS",
}


def profile(stable_id: str, datatype: str, n_genes: int = 2) -> dict[str, Any]:
    return {"study_id": "s", "stable_id": stable_id, "datatype": datatype, "n_genes": n_genes}


def value(
    row: int,
    symbol: str | None,
    sample: str,
    number: float | None = 0.5,
    *,
    entrez: int | None = None,
    of: str = "zscores",
) -> dict[str, Any]:
    return {
        "study_id": "s",
        "stable_id": of,
        "gene_row": row,
        "hugo_symbol": symbol,
        "entrez_gene_id": entrez,
        "sample_id": sample,
        "value": number,
    }


def sample(patient: str, sample_id: str, attribute: str = "SAMPLE_TYPE", text: str = "Primary") -> dict[str, Any]:
    return {"study_id": "s", "patient_id": patient, "sample_id": sample_id, "attribute_id": attribute, "value": text}


def patient(patient_id: str, **cells: str) -> list[dict[str, Any]]:
    return [{"study_id": "s", "patient_id": patient_id, "attribute_id": k, "value": v} for k, v in cells.items()]


def cohort(**tables: list[dict[str, Any]]) -> Warehouse:
    return Warehouse(**{
        "raw__hgnc__genes": HGNC,
        "raw__catalog__cohorts": [ENDPOINT],
        "raw__cbioportal__profiles": [profile("zscores", "Z-SCORE"), profile("gistic", "DISCRETE")],
        **tables,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("named", "analysed"),
    [
        (None, ["A1", "B1", "C1"]),  # what says that it is no primary tumour is left out
        ("Primary Tumor|Tumor", ["A1", "B1"]),
    ],
)
def test_samples_without_codes_are_chosen_by_the_words_of_the_vendor(named, analysed):
    found = cohort(
        raw__catalog__cohorts=[{**ENDPOINT, "sample_types": named}],
        raw__cbioportal__sample_attributes=[
            sample("A", "A1", text="Primary Tumor"), sample("A", "A0", text="Solid Tissue Normal"),
            sample("B", "B1", text="tumor"), sample("B", "B0", text="Lymph Node Metastasis"),
            sample("C", "C1", text="Local resection"), sample("D", "D1", text="Recurrence"),
        ],
        raw__cbioportal__mrna_values=[value(1, "AXL", s) for s in ("A0", "A1", "B0", "B1", "C1", "D1")],
    )  # fmt: skip
    chosen = found.ask("staging.cohorts__samples", "sample_id", is_analysed=True)
    assert [name for (name,) in chosen] == analysed


def test_a_continuous_profile_that_is_called_log2_is_on_that_scale():
    found = cohort(
        raw__catalog__cohorts=[{**ENDPOINT, "expression_profiles": "mrna"}],
        raw__cbioportal__profiles=[{**profile("mrna", "CONTINUOUS"), "profile_name": "mRNA expression (RPKM, log2)"}],
        raw__cbioportal__sample_attributes=[sample("A", "A1")],
        raw__cbioportal__mrna_values=[value(1, "AXL", "A1", -1.5, of="mrna")],
    )
    assert found.ask("staging.cohorts__genes", "expression_scale") == [("log2, as the archive has it",)]
    assert found.ask("staging.cohorts__gene_expression", "expression_value") == [(-1.5,)]


def test_one_sample_of_an_allowed_type_stands_for_its_patient():
    found = cohort(
        raw__cbioportal__sample_attributes=[
            sample("P1", "P1-01"), sample("P1", "P1-02", text="Recurrence"), sample("P1", "P1-03"),
            sample("P2", "P2-01"), sample("P2", "P2-03"),
            sample("P3", "P3-02"),
            sample("P4", "P4-03A", "ONCOTREE"), sample("P4", "P4-01A", "ONCOTREE"),
        ],
        raw__cbioportal__mrna_values=[value(1, "AXL", s) for s in ("P1-01", "P1-02", "P1-03", "P2-03", "P3-02")],
    )  # fmt: skip
    assert found.ask("staging.cohorts__samples", "sample_id", is_analysed=True) == [
        ("P1-01",),  # the first of two that are profiled
        ("P2-03",),  # the profiled one, though not the first
        ("P4-01A",),  # none is profiled: the first
    ]
    assert found.ask("staging.cohorts__samples", "sample_type", "sample_type_code", sample_id="P1-02") == [
        ("Recurrence", "02")
    ]
    assert found.ask("staging.cohorts__samples", "sample_type", "sample_type_code", sample_id="P4-03A") == [
        (None, "03")
    ]
    assert found.ask("staging.cohorts__gene_expression", "patient_id") == [("P1",), ("P2",)]


def test_without_type_codes_every_sample_is_allowed():
    found = cohort(raw__cbioportal__sample_attributes=[sample("P1", "tumour_b"), sample("P1", "tumour_a")])
    assert found.ask("staging.cohorts__samples", "sample_id", "is_analysed") == [
        ("tumour_a", True),
        ("tumour_b", False),
    ]


def test_the_first_preferred_profile_with_values_is_used():
    matrix = [value(1, "AXL", "P1-01", 0.1), value(1, "AXL", "P1-01", 900.0, of="rsem")]
    samples = [sample("P1", "P1-01")]

    def used(*profiles: dict[str, Any]) -> tuple[list[tuple], list[tuple]]:
        found = cohort(
            raw__cbioportal__profiles=list(profiles),
            raw__cbioportal__mrna_values=matrix,
            raw__cbioportal__sample_attributes=samples,
        )
        return (
            found.ask("staging.cohorts__genes", "profile_id", "expression_scale"),
            found.ask("staging.cohorts__gene_expression", "expression_value"),
        )

    zscores = ([("zscores", "z-score per gene")], [(0.1,)])
    assert used(profile("zscores", "Z-SCORE")) == zscores
    assert used(profile("zscores", "Z-SCORE"), profile("rsem", "CONTINUOUS")) == ([("rsem", "continuous")], [(900.0,)])
    assert used(profile("zscores", "Z-SCORE"), profile("rsem", "CONTINUOUS", n_genes=0)) == zscores


def test_a_gene_of_a_cohort_goes_by_its_entrez_id_first():
    found = cohort(
        raw__cbioportal__mrna_values=[
            value(1, "OLDAXL", "P1-01", 1.0, entrez=3),
            value(2, "IL8", "P1-01", 2.0),
            value(3, "IL8", "P1-01", 3.0, entrez=4),
            value(4, None, "P1-01", 4.0, entrez=2),
            value(5, " ", "P1-01", 5.0, entrez=999),
            value(6, "NOVEL", "P1-01", 6.0, entrez=998),
        ],
        raw__cbioportal__sample_attributes=[sample("P1", "P1-01")],
    )
    columns = ("hgnc_symbol", "source_symbol", "entrez_gene_id", "resolution")
    assert found.ask("staging.cohorts__genes", *columns) == [
        ("AXL", "OLDAXL", 3, "entrez"),
        ("C9orf72", "C9orf72", 2, "approved"),
        ("CXCL8", "IL8", 1, "previous"),
        ("NOVEL", "NOVEL", 998, "unknown"),
    ]
    assert found.ask("staging.genes__measured", "rows_of_symbol", source_symbol="IL8") == [(2,)]
    assert found.ask("staging.cohorts__gene_expression", "hgnc_symbol", "expression_value") == [
        ("AXL", 1.0), ("C9orf72", 4.0), ("CXCL8", 2.0), ("NOVEL", 6.0),
    ]  # fmt: skip


def test_genes_that_traded_names_are_told_apart_by_their_ids():
    hgnc = [gene(1, "B", previous="A"), gene(2, "C", previous="B")]
    found = cohort(
        raw__hgnc__genes=hgnc,
        raw__cbioportal__mrna_values=[value(1, "A", "P1-01", entrez=1), value(2, "B", "P1-01", entrez=2)],
    )
    assert found.ask("staging.genes__measured", "source_symbol", "hgnc_symbol") == [("A", "B"), ("B", "C")]


def test_follow_up_and_covariates_are_read_from_the_columns_of_the_catalog():
    found = cohort(
        raw__cbioportal__patient_attributes=[
            *patient("P1", OS_STATUS="1:DECEASED", OS_MONTHS="12.5", AGE="70", SEX="Male", STAGE="STAGE IIIA"),
            *patient("P2", OS_STATUS="0:LIVING", AGE="old", SEX="unknown", STAGE="STAGE X"),
            *patient("P3", OS_MONTHS="3", SEX="FEMALE", STAGE="IV"),
            *patient("P4", OS_STATUS="0", OS_MONTHS="0", STAGE="Stage IB"),
        ],
        raw__cbioportal__sample_attributes=[sample("P5", "P5-01")],
    )
    columns = ("patient_id", "endpoint", "time_months", "event_observed")
    assert found.ask("staging.cohorts__patient_endpoints", *columns) == [
        ("P1", "OS", 12.5, 1), ("P2", "OS", None, 0), ("P4", "OS", 0.0, 0),
    ]  # fmt: skip
    assert found.ask("staging.cohorts__patients", "patient_id", "age_years", "sex", "stage", "stage_group") == [
        ("P1", 70.0, "male", "STAGE IIIA", "III"), ("P2", None, None, "STAGE X", None),
        ("P3", None, "female", "IV", "IV"), ("P4", None, None, "Stage IB", "I"), ("P5", None, None, None, None),
    ]  # fmt: skip


def test_the_real_cohort_gives_the_counts_of_its_description(shared: Path):
    """Numbers of the mirror's README: OS 188 deaths in 522, DSS 116 of 486, DFS 92 of 309, PFS 213 of 522."""
    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.connectors.cbioportal.archive import read_study, unpivot_matrix

    archive = shared / "mirror/files/datahub.assets.cbioportal.org/luad_tcga_pan_can_atlas_2018.tar.gz"
    study = read_study(archive)
    declared = load_registry().cohorts["luad_tcga"]
    given = {"study_id": pl.lit(study.study_id)}

    def raw(address: str, frame: pl.DataFrame) -> pl.DataFrame:
        return TABLES[address].shape(frame.with_columns(**given))

    (stable_id,) = study.profiles.filter(genetic_alteration_type="MRNA_EXPRESSION")["stable_id"]
    matrix = study.matrices[stable_id].head(40)
    numbered = matrix.select("hugo_symbol", "entrez_gene_id").with_row_index("gene_row", offset=1)
    endpoints = [
        {**ENDPOINT, "cohort_id": declared.id, "study_id": study.study_id, "endpoint": endpoint.id,
         "status_attribute": endpoint.status_attribute, "months_attribute": endpoint.months_attribute,
         "expression_profiles": "|".join(declared.expression_profiles), "stage_attribute": declared.stage_attribute,
         "sample_type_codes": "|".join(declared.sample_type_codes)}
        for endpoint in declared.endpoint
    ]  # fmt: skip
    found = Warehouse(
        raw__catalog__cohorts=endpoints,
        raw__cbioportal__profiles=raw(
            "raw.cbioportal__profiles", study.profiles.with_columns(loaded_into=pl.lit(None, pl.String))
        ),
        raw__cbioportal__patient_attributes=raw("raw.cbioportal__patient_attributes", study.patient_attributes),
        raw__cbioportal__sample_attributes=raw("raw.cbioportal__sample_attributes", study.sample_attributes),
        raw__cbioportal__mrna_values=raw(
            "raw.cbioportal__mrna_values",
            unpivot_matrix(matrix).join(numbered, on="hugo_symbol").with_columns(stable_id=pl.lit(stable_id)),
        ),
    )
    follow_up = found["staging.cohorts__patient_endpoints"]
    counts = follow_up.group_by("endpoint").agg(
        pl.len(), pl.col("event_observed").sum(), pl.col("time_months").null_count().alias("without_time")
    )
    assert sorted(counts.rows()) == [
        ("DFS", 309, 92, 3),
        ("DSS", 486, 116, 8),
        ("OS", 522, 188, 9),
        ("PFS", 522, 213, 9),
    ]
    assert follow_up.filter(endpoint="OS", time_months=0.0).height == 4
    assert found["staging.cohorts__patients"]["age_years"].null_count() == 19
    assert found["staging.cohorts__gene_expression"]["patient_id"].n_unique() == 453
    assert found["staging.cohorts__genes"]["expression_scale"].unique().to_list() == ["z-score per gene"]
    for test in TESTS.values():
        if test.table.startswith("staging.cohorts"):
            assert run_test(test, {ref: found[ref] for ref in test.refs}).passed, test.name


# ---- sources of patients ---------------------------------------------------------------------------------------------

XENA = {
    **ENDPOINT,
    "cohort_id": "x",
    "study_id": "x",
    "origin": "xena",
    "status_attribute": "OS",
    "months_attribute": "OS.time",
    "expression_profiles": "HiSeqV2",
    "copy_number_profile": None,
    "sample_type_codes": "01",
    "months_per_unit": 12 / 365.25,
    "patients_of": "c",
}


def xena_value(symbol: str, sample_id: str, number: float, row: int = 1) -> dict[str, Any]:
    return {
        "study_id": "x", "stable_id": "HiSeqV2", "gene_row": row, "gene_symbol": symbol, "sample_id": sample_id,
        "value": number,
    }  # fmt: skip


def followed(sample_id: str, event: int | None, days: float | None, patient_id: str | None = None) -> dict[str, Any]:
    return {
        "study_id": "x", "sample_id": sample_id, "patient_id": patient_id or sample_id[:12], "endpoint": "OS",
        "event_observed": event, "time_days": days,
    }  # fmt: skip


def test_a_cohort_of_xena_is_analysed_by_its_tumours_in_months():
    one, two = "TCGA-05-0001", "TCGA-05-0002"
    found = Warehouse(
        raw__hgnc__genes=HGNC,
        raw__catalog__cohorts=[XENA],
        raw__xena__expression_values=[
            xena_value("IL8", f"{one}-01", 3.0), xena_value("IL8", f"{one}-11", 1.0),
            xena_value("IL8", f"{two}-11", 2.0),
        ],
        raw__xena__sample_endpoints=[
            followed(f"{one}-01", 1, 365.25), followed(f"{one}-11", 1, 365.25), followed(f"{two}-11", None, 10.0),
        ],
    )  # fmt: skip
    assert found.ask("staging.cohorts__gene_expression", "hgnc_symbol", "patient_id", "expression_value") == [
        ("CXCL8", one, 3.0)
    ]
    assert found.ask("staging.cohorts__genes", "expression_scale", "profile_id") == [
        ("log2(normalised RSEM + 1)", "HiSeqV2")
    ]
    # A patient stands once, whatever the number of samples; without an event code there is no follow-up.
    assert found.ask("staging.cohorts__patient_endpoints", "patient_id", "time_months", "event_observed") == [
        (one, 12.0, 1)
    ]
    assert found.ask("staging.cohorts__samples", "sample_id", "is_analysed") == [
        (f"{one}-01", True), (f"{one}-11", False), (f"{two}-11", False),
    ]  # fmt: skip
    assert found.ask("staging.cohorts__patients", "patient_id", "age_years") == [(one, None), (two, None)]


def test_sources_that_disagree_on_a_patient_are_told_apart_from_rounding():
    patients = {f"TCGA-05-000{n}": n for n in range(1, 6)}
    said = {1: ("1", 1000), 2: ("0", 1000), 3: ("0", 1000), 4: ("0", 1000), 5: ("0", 3000)}
    xena = {1: (1, 1000), 2: (1, 1000), 3: (0, 1030), 4: (1, 900), 5: (0, 3001)}
    found = Warehouse(
        raw__catalog__cohorts=[ENDPOINT, XENA],
        raw__catalog__projects=[{"project_id": "g", "patient_set": "c"}],
        # cBioPortal's months are of 30.417 days: five patients would differ if rounding counted.
        raw__cbioportal__patient_attributes=[
            cell
            for p, n in patients.items()
            for cell in patient(p, OS_STATUS=said[n][0], OS_MONTHS=str(said[n][1] / 30.417))
        ],
        raw__xena__sample_endpoints=[followed(f"{p}-01", *xena[n]) for p, n in patients.items()],
        raw__gdc__cases=[
            {"project_id": "g", "patient_id": "TCGA-05-0001", "vital_status": "Dead", "days_to_death": 1000,
             "days_to_last_follow_up": 5},
            {"project_id": "g", "patient_id": "TCGA-05-0002", "vital_status": "Alive", "days_to_last_follow_up": 1000},
            {"project_id": "g", "patient_id": "TCGA-05-0003", "vital_status": "Not Reported"},
            {"project_id": "g", "patient_id": "TCGA-05-0004", "vital_status": "Dead", "days_to_last_follow_up": 1000},
        ],
    )  # fmt: skip
    both = found["marts.endpoint_disagreements"].filter(source_id_a="c", source_id_b="x")
    assert both.select("patient_id", "disagreement").rows() == [
        ("TCGA-05-0002", "event"), ("TCGA-05-0003", "time"), ("TCGA-05-0004", "event and time"),
    ]  # fmt: skip
    columns = (
        "source_id",
        "is_reference",
        "time_unit",
        "n_patients",
        "n_usable",
        "n_events",
        "n_compared",
        "n_disagreeing",
    )
    assert found.ask("marts.endpoint_dictionary", *columns) == [
        ("c", True, "months", 5, 5, 1, 5, 3),
        # Of a dead patient without the day of death nothing is known but that.
        ("g", False, "days", 3, 2, 1, 2, 1),
        ("x", False, "days", 5, 5, 3, 5, 3),
    ]  # fmt: skip


def test_one_file_of_the_gdc_stands_for_a_tissue_of_a_patient():
    def file(file_id: str, sample_id: str | None, aliquot: str) -> dict[str, Any]:
        patient_id = sample_id[:12] if sample_id else None
        return {
            "project_id": "g", "file_id": file_id, "patient_id": patient_id, "sample_id": sample_id,
            "aliquot_id": aliquot,
        }  # fmt: skip

    found = Warehouse(
        raw__gdc__files=[
            file("a", "TCGA-05-0001-01A", "2"), file("b", "TCGA-05-0001-01A", "1"), file("c", "TCGA-05-0001-11A", "1"),
            file("d", "TCGA-05-0002-02A", "1"), file("e", None, "1"),
        ],
        raw__gdc__genes=[
            {"project_id": "g", "gene_id": "ENSG00000000001.4", "gene_symbol": "IL8", "length_bp": 900},
            {"project_id": "g", "gene_id": "ENSG00000000001.4_PAR_Y", "gene_symbol": "IL8"},
        ],
        raw__hgnc__genes=[{**HGNC[0], "ensembl_gene_id": "ENSG00000000001"}],
    )  # fmt: skip
    assert found.ask("staging.gdc__samples", "file_id", "tissue", "is_analysed") == [
        ("a", "tumour", False), ("b", "tumour", True), ("c", "normal", True), ("d", None, False), ("e", None, False),
    ]  # fmt: skip
    symbol = HGNC[0]["symbol"]
    assert found.ask("staging.gdc__genes", "gene_id", "hgnc_symbol", "resolution", "length_bp") == [
        ("ENSG00000000001.4", symbol, "ensembl", 900),
        ("ENSG00000000001.4_PAR_Y", "ENSG00000000001.4_PAR_Y", "collision", None),
    ]


def test_alterations_get_patients_and_symbols():
    found = cohort(
        raw__cbioportal__sample_attributes=[sample("P1", "P1-01"), sample("P1", "P1-02")],
        raw__cbioportal__mutations=[
            {"study_id": "s", "mutation_number": 1, "sample_id": "P1-01", "hugo_symbol": "IL8",
             "variant_classification": "Missense_Mutation", "reference_reads": 30, "alternative_reads": 10},
            {"study_id": "s", "mutation_number": 2, "sample_id": "P1-02", "hugo_symbol": "OLD", "entrez_gene_id": 3,
             "variant_classification": "Silent", "reference_reads": 0, "alternative_reads": 0},
            {"study_id": "s", "mutation_number": 3, "sample_id": "P9-01", "hugo_symbol": "NOVEL"},
        ],
        raw__cbioportal__structural_variants=[
            {"study_id": "s", "variant_number": 1, "sample_id": "P1-01", "site1_hugo_symbol": "IL8",
             "site2_entrez_gene_id": 3},
        ],
        raw__cbioportal__timeline=[
            {"study_id": "s", "file": "f", "event_number": 1, "patient_id": "P1", "event_type": "TREATMENT",
             "start_days": -3, "attribute_id": name, "value": text}
            for name, text in (("AGENT", "CISPLATIN"), ("TREATMENT_TYPE", "Chemo"), ("DOSE", "3"))
        ],
    )  # fmt: skip
    columns = ("patient_id", "is_analysed_sample", "hgnc_symbol", "is_protein_changing", "allele_fraction")
    assert found.ask("staging.cohorts__mutations", *columns) == [
        ("P1", True, "CXCL8", True, 0.25), ("P1", False, "AXL", False, None), (None, False, "NOVEL", False, None),
    ]  # fmt: skip
    assert found.ask("staging.cohorts__structural_variants", "hgnc_symbol_site1", "hgnc_symbol_site2") == [
        ("CXCL8", "AXL")
    ]
    assert found.ask("staging.cohorts__timeline", "agent", "treatment_type", "start_days", "details") == [
        ("CISPLATIN", "Chemo", -3, "AGENT=CISPLATIN; DOSE=3; TREATMENT_TYPE=Chemo")
    ]


def test_further_matrices_keep_the_analysed_sample_and_resolve_symbols():
    def feature(table: str, name: str, sample_id: str, number: float) -> dict[str, Any]:
        return {
            "study_id": "s", "stable_id": table, "feature_row": 1, "feature_id": name,
            "hugo_symbol": name.split("|")[0], "sample_id": sample_id, "value": number,
        }  # fmt: skip

    samples = ("P1-01", "P1-02")
    found = cohort(
        raw__catalog__cohorts=[{**ENDPOINT, "z_score_profiles": "other_z|zz", "log2_copy_number_profiles": "log2CNA"}],
        raw__cbioportal__profiles=[profile("zz", "Z-SCORE", 0) | {"n_genes": None}, profile("log2CNA", "LOG2-VALUE")],
        raw__cbioportal__sample_attributes=[sample("P1", s) for s in samples],
        raw__cbioportal__mrna_z_scores=[value(1, "IL8", s, 1.5, of="zz") for s in samples],
        raw__cbioportal__log2_copy_number_values=[value(1, "OLDAXL", s, -0.4, entrez=3, of="log2CNA") for s in samples],
        raw__cbioportal__protein_values=[feature("rppa", "IL8|IL-8", s, 2.0) for s in samples],
        raw__cbioportal__methylation_values=[feature("meth", "NOVEL", s, 0.5) for s in samples],
    )
    assert found.ask("staging.cohorts__gene_z_scores", "hgnc_symbol", "patient_id", "z_score") == [("CXCL8", "P1", 1.5)]
    assert found.ask("staging.cohorts__gene_log2_copy_number", "hgnc_symbol", "log2_copy_number") == [("AXL", -0.4)]
    assert found.ask("staging.cohorts__protein_levels", "feature_id", "hgnc_symbol", "protein_level") == [
        ("IL8|IL-8", "CXCL8", 2.0)
    ]
    assert found.ask("staging.cohorts__methylation", "feature_id", "hgnc_symbol", "beta_value") == [
        ("NOVEL", "NOVEL", 0.5)
    ]


# ---- lists and sets --------------------------------------------------------------------------------------------------


def test_lines_that_name_one_gene_are_one_member():
    lines = [
        {"list_id": "l", "source_row": i, "symbol": s} for i, s in enumerate(["IL8", "CXCL8", "NOVEL", " ", "SHARED"])
    ]
    found = Warehouse(raw__hgnc__genes=HGNC, raw__gene_lists__members=lines)
    assert found["staging.gene_lists__members"].rows() == [
        ("l", "CXCL8", "CXCL8|IL8", "approved"),
        ("l", "NOVEL", "NOVEL", "unknown"),
        ("l", "SHARED", "SHARED", "ambiguous"),
    ]
    sets = [{"collection": "k", "term_id": "t", "term": "Term", "gene_symbol": s} for s in ("IL8", "CXCL8", "NOVEL")]
    found = Warehouse(raw__hgnc__genes=HGNC, raw__gene_sets__members=sets)
    assert found["staging.gene_sets__members"].rows() == [("k", "t", "Term", "CXCL8"), ("k", "t", "Term", "NOVEL")]


# ---- marts -----------------------------------------------------------------------------------------------------------


def deg(contrast: str, method: str, symbol: str, effect: float, q: float | None = None) -> dict[str, Any]:
    tested = {"q_value_bh": q, "p_value": q, "n_numerator": 2, "n_denominator": 3}
    return {"contrast_id": contrast, "method": method, "hgnc_symbol": symbol, "log2_fold_change": effect, **tested}


def gene_list(
    list_id: str, role: str, contrast: str | None = None, method: str | None = None, direction: str | None = None
):
    return {"list_id": list_id, "role": role, "contrast_id": contrast, "method": method, "direction": direction}


def survival(symbol: str, model: str, endpoint: str = "OS", cohort_id: str = "c", **more: Any) -> dict[str, Any]:
    return {
        "cohort_id": cohort_id,
        "endpoint": endpoint,
        "hgnc_symbol": symbol,
        "model": model,
        "n": 10,
        "events": 4,
        **more,
    }


HUMAN = {"organism": "Homo sapiens"}


def knock_down(
    condition: str, gene: str | None, contrast: str, ratio: float, p_holm: float, drug: str = "crizotinib"
) -> dict[str, Any]:
    return {
        "study_id": "s3", "resistant": "H3122CR", "parental": "H3122", "drug": drug, "condition": condition,
        "control": "siCtrl", "gene": gene, "contrast": contrast, "ratio": ratio, "p_value": p_holm / 2,
        "p_holm": p_holm,
    }  # fmt: skip


EVIDENCE = Warehouse(
    raw__hgnc__genes=HGNC,
    raw__catalog__cohorts=[ENDPOINT],
    raw__catalog__contrasts=[
        {**HUMAN, "contrast_id": "drug", "study_id": "s1", "methods": "fold_change|edger_exact", "drug": "erlotinib"},
        {**HUMAN, "contrast_id": "plain", "study_id": "s2", "methods": "limma|pydeseq2"},
        {**HUMAN, "contrast_id": "empty", "study_id": "s2", "methods": "limma"},
    ],
    core__deg__contrast_genes=[
        deg("drug", "edger_exact", "AXL", 2.0, 0.01), deg("drug", "fold_change", "AXL", 2.5),
        deg("drug", "fold_change", "NOVEL", -0.1),
        deg("plain", "pydeseq2", "AXL", 1.5, 0.02), deg("plain", "pydeseq2", "CXCL8", -3.0, 1e-6),
    ],
    core__gene_lists__lists=[
        gene_list("cancer", "cancer_genes"), gene_list("partners", "interaction_partners"),
        gene_list("drug_up", "contrast", "drug", "edger_exact", "up"),
        gene_list("plain_down", "contrast", "plain", "pydeseq2", "down"),
        gene_list("plain_other", "contrast", "plain", "limma", "up"),
    ],
    core__gene_lists__members=[
        {"list_id": "cancer", "hgnc_symbol": "AXL", "direction": "none"},
        {"list_id": "cancer", "hgnc_symbol": "UFO", "direction": "none"},
        {"list_id": "partners", "hgnc_symbol": "SEPTIN1", "direction": "none"},
        {"list_id": "drug_up", "hgnc_symbol": "AXL", "direction": "up"},
        {"list_id": "plain_down", "hgnc_symbol": "CXCL8", "direction": "down"},
        {"list_id": "plain_other", "hgnc_symbol": "CXCL8", "direction": "up"},
    ],
    core__survival__cohort_endpoints=[{"cohort_id": "c", "endpoint": "OS", "n_analysed": 10}],
    core__survival__cohort_endpoint_genes=[
        # The Wald test of a linear profile says something else than the likelihood ratio on ranks, which leads.
        survival("AXL", "continuous", hazard_ratio_per_sd=1.2, p_value=0.04, q_value_bh=0.5, is_primary=False),
        survival(
            "AXL", "rank_normal", hazard_ratio_per_sd=1.3, p_value=0.9, q_value_bh=0.9, is_primary=True,
            p_likelihood_ratio=0.01, q_value_bh_likelihood_ratio=0.02, percentile_likelihood_ratio=7.0,
            expression_scale="normal score of the rank of z",
        ),
        survival("AXL", "median_split", hazard_ratio=1.4, p_logrank=0.03),
        survival("AXL", "continuous", "PFS", hazard_ratio_per_sd=1.1),
        survival(
            "AXL", "continuous", cohort_id="larger", hazard_ratio_per_sd=0.9, is_primary=True, p_value=0.5,
            q_value_bh=0.6, percentile_among_genes=50.0, p_likelihood_ratio=0.03, q_value_bh_likelihood_ratio=0.04,
            percentile_likelihood_ratio=3.0, expression_scale="log2",
        ) | {"events": 40},
        survival("SEPTIN2", "median_split", hazard_ratio=0.7),
    ],
    staging__cohorts__gene_copy_number=[
        {"cohort_id": "larger", "hgnc_symbol": "AXL", "patient_id": str(i), "gistic_call": call}
        for i, call in enumerate([2, 2, 0, -2, None])
    ],
    staging__gene_sets__members=[
        {"collection": "k", "term_id": str(i), "term": "t", "hgnc_symbol": "AXL"} for i in range(3)
    ],
    core__dose_response__knock_downs=[
        knock_down("siIL8", "IL8", "resistant_minus_parental", 0.5, 0.03, drug="a"),
        knock_down("siIL8", "IL8", "resistant_minus_parental", 0.8, 0.3, drug="b"),
        knock_down("siIL8", "IL8", "resistant", 0.4, 0.01, drug="a"),
        knock_down("siOWN", "OWN", "resistant_minus_parental", 1.1, 0.9),
        knock_down("siPool", None, "resistant_minus_parental", 0.2, 0.001),
    ],
)  # fmt: skip


def test_a_contrast_is_shown_by_its_first_method_that_has_rows():
    columns = ("contrast_id", "drug", "hgnc_symbol", "method", "log2_fold_change", "in_list")
    assert EVIDENCE.ask("marts.deg_by_contrast", *columns) == [
        ("drug", "erlotinib", "AXL", "fold_change", 2.5, "up"),  # that method makes no list: the other one's
        ("drug", "erlotinib", "NOVEL", "fold_change", -0.1, None),
        ("plain", None, "AXL", "pydeseq2", 1.5, None),
        ("plain", None, "CXCL8", "pydeseq2", -3.0, "down"),
    ]


def test_a_gene_has_all_its_evidence_in_one_row():
    evidence = EVIDENCE["marts.gene_evidence"]
    assert evidence["hgnc_symbol"].to_list() == ["AXL", "CXCL8", "NOVEL", "OWN", "SEPTIN2", "UFO"]
    axl = evidence.row(0, named=True)
    assert axl == {
        **dict.fromkeys(axl),
        "hgnc_symbol": "AXL", "entrez_gene_id": 3, "ensembl_gene_id": "ENSG00000000003", "in_cancer_gene_list": True,
        "cancer_gene_lists": "cancer", "contrasts_measured": 2, "contrasts_up": 1, "contrasts_down": 0,
        "resistance_contrasts_up": 1, "resistance_contrasts_down": 0, "strongest_contrast": "plain",
        "strongest_log2_fold_change": 1.5, "strongest_q_value_bh": 0.02, "cohort_id": "larger", "os_n": 10,
        "os_events": 40, "os_primary_model": "continuous", "os_expression_scale": "log2",
        "os_hazard_ratio_per_sd": 0.9, "os_p_value": 0.03, "os_q_value_bh": 0.04, "os_percentile": 3.0,
        "amplified_fraction": 0.5, "deep_loss_fraction": 0.25,
        "n_gene_sets": 3, "bench_knock_downs": 0, "bench_knock_downs_resensitising": 0, "bench_panels": 0,
    }  # fmt: skip
    ufo = evidence.row(5, named=True)
    assert (ufo["in_cancer_gene_list"], ufo["contrasts_measured"], ufo["cohort_id"], ufo["os_n"]) == (
        True,
        0,
        None,
        None,
    )
    assert evidence.row(4, named=True)["os_hazard_ratio"] == 0.7


def test_a_knock_down_stands_with_the_gene_that_its_name_resolves_to():
    """By the interaction: lowering the EC50 of the resistant line more than that of the parental one."""
    found = {row["hgnc_symbol"]: row for row in EVIDENCE["marts.gene_evidence"].iter_rows(named=True)}
    il8 = found["CXCL8"]
    assert (il8["bench_knock_downs"], il8["bench_knock_downs_resensitising"]) == (2, 1)
    assert (il8["bench_knock_down_study"], il8["bench_knock_down_drug"]) == ("s3", "a")
    assert (il8["bench_knock_down_ratio"], il8["bench_knock_down_p_holm"]) == (0.5, 0.03)
    assert found["OWN"]["bench_knock_downs"] == 1, "a name that HGNC does not know stands for itself"


def test_a_line_with_its_drug_and_condition_is_one_row_with_curve_change_and_knock_down():
    name = {"study_id": "s3", "condition": "siCCL20", "drug": "crizotinib"}
    curve = {**name, "level": "curve", "model": "ll3_top100", "is_primary": True, "verdict": "estimated"}
    change = {**name, "resistant": "H3122CR", "parental": "H3122", "model": "ll3_top100", "is_primary": True}
    found = Warehouse(
        core__dose_response__curves=[
            {**curve, "curve_id": "1", "cell_line": "H3122", "ic50_um": 0.2, "ic50_text": "0.2"},
            {**curve, "curve_id": "2", "cell_line": "H3122CR", "ic50_text": "> 40"},
            {**curve, "curve_id": "2", "cell_line": "H3122CR", "model": "ll4", "is_primary": False},
            {**curve, "curve_id": "3", "cell_line": "H3122CR", "level": "replicate", "is_primary": False},
        ],
        core__dose_response__gr_metrics=[{**name, "curve_id": "1", "cell_line": "H3122", "gr50_um": 0.1}],
        core__dose_response__fold_changes=[
            {**change, "measure": "ec50", "replicate_fold_change": 30.0, "welch_p": 0.02, "paired_p": 0.01},
            {**change, "measure": "ic50", "fold_change_text": "> 200"},
        ],
        core__dose_response__knock_downs=[
            knock_down("siCCL20", "CCL20", "resistant", 0.3, 0.01),
            knock_down("siCCL20", "CCL20", "parental", 0.9, 0.4),
            knock_down("siCCL20", "CCL20", "resistant_minus_parental", 0.33, 0.02),
        ],
    )["marts.drug_response"]
    parental, resistant = found.iter_rows(named=True)
    assert (parental["cell_line"], parental["ic50_um"], parental["gr50_um"]) == ("H3122", 0.2, 0.1)
    assert (parental["knock_down_ratio"], parental["resensitisation_ratio"], parental["parental"]) == (0.9, None, None)
    assert (resistant["ic50_um"], resistant["ic50_text"], resistant["parental"]) == (None, "> 40", "H3122")
    assert (resistant["ec50_fold_change"], resistant["ec50_fold_change_p"]) == (30.0, 0.01)
    assert resistant["ic50_fold_change_text"] == "> 200"
    assert (resistant["knock_down_ratio"], resistant["resensitisation_ratio"]) == (0.3, 0.33)
    assert resistant["knocked_down_gene"] == "CCL20"


MARKER = {"study_id": "p", "marker": "IL8", "hgnc_symbol": "CXCL8"}
PANEL: dict[str, list[dict[str, Any]]] = {
    "core__plasma_panel__detection": [
        {**MARKER, "verdict": "tested", "is_tested": True, "n_baseline": 61, "fraction_below_lod": 0.1},
        {**MARKER, "study_id": "small", "verdict": "tested", "is_tested": True, "n_baseline": 9},
        {**MARKER, "marker": "X-9", "hgnc_symbol": None, "verdict": "refused_mostly_below_lod"},
    ],
    "core__plasma_panel__comparisons": [
        {**MARKER, "contrast": "short_vs_long", "method": "limma", "is_primary": True, "difference_log2": 0.8,
         "p": 0.01, "q": 0.05},
        {**MARKER, "contrast": "short_vs_long", "method": "wilcoxon_rank_sum", "difference_log2": 9.0, "p": 0.9},
        {**MARKER, "contrast": "later_vs_baseline", "method": "limma_paired", "is_primary": True,
         "difference_log2": -0.4, "q": 0.2},
    ],
    "core__plasma_panel__survival": [
        {**MARKER, "endpoint": "PFS", "model": "continuous_per_sd", "events": 51, "hazard_ratio": 1.6},
        {**MARKER, "endpoint": "PFS", "model": "median_split", "hazard_ratio": 2.2, "p_logrank": 0.007},
        {**MARKER, "endpoint": "OS", "model": "continuous_per_sd", "hazard_ratio": 1.4, "q_value_bh": 0.1},
    ],
    "core__plasma_panel__auc": [
        {**MARKER, "endpoint": "PFS", "month": 12.0, "auc": 0.7, "ci_lower": 0.6},
        {**MARKER, "endpoint": "PFS", "month": 36.0, "auc": 0.8, "ci_lower": 0.7},
        {**MARKER, "endpoint": "PFS", "month": 60.0, "auc": 0.85},
    ],
}  # fmt: skip


def test_a_marker_is_one_row_with_its_gene_in_lines_and_tumours():
    found = Warehouse(**{**EVIDENCE.tables_given, **PANEL})["marts.panel_markers"]
    assert found.select("study_id", "marker").rows() == [("p", "IL8"), ("p", "X-9"), ("small", "IL8")]
    row = found.row(0, named=True)
    assert (row["group_contrast"], row["group_difference_log2"], row["group_q"]) == ("short_vs_long", 0.8, 0.05)
    assert (row["pair_difference_log2"], row["pair_q"]) == (-0.4, 0.2)
    assert (row["pfs_hazard_ratio_per_sd"], row["pfs_hazard_ratio_median_split"], row["pfs_events"]) == (1.6, 2.2, 51)
    assert (row["os_hazard_ratio_per_sd"], row["os_hazard_ratio_median_split"]) == (1.4, None)
    assert (row["pfs_auc_month"], row["pfs_auc"]) == (36.0, 0.8), "the last month with an interval"
    assert row["resistance_contrasts_up"] is not None, "its gene stands beside it"
    assert found.row(1, named=True)["hgnc_symbol"] is None


def test_what_a_panel_says_of_a_gene_stands_in_its_evidence():
    rows_of = {row["hgnc_symbol"]: row for row in Warehouse(**PANEL)["marts.gene_evidence"].iter_rows(named=True)}
    row = rows_of["CXCL8"]
    assert set(rows_of) == {"CXCL8"}
    assert (row["bench_panels"], row["bench_panel_study"], row["bench_panel_marker"]) == (2, "p", "IL8")
    assert (row["bench_panel_group_difference_log2"], row["bench_panel_pair_difference_log2"]) == (0.8, -0.4)
    assert (row["bench_panel_pfs_hazard_ratio_per_sd"], row["bench_panel_os_q_value_bh"]) == (1.6, 0.1)


def test_an_arm_is_one_row_with_who_was_lost_and_both_days():
    def contrast(kind: str, numerator: str, denominator: str, estimate: float) -> dict[str, Any]:
        return {"study_id": "x", "measure": "growth_rate_per_day", "method": "random_slope", "role": "primary",
                "kind": kind, "numerator": numerator, "denominator": denominator, "estimate": estimate}  # fmt: skip

    mice = [
        {"study_id": "x", "mouse_id": f"m{at}", "arm": "combination", "end_reason": reason, "n_measurements": 3,
         "is_toxic_weight_loss": reason == "body_weight_loss", "complete_regression": at == 0}
        for at, reason in enumerate(["study_end", "found_dead", "tumour_volume_limit", "body_weight_loss"])
    ]  # fmt: skip
    compared = {"study_id": "x", "arm": "combination", "treated_started": 4, "control_started": 4}
    found = Warehouse(
        core__tumour_growth__growth_rates=[
            {"study_id": "x", "arm": arm, "model": model, "role": role, "rate_per_day": rate}
            for arm, model, role, rate in (
                ("vehicle", "random_slope", "primary", 0.1),
                ("combination", "random_slope", "primary", 0.01),
                ("A", "random_slope", "primary", 0.08),
                ("combination", "random_intercept", "not_valid", 0.5),
            )
        ],
        core__tumour_growth__contrasts=[
            contrast("difference", "A", "vehicle", -0.02),
            contrast("difference", "combination", "vehicle", -0.09),
            contrast("difference", "combination", "A", -0.07),
            contrast("interaction", "combination", "A + B - vehicle", -0.05),
            {
                **contrast("difference", "combination", "vehicle", -9.0),
                "method": "random_intercept",
                "role": "not_valid",
            },
        ],
        core__tumour_growth__mice=mice,
        core__tumour_growth__treatment_to_control=[
            {**compared, "day": 14.0, "day_role": "last_complete", "n_treated": 4, "tc_percent_geometric": 25.0},
            {**compared, "day": 19.0, "n_treated": 3, "tc_percent_geometric": 20.0},
            {**compared, "day": 26.0, "day_role": "asked", "n_treated": 2, "tc_percent_geometric": 11.0},
        ],
        core__tumour_growth__time_to_event=[
            {"study_id": "x", "arm": "combination", "event": "doubling", "day": day, "median_days": 12.0, "n_events": 2}
            for day in (10.0, 12.0)
        ],
    )["marts.tumour_growth"]
    assert found["arm"].to_list() == ["A", "combination", "vehicle"]
    assert found["is_control"].to_list() == [False, False, True]
    row = found.row(1, named=True)
    assert (row["rate_per_day"], row["rate_difference_per_day"], row["interaction_per_day"]) == (0.01, -0.09, -0.05)
    assert (row["mice_started"], row["mice_lost_for_size"], row["mice_found_dead"]) == (4, 1, 1)
    assert (row["mice_with_toxic_weight_loss"], row["mice_in_complete_regression"]) == (1, 1)
    assert (row["last_complete_day"], row["tc_percent_last_complete_day"]) == (14.0, 25.0)
    assert (row["asked_day"], row["mice_on_asked_day"], row["tc_percent_asked_day"]) == (26.0, 2, 11.0)
    assert (row["mice_doubled"], row["median_doubling_days"]) == (2, 12.0)
    assert found.row(2, named=True)["rate_difference_per_day"] is None


def leading(symbol: str, cohort_id: str, ratio: float, n: int, events: int, endpoint: str = "OS") -> dict[str, Any]:
    tests = {"is_primary": True, "q_value_bh": 0.9, "q_value_bh_likelihood_ratio": 0.2}
    row = survival(symbol, "continuous", endpoint, cohort_id, hazard_ratio_per_sd=ratio, **tests)
    return {**row, "n": n, "events": events}


def test_the_hazard_ratios_of_candidates_are_of_one_cohort_which_stands_beside_them():
    candidates = Warehouse(
        core__evidence__resistance_ranks=[
            {"drug_class": "d", "hgnc_symbol": gene, "rank": at} for at, gene in enumerate(("AXL", "CXCL8", "MET"), 1)
        ],
        core__survival__cohort_endpoint_genes=[
            leading("AXL", "own", 3.0, 27, 20),
            leading("MET", "own", 4.0, 27, 20),
            # Fewer events for this gene than the own cohort has: the large cohort is still the one shown.
            leading("AXL", "large", 1.1, 100, 10),
            leading("CXCL8", "large", 1.2, 453, 150),
            leading("CXCL8", "progress", 9.0, 900, 800, "PFS"),
        ],
    )
    columns = ("hgnc_symbol", "os_cohort_id", "os_n", "os_events", "os_hazard_ratio_per_sd", "os_q_value_bh")
    assert candidates.ask("marts.resistance_candidates", *columns) == [
        ("AXL", "large", 100, 10, 1.1, 0.2),
        ("CXCL8", "large", 453, 150, 1.2, 0.2),
        ("MET", None, None, None, None, None),
    ]


def test_the_two_models_of_a_gene_stand_side_by_side():
    columns = ("hgnc_symbol", "hazard_ratio_per_sd", "p_continuous", "hazard_ratio_median_split", "p_logrank")
    assert EVIDENCE.ask("marts.survival_by_gene", *columns, cohort_id="c", endpoint="OS") == [
        ("AXL", 1.2, 0.04, 1.4, 0.03),
        ("SEPTIN2", None, None, 0.7, None),
    ]


def test_the_likelihood_ratio_on_the_scale_to_read_first_decides_in_every_mart():
    columns = ("primary_scale", "hazard_ratio_primary", "p_primary", "q_primary", "percentile_primary")
    assert EVIDENCE.ask("marts.survival_by_gene", *columns, cohort_id="c", endpoint="OS", hgnc_symbol="AXL") == [
        ("normal score of the rank of z", 1.3, 0.01, 0.02, 7.0)
    ]
    columns = ("genes_tested", "genes_p_below_0_05", "genes_q_below_0_05", "primary_model")
    assert EVIDENCE.ask("marts.cohort_endpoints", *columns) == [(1, 1, 1, "rank_normal")]


def test_an_endpoint_says_what_the_screen_found():
    columns = ("cohort", "endpoint_title", "n_analysed", "genes_tested", "genes_p_below_0_05", "genes_q_below_0_05")
    assert EVIDENCE.ask("marts.cohort_endpoints", *columns) == [("Cohort", "overall survival", 10, 1, 1, 1)]


def test_every_dataset_is_listed_loaded_or_not():
    columns = ("dataset_id", "kind", "n_samples", "n_genes", "n_contrasts", "is_loaded")
    assert EVIDENCE.ask("marts.dataset_catalog", *columns) == [
        ("c", "cohort", 0, 0, 0, False),
        ("s1", "study", 5, 2, 1, True),
        ("s2", "study", 5, 2, 2, True),
    ]


def test_a_bench_study_is_listed_with_what_its_kind_compares():
    kinds = ("dose_response", "drug_combination", "tumour_growth", "plasma_panel", "qpcr", "two_way_assay")
    studies = [{"study_id": kind[:4], "kind": kind, "title": kind} for kind in (*kinds, "rna_seq_counts")]
    found = Warehouse(
        raw__catalog__studies=[*studies, {"study_id": "empty", "kind": "qpcr", "title": "empty"}],
        core__dose_response__curves=[
            {"study_id": "dose", "curve_id": "a", "is_primary": True},
            {"study_id": "dose", "curve_id": "a replicate", "is_primary": False},
        ],
        core__drug_combination__blocks=[{"study_id": "drug", "block_id": "b"}],
        core__tumour_growth__mice=[{"study_id": "tumo", "mouse_id": name} for name in ("m1", "m2")],
        core__plasma_panel__detection=[
            {"study_id": "plas", "marker": "IL8", "hgnc_symbol": "CXCL8"},
            {"study_id": "plas", "marker": "other", "hgnc_symbol": None},
        ],
        raw__plasma_panel__samples=[{"study_id": "plas", "sample_id": name} for name in ("s1", "s2", "s3")],
        core__qpcr__samples=[
            {"study_id": "qpcr", "condition": "c", "gene": gene, "biological_replicate": day}
            for gene in ("CCL20", "GAPDH")
            for day in ("1", "2")
        ],
        core__assays__two_way_units=[
            {"study_id": "two_", "assay": "cck8", "experiment": day, "drug01": drug}
            for day in ("1", "2")
            for drug in (0, 1)
        ],
    )  # fmt: skip
    columns = ("dataset_id", "kind", "n_samples", "n_genes", "is_loaded")
    assert found.ask("marts.dataset_catalog", *columns) == [
        ("dose", "dose_response", 1, 0, True),
        ("drug", "drug_combination", 1, 0, True),
        ("empty", "qpcr", 0, 0, False),
        ("plas", "plasma_panel", 3, 1, True),
        ("qpcr", "qpcr", 2, 2, True),
        ("tumo", "tumour_growth", 2, 0, True),
        ("two_", "two_way_assay", 2, 0, True),
    ]


# ---- the tests themselves --------------------------------------------------------------------------------------------

_C, _E, _G = {"cohort_id": "c"}, {"endpoint": "OS"}, {"hgnc_symbol": "AXL"}
_Q = [{"p_value": 0.2, "q_value_bh": 0.1}]
WRONG: dict[str, dict[str, list[dict[str, Any]]]] = {
    "plasma_panel__refused_markers_have_no_survival": {
        "core__plasma_panel__survival": [{"marker": "IL4"}],
        "core__plasma_panel__detection": [{"marker": "IL4", "is_tested": False}],
    },
    "plasma_panel__q_not_below_p": {"core__plasma_panel__comparisons": [{"p": 0.2, "q": 0.1}]},
    "plasma_panel__intervals_of_auc_need_cases_and_controls": {
        "core__plasma_panel__auc": [{"cases": 50, "controls": 4, "ci_lower": 0.73}]
    },
    "tumour_growth__doubling_days_need_growth": {
        "core__tumour_growth__growth_rates": [{"ci_lower": -0.009, "doubling_days": 194.0}]
    },
    "tumour_growth__primary_model_has_random_slopes": {
        "core__tumour_growth__growth_rates": [{"model": "random_intercept", "role": "primary"}]
    },
    "tumour_growth__no_more_mice_than_started": {
        "core__tumour_growth__treatment_to_control": [{"n_treated": 7, "treated_started": 6}]
    },
    "dose_response__p_holm_not_below_p": {"core__dose_response__knock_downs": [{"p_value": 0.2, "p_holm": 0.1}]},
    "dose_response__no_ic50_beyond_the_doses": {
        "core__dose_response__curves": [
            {"verdict": "estimated", "ic50_um": 362.0, "min_dose_um": 0.008, "max_dose_um": 40.0}
        ]
    },
    "drug_combination__no_p_without_replicates": {
        "core__drug_combination__blocks": [{"n_replicates": 1, "replicate_bliss_p": 0.01}]
    },
    "cohorts__one_sample_per_patient": {
        "staging__cohorts__samples": [{**_C, "sample_id": s, "is_analysed": True} for s in "ab"]
    },
    "cohorts__analysed_samples_are_of_allowed_type": {
        "raw__catalog__cohorts": [ENDPOINT],
        "staging__cohorts__samples": [{**_C, "sample_type_code": "02", "is_analysed": True}],
    },
    "cohorts__times_not_negative": {"staging__cohorts__patient_endpoints": [{"time_months": -0.1}]},
    "cohorts__events_zero_or_one": {"staging__cohorts__patient_endpoints": [{"event_observed": 2}]},
    "cohorts__endpoint_patients_are_known": {"staging__cohorts__patient_endpoints": [{}]},
    "cohorts__times_are_numbers": {
        "raw__catalog__cohorts": [ENDPOINT],
        "raw__cbioportal__patient_attributes": patient("x", OS_MONTHS="12"),
        "staging__cohorts__patient_endpoints": [{**_C, **_E}],
    },
    "cohorts__expression_covers_every_gene": {
        "staging__cohorts__gene_expression": [
            {"hgnc_symbol": "A", "patient_id": "1"}, {"hgnc_symbol": "A", "patient_id": "2"}, {"hgnc_symbol": "B"},
        ]
    },
    "cohorts__copy_number_calls_are_whole": {
        "raw__catalog__cohorts": [ENDPOINT],
        "raw__cbioportal__copy_number_values": [value(1, "AXL", "x", 0.4, of="gistic")],
        "staging__genes__measured": [
            {"dataset_id": "c", "measurement": "copy_number", **_G, "profile_id": "gistic", "source_row": 1}
        ],
        "staging__cohorts__samples": [{**_C, "sample_id": "x", "is_analysed": True}],
        "staging__cohorts__gene_copy_number": [{**_C, **_G, "gistic_call": 1}],
    },
    "genes__ambiguous_symbols_name_no_gene": {"staging__genes__symbols": [{"resolution": "ambiguous", **_G}]},
    "genes__approved_symbols_name_themselves": {
        "raw__hgnc__genes": HGNC[2:3], "staging__genes__symbols": [{"symbol": "AXL", "hgnc_symbol": "UFO"}],
    },
    "genes__source_symbols_used_once": {"staging__genes__measured": [{"hgnc_symbol": s} for s in "ab"]},
    "genes__approved_names_are_kept": {"staging__genes__measured": [{"resolution": "approved", **_G}]},
    "deg__effect_only_has_no_p_value": {
        "core__deg__contrast_genes": [{"evidence_kind": "effect_only", "p_value": 0.1}]
    },
    "deg__absent_p_value_is_explained": {"core__deg__contrast_genes": [{}]},
    "deg__q_not_below_p": {"core__deg__contrast_genes": _Q},
    "deg__contrasts_are_declared": {"core__deg__contrast_genes": [{}]},
    "gene_lists__members_were_tested": {
        "core__gene_lists__lists": [gene_list("l", "contrast", "x", "x", "up")],
        "core__gene_lists__members": [{"list_id": "l", **_G}],
        "core__deg__contrast_genes": [_G],
    },
    "gene_lists__sizes_agree": {"core__gene_lists__lists": [{"n_genes": 1}]},
    "intersections__sizes_within_lists": {
        "core__intersections__sets": [{"size": 4, "sizes_in_universe": "3|9", "universe_size": 20}]
    },
    "enrichment__overlap_within_both": {"core__enrichment__terms": [{"overlap": 3, "list_size": 2, "set_size": 4}]},
    "enrichment__q_not_below_p": {"core__enrichment__terms": _Q},
    "survival__endpoint_numbers_nest": {"core__survival__cohort_endpoints": [{"n_analysed": 1}]},
    "survival__patients_within_cohort": {
        "staging__cohorts__patients": [_C], "core__survival__cohort_endpoint_genes": [{**_C, "n": 2}],
    },
    "survival__groups_add_up": {
        "core__survival__cohort_endpoint_genes": [{"model": "median_split", "n": 3, "n_high": 1, "n_low": 1}]
    },
    "survival__hazard_ratio_within_interval": {
        "core__survival__cohort_endpoint_genes": [{"hazard_ratio": 1.0, "ci_lower": 1.1, "ci_upper": 1.2}]
    },
    "survival__q_not_below_p": {"core__survival__cohort_endpoint_genes": _Q},
    "survival__small_groups_have_no_large_sample_p": {
        "core__survival__cohort_endpoint_genes": [{"p_permutation": 0.01, "p_logrank": 1e-9}]
    },
    "survival__curves_fall": {
        "core__survival__kaplan_meier": [
            {"time_months": 1.0, "survival": 0.8}, {"time_months": 2.0, "survival": 0.9},
        ]
    },
    "gene_evidence__one_row_per_gene": {"marts__gene_evidence": [_G, _G]},
    "gene_evidence__holds_every_gene": {
        "marts__gene_evidence": [], "marts__deg_by_contrast": [_G], "marts__survival_by_gene": [],
    },
    "deg_by_contrast__one_method_per_contrast": {"marts__deg_by_contrast": [{"method": "a"}, {"method": "b"}]},
    "survival_by_gene__keeps_every_gene": {
        "core__survival__cohort_endpoint_genes": [{"model": "continuous"}], "marts__survival_by_gene": [],
    },
    "resistance_candidates__score_is_sum_of_votes": {
        "core__evidence__resistance_ranks": [{"drug_class": "d", "hgnc_symbol": "A", "score": 0.5}],
        "core__evidence__resistance_votes": [
            {"drug_class": "d", "contrast_id": "c", "hgnc_symbol": "A", "contribution": 0.4}
        ],
    },
    "concordant_genes__in_two_contrasts": {
        "marts__concordant_genes": [{"hgnc_symbol": "A", "direction": "up", "n_contrasts": 2, "contrasts": "c"}],
    },
}  # fmt: skip


def test_every_test_is_tried():
    assert set(WRONG) == set(TESTS)


@pytest.mark.parametrize("name", TESTS)
def test_every_test_finds_what_it_is_for(name: str):
    test = TESTS[name]
    assert run_test(test, {ref: TABLES[ref].empty() for ref in test.refs}).passed
    assert not run_test(test, {ref: Warehouse(**WRONG[name])[ref] for ref in test.refs}).passed


@pytest.mark.parametrize("name", [name for name, test in TESTS.items() if test.table.startswith("marts")])
def test_the_marts_pass_their_tests(name: str):
    assert run_test(TESTS[name], {ref: EVIDENCE[ref] for ref in TESTS[name].refs}).passed
