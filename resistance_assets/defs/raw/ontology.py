"""`raw.ontology__*`: terms and parents of the Gene Ontology, and the collections of gene sets that are its branches."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.gene_list import Collection
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.gene_ontology import Ontology, go_gene_sets, read_gaf, read_obo
from resistance_assets.defs.raw.gene_sets import SETS, gene_sets_address
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.orchestration.partitions import rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

TERMS = TABLES["raw.ontology__terms"]
PARENTS = TABLES["raw.ontology__parents"]


def ontology_tables(ontology: Ontology) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`raw.ontology__terms` and `raw.ontology__parents`; a parent that the file does not define is left out."""
    terms = pl.DataFrame(
        [
            (t.term_id, t.name, t.namespace, t.is_obsolete, "|".join(t.replaced_by) or None, ontology.version)
            for t in ontology.terms.values()
        ],
        schema=TERMS.polars_schema,
        orient="row",
    )
    parents = {
        (t.term_id, relation, parent): None
        for t in ontology.terms.values()
        for relation, parent in t.parents
        if parent in ontology.terms
    }
    return terms.sort("term_id"), pl.DataFrame(list(parents), schema=PARENTS.polars_schema, orient="row").sort(pl.all())


def ontology_collections(declared: tuple[Collection, ...], registry: Registry) -> Step:
    """Collections of the Gene Ontology, one per branch, with the ontology itself: they come from the same two files."""
    annotations_id, ontology_id = declared[0].sources
    own = {one.id: gene_sets_address(one.id) for one in declared}
    branches = {one.id: one.namespace for one in declared}
    rejected = rejected_of(TERMS.address)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        ontology = read_obo(inputs.external_inputs[ontology_id].path)
        annotations = read_gaf(inputs.external_inputs[annotations_id].path)
        sets, unused = go_gene_sets(ontology, annotations)
        terms, parents = ontology_tables(ontology)
        collections = {
            own[name]: sets.filter(pl.col("namespace") == branch).with_columns(collection=pl.lit(name))
            for name, branch in branches.items()
        }
        set_aside = pl.concat([annotations.rejected, unused]).with_columns(source=pl.lit(annotations_id))
        return {
            TERMS.address: terms,
            PARENTS.address: parents,
            **collections,
            rejected: rejected_as_table([(SETS.address, set_aside)]),
        }

    return table_step(
        outputs={
            TERMS.address: TERMS,
            PARENTS.address: PARENTS,
            **dict.fromkeys(own.values(), SETS),
            rejected: REJECTED,
        },
        compute=compute,
        parameters=branches,
        external_inputs=fetch_inputs(*(registry.sources[name] for name in declared[0].sources)),
        sources=declared[0].sources,
        kinds=["python", "go"],
    )


def steps(registry: Registry) -> list[Step]:
    """The ontology and the collections of gene sets that are branches of it."""
    branches = [c for c in registry.collections.values() if registry.sources[c.source].connector == "go"]
    return [ontology_collections(tuple(branches), registry)] if branches else []
