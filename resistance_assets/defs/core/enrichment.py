"""Over-representation of gene sets in lists: derived ones, interaction partners, and what lists share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from resistance_assets.catalog.models.gene_list import Circularity, Partners
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.gene_lists import (
    CALLS,
    GENES,
    LISTS,
    MEMBERS,
    NAMES,
    PAIRS,
    SYMBOLS,
    counted_pairs,
    partner_universe,
)
from resistance_assets.defs.core.intersections import (
    DERIVED,
    UNIVERSE_JOINER,
    Universes,
    universe_of_list,
    universes_of,
)
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.enrichment.over_representation import (
    account_for_families,
    flag_circularity,
    over_representation,
    reduce_redundancy,
)

SETS = "staging.gene_sets__members"
PARENTS = "raw.ontology__parents"
# Relations by which what is said of a term is said of its parent.
CARRYING_RELATIONS = ("is_a", "part_of")
SHARED = "core.intersections__sets"
TERMS = TABLES["core.enrichment__terms"]
FAMILIES = TABLES["core.enrichment__families"]
# An intersection of fewer genes than a gene set has at least cannot say much; most pairs share hardly anything.
LEAST_SHARED_GENES = 5


def universes_of_lists(lists: pl.DataFrame, universes: Collection[str], databases: Mapping[str, str]) -> dict[str, str]:
    """List -> name of its universe, for every list that is tested.

    Args:
        lists: rows of `core.gene_lists__lists`.
        universes: names, each a contrast and method.
        databases: database of interaction partners -> name of its universe.
    """
    named: dict[str, str] = {}
    for list_id, role in lists.filter(pl.col("n_genes") > 0).select("list_id", "role").iter_rows():
        if role == "interaction_partners" and (database := list_id.split("__")[1]) in databases:
            named[list_id] = databases[database]
        elif role in DERIVED and (own := universe_of_list(list_id)) in universes:
            named[list_id] = own
    return named


def partner_universes(
    pairs: pl.DataFrame, approved: pl.DataFrame, names: pl.DataFrame, declared: Sequence[Partners]
) -> dict[str, tuple[str, pl.Series]]:
    """Database -> name and genes of what could have been a partner."""
    found = {}
    for one in declared:
        genes = partner_universe(pairs, approved, names, one)
        if genes.len():
            found[one.database] = (one.database if one.universe == "database" else one.universe, genes)
    return found


def shared_members(shared: pl.DataFrame) -> pl.DataFrame:
    """Members of what lists share, for every intersection of enough genes: `list_id`, `hgnc_symbol`, `universe_id`.

    Pairs of contrasts, contrasts with published lists, and the intersections that the catalog names.
    """
    return (
        shared.filter(pl.col("size") >= LEAST_SHARED_GENES)
        .select(
            pl.col("intersection_id").alias("list_id"),
            pl.col("genes").str.split(",").alias("hgnc_symbol"),
            "universe_id",
        )
        .explode("hgnc_symbol")
    )


def enriched_terms(registry: Registry) -> Step:
    smallest, largest = registry.thresholds.gene_set_min_size, registry.thresholds.gene_set_max_size
    partners, circular = registry.partners, registry.circularities

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        sets, lists, members = inputs.read(SETS), inputs.read(LISTS), inputs.read(MEMBERS)
        databases = partner_universes(
            counted_pairs(inputs.scan(PAIRS), partners), inputs.read(SYMBOLS), inputs.read(NAMES), partners
        )
        universes = Universes(universes_of(inputs.read(GENES), inputs.read(CALLS)))
        named = universes_of_lists(lists, universes, {database: name for database, (name, _) in databases.items()})
        universes |= dict(databases.values())
        # What lists share is tested against the genes that could have been in all of them, as the intersection was.
        overlaps = shared_members(inputs.read(SHARED))
        for list_id, universe_id in overlaps.select("list_id", "universe_id").unique().sort("list_id").iter_rows():
            parts = universe_id.split(UNIVERSE_JOINER)
            if all(name in universes for name in parts):
                named[list_id] = universes.shared(parts)
        if not named or sets.is_empty():
            return {TERMS.address: TERMS.empty(), FAMILIES.address: FAMILIES.empty()}
        tested = pl.concat(
            [members.select("list_id", "hgnc_symbol"), overlaps.select("list_id", "hgnc_symbol")]
        ).filter(pl.col("list_id").is_in(list(named)))
        universe = {list_id: universes[name] for list_id, name in named.items()}
        terms = over_representation(tested, sets, universe, min_set_size=smallest, max_set_size=largest)
        families = account_for_families(tested, sets, universe, min_set_size=smallest, max_set_size=largest)
        return {
            TERMS.address: flag_circularity(
                reduce_redundancy(terms, parents=carrying_parents(inputs.read(PARENTS))), declared_circularity(circular)
            ),
            FAMILIES.address: families.with_columns(universe_id=pl.col("list_id").replace_strict(named)),
        }

    return table_step(
        outputs={TERMS.address: TERMS, FAMILIES.address: FAMILIES},
        compute=compute,
        inputs=(GENES, CALLS, LISTS, MEMBERS, SHARED, SETS, PAIRS, SYMBOLS, NAMES, PARENTS),
        allow_unavailable_inputs=True,
        parameters={
            "min_size": smallest,
            "max_size": largest,
            "partners": [one.model_dump() for one in partners],
            "circularity": [one.model_dump() for one in circular],
        },
    )


def carrying_parents(parents: pl.DataFrame) -> pl.DataFrame:
    """Direct parents of which a term is a kind or a part; without an ontology there are none."""
    return parents.filter(pl.col("relation").is_in(list(CARRYING_RELATIONS)))


def declared_circularity(declared: Sequence[Circularity]) -> pl.DataFrame:
    """The catalog's circular tests as a frame."""
    schema = {"list_pattern": pl.String, "term_pattern": pl.String, "reason": pl.String}
    return pl.DataFrame([one.model_dump() for one in declared], schema=schema)


def steps(registry: Registry) -> list[Step]:
    return [enriched_terms(registry)]
