"""Which contrasts are asked for reversal, what their sets are, and when a p-value is refused."""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.catalog.models.analysis_settings import EvidenceSettings
from resistance_assets.catalog.models.lab_study import HUMAN
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.evidence import contrast_states, leading_effects
from resistance_assets.defs.core.evidence.reversal import own_perturbations, resolve_members, reversal_rows

GENES = [f"G{at:03d}" for at in range(200)]
SETTINGS = EvidenceSettings(reversal_permutations=200)
MEMBER = ("set_source", "perturbation_id", "drug_name", "cell_line", "direction", "hgnc_symbol")
LIBRARY = pl.DataFrame(schema=dict.fromkeys(MEMBER, pl.String))


def contrast(name: str, numerator: str, denominator: str, state: str, study: str = "s") -> dict:
    return {
        "contrast_id": name, "study_id": study, "study_title": study, "numerator": numerator,
        "denominator": denominator, "drug": "Anlotinib", "drug_class": "TKI", "state": state, "methods": "limma",
        "organism": HUMAN, "q_value_threshold": 0.05, "abs_log2_fold_change_threshold": 1.0,
    }  # fmt: skip


def declared(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TABLES["raw.catalog__contrasts"].polars_schema)


def genes(**effects: tuple[np.ndarray, str]) -> pl.DataFrame:
    frames = [
        pl.DataFrame(
            {"contrast_id": name, "method": "limma", "evidence_kind": kind, "hgnc_symbol": GENES,
             "log2_fold_change": fold, "p_value": None if kind == "effect_only" else 10.0 ** -(3 * np.abs(fold)),
             "q_value_bh": None if kind == "effect_only" else 10.0 ** -(2 * np.abs(fold))},
            schema_overrides={"p_value": pl.Float64, "q_value_bh": pl.Float64},
        )
        for name, (fold, kind) in effects.items()
    ]  # fmt: skip
    schema = TABLES["core.deg__contrast_genes"].polars_schema
    return pl.concat(frames, how="vertical").join(
        pl.DataFrame(
            schema={k: v for k, v in schema.items() if k not in frames[0].columns} | {"contrast_id": pl.String}
        ),
        on="contrast_id",
        how="left",
    )


SIGNATURE = np.linspace(3.0, -3.0, 200)


def rows(contrasts: pl.DataFrame, found: pl.DataFrame, library: pl.DataFrame = LIBRARY) -> dict[str, dict]:
    states = contrast_states(contrasts, with_treated_resistant=True)
    effects = leading_effects(found, states, TABLES["core.deg__fold_change_calls"].empty())
    return {row["perturbation_id"]: row for row in reversal_rows(effects, contrasts, library, SETTINGS).to_dicts()}


def test_a_drug_that_undoes_the_signature_in_another_study_reverses_it():
    contrasts = declared(contrast("r_vs_p", "R", "P", "acquired"), contrast("pa_vs_p", "PA", "P", "treated", "other"))
    found = rows(contrasts, genes(r_vs_p=(SIGNATURE, "inferential"), pa_vs_p=(-SIGNATURE, "inferential")))
    assert set(found) == {"pa_vs_p"}
    row = found["pa_vs_p"]
    assert (row["contrast_id"], row["set_source"], row["drug_name"]) == ("r_vs_p", "warehouse", "anlotinib")
    assert (row["direction"], row["note"]) == ("reverses", None)
    assert row["weighted_connectivity_score"] < -0.9


def test_contrasts_that_share_a_group_have_a_score_and_no_p_value():
    contrasts = declared(contrast("r_vs_p", "R", "P", "acquired"), contrast("ra_vs_r", "RA", "R", "treated"))
    row = rows(contrasts, genes(r_vs_p=(SIGNATURE, "inferential"), ra_vs_r=(-SIGNATURE, "inferential")))["ra_vs_r"]
    assert row["weighted_connectivity_score"] < -0.9
    assert (row["null_p_value"], row["q_value_bh"], row["direction"]) == (None, None, None)
    assert "samples of R" in row["note"]


def test_a_signature_without_replicates_has_a_score_and_no_p_value():
    contrasts = declared(contrast("r_vs_p", "R", "P", "tolerant"), contrast("pa_vs_p", "PA", "P", "treated", "other"))
    row = rows(contrasts, genes(r_vs_p=(SIGNATURE, "effect_only"), pa_vs_p=(SIGNATURE, "effect_only")))["pa_vs_p"]
    assert row["weighted_connectivity_score"] > 0.9
    assert (row["state"], row["null_p_value"], row["note"]) == ("tolerant", None, "the contrast has no replicates")


def test_sets_of_the_warehouse_hold_what_changed_and_not_the_rest():
    contrasts = declared(contrast("pa_vs_p", "PA", "P", "treated"))
    states = contrast_states(contrasts, with_treated_resistant=True)
    effects = leading_effects(
        genes(pa_vs_p=(SIGNATURE, "inferential")), states, TABLES["core.deg__fold_change_calls"].empty()
    )
    sets = own_perturbations(effects, 0.05)
    assert sets.group_by("direction").len().sort("direction").rows() == [("down", 67), ("up", 67)]


def test_members_are_resolved_to_approved_symbols():
    members = pl.DataFrame(
        {"set_source": "l", "perturbation_id": "p", "drug_name": "d", "cell_line": None, "direction": "up",
         "gene_symbol": ["axl", "UFO", "nobody"]},
        schema_overrides={"cell_line": pl.String},
    )  # fmt: skip
    symbols = pl.DataFrame({"symbol": ["AXL", "UFO"], "hgnc_symbol": ["AXL", "AXL"]})
    assert resolve_members(members, symbols)["hgnc_symbol"].to_list() == ["AXL", "nobody"]


def test_nothing_to_compare_with_is_no_row():
    contrasts = declared(contrast("r_vs_p", "R", "P", "acquired"))
    assert rows(contrasts, genes(r_vs_p=(SIGNATURE, "inferential"))) == {}
