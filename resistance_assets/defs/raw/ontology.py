"""Raw annotation that takes more than one file, or more than a gene-set file: the Gene Ontology, PANTHER, KEGG, STRING,
and the lengths of genes. What is one GMT file, one list or one table is read in `raw`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from resistance_assets.catalog.registry import Collection, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.gencode import read_gene_lengths
from resistance_assets.connectors.gene_ontology import Ontology, go_gene_sets, read_gaf, read_obo
from resistance_assets.connectors.kegg import read_kegg_pathways
from resistance_assets.connectors.panther import read_panther_classification
from resistance_assets.connectors.string import named_links, read_string_links, read_string_names
from resistance_assets.defs.raw.cbioportal import (
    REJECTED,
    STRING_PROTEINS,
    fetching,
    gene_sets_address,
    interactions_address,
    rejected_address,
    rejected_as_table,
)
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

SETS = TABLES["raw.gene_sets__members"]
TERMS = TABLES["raw.ontology__terms"]
PARENTS = TABLES["raw.ontology__parents"]
PAIRS = TABLES["raw.interactions__pairs"]
LENGTHS = TABLES["raw.gencode__genes"]

Read = Callable[[Mapping[str, Path]], tuple[pl.DataFrame, pl.DataFrame]]


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
    rejected = rejected_address("go")

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        ontology = read_obo(inputs.externals[ontology_id].path)
        annotations = read_gaf(inputs.externals[annotations_id].path)
        sets, unused = go_gene_sets(ontology, annotations)
        terms, parents = ontology_tables(ontology)
        shares = {
            own[name]: sets.filter(pl.col("namespace") == branch).with_columns(collection=pl.lit(name))
            for name, branch in branches.items()
        }
        set_aside = pl.concat([annotations.rejected, unused]).with_columns(source=pl.lit(annotations_id))
        return {
            TERMS.address: terms,
            PARENTS.address: parents,
            **shares,
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
        externals=fetching(*(registry.sources[name] for name in declared[0].sources)),
        sources=declared[0].sources,
        kinds=["python", "go"],
    )


def panther_members(pathways: pl.DataFrame) -> pl.DataFrame:
    """Genes of PANTHER's pathways: `term_id`, `term`, `gene_symbol`, each gene once per pathway.

    A gene goes by its HGNC id, which outlives symbols; else by its symbol, its Ensembl id, its UniProt accession.
    """
    gene = pl.coalesce("hgnc_id", "gene_symbol", "ensembl_gene_id", "uniprot_id").alias("gene_symbol")
    named = pathways.select("pathway_id", "pathway").unique("pathway_id", keep="first", maintain_order=True)
    return (
        pathways.select("pathway_id", gene)
        .drop_nulls()
        .unique()
        .join(named, on="pathway_id")
        .select(pl.col("pathway_id").alias("term_id"), pl.col("pathway").alias("term"), "gene_symbol")
        .sort("term_id", "gene_symbol")
    )


def read_panther(files: Mapping[str, Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Members and rejected rows of a PANTHER classification."""
    (path,) = files.values()
    pathways, set_aside = read_panther_classification(path)
    return panther_members(pathways), set_aside


def reading_kegg(genes_id: str, names_id: str) -> Read:
    """Members and rejected rows of KEGG's two answers."""

    def read(files: Mapping[str, Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
        pathways, set_aside = read_kegg_pathways(files[names_id], files[genes_id])
        members = pathways.select(
            "term_id", "term", pl.concat_str(pl.lit("hsa:"), pl.col("entrez_gene_id")).alias("gene_symbol")
        )
        return members, set_aside

    return read


def collection_asset(declared: Collection, registry: Registry, read: Read) -> Step:
    """One collection that one reader makes of its sources."""
    own, rejected = gene_sets_address(declared.id), rejected_address(declared.id)
    name = declared.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        members, set_aside = read({source_id: external.path for source_id, external in inputs.externals.items()})
        return {
            own: members.with_columns(collection=pl.lit(name)),
            rejected: rejected_as_table([(SETS.address, set_aside)]),
        }

    connector = registry.sources[declared.source].connector
    return table_step(
        outputs={own: SETS, rejected: REJECTED},
        compute=compute,
        parameters={"collection": name, "sources": declared.sources},
        externals=fetching(*(registry.sources[source_id] for source_id in declared.sources)),
        sources=declared.sources,
        kinds=["python", connector],
    )


def string_pairs(links: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Links of STRING under its preferred names, with the taxon that the proteins' ids begin with."""
    return named_links(links, names).with_columns(
        organism_id_a=links["protein_a"].str.extract(r"^(\d+)\."),
        organism_id_b=links["protein_b"].str.extract(r"^(\d+)\."),
    )


def string_asset(links_id: str, registry: Registry) -> Step:
    """Pairs of STRING; a link is kept whatever its score, which stands beside it."""
    own, rejected, proteins_id = interactions_address(links_id), rejected_address("string"), STRING_PROTEINS

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        links, odd_links = read_string_links(inputs.externals[links_id].path)
        names, odd_names = read_string_names(inputs.externals[proteins_id].path)
        pairs = string_pairs(links, names).with_row_index("source_row", offset=1)
        absent = [name for name in PAIRS.polars_schema.names() if name not in (*pairs.columns, "database_id")]
        return {
            own: pairs.with_columns(pl.lit(links_id).alias("database_id"), *[pl.lit(None).alias(n) for n in absent]),
            rejected: rejected_as_table([(PAIRS.address, odd_links), (PAIRS.address, odd_names)]),
        }

    sources = [registry.sources[links_id], registry.sources[proteins_id]]
    return table_step(
        outputs={own: PAIRS, rejected: REJECTED},
        compute=compute,
        parameters={"links": links_id, "proteins": proteins_id},
        externals=fetching(*sources),
        sources=[links_id, proteins_id],
        kinds=["python", "string"],
    )


def lengths_asset(source_id: str, registry: Registry) -> Step:
    """Genes of the pinned annotation and their lengths."""
    rejected = rejected_address("gencode")

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        genes, set_aside = read_gene_lengths(inputs.externals[source_id].path)
        return {LENGTHS.address: genes, rejected: rejected_as_table([(LENGTHS.address, set_aside)])}

    return table_step(
        outputs={LENGTHS.address: LENGTHS, rejected: REJECTED},
        compute=compute,
        parameters={"source": source_id},
        externals=fetching(registry.sources[source_id]),
        sources=[source_id],
        kinds=["python", "gencode"],
    )


def annotation_assets(registry: Registry) -> list[Step]:
    """Every annotation asset that the catalog calls for."""
    by_connector: dict[str, list[Collection]] = {}
    for collection in registry.collections.values():
        by_connector.setdefault(registry.sources[collection.source].connector, []).append(collection)
    assets = []
    if branches := by_connector.get("go"):
        assets.append(ontology_collections(tuple(branches), registry))
    assets += [collection_asset(one, registry, read_panther) for one in by_connector.get("panther", ())]
    assets += [collection_asset(one, registry, reading_kegg(*one.sources)) for one in by_connector.get("kegg", ())]
    for source in registry.sources.values():
        if source.connector == "string" and source.id != STRING_PROTEINS:
            assets.append(string_asset(source.id, registry))
        elif source.connector == "gencode_annotation":
            assets.append(lengths_asset(source.id, registry))
    return assets


def steps(registry: Registry) -> list[Step]:
    return annotation_assets(registry)
