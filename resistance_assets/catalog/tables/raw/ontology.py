"""Models of raw.ontology__*: the Gene Ontology."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.ontology__terms",
    grain="one row per term of the ontology",
    key=("term_id",),
    limitation="the ontology's version is not the date of the archive that it was taken from",
)
class OntologyTerms(TableModel):
    """Terms of the Gene Ontology, obsolete ones included."""

    term_id: pl.String = col("GO id", of="source")
    term: pl.String = col("name", of="source")
    namespace: pl.String = col("branch of the ontology", null=True, of="source")
    is_obsolete: pl.Boolean = col("whether the term is withdrawn", of="source")
    replaced_by: pl.String = col("present terms, joined by |", null=True, of="source")
    ontology_version: pl.String = col("data-version of the file", null=True, of="source")


@table(
    "raw.ontology__parents",
    grain="one row per term, relation and parent",
    key=("term_id", "relation", "parent_term_id"),
    limitation="only is_a and part_of carry a gene from a term to its parent",
)
class OntologyParents(TableModel):
    """Direct parents of the terms of the Gene Ontology."""

    term_id: pl.String = col("GO id", of="source")
    relation: pl.String = col("is_a, part_of, regulates ...", of="source")
    parent_term_id: pl.String = col("GO id of the parent", of="source")
