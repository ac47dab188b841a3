"""Models of staging.genes__*: gene symbols, lengths and what measures them."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL

MEASUREMENT = "expression, copy_number, z_score or log2_copy_number of a cohort, features of a study"
MEASUREMENTS = ["expression", "copy_number", "z_score", "log2_copy_number", "features"]


@table(
    "staging.genes__symbols",
    grain="one row per symbol that HGNC knows in any role",
    key=("symbol",),
    limitation="an alias shared by several genes resolves to none of them",
)
class GeneSymbols(TableModel):
    """Every approved, previous and alias symbol, and the one gene it stands for."""

    symbol: pl.String = col("symbol in upper case")
    hgnc_symbol: pl.String = col("approved symbol it stands for; null where ambiguous", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", null=True)
    resolution: pl.String = col("role of the symbol", isin=["approved", "previous", "alias", "ambiguous"])
    candidates: pl.String = col("approved symbols it could stand for, joined by |")


@table(
    "staging.genes__approved",
    grain="one row per approved gene",
    key=("hgnc_symbol",),
    limitation="not only protein-coding genes",
)
class GenesApproved(TableModel):
    """Approved genes with their ids."""

    hgnc_symbol: pl.String = col("approved symbol")
    hgnc_id: pl.String = col("HGNC id")
    gene_name: pl.String = col("approved name", null=True)
    locus_group: pl.String = col("protein-coding gene, non-coding RNA ...", null=True)
    cytoband: pl.String = col("cytogenetic band", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", null=True)
    alias_symbols: pl.String = col("aliases and previous symbols, joined by |", null=True)


@table(
    "staging.genes__lengths",
    grain="one row per approved gene that the annotation holds",
    key=("hgnc_symbol",),
    limitation="the length does not depend on the sample here, as the effective length of a quantification does",
)
class GenesLengths(TableModel):
    """Lengths of genes for RPKM and TPM, by approved symbol; of several loci of a gene the longest."""

    hgnc_symbol: pl.String = col("approved symbol")
    ensembl_gene_id: pl.String = col("Ensembl gene id without its version")
    gene_type: pl.String = col("protein_coding, lncRNA ...", null=True)
    length_bp: pl.Int64 = col("bases that any exon covers", unit="bp", ge=1)


@table(
    "staging.genes__dataset_names",
    grain="one row per dataset, kind of measurement and name of a gene",
    key=("dataset_id", "measurement", "source_symbol"),
    limitation="a name is not a gene: two names of one dataset may mean the same gene",
)
class GenesDatasetNames(TableModel):
    """Names that the datasets have for genes, before they are resolved; a row without any name is left out."""

    dataset_id: pl.String = col("cohort or study")
    measurement: pl.String = col(MEASUREMENT, isin=MEASUREMENTS)
    source_symbol: pl.String = col("symbol or id as the dataset gives it; of its NCBI Gene id where it gives no symbol")
    source_entrez_gene_id: pl.Int64 = col("NCBI Gene id as the dataset gives it", null=True)
    prefers_entrez_id: pl.Boolean = col("the NCBI Gene id is believed before the symbol, as in a cohort")
    profile_id: pl.String = col("profile the values come from; null for a study", null=True)
    source_row: pl.Int64 = col("row of the gene in the vendor's matrix; null for a study", null=True)
    rows_of_symbol: pl.Int64 = col("rows of the vendor with this symbol, of which the first is used", ge=1)


@table(
    "staging.genes__proposed_symbols",
    grain="one row per dataset, kind of measurement and name of a gene",
    key=("dataset_id", "measurement", "source_symbol"),
    limitation="a proposal is not yet the symbol of the gene: two names with one proposal cannot both have it",
)
class GenesProposedSymbols(TableModel):
    """The approved symbol that HGNC gives for each name of a dataset, taken by itself."""

    dataset_id: pl.String = col("cohort or study")
    measurement: pl.String = col(MEASUREMENT, isin=MEASUREMENTS)
    source_symbol: pl.String = col("symbol or id as the dataset gives it")
    proposed_symbol: pl.String = col("approved symbol that the name resolves to, else the name itself")
    resolution: pl.String = col(
        "how the symbol was resolved: entrez and ensembl mean by that id, composite by a part of the name",
        isin=["approved", "previous", "alias", "entrez", "ensembl", "composite", "ambiguous", "unknown", "collision"],
    )
    names_with_proposal: pl.Int64 = col("names of this dataset with the same proposed symbol, this one included", ge=1)


@table(
    "staging.genes__name_recognition",
    grain="one row per dataset and kind of measurement",
    key=("dataset_id", "measurement"),
    limitation="a name that is known need not be tested: a contrast drops genes without expression",
)
class GenesNameRecognition(TableModel):
    """How many gene names of a dataset are known, with an example of those that are not."""

    dataset_id: pl.String = col("cohort or study")
    measurement: pl.String = col("expression, copy_number ... of a cohort, features of a study")
    names: pl.Int64 = col("names that differ", unit="names", ge=0)
    known_names: pl.Int64 = col("of these, resolved to an approved symbol", unit="names", ge=0)
    unknown_example: pl.String = col("the first name that is not known", null=True)
    statement: pl.String = col("the same in a sentence")


@table(
    "staging.genes__measured",
    grain="one row per dataset, kind of measurement and gene",
    key=("dataset_id", "measurement", "hgnc_symbol"),
    limitation="a gene that is absent here was not found silent: the dataset did not measure it",
)
class GenesMeasured(TableModel):
    """What every dataset calls its genes, resolved to approved symbols; no symbol is given twice in a dataset."""

    dataset_id: pl.String = col("cohort or study")
    measurement: pl.String = col(MEASUREMENT, isin=MEASUREMENTS)
    hgnc_symbol: pl.String = col(SYMBOL)
    source_symbol: pl.String = col("symbol or id as the dataset gives it")
    entrez_gene_id: pl.Int64 = col("NCBI Gene id; the dataset's own where the symbol was not resolved", null=True)
    resolution: pl.String = col(
        "how the symbol was resolved: entrez and ensembl mean by that id, composite by a part of the name, collision"
        " that another row has the symbol",
        isin=["approved", "previous", "alias", "entrez", "ensembl", "composite", "ambiguous", "unknown", "collision"],
    )
    profile_id: pl.String = col("profile the values come from; null for a study", null=True)
    source_row: pl.Int64 = col("row of the gene in the vendor's matrix; null for a study", null=True)
    rows_of_symbol: pl.Int64 = col("rows of the vendor with this symbol, of which the first is used", ge=1)
