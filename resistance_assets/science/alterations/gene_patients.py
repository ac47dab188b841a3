"""Alterations by gene and patient: class of mutation, hotspot, amplification, deep loss and fusion partner.

A patient without a row for a gene is unaltered only where the gene was measured in that patient; `AlterationMatrix`
says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.alterations.cis_effects import AMPLIFIED, DEEP_LOSS
from resistance_assets.science.alterations.consequences import consequence_of, parse_protein_change

HOTSPOT_PATIENTS = 3
"""Patients of a cohort in whom a residue has to be changed to count as a hotspot."""
UNKNOWN_PARTNER = "unknown"
CLASSES = ("mutation", "amplification", "deep_loss", "fusion")
# Where several mutations hit one gene of a patient, the first of these names its class.
MUTATION_CLASSES = ("truncating", "splice", "in_frame", "missense", "other")

GENE_PATIENT_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "hgnc_symbol": pl.String,
    "mutation_class": pl.String,
    "n_mutations": pl.Int64,
    "protein_changes": pl.String,
    "hotspot_residues": pl.String,
    "is_mutated": pl.Boolean,
    "is_amplified": pl.Boolean,
    "is_deep_loss": pl.Boolean,
    "fusion_partners": pl.String,
}


@dataclass(frozen=True)
class AlterationMatrix:
    """One class of alteration: genes x patients, 1 altered, 0 not, NaN not measured."""

    genes: list[str]
    patients: list[str]
    values: NDArray[np.float64]


def classify_mutations(mutations: pl.DataFrame) -> pl.DataFrame:
    """Mutations that are not silent, with their consequence and residue.

    Args:
        mutations: patient_id, hgnc_symbol, variant_classification, protein_change.
    """
    classes = {name: consequence_of(name) for name in mutations["variant_classification"].unique().drop_nulls()}
    kept = mutations.with_columns(
        consequence=pl.col("variant_classification").replace_strict(classes, default="other", return_dtype=pl.String)
    ).filter((pl.col("consequence") != "silent") & pl.col("patient_id").is_not_null())
    residues = {text: _residue(text) for text in kept["protein_change"].unique().drop_nulls()}
    return kept.with_columns(
        residue=pl.col("protein_change").replace_strict(residues, default=None, return_dtype=pl.String)
    )


def _residue(text: str) -> str | None:
    change = parse_protein_change(text)
    return None if change is None else change.residue


def mutated_gene_patients(mutations: pl.DataFrame) -> pl.DataFrame:
    """One row per patient and gene with a mutation that is not silent; a mutation that is listed twice counts once."""
    classified = classify_mutations(mutations)
    shared = (
        classified.filter(pl.col("consequence").is_in(["missense", "in_frame"]) & pl.col("residue").is_not_null())
        .group_by("hgnc_symbol", "residue")
        .agg(pl.col("patient_id").n_unique().alias("patients"))
        .filter(pl.col("patients") >= HOTSPOT_PATIENTS)
        .select("hgnc_symbol", "residue", hotspot="residue")
    )
    rank = {name: at for at, name in enumerate(MUTATION_CLASSES)}
    return (
        classified.join(shared, on=["hgnc_symbol", "residue"], how="left")
        .unique(["patient_id", "hgnc_symbol", "variant_classification", "protein_change"], maintain_order=True)
        .sort(pl.col("consequence").replace_strict(rank, return_dtype=pl.Int64), maintain_order=True)
        .group_by("patient_id", "hgnc_symbol", maintain_order=True)
        .agg(
            pl.col("consequence").first().alias("mutation_class"),
            pl.len().cast(pl.Int64).alias("n_mutations"),
            pl.col("protein_change").drop_nulls().unique().sort().str.join("|").alias("protein_changes"),
            pl.col("hotspot").drop_nulls().unique().sort().str.join("|").alias("hotspot_residues"),
        )
    )


def fused_gene_patients(fusions: pl.DataFrame) -> pl.DataFrame:
    """patient_id, hgnc_symbol, fusion_partners: both genes of each fusion; variants within one gene are none.

    Args:
        fusions: patient_id, hgnc_symbol_site1, hgnc_symbol_site2; one of the two genes may be null.
    """
    known = fusions.filter(pl.col("patient_id").is_not_null())
    sides = [
        known.select("patient_id", hgnc_symbol=f"hgnc_symbol_site{one}", partner=f"hgnc_symbol_site{other}")
        for one, other in ((1, 2), (2, 1))
    ]
    return (
        pl.concat(sides)
        .filter(pl.col("hgnc_symbol").is_not_null() & pl.col("hgnc_symbol").ne_missing(pl.col("partner")))
        .group_by("patient_id", "hgnc_symbol")
        .agg(pl.col("partner").fill_null(UNKNOWN_PARTNER).unique().sort().str.join("|").alias("fusion_partners"))
    )


def gene_patients(mutations: pl.DataFrame, calls: pl.DataFrame, fusions: pl.DataFrame) -> pl.DataFrame:
    """One row per patient and gene with any alteration, columns of `GENE_PATIENT_SCHEMA`.

    Args:
        mutations, fusions: as above, of the sample that stands for its patient.
        calls: patient_id, hgnc_symbol, gistic_call.
    """
    copies = calls.filter((pl.col("gistic_call") >= AMPLIFIED) | (pl.col("gistic_call") <= DEEP_LOSS)).select(
        "patient_id",
        "hgnc_symbol",
        is_amplified=pl.col("gistic_call") >= AMPLIFIED,
        is_deep_loss=pl.col("gistic_call") <= DEEP_LOSS,
    )
    keys = ["patient_id", "hgnc_symbol"]
    found = mutated_gene_patients(mutations).join(copies, on=keys, how="full", coalesce=True)
    found = found.join(fused_gene_patients(fusions), on=keys, how="full", coalesce=True)
    blank = [
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in ("protein_changes", "hotspot_residues")
    ]
    return (
        found.with_columns(
            *blank,
            pl.col("is_amplified", "is_deep_loss").fill_null(False),
            n_mutations=pl.col("n_mutations").fill_null(0),
            is_mutated=pl.col("mutation_class").is_not_null(),
        )
        .select([pl.col(name).cast(kind) for name, kind in GENE_PATIENT_SCHEMA.items()])
        .sort("hgnc_symbol", "patient_id")
    )


IS_OF_CLASS: Mapping[str, pl.Expr] = {
    "mutation": pl.col("is_mutated"),
    "amplification": pl.col("is_amplified"),
    "deep_loss": pl.col("is_deep_loss"),
    "fusion": pl.col("fusion_partners").is_not_null(),
}
"""Class of alteration -> whether a row of `gene_patients` has it."""


def alteration_matrix(
    rows: pl.DataFrame,
    alteration_class: str,
    patients: list[str],
    genes: list[str] | None = None,
    not_measured: Mapping[str, NDArray[np.bool_]] | None = None,
) -> AlterationMatrix:
    """A class of alteration as a matrix.

    Args:
        rows: of `gene_patients`.
        patients: in whom the class was looked for; rows of others are left out.
        genes: wanted; those with an alteration where None.
        not_measured: gene -> patients (mask) in whom that gene was not looked for.
    """
    chosen = rows.filter(IS_OF_CLASS[alteration_class] & pl.col("patient_id").is_in(patients))
    names = chosen["hgnc_symbol"].unique().sort().to_list() if genes is None else list(genes)
    row_of = {name: at for at, name in enumerate(names)}
    values = np.zeros((len(names), len(patients)))
    placed = chosen.filter(pl.col("hgnc_symbol").is_in(names))
    if placed.height:
        values[_places(placed["hgnc_symbol"], names), _places(placed["patient_id"], patients)] = 1.0
    for gene, mask in (not_measured or {}).items():
        if gene in row_of:
            values[row_of[gene], mask] = np.nan
    return AlterationMatrix(names, patients, values)


def _places(values: pl.Series, names: list[str]) -> NDArray[np.int64]:
    """Where each value stands among the names, which hold every one of them once."""
    return values.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
