"""Candidates: genes ranked per drug class over every contrast of resistant against sensitive cells."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.analysis_settings import EvidenceSettings
from resistance_assets.catalog.models.lab_study import HUMAN
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.evidence.consensus import pool_over_studies
from resistance_assets.science.evidence.known_mechanisms import rank_known
from resistance_assets.science.evidence.rank_aggregation import rank_aggregate, score_contributions
from resistance_assets.science.evidence.study_effects import complete_standard_errors, pool_within_studies

RANKS = TABLES["core.evidence__resistance_ranks"]
VOTES = TABLES["core.evidence__resistance_votes"]
KNOWN = TABLES["core.evidence__known_mechanisms"]
STUDY_EFFECTS = TABLES["core.evidence__study_effects"]
CONSENSUS = TABLES["core.evidence__consensus_by_gene"]
GENES = "core.deg__contrast_genes"
CONTRASTS = "raw.catalog__contrasts"
CALLS = "core.deg__fold_change_calls"

ALL_CLASSES = "all"
"""Drug class of a consensus over every class."""


def resistance_effects(genes: pl.DataFrame, contrasts: pl.DataFrame, settings: EvidenceSettings) -> pl.DataFrame:
    """Effects of the contrasts that compare resistant with sensitive cells, one method per contrast, with weights.

    The method is the first that the contrast declares and that has rows, as in `marts.deg_by_contrast`. What treated or
    tolerant cells do is not what resists a drug: contrasts whose state is not `acquired` take no part.
    """
    # What is known through orthologs stands apart from human evidence.
    contrasts = contrasts.filter(pl.col("organism") == HUMAN)
    resistance = contrasts.filter(pl.col("drug_class").is_not_null() & (pl.col("state") == "acquired"))
    leading = leading_methods(genes, resistance.select("contrast_id", "study_id", "drug_class", "methods"))
    return (
        genes.join(leading, on=["contrast_id", "method"])
        .with_columns(weight=evidence_weight(settings))
        .select(
            "study_id",
            "contrast_id",
            "hgnc_symbol",
            "drug_class",
            # Where a mean is zero a ratio has no finite size; its bound keeps the gene in the order.
            pl.coalesce("log2_fold_change", "log2_fold_change_shrunken").alias("log2_fold_change"),
            # A table published with q alone still orders its genes.
            pl.coalesce("p_value", "q_value_bh").alias("p_value"),
            "evidence_kind",
            "weight",
        )
    )


def leading_methods(genes: pl.DataFrame, contrasts: pl.DataFrame) -> pl.DataFrame:
    """Contrasts with the first method that each declares and that has rows, in place of `methods`."""
    return (
        contrasts.with_columns(method=pl.col("methods").str.split("|"))
        .with_columns(place=pl.int_ranges(pl.col("method").list.len()))
        .explode("method", "place")
        .join(genes.select("contrast_id", "method").unique(), on=["contrast_id", "method"])
        .sort("contrast_id", "place")
        .unique("contrast_id", keep="first", maintain_order=True)
        .drop("place", "methods")
    )


def evidence_weight(settings: EvidenceSettings) -> pl.Expr:
    """How much a contrast counts in the ranks, by its kind of evidence."""
    weights = {"inferential": settings.weights.inferential, "effect_only": settings.weights.effect_only}
    return pl.col("evidence_kind").replace_strict(weights, return_dtype=pl.Float64)


def contrasts_without_state(contrasts: pl.DataFrame) -> list[str]:
    """Contrasts that name a class of drugs and not whether their cells are resistant, tolerant or treated."""
    return contrasts.filter(pl.col("drug_class").is_not_null() & pl.col("state").is_null())["contrast_id"].to_list()


def contrast_states(contrasts: pl.DataFrame, *, with_treated_resistant: bool = False) -> pl.DataFrame:
    """Contrasts of human cells under a drug that tell their state, with the independent study that they belong to.

    Two studies of one cell line and one laboratory are one; a study whose line or laboratory is not told stands for
    itself. A contrast of treated against untreated cells counts only where its control is no resistant arm of the
    study, unless those are asked for: what the drug does to resistant cells is no response of parental ones.
    """
    named = pl.col("cell_line").is_not_null() & pl.col("laboratory").is_not_null()
    told = contrasts.filter(
        pl.col("organism") == HUMAN, pl.col("drug_class").is_not_null(), pl.col("state").is_not_null()
    ).with_columns(
        independent_study=pl.when(named).then(pl.format("{} ({})", "cell_line", "laboratory")).otherwise("study_id")
    )
    resistant = told.filter(pl.col("state") != "treated").select("study_id", denominator="numerator").unique()
    treated_resistant = told.filter(pl.col("state") == "treated").join(
        resistant, on=["study_id", "denominator"], how="semi"
    )
    if not with_treated_resistant:
        told = told.join(treated_resistant.select("contrast_id"), on="contrast_id", how="anti")
    return told.select(
        "contrast_id", "study_id", "drug", "drug_class", "state", "cell_line", "laboratory", "independent_study",
        "numerator", "denominator", "methods", "abs_log2_fold_change_threshold",
    )  # fmt: skip


def contrast_effects(genes: pl.DataFrame, contrasts: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """Effects of every contrast under a drug, one method each, once in its drug class and once in all together.

    Args:
        genes, contrasts, calls: of `core.deg__contrast_genes`, `raw.catalog__contrasts` and
            `core.deg__fold_change_calls`, whose call is taken where there is one, else the contrast's threshold.
    """
    effects = leading_effects(genes, contrast_states(contrasts), calls)
    return pl.concat([effects, effects.with_columns(drug_class=pl.lit(ALL_CLASSES))]).sort(
        "drug_class", "state", "independent_study", "contrast_id", "hgnc_symbol"
    )


def leading_effects(genes: pl.DataFrame, states: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """Effects of the contrasts of `contrast_states` by the first method that each declares and that has rows."""
    leading = leading_methods(genes, states)
    return (
        genes.join(leading, on=["contrast_id", "method"])
        .join(calls.select("contrast_id", "hgnc_symbol", "is_called"), on=["contrast_id", "hgnc_symbol"], how="left")
        .with_columns(
            # Where a mean is zero a ratio has no finite size; its bound keeps the sign.
            log2_fold_change=pl.coalesce("log2_fold_change", "log2_fold_change_shrunken"),
            # A table published with q alone still has effects.
            p_value=pl.coalesce("p_value", "q_value_bh"),
        )
        .with_columns(
            is_over_rule=pl.coalesce(
                "is_called", pl.col("log2_fold_change").abs() >= pl.col("abs_log2_fold_change_threshold")
            )
        )
        .filter(pl.col("log2_fold_change").is_not_null())
    )


def consensus_over_studies(registry: Registry) -> Step:
    """Effects of independent studies and what they say together."""
    settings = registry.evidence

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        effects = contrast_effects(inputs.read(GENES), inputs.read(CONTRASTS), inputs.read(CALLS))
        studies = pool_within_studies(complete_standard_errors(effects))
        consensus = pool_over_studies(
            studies,
            moderated=settings.pooling == "moderated",
            q_threshold=settings.confidence.q_value,
            p_against=settings.confidence.p_value_against,
        )
        return {
            STUDY_EFFECTS.address: studies.filter(pl.col("drug_class") != ALL_CLASSES),
            CONSENSUS.address: add_rank_aggregation(consensus, effects, settings),
        }

    return table_step(
        outputs={STUDY_EFFECTS.address: STUDY_EFFECTS, CONSENSUS.address: CONSENSUS},
        compute=compute,
        inputs=(GENES, CONTRASTS, CALLS),
        allow_unavailable_inputs=True,
        parameters=settings.model_dump(include={"weights", "permutations", "seed", "pooling", "confidence"}),
    )


def add_rank_aggregation(consensus: pl.DataFrame, effects: pl.DataFrame, settings: EvidenceSettings) -> pl.DataFrame:
    """The consensus with the score, p and q of `rank_aggregate` over independent studies, within each state."""
    voting = effects.with_columns(study_id=pl.col("independent_study"), weight=evidence_weight(settings))
    ranked = [
        rank_aggregate(own, permutations=settings.permutations, seed=settings.seed).select(
            "drug_class",
            "hgnc_symbol",
            state=pl.lit(state),
            rank_aggregation_score="score",
            rank_aggregation_p_permutation="p_value_permutation",
            rank_aggregation_q_value_bh="q_value_bh",
        )
        for (state,), group in voting.group_by("state", maintain_order=True)
        # A contrast stands in its class and in all of them: each is ranked on its own.
        for own in (
            group.filter(pl.col("drug_class") == ALL_CLASSES),
            group.filter(pl.col("drug_class") != ALL_CLASSES),
        )
    ]
    blank = pl.DataFrame(schema={name: CONSENSUS.polars_schema[name] for name in RANKED})
    return consensus.join(pl.concat([blank, *(one.select(RANKED) for one in ranked)]),
                          on=["drug_class", "state", "hgnc_symbol"], how="left")  # fmt: skip


RANKED = (
    "drug_class", "state", "hgnc_symbol", "rank_aggregation_score", "rank_aggregation_p_permutation",
    "rank_aggregation_q_value_bh",
)  # fmt: skip


def candidate_ranks(registry: Registry) -> Step:
    settings = registry.evidence

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        contrasts = inputs.read(CONTRASTS)
        for name in contrasts_without_state(contrasts):
            told = "names a drug class and no state (acquired, tolerant or treated): it takes no part in the candidates"
            emit(ProgressEvent("note", RANKS.address, message=f"{name} {told}"))
        effects = resistance_effects(inputs.read(GENES), contrasts, settings)
        ranks = rank_aggregate(effects, permutations=settings.permutations, seed=settings.seed)
        return {
            RANKS.address: ranks.sort("drug_class", "hgnc_symbol"),
            VOTES.address: score_contributions(effects),
        }

    return table_step(
        outputs={RANKS.address: RANKS, VOTES.address: VOTES},
        compute=compute,
        inputs=(GENES, CONTRASTS),
        allow_unavailable_inputs=True,
        parameters=settings.model_dump(include={"weights", "permutations", "seed"}),
    )


def known_mechanism_ranks(
    ranks: pl.DataFrame, votes: pl.DataFrame, evidence: pl.DataFrame, classes: pl.DataFrame
) -> pl.DataFrame:
    """Rows of `core.evidence__known_mechanisms`; none where nothing is known of any drug, as without the source.

    Args:
        ranks, votes: of `core.evidence__resistance_ranks` and `__resistance_votes`.
        evidence: of `staging.knowledge__resistance_evidence`.
        classes: drug_class, drug.
    """
    supported = evidence.filter(pl.col("direction") == "supports")
    if supported.is_empty():
        return KNOWN.empty()
    by_class = supported.join(classes, on="drug").group_by("drug_class").agg(pl.col("hgnc_symbol").unique().sort())
    known = {row["drug_class"]: row["hgnc_symbol"] for row in by_class.iter_rows(named=True)}
    rankings = [
        (str(name), "score", own.select("hgnc_symbol", strength=pl.col("score").abs()))
        for (name,), own in ranks.group_by("drug_class", maintain_order=True)
    ]
    rankings += [
        (str(name), str(contrast), own.select("hgnc_symbol", strength=pl.col("signed_rank").abs()))
        for (name, contrast), own in votes.group_by("drug_class", "contrast_id", maintain_order=True)
    ]
    rows = []
    for name, ranking, genes in rankings:
        genes = genes.drop_nulls()
        own = known.get(name, [])
        first = genes.filter(pl.col("hgnc_symbol").is_in(own)).sort("strength", "hgnc_symbol", descending=[True, False])
        rows.append(
            {
                "drug_class": name,
                "ranking": ranking,
                "known_genes": "|".join(first["hgnc_symbol"]) or None,
                **rank_known(genes["hgnc_symbol"].to_list(), genes["strength"].to_numpy(), own),
            }
        )
    return pl.DataFrame(rows, schema_overrides=KNOWN.polars_schema).sort("drug_class", "ranking")


def known_mechanisms() -> Step:
    inputs = (RANKS.address, VOTES.address, "staging.knowledge__resistance_evidence", "raw.catalog__drug_classes")

    def compute(given: Inputs) -> pl.DataFrame:
        return known_mechanism_ranks(*(given.read(name) for name in inputs))

    return table_step(outputs={KNOWN.address: KNOWN}, compute=compute, inputs=inputs, allow_unavailable_inputs=True)


def steps(registry: Registry) -> list[Step]:
    return [candidate_ranks(registry), known_mechanisms(), consensus_over_studies(registry)]
