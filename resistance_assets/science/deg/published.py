"""A finished differential-expression table of others, brought to the common frame.

Here belongs the way from published rows (often probes) to one row per gene, without a new fit. What a contrast of our
own yields belongs in the other `deg` modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.science.deg.result import build_result
from resistance_assets.science.statistics.multiple_testing import adjust_bh

REQUIRED_ROLES = ("hgnc_symbol", "log2_fold_change")
NUMBER_ROLES = (
    "log2_fold_change",
    "p_value",
    "q_value",
    "base_mean",
    "standard_error",
    "statistic",
    "average_expression_log2",
    "b_statistic",
)
TEXT_ROLES = ("feature", "hgnc_symbol", "entrez_gene_id")
NOTE_SMALLEST_OF_PROBES = "smallest p of several probes; q_value_bh corrects for the choice"
NOTE_PUBLISHED_Q = "q as published, not adjusted again"
NOTE_NOT_PUBLISHED = "no p-value was published"
_NO_SYMBOL = ("", "NA", "N/A", "---", "--", "nan")


@dataclass(frozen=True)
class PublishedImport:
    """A published table by gene, by row, and what was set aside.

    Attributes:
        result: `RESULT_SCHEMA` and then `feature` (String, the probe that speaks for the gene), `entrez_gene_id`
            (String), `probes` (Int64, how many probes the gene has), `p_value_probe_adjusted` (Float64, smallest p
            times the number of probes, at most 1).
        features: every row of the table in its order: `feature`, `hgnc_symbol` (String, as published),
            `log2_fold_change`, `p_value`, `q_value_bh_features` (Float64, BH over all rows that have a p),
            `is_kept` (Boolean).
        rejected: `feature`, `hgnc_symbol`, `reason` (String): rows that belong to no single gene, or lack a number.
    """

    result: pl.DataFrame
    features: pl.DataFrame
    rejected: pl.DataFrame


def import_published(
    table: pl.DataFrame,
    columns: Mapping[str, str],
    *,
    contrast_id: str,
    method: str,
    n_numerator: int | None,
    n_denominator: int | None,
    multi_gene_separator: str | None = None,
) -> PublishedImport:
    """Bring a published result to one row per gene.

    A row that names several genes, or none, is set aside. Of several rows of one gene the one with the smallest p is
    kept (ties: the larger absolute fold change, then the name) and `p_value` is that p as published. Choosing the
    smallest of k makes it too small, so `q_value_bh` is Benjamini-Hochberg over genes of min(1, k p): Bonferroni
    within the gene holds however the probes are correlated. `features` has BH over all rows instead, which is what the
    authors' tools report.

    A published q-value (role q_value) is kept as it is and never adjusted again; without a p the row with the smallest
    q stands for its gene.

    Args:
        table: as published.
        columns: role -> column of `table`. Roles: hgnc_symbol and log2_fold_change (required), feature, entrez_gene_id,
            p_value, q_value, base_mean, standard_error, statistic, average_expression_log2, b_statistic.
        contrast_id: named in messages.
        method: the method as published.
        n_numerator, n_denominator: samples per arm, None where unknown.
        multi_gene_separator: what joins several symbols in one row (" /// "), None if nothing does.

    Raises:
        CatalogFault: a role that does not exist, or a required one missing.
        DataFault: a mapped column that the table lacks, a p outside [0, 1], a feature twice, text in a number column.
    """
    subject = f"published table of {contrast_id}"
    _check_mapping(table, columns, subject)
    frame = _typed(table, columns, subject)
    _check_values(frame, subject)
    symbol = pl.col("hgnc_symbol")
    several = symbol.str.contains(multi_gene_separator, literal=True) if multi_gene_separator else pl.lit(False)
    has_p, has_q = "p_value" in columns, "q_value" in columns
    reason = (
        pl.when(symbol.is_null() | symbol.is_in(_NO_SYMBOL))
        .then(pl.lit("no gene symbol"))
        .when(several)
        .then(pl.lit("several genes"))
        .when(pl.col("log2_fold_change").is_null())
        .then(pl.lit("no fold change"))
        .when(pl.lit(has_p or has_q) & pl.col("p_value").is_null() & pl.col("q_value").is_null())
        .then(pl.lit("no p-value"))
        .otherwise(None)
    )
    frame = frame.with_columns(reason.alias("reason"))
    features = frame.select(
        "feature",
        "hgnc_symbol",
        "log2_fold_change",
        "p_value",
        pl.Series("q_value_bh_features", adjust_bh(_numbers(frame["p_value"]))).fill_nan(None),
        pl.col("reason").is_null().alias("is_kept"),
    )
    rejected = frame.filter(pl.col("reason").is_not_null()).select("feature", "hgnc_symbol", "reason")
    genes = (
        frame.filter(pl.col("reason").is_null())
        .with_columns(pl.len().over("hgnc_symbol").cast(pl.Int64).alias("probes"))
        .sort(
            ["hgnc_symbol", "p_value", "q_value", pl.col("log2_fold_change").abs(), "feature"],
            descending=[False, False, False, True, False],
            nulls_last=True,
        )
        .unique("hgnc_symbol", keep="first", maintain_order=True)
    )
    return PublishedImport(
        _published_result(genes, method, n_numerator, n_denominator, has_p, has_q), features, rejected
    )


def _published_result(
    genes: pl.DataFrame, method: str, n_numerator: int | None, n_denominator: int | None, has_p: bool, has_q: bool
) -> pl.DataFrame:
    """The result frame of one row per gene."""
    p, probes = _numbers(genes["p_value"]), genes["probes"].to_numpy()
    adjusted = np.minimum(1.0, p * probes)
    notes: list[str | None] = [NOTE_NOT_PUBLISHED] * genes.height
    if has_q:
        notes = [NOTE_PUBLISHED_Q] * genes.height
    elif has_p:
        notes = [NOTE_SMALLEST_OF_PROBES if k > 1 else None for k in probes]
    q = _numbers(genes["q_value"]) if has_q else adjust_bh(adjusted) if has_p else None
    result = build_result(
        genes["hgnc_symbol"],
        method=method,
        n_numerator=n_numerator,
        n_denominator=n_denominator,
        evidence_kind="inferential" if has_p or has_q else "effect_only",
        p_value=p if has_p else None,
        q_value_bh=q,
        p_value_note=notes,
        **{name: _numbers(genes[name]) for name in NUMBER_ROLES if name not in ("p_value", "q_value")},
    )
    return result.with_columns(
        genes["feature"], genes["entrez_gene_id"], genes["probes"],
        pl.Series("p_value_probe_adjusted", adjusted).fill_nan(None),
    )  # fmt: skip


def find_adjusted_p_values(p_values: pl.Series) -> str | None:
    """Why p-values look adjusted for multiple testing already, or None.

    Adjusted ones pile up: at 1, where Bonferroni and Holm are cut, and in runs of equal values, which the running
    minimum of Benjamini and Hochberg leaves. Plain ones of a continuous test do neither.
    """
    known = p_values.drop_nulls()
    if known.len() < 100:
        return None
    at_one = float((known == 1).mean() or 0.0)  # pyright: ignore
    if at_one > 0.2:
        return f"{at_one:.0%} of its values are 1"
    # Rounding makes ties too: look at values that are written with more than six digits.
    fine = known.filter((known > 1e-3) & ((known * 1e6 - (known * 1e6).round()).abs() > 1e-6))
    if fine.len() >= 100 and (repeated := 1 - fine.n_unique() / fine.len()) > 0.2:
        return f"{repeated:.0%} of its values repeat another one"
    return None


def _check_mapping(table: pl.DataFrame, columns: Mapping[str, str], subject: str) -> None:
    known = (*TEXT_ROLES, *NUMBER_ROLES)
    unknown = sorted(set(columns) - set(known))
    missing = [role for role in REQUIRED_ROLES if role not in columns]
    if unknown or missing:
        raise CatalogFault(
            f"roles unknown: {', '.join(unknown)}" if unknown else f"roles missing: {', '.join(missing)}",
            subject=subject,
            place="columns",
            expected=f"roles among {', '.join(known)}",
            remedy="Correct the mapping in study.toml.",
        )
    absent = sorted({name for name in columns.values() if name not in table.columns})
    if absent:
        raise DataFault(
            f"no column {', '.join(absent)}",
            subject=subject,
            expected=f"one of {', '.join(table.columns)}",
            remedy="Correct the mapping in study.toml.",
        )


def _typed(table: pl.DataFrame, columns: Mapping[str, str], subject: str) -> pl.DataFrame:
    made: list[pl.Series] = []
    for role in TEXT_ROLES:
        source = table[columns[role]].cast(pl.String).str.strip_chars() if role in columns else None
        if source is None and role == "feature":
            source = table[columns["hgnc_symbol"]].cast(pl.String)
        made.append((source if source is not None else pl.Series([None] * table.height, dtype=pl.String)).alias(role))
    for role in NUMBER_ROLES:
        if role not in columns:
            made.append(pl.Series(role, [None] * table.height, dtype=pl.Float64))
            continue
        source = table[columns[role]]
        if source.dtype == pl.String:
            source = source.str.strip_chars().replace({"NA": None, "": None, "NaN": None})
        number = source.cast(pl.Float64, strict=False)
        text = number.is_null() & source.is_not_null()
        if text.any():
            row = int(text.arg_max() or 0)
            raise DataFault(
                f"{source[row]!r} is not a number", subject=subject, place=f"row {row + 1}, column {columns[role]}",
                remedy="Mend the table.",
            )  # fmt: skip
        made.append(number.fill_nan(None).alias(role))
    return pl.DataFrame(made)


def _check_values(frame: pl.DataFrame, subject: str) -> None:
    for name in ("p_value", "q_value"):
        outside = ((frame[name] < 0) | (frame[name] > 1)).fill_null(False)
        if not outside.any():
            continue
        row = int(outside.arg_max() or 0)
        raise DataFault(
            f"{name.replace('_', '-')} {frame[name][row]}",
            subject=subject, place=f"row {row + 1}", expected="between 0 and 1",
            remedy="Check the mapping of columns; -log10 p must be turned back first.",
        )  # fmt: skip
    if frame["feature"].equals(frame["hgnc_symbol"], null_equal=True):
        return
    twice = frame["feature"].is_duplicated() & frame["feature"].is_not_null()
    if twice.any():
        row = int(twice.arg_max() or 0)
        raise DataFault(
            f"feature {frame['feature'][row]} occurs more than once", subject=subject, place=f"row {row + 1}",
            remedy="Keep one row per feature.",
        )  # fmt: skip


def _numbers(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
