"""Strata of a cohort: the patients that a rule over alterations or clinical attributes picks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.alterations.gene_patients import IS_OF_CLASS
from resistance_assets.science.alterations.measured import Measured


def split_rule(rule: str) -> tuple[str, str]:
    """Gene and class of `EGFR:mutation`; a gene alone asks for any class."""
    gene, _, kind = rule.partition(":")
    return gene, kind or "any"


def patients_with(rows: pl.DataFrame, rules: Sequence[str]) -> set[str]:
    """Patients with at least one of the alterations, written `GENE` or `GENE:class`.

    Args:
        rows: of `gene_patients`.
    """
    found: set[str] = set()
    for rule in rules:
        gene, kind = split_rule(rule)
        own = rows.filter(pl.col("hgnc_symbol") == gene)
        found |= set((own if kind == "any" else own.filter(IS_OF_CLASS[kind]))["patient_id"])
    return found


def membership(
    patients: Sequence[str], rows: pl.DataFrame, rules: Sequence[str], measured: Measured
) -> NDArray[np.float64]:
    """1 with one of the alterations, 0 without any, NaN where the patient was not looked at for all of them.

    A gene without a class asks for every class that the cohort was measured for.
    """
    altered = patients_with(rows, rules)
    whole: set[str] | None = None
    for gene, kind in map(split_rule, rules):
        for one in measured.kinds if kind == "any" else (kind,):
            seen = measured.looked_for(gene, one)
            whole = seen if whole is None else whole & seen
    return np.array([1.0 if one in altered else 0.0 if one in (whole or ()) else np.nan for one in patients])


def attribute_members(values: pl.DataFrame, wanted: Collection[str]) -> tuple[set[str], set[str]]:
    """Patients whose attribute is one of the wanted values (case ignored), and patients who have a value at all.

    Args:
        values: patient_id, value of one attribute.
    """
    known = values.filter(pl.col("value").is_not_null())
    asked = {value.strip().lower() for value in wanted}
    chosen = known.filter(pl.col("value").cast(pl.String).str.strip_chars().str.to_lowercase().is_in(list(asked)))
    return set(chosen["patient_id"]), set(known["patient_id"])
