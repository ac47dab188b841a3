"""Where data come from: download, verify and parse to a frame. No Dagster, no statistics."""

from __future__ import annotations

# Connector, as in `sources.toml` -> the module of its reader. A source of another connector is shown as unavailable.
READERS: dict[str, str] = {
    "allonco": "gene_lists.cancer_gene_lists",
    "biogrid": "biogrid",
    "biostudies": "arrayexpress.biostudies",
    "cbioportal": "cbioportal.archive",
    "civic": "civic",
    "dgidb": "dgidb",
    "gdc": "gdc.counts",
    "gene_list": "gene_lists.gene_list_file",
    "gencode": "arrayexpress.kallisto",
    "gencode_annotation": "gencode",
    "geo": "geo.series",
    "gmt": "gene_lists.gmt",
    "go": "gene_ontology",
    "hgnc": "hgnc",
    "kegg": "kegg",
    "oncokb": "gene_lists.cancer_gene_lists",
    "panther": "panther",
    "perturbation_sets": "gene_lists.perturbation_sets",
    "string": "string",
    "xena": "xena",
}
