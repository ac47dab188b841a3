"""`core.gene_lists__*`: gene lists, published, derived from contrasts, and of interaction partners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from resistance_assets.catalog.models.contrast import FoldChange, ListThresholds
from resistance_assets.catalog.models.gene_list import GeneList, OwnGeneList, Partners
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.declared import thresholds_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.fold_change import fold_change_gene_lists
from resistance_assets.science.deg.methods import differential_gene_lists

GENES = "core.deg__contrast_genes"
LISTS = "core.gene_lists__lists"
MEMBERS = "core.gene_lists__members"
PUBLISHED = "staging.gene_lists__members"
CALLS = "core.deg__fold_change_calls"
PAIRS = "raw.interactions__pairs"
SYMBOLS = "staging.genes__approved"
NAMES = "staging.genes__symbols"


def lists_of_contrasts(
    genes: pl.DataFrame, thresholds: Mapping[str, ListThresholds]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Up and down lists of every contrast and method that has q-values.

    Returns:
        Rows of `core.gene_lists__lists` and of `core.gene_lists__members`; a list may be empty.
    """
    lists, members = [], []
    for (contrast_id, method), result in genes.group_by("contrast_id", "method", maintain_order=True):
        rule = thresholds[str(contrast_id)]
        tested = result.filter(pl.col("q_value_bh").is_not_null()).height
        if not tested:
            continue
        found = differential_gene_lists(result, str(contrast_id), rule.q_value, rule.abs_log2_fold_change)
        members.append(found)
        for direction in ("up", "down"):
            list_id = f"{contrast_id}__{method}__{direction}"
            lists.append(
                {
                    "list_id": list_id,
                    "title": f"{contrast_id}, {method}, {direction}",
                    "role": "contrast",
                    "contrast_id": contrast_id,
                    "method": method,
                    "direction": direction,
                    "rule": f"q < {rule.q_value:g} and |log2 fold change| > {rule.abs_log2_fold_change:g}, {direction}",
                    "n_genes": found.filter(pl.col("list_id") == list_id).height,
                    "universe_size": tested,
                }
            )
    schema, member_schema = TABLES[LISTS].polars_schema, TABLES[MEMBERS].polars_schema
    return (
        pl.DataFrame(lists, schema=schema),
        pl.concat(members).select(member_schema.names()) if members else pl.DataFrame(schema=member_schema),
    )


def rule_in_words(rule: FoldChange) -> str:
    """A fold-change rule as a list states it."""
    bound = "at least" if rule.inclusive else "more than"
    floors = {"both": "both arms", "either": "one arm", "none": ""}
    asked = floors.get(rule.floor_arm, f"the {rule.floor_arm}")
    floor = f", at least {rule.floor:g} {rule.unit} in {asked}" if asked else ""
    return f"fold change alone, no statistical evidence: {bound} {rule.threshold:g}-fold{floor}"


def lists_of_calls(calls: pl.DataFrame, rules: Mapping[str, FoldChange]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Up and down lists of the fold-change rules: effects without evidence, and so of a role of their own.

    Args:
        calls: rows of `core.deg__fold_change_calls`.
        rules: contrast -> its rule.

    Returns:
        As `lists_of_contrasts`; the universe is what passed the floor.
    """
    lists, members = [], []
    for (contrast_id,), own in calls.group_by(["contrast_id"], maintain_order=True):
        found = fold_change_gene_lists(own, str(contrast_id))
        members.append(found)
        for direction in ("up", "down"):
            list_id = f"{contrast_id}__fold_change__{direction}"
            lists.append(
                {
                    "list_id": list_id,
                    "title": f"{contrast_id}, fold change alone, {direction}",
                    "role": "contrast_effect_only",
                    "contrast_id": contrast_id,
                    "method": "fold_change",
                    "direction": direction,
                    "rule": rule_in_words(rules[str(contrast_id)]),
                    "n_genes": found.filter(pl.col("list_id") == list_id).height,
                    "universe_size": int(own["passes_floor"].sum()),
                }
            )
    schema, member_schema = TABLES[LISTS].polars_schema, TABLES[MEMBERS].polars_schema
    return (
        pl.DataFrame(lists, schema=schema),
        pl.concat(members).select(member_schema.names()) if members else pl.DataFrame(schema=member_schema),
    )


def counted_pairs(pairs: pl.LazyFrame, declared: Sequence[Partners]) -> pl.DataFrame:
    """Rows of `raw.interactions__pairs` that some declaration counts; a whole database has millions that none does."""
    counts = [one_database(one) for one in declared]
    return pairs.filter(pl.any_horizontal(counts) if counts else pl.lit(False)).collect()


def one_database(declared: Partners) -> pl.Expr:
    """Whether a pair is of this database and organism, and of the kind and score that are asked for."""
    counts = (
        (pl.col("database_id") == declared.database)
        & (pl.col("organism_id_a") == declared.organism_id)
        & (pl.col("organism_id_b") == declared.organism_id)
    )
    if declared.experimental_system_type:
        counts &= pl.col("experimental_system_type") == declared.experimental_system_type
    if declared.min_combined_score is not None:
        counts &= pl.col("combined_score") >= declared.min_combined_score
    return counts


def database_symbols(
    pairs: pl.DataFrame, approved: pl.DataFrame, names: pl.DataFrame, declared: Partners
) -> pl.DataFrame:
    """Pairs of one database within one organism: `a`, `b`, approved symbols where the NCBI Gene id, or else the
    database's own symbol, tells them."""
    kept = pairs.filter(one_database(declared))
    by_id = approved.select("entrez_gene_id", "hgnc_symbol").drop_nulls().unique("entrez_gene_id", keep="first")
    by_name = names.select("symbol", named="hgnc_symbol").drop_nulls()
    for side in ("a", "b"):
        kept = kept.join(
            by_id.rename({"entrez_gene_id": f"entrez_gene_id_{side}", "hgnc_symbol": side}),
            on=f"entrez_gene_id_{side}",
            how="left",
        ).with_columns(pl.col(f"symbol_{side}").str.to_uppercase().alias("symbol"))
        kept = kept.join(by_name, on="symbol", how="left").with_columns(
            pl.coalesce(side, "named", f"symbol_{side}").alias(side)
        )
        kept = kept.drop("named", "symbol")
    return kept.select("a", "b").drop_nulls()


def partner_universe(pairs: pl.DataFrame, approved: pl.DataFrame, names: pl.DataFrame, declared: Partners) -> pl.Series:
    """Symbols of the genes that could have been partners, by the declared rule."""
    if declared.universe == "protein_coding":
        return approved.filter(pl.col("locus_group") == "protein-coding gene")["hgnc_symbol"].unique().sort()
    known = database_symbols(pairs, approved, names, declared)
    return pl.concat([known["a"], known["b"].alias("a")]).unique().sort()


def partner_lists(
    pairs: pl.DataFrame,
    approved: pl.DataFrame,
    names: pl.DataFrame,
    declared: Sequence[Partners],
    panels: Mapping[str, Sequence[str]],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One list per gene of a panel and one of all together: what the database says they interact with.

    A gene is not its own partner; within the list of a whole panel, its members are (they may interact).

    Args:
        pairs: rows of `raw.interactions__pairs`.
        approved: rows of `staging.genes__approved`.
        names: rows of `staging.genes__symbols`.
        declared: which panels and databases.
        panels: panel -> genes.

    Returns:
        As `lists_of_contrasts`; lists without a member are left out, and so are databases that are not loaded.
    """
    lists, members = [], []
    for one in declared:
        known = database_symbols(pairs, approved, names, one)
        both = pl.concat([known, known.select(a="b", b="a")]).filter(pl.col("a") != pl.col("b"))
        size = partner_universe(pairs, approved, names, one).len()
        genes = panels[one.panel]
        for list_id, title, of in [
            (f"partners__{one.database}__{one.panel}", f"partners of {one.panel}", genes),
            *((f"partners__{one.database}__{gene}", f"partners of {gene}", (gene,)) for gene in genes),
        ]:
            found = both.filter(pl.col("a").is_in(list(of)))["b"].unique().sort()
            if found.is_empty():
                continue
            members += [{"list_id": list_id, "hgnc_symbol": gene, "direction": "none"} for gene in found]
            lists.append(
                {
                    "list_id": list_id,
                    "title": f"{title} ({one.database})",
                    "role": "interaction_partners",
                    "rule": f"listed with {one.panel if len(of) > 1 else of[0]} in {one.database}, both of taxon "
                    f"{one.organism_id}"
                    + (f", {one.experimental_system_type}" if one.experimental_system_type else "")
                    + (f", score at least {one.min_combined_score}" if one.min_combined_score is not None else ""),
                    "n_genes": found.len(),
                    "universe_size": size,
                }
            )
    return (
        pl.DataFrame(lists, schema=TABLES[LISTS].polars_schema),
        pl.DataFrame(members, schema=TABLES[MEMBERS].polars_schema).unique(maintain_order=True),
    )


def published_lists(
    members: pl.DataFrame, declared: Mapping[str, GeneList | OwnGeneList]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Published lists that are loaded, in the columns of `core.gene_lists__lists` and `core.gene_lists__members`."""
    sizes = dict(members.group_by("list_id").len().iter_rows())
    lists = [
        {
            "list_id": entry.id,
            "title": entry.title,
            "role": entry.role,
            "contrast_id": None,
            "method": None,
            "direction": None,
            "rule": "as published" if isinstance(entry, GeneList) else "as the study's file has it",
            "n_genes": sizes[entry.id],
            "universe_size": None,
        }
        for entry in declared.values()
        if entry.id in sizes
    ]
    return (
        pl.DataFrame(lists, schema=TABLES[LISTS].polars_schema),
        members.select("list_id", "hgnc_symbol", pl.lit("none").alias("direction")),
    )


def fold_change_rules(registry: Registry) -> dict[str, FoldChange]:
    """Contrast -> its fold-change rule, the plain one where it declares none."""
    return {
        contrast.id: contrast.fold_change or FoldChange()
        for study in registry.measured_studies()
        for contrast in study.contrasts
        if "fold_change" in contrast.methods
    }


def gene_lists(registry: Registry) -> Step:
    thresholds, rules = thresholds_of(registry), fold_change_rules(registry)
    declared = {**registry.gene_lists, **{one.id: one for _, one in registry.own_gene_lists()}}
    partners = registry.partners
    panels = {one.panel: registry.genes.panels[one.panel] for one in partners}

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        made = [
            published_lists(inputs.read(PUBLISHED), declared),
            partner_lists(
                counted_pairs(inputs.scan(PAIRS), partners), inputs.read(SYMBOLS), inputs.read(NAMES), partners, panels
            ),
            lists_of_contrasts(inputs.read(GENES), thresholds),
            lists_of_calls(inputs.read(CALLS), rules),
        ]
        return {
            LISTS: pl.concat([lists for lists, _ in made]),
            MEMBERS: pl.concat([members for _, members in made]).sort("list_id", "hgnc_symbol"),
        }

    return table_step(
        outputs={LISTS: TABLES[LISTS], MEMBERS: TABLES[MEMBERS]},
        compute=compute,
        inputs=(GENES, PUBLISHED, CALLS, PAIRS, SYMBOLS, NAMES),
        allow_unavailable_inputs=True,
        parameters={
            "thresholds": {name: rule.model_dump() for name, rule in thresholds.items()},
            "rules": {name: rule.model_dump() for name, rule in rules.items()},
            "lists": {name: entry.model_dump() for name, entry in declared.items()},
            "partners": [one.model_dump() for one in partners],
            "panels": panels,
        },
    )


def steps(registry: Registry) -> list[Step]:
    return [gene_lists(registry)]
