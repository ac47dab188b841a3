"""What bench studies say of a gene: its knock-downs in dose-response studies."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.published import Published

KNOCK_DOWNS = "core.dose_response__knock_downs"


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
