"""What the demo plants in its single cells is found again, and claims of the paper on such cells are judged by it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.claims import load_claims
from resistance_assets.defs.core.hypotheses_tested import FAMILIES, count_family
from resistance_assets.defs.raw.studies.single_cell import CELLS, LISTS, MEMBERS, analyse, read_parts, score
from resistance_assets.demo.bench import single_cell
from resistance_assets.demo.folder import DEFAULT_SEED
from resistance_assets.demo.plan import random_stream
from resistance_assets.orchestration.sql_models import load_models, models_folder, run_model, run_queries

CORE = "core.single_cell__"
CLAIMS = [one for one in load_registry().claims.values() if "single_cell:utsumi_2025" in one.needs]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("cells")
    for name, content in single_cell.files(random_stream(DEFAULT_SEED, single_cell.FOLDER)).items():
        (folder / name).write_bytes(content)
    local = load_local_study(folder)
    parts = read_parts(local, local.file.sample)
    tables = analyse(local, parts)
    return tables | score(local, parts, tables[CELLS], TABLES[LISTS].empty(), TABLES[MEMBERS].empty())


def answers(tables: dict[str, pl.DataFrame], folder: Path) -> dict[str, dict]:
    """What the claims' queries give; a table that is not given is empty."""
    queries = load_claims(CLAIMS)
    mounts = {}
    for ref in {ref for query in queries.values() for ref in query.refs}:
        mounts[ref] = folder / f"{ref}.parquet"
        TABLES[ref].shape(tables.get(ref, TABLES[ref].empty())).write_parquet(mounts[ref])
    given = run_queries(queries.values(), mounts)
    return {claim: dict(given[query.name]) for claim, query in queries.items()}


def test_doublets_of_two_species_dying_cells_and_empty_droplets_are_set_aside_with_their_reason(found):
    for row in found[f"{CORE}samples"].iter_rows(named=True):
        assert row["n_few_molecules"] == single_cell.N_EMPTY
        assert row["n_mixed_species"] >= single_cell.N_DOUBLETS
        assert abs(row["n_mitochondrial"] - single_cell.N_DYING) <= 1


def test_sources_of_gas6_are_the_planted_subtypes_and_ambient_rna_is_flagged(found):
    gas6 = found[f"{CORE}gene_cell_types"].filter(pl.col("symbol") == "Gas6", pl.col("level") == "subtype")
    assert set(gas6.filter(~pl.col("is_ambient"))["cell_type"]) == {"CAF_inflammatory", "TAM_C1q"}
    assert gas6.height == 5


def test_fold_changes_shares_and_scores_are_the_planted_ones(found):
    planted = single_cell.truth()
    tested = found[f"{CORE}pseudobulk"].filter(pl.col("method") == "limma_voom")
    for cell_type, gene in (("CAF", "Mmp11"), ("Tumour", "DUSP6")):
        row = tested.filter(pl.col("cell_type") == cell_type, pl.col("symbol") == gene).row(0, named=True)
        assert row["log2_fold_change"] == pytest.approx(planted[f"{cell_type} | {gene} | log2_fold_change"], abs=0.5)
        assert row["q_value_bh"] < 0.05
    quiet = tested.filter(pl.col("cell_type") == "Endothelial", pl.col("q_value_bh") < 0.05)
    assert quiet.is_empty()
    shares = found[f"{CORE}composition"].filter(
        pl.col("cell_type") == "TAM", pl.col("denominator") == "all_cells", pl.col("method") == "quasibinomial_t"
    )
    assert shares["mean_denominator"].item() == pytest.approx(planted["TAM | share | vehicle"], abs=0.05)
    assert shares["mean_numerator"].item() == pytest.approx(planted["TAM | share | alectinib"], abs=0.08)
    output = found[f"{CORE}signature_scores"].row(0, named=True)
    assert output["mean_numerator"] < output["mean_denominator"]
    assert output["p_value"] < 0.05
    pair = found[f"{CORE}ligand_receptor"].filter(pl.col("ligand") == "GAS6", pl.col("receptor") == "AXL")
    assert set(pair["ligand_symbol"]) == {"Gas6", "GAS6"}
    strongest = pair.group_by("sender").agg(pl.col("geometric_mean").mean()).sort("geometric_mean")["sender"][-1]
    assert strongest in ("CAF", "TAM")


def test_claims_on_single_cells_hold_on_what_was_planted(found, tmp_path):
    folder = single_cell.FOLDER
    study = {"study_id": folder, "title": "T", "kind": "single_cell", "is_public": False, "organism": "Homo sapiens",
             "paper_id": "utsumi_2025"}  # fmt: skip
    given = answers({**found, "raw.catalog__studies": pl.DataFrame([study])}, tmp_path)
    assert len(given) == len(CLAIMS) == 8
    for claim in CLAIMS:
        answer = given[claim.id]
        assert answer["value"] > claim.reference, claim.id
        if claim.alpha is not None:
            assert answer["p_value"] < claim.alpha, claim.id


def test_claims_without_such_a_study_have_no_value(tmp_path):
    assert {answer["value"] for answer in answers({}, tmp_path).values()} == {None}


def test_tests_on_single_cells_are_counted_by_family(found):
    counted = {
        family.table: count_family(family, found[family.table]) for family in FAMILIES if family.table.startswith(CORE)
    }
    assert set(counted) == {f"{CORE}{name}" for name in ("pseudobulk", "composition", "signature_scores")}
    pseudobulk = counted[f"{CORE}pseudobulk"]
    assert pseudobulk.height == 2 * 4, "two methods in four types"
    assert pseudobulk["n_tests"].min() > 50
    assert counted[f"{CORE}signature_scores"]["n_tests"].to_list() == [1, 1]


def test_a_study_of_single_cells_with_a_contrast_is_listed_once_among_the_data_sets(found):
    (model,) = (one for name, one in load_models(models_folder(), TABLES).items() if name == "marts.dataset_catalog")
    study = {"study_id": single_cell.FOLDER, "title": "T", "kind": "single_cell", "is_public": False,
             "organism": "Homo sapiens", "paper_id": None}  # fmt: skip
    contrast = {
        "contrast_id": "c", "study_id": single_cell.FOLDER, "study_title": "T", "numerator": "a", "denominator": "b",
        "drug": None, "drug_class": None, "cell_type": "Tumour", "methods": "limma_voom", "organism": "Homo sapiens",
        "q_value_threshold": 0.05, "abs_log2_fold_change_threshold": 1.0,
    }  # fmt: skip
    given = {name: found[name] for name in model.refs if name in found}
    for name, row in (("raw.catalog__studies", study), ("raw.catalog__contrasts", contrast)):
        given[name] = pl.DataFrame([row], schema=TABLES[name].polars_schema)
    listed = run_model(model, {name: given.get(name, TABLES[name].empty()) for name in model.refs})
    (row,) = listed.filter(pl.col("dataset_id") == single_cell.FOLDER).to_dicts()
    assert (row["kind"], row["n_contrasts"], row["is_loaded"]) == ("single_cell", 1, True)
