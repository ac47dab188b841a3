"""Which cells make a gene, of every single-cell study: human cells by its symbol, mouse cells by the same letters."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.published import Published

SOURCES = "core.single_cell__gene_cell_types"
PSEUDOBULK = "core.single_cell__pseudobulk"


def cell_types(published: Published, gene: str) -> list[dict[str, Any]]:
    """Cell types that have molecules of a gene, the highest level first, with the change under the drug in each.

    Args:
        gene: approved symbol. A mouse gene is found where it has the same letters, as most orthologs do.
    """
    if not published.filled(SOURCES):
        return []
    rows = published.rows(
        f"""
        WITH tested AS (
            SELECT study_id, species, cell_type, feature_id, comparison_id, log2_fold_change, p_value, q_value_bh,
                n_numerator, n_denominator
            FROM {PSEUDOBULK}
            WHERE method = 'limma_voom' AND log2_fold_change IS NOT NULL AND upper(symbol) = $gene
        )
        SELECT found.study_id, found.species, found.symbol, found.level, found.cell_type, found.n_cells AS n,
            found.n_expressing, found.fraction_expressing, found.umi, found.mean_cp10k, found.share_of_species_umi,
            found.n_samples, found.is_ambient, tested.comparison_id, tested.log2_fold_change, tested.p_value,
            tested.q_value_bh, tested.n_numerator, tested.n_denominator
        FROM {SOURCES} AS found
        LEFT JOIN tested
            ON tested.study_id = found.study_id AND tested.species = found.species
            AND tested.cell_type = found.cell_type AND tested.feature_id = found.feature_id
            AND found.level = 'cell_type'
        WHERE upper(found.symbol) = $gene AND found.umi > 0
        ORDER BY found.study_id, found.species, found.level, found.cp10k_pooled DESC, found.cell_type,
            tested.comparison_id
        """,
        {"gene": gene.upper()},
    )
    stamp = published.stamp(SOURCES)
    method = "molecules over the cells of a type; change by limma-voom on sums per sample, samples as replicates"
    for row in rows:
        row.update(stamp, method=method, sources=published.loaded_sources_of(row["study_id"]))
    return rows
