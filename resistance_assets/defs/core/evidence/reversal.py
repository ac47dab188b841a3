"""`core.evidence__reversal`: which drugs run against the signatures of resistance."""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.catalog.models.analysis_settings import EvidenceSettings
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.evidence import CALLS, CONTRASTS, GENES, contrast_states, leading_effects
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.evidence.reversal import score_reversal, signed_z

REVERSAL = TABLES["core.evidence__reversal"]
MEMBERS = "raw.perturbations__members"
SYMBOLS = "staging.genes__symbols"

OWN_SETS = "warehouse"
"""Source of the sets that the warehouse's own contrasts of treated cells give."""
MOST_OWN_GENES = 250
"""Genes of such a set, the most extreme ones: of the size of the libraries' sets."""
UNREPLICATED = "the contrast has no replicates"


def resolve_members(members: pl.DataFrame, symbols: pl.DataFrame) -> pl.DataFrame:
    """Members of perturbation sets under approved symbols where they can be resolved."""
    return (
        members.with_columns(symbol=pl.col("gene_symbol").str.to_uppercase())
        .join(symbols.select("symbol", "hgnc_symbol"), on="symbol", how="left")
        .with_columns(hgnc_symbol=pl.coalesce("hgnc_symbol", "gene_symbol"))
        .select("set_source", "perturbation_id", "drug_name", "cell_line", "direction", "hgnc_symbol")
        .unique(maintain_order=True)
    )


def own_perturbations(effects: pl.DataFrame, q_value: float) -> pl.DataFrame:
    """Sets of the contrasts of treated cells: significant genes over the contrast's threshold, or over its rule.

    Args:
        effects: of `leading_effects`.
        q_value: largest q of a gene where there are replicates.
    """
    inferential = pl.col("evidence_kind") == "inferential"
    over = pl.col("log2_fold_change").abs() >= pl.col("abs_log2_fold_change_threshold")
    changed = pl.when(inferential).then((pl.col("q_value_bh") < q_value) & over).otherwise(pl.col("is_over_rule"))
    way = pl.when(pl.col("log2_fold_change") > 0).then(pl.lit("up")).otherwise(pl.lit("down"))
    return (
        effects.filter(pl.col("state") == "treated", pl.col("drug").is_not_null(), changed)
        .with_columns(direction=way)
        .sort("contrast_id", "direction", pl.col("log2_fold_change").abs(), descending=[False, False, True])
        .group_by("contrast_id", "direction", maintain_order=True)
        .head(MOST_OWN_GENES)
        .select(
            pl.lit(OWN_SETS).alias("set_source"),
            pl.col("contrast_id").alias("perturbation_id"),
            pl.col("drug").str.to_lowercase().alias("drug_name"),
            "cell_line",
            "direction",
            "hgnc_symbol",
        )
    )


def reversal_rows(
    effects: pl.DataFrame, contrasts: pl.DataFrame, members: pl.DataFrame, settings: EvidenceSettings
) -> pl.DataFrame:
    """Rows of `core.evidence__reversal`.

    A contrast of treated cells that shares a group with the contrast that is asked has a score and no p-value: the
    noise of that group alone makes the two run with or against each other. One without replicates has none either.

    Args:
        effects: of `leading_effects`, contrasts of treated resistant cells among them.
        contrasts: contrast_id, study_id, numerator, denominator, of every contrast.
        members: of `resolve_members`.
    """
    q_value = settings.confidence.q_value
    sets = pl.concat([members, own_perturbations(effects, q_value)])
    if sets.is_empty():
        return REVERSAL.empty()
    asked = effects.filter(pl.col("state") != "treated")
    fold, p_value = (asked[name].cast(pl.Float64).to_numpy() for name in ("log2_fold_change", "p_value"))
    # By z and not by log p, along which a few genes would outweigh all others.
    z = np.where(asked["evidence_kind"] == "inferential", signed_z(fold, p_value), fold)
    asked = asked.with_columns(ranking_metric=pl.Series(z, nan_to_null=True))
    frames = [REVERSAL.empty()]
    for (contrast_id, state, kind), ranks in asked.group_by(
        ["contrast_id", "state", "evidence_kind"], maintain_order=True
    ):
        scored = score_reversal(
            ranks.select("hgnc_symbol", "ranking_metric"),
            sets,
            permutations=settings.reversal_permutations,
            seed=settings.seed,
            q_value=q_value,
        )
        notes = shared_groups(str(contrast_id), contrasts)
        scored = scored.join(notes, on=["set_source", "perturbation_id"], how="left").with_columns(
            contrast_id=pl.lit(contrast_id),
            state=pl.lit(state),
            note=pl.lit(UNREPLICATED) if kind != "inferential" else pl.col("note"),
        )
        refused = pl.col("note").is_not_null()
        frames.append(
            REVERSAL.shape(
                scored.with_columns(
                    pl.when(~refused).then(name).alias(name) for name in ("null_p_value", "q_value_bh", "direction")
                )
            )
        )
    return pl.concat(frames).sort("contrast_id", "set_source", "perturbation_id")


def shared_groups(contrast_id: str, contrasts: pl.DataFrame) -> pl.DataFrame:
    """Contrasts that share a group of samples with one, as perturbations with a note.

    Returns:
        set_source, perturbation_id, note.
    """
    own = contrasts.filter(pl.col("contrast_id") == contrast_id)
    groups = [*own["numerator"], *own["denominator"]]
    return (
        contrasts.filter(pl.col("study_id").is_in(own["study_id"].implode()), pl.col("contrast_id") != contrast_id)
        .with_columns(
            shared=pl.concat_list("numerator", "denominator").list.set_intersection(pl.lit(groups, pl.List(pl.String)))
        )
        .filter(pl.col("shared").list.len() > 0)
        .select(
            pl.lit(OWN_SETS).alias("set_source"),
            pl.col("contrast_id").alias("perturbation_id"),
            pl.format(
                "both contrasts hold the samples of {}, whose noise alone makes them agree or disagree",
                pl.col("shared").list.sort().list.join(" and "),
            ).alias("note"),
        )
    )


def steps(registry: Registry) -> list[Step]:
    settings = registry.evidence

    def compute(inputs: Inputs) -> pl.DataFrame:
        contrasts = inputs.read(CONTRASTS)
        states = contrast_states(contrasts, with_treated_resistant=True)
        effects = leading_effects(inputs.read(GENES), states, inputs.read(CALLS))
        members = resolve_members(inputs.read(MEMBERS), inputs.read(SYMBOLS))
        return reversal_rows(effects, contrasts, members, settings)

    return [
        table_step(
            outputs={REVERSAL.address: REVERSAL},
            compute=compute,
            inputs=(GENES, CONTRASTS, CALLS, MEMBERS, SYMBOLS),
            allow_unavailable_inputs=True,
            parameters={
                "seed": settings.seed,
                "permutations": settings.reversal_permutations,
                "q_value": settings.confidence.q_value,
            },
        )
    ]
