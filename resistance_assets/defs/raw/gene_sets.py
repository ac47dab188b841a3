"""`raw.gene_sets__*`: collections of gene sets of GMT files, PANTHER and KEGG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.gene_list import Collection, OwnCollection
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.connectors.kegg import read_kegg_pathways
from resistance_assets.connectors.panther import read_panther_classification
from resistance_assets.defs.resources import fetch_inputs, local_files, study_source
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

SETS = TABLES["raw.gene_sets__members"]

Read = Callable[[Mapping[str, Path]], tuple[pl.DataFrame, pl.DataFrame]]


def gene_sets_address(collection_id: str) -> str:
    """Partition of one collection."""
    return partition_of(SETS.address, collection_id.lower())


def gene_sets_step(collection_id: str, source: Source) -> Step:
    own = gene_sets_address(collection_id)
    rejected = rejected_of(own)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        sets, set_aside = read_gmt(inputs.external_inputs[source.id].path)
        return {
            own: sets.with_columns(collection=pl.lit(collection_id)),
            rejected: rejected_as_table([(SETS.address, set_aside)]),
        }

    return table_step(
        outputs={own: SETS, rejected: REJECTED},
        compute=compute,
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "gmt"],
    )


def own_sets_step(study: LocalStudy, one: OwnCollection) -> Step:
    """A GMT file that a laboratory brings in its study folder."""
    own = gene_sets_address(one.id)
    rejected = rejected_of(own)
    name, file = one.id, one.file

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        sets, set_aside = read_gmt(inputs.external_inputs[file].path)
        return {
            own: sets.with_columns(collection=pl.lit(name)),
            rejected: rejected_as_table([(SETS.address, set_aside)]),
        }

    return table_step(
        outputs={own: SETS, rejected: REJECTED},
        compute=compute,
        parameters=[name, file],
        external_inputs=lambda origins: local_files(study.id, {file: study.folder / file}),
        sources=[study_source(study.id)],
        kinds=["python", "study"],
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


def kegg_reader(genes_id: str, names_id: str) -> Read:
    """Members and rejected rows of KEGG's two answers."""

    def read(files: Mapping[str, Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
        pathways, set_aside = read_kegg_pathways(files[names_id], files[genes_id])
        members = pathways.select(
            "term_id", "term", pl.concat_str(pl.lit("hsa:"), pl.col("entrez_gene_id")).alias("gene_symbol")
        )
        return members, set_aside

    return read


def collection_step(declared: Collection, registry: Registry, read: Read) -> Step:
    """One collection that one reader makes of its sources."""
    own = gene_sets_address(declared.id)
    rejected = rejected_of(own)
    name = declared.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        members, set_aside = read({source_id: external.path for source_id, external in inputs.external_inputs.items()})
        return {
            own: members.with_columns(collection=pl.lit(name)),
            rejected: rejected_as_table([(SETS.address, set_aside)]),
        }

    connector = registry.sources[declared.source].connector
    return table_step(
        outputs={own: SETS, rejected: REJECTED},
        compute=compute,
        parameters={"collection": name, "sources": declared.sources},
        external_inputs=fetch_inputs(*(registry.sources[source_id] for source_id in declared.sources)),
        sources=declared.sources,
        kinds=["python", connector],
    )


def steps(registry: Registry) -> list[Step]:
    """A partition per collection, but for those of the Gene Ontology (see `ontology`), and the union of all."""
    made, unions = [], []
    for one in registry.collections.values():
        source = registry.sources[one.source]
        if source.connector == "gmt":
            made.append(gene_sets_step(one.id, source))
        elif source.connector == "panther":
            made.append(collection_step(one, registry, read_panther))
        elif source.connector == "kegg":
            made.append(collection_step(one, registry, kegg_reader(*one.sources)))
        elif source.connector != "go":
            continue
        unions.append(gene_sets_address(one.id))
    for study, own in registry.own_collections():
        made.append(own_sets_step(study, own))
        unions.append(gene_sets_address(own.id))
    return [*made, union_of(SETS.address, unions)]
