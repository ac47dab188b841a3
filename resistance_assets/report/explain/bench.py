"""What bench studies say of a gene: its marker in patients' plasma, its knock-downs in dose-response studies."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.published import Published

KNOCK_DOWNS = "core.dose_response__knock_downs"
MARKERS = "marts.panel_markers"


def knock_downs(published: Published, gene: str) -> list[dict[str, Any]]:
    """Knock-downs of a gene: EC50 with its siRNA over EC50 with the control, per line, and the interaction.

    Args:
        gene: approved symbol; a study may name the gene by an alias.
    """
    if not published.filled(KNOCK_DOWNS):
        return []
    rows = published.rows(
        f"""
        SELECT k.study_id, k.drug, k.condition, k.contrast, k.resistant, k.parental, k.ratio, k.lower, k.upper,
            k.p_value, k.p_holm, k.n_fits, k.p_note
        FROM {KNOCK_DOWNS} AS k
        LEFT JOIN staging.genes__symbols AS s ON s.symbol = upper(k.gene)
        WHERE coalesce(s.hgnc_symbol, k.gene) = $gene
        ORDER BY k.study_id, k.drug, k.condition, k.contrast DESC
        """,
        {"gene": gene},
    )
    stamp = published.stamp(KNOCK_DOWNS)
    for row in rows:
        row.update(
            stamp,
            n=row["n_fits"],
            method="least squares of ln EC50 of replicate fits on line and siRNA; p Holm over the knock-downs",
            sources=published.loaded_sources_of(row["study_id"]),
        )
    return rows


def panel_markers(published: Published, gene: str) -> list[dict[str, Any]]:
    """Markers of plasma panels that are products of a gene, tested or refused."""
    if not published.filled(MARKERS):
        return []
    rows = published.rows(
        f"""
        SELECT study_id, marker, verdict, n_baseline AS n, fraction_below_lod, group_contrast, group_difference_log2,
            group_q, pair_contrast, pair_difference_log2, pair_q, pfs_events, pfs_hazard_ratio_per_sd, pfs_q_value_bh,
            os_events, os_hazard_ratio_per_sd, os_q_value_bh, pfs_auc, pfs_auc_month
        FROM {MARKERS}
        WHERE hgnc_symbol = ?
        ORDER BY study_id, marker
        """,
        [gene],
    )
    method = "limma between groups and within patients, Cox model per SD of log2; q Benjamini-Hochberg over the markers"
    stamp = published.stamp(MARKERS)
    for row in rows:
        row.update(stamp, method=method, sources=published.loaded_sources_of(row["study_id"]))
    return rows
