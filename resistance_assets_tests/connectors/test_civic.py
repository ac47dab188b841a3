"""Clinical evidence summaries of CIViC, and their way into rows of gene, variant and drug."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.civic import COLUMNS, read_civic
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.sql_models import run_model
from resistance_assets.orchestration.table_steps import sql_models

ITEM = {
    "molecular_profile": "EGFR T790M", "disease": "Lung Non-small Cell Carcinoma", "doid": "3908",
    "therapies": "Erlotinib,Gefitinib", "therapy_interaction_type": "Substitutes", "evidence_type": "Predictive",
    "evidence_direction": "Supports", "evidence_level": "A", "significance": "Resistance", "citation_id": "123",
    "source_type": "PubMed", "evidence_status": "accepted", "evidence_id": "1",
}  # fmt: skip


def written(folder: Path, *items: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    path = folder / "evidence.tsv"
    rows = ["\t".join((ITEM | item)[name] for name in columns) for item in items]
    path.write_text("\n".join(["\t".join(columns), *rows]) + "\n")
    return path


def test_items_are_read_and_rows_that_say_nothing_are_set_aside_with_their_line(tmp_path):
    path = written(
        tmp_path, {}, {"evidence_id": "2", "molecular_profile": ""}, {"evidence_id": "3", "evidence_level": "F"}, {}
    )
    items, rejected = read_civic(path)
    assert items["evidence_id"].to_list() == [1]
    assert rejected.select("line", "reason").rows() == [
        (3, "no molecular profile is named"),
        (4, "the evidence level is none of A, B, C, D and E"),
        (5, "repeats the evidence id of an earlier row, which is kept"),
    ]


def test_a_file_without_a_column_or_with_an_id_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(DataFault, match="significance"):
        read_civic(written(tmp_path, {}, columns=tuple(name for name in COLUMNS if name != "significance")))
    with pytest.raises(DataFault, match="EID1"):
        read_civic(written(tmp_path, {"evidence_id": "EID1"}))


def evidence_of(items: pl.DataFrame) -> pl.DataFrame:
    model = sql_models()["staging.knowledge__resistance_evidence"]
    symbols = TABLES["staging.genes__symbols"]
    known = pl.DataFrame({"symbol": ["ERBB2", "HER2"], "hgnc_symbol": ["ERBB2", "ERBB2"]})
    blank = [name for name in symbols.polars_schema if name not in known.columns]
    names = symbols.shape(known.with_columns(pl.lit(None).alias(name) for name in blank))
    raw = TABLES["raw.knowledge__evidence_items"].shape(items.with_columns(source_id=pl.lit("civic")))
    return run_model(model, {"raw.knowledge__evidence_items": raw, "staging.genes__symbols": names})


@pytest.mark.slow
def test_a_profile_is_taken_apart_into_genes_variants_and_drugs(tmp_path):
    profiles = ["v::ALK Fusion AND ( ALK L1196M OR ALK G1202R )", "MET Amplification AND NOT EGFR T790M", "HER2 Gain"]
    path = written(
        tmp_path,
        *(
            {"evidence_id": str(at), "molecular_profile": one, "therapies": "Crizotinib"}
            for at, one in enumerate(profiles)
        ),
    )
    found = evidence_of(read_civic(path)[0])
    assert found.select("evidence_id", "hgnc_symbol", "variant").rows() == [
        (0, "ALK", "Fusion"),
        (0, "ALK", "G1202R"),
        (0, "ALK", "L1196M"),
        (1, "MET", "Amplification"),
        (2, "ERBB2", "Gain"),
    ]


def test_only_predictive_evidence_of_resistance_is_kept_with_its_direction(tmp_path):
    path = written(
        tmp_path,
        {},
        {"evidence_id": "2", "significance": "Sensitivity/Response"},
        {"evidence_id": "3", "evidence_type": "Prognostic"},
        {"evidence_id": "4", "evidence_direction": "Does Not Support", "source_type": "ASCO", "therapies": "Afatinib"},
    )
    found = evidence_of(read_civic(path)[0])
    assert found.select("evidence_id", "drug", "direction", "pubmed_id").rows() == [
        (1, "erlotinib", "supports", "123"),
        (1, "gefitinib", "supports", "123"),
        (4, "afatinib", "does_not_support", None),
    ]
