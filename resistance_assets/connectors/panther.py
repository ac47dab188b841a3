"""PANTHER's classification of human genes, as far as its pathways go.

Here belongs reading the sequence classification file
(http://data.pantherdb.org/ftp/sequence_classifications/current_release/README). Enrichment by PANTHER's own service and
mapping UniProt accessions to symbols do not belong here.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, rejected_rows
from resistance_assets.errors import DataFault

PATHWAY_SCHEMA: dict[str, type[pl.DataType]] = {
    "pathway_id": pl.String,
    "pathway": pl.String,
    "component": pl.String,
    "hgnc_id": pl.String,
    "ensembl_gene_id": pl.String,
    "uniprot_id": pl.String,
    "gene_symbol": pl.String,
}
_COLUMNS = 11
_GENE_SYMBOL = 2
_ENTRY = re.compile(r"(.*?)#(P\d{5})>(.*)", re.DOTALL)


def read_panther_classification(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a classification file (no header, 10 or 11 tab-separated columns): gene identifier
    `HUMAN|HGNC=...|UniProtKB=...`, protein, gene symbol, family and sub-family with their names, three GO columns,
    protein class, pathways as `pathway#P00001>component#P00002>...;...`.

    Returns:
        pathways: pathway_id, pathway, component, hgnc_id (`HGNC:123`; null where the identifier is of Ensembl),
            ensembl_gene_id, uniprot_id, gene_symbol (null where the file leaves it blank); one row per gene, pathway
            and component. Genes without a pathway have no row.
        rejected: source, line, reason, row: lines of another width or with an identifier of another form, and entries
            of pathways that cannot be read.

    Raises:
        DataFault: no line could be read.
    """
    text = read_bytes(path).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    rows: list[dict[str, str | None]] = []
    rejected: list[tuple[str, int, str, str]] = []
    read = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("!"):
            continue
        cells = line.split("\t")
        identifier = cells[0].split("|")
        if not _COLUMNS - 1 <= len(cells) <= _COLUMNS:
            rejected.append((path.name, number, f"the line has {len(cells)} columns, not 10 or 11", line))
            continue
        if len(identifier) < 3 or "=" not in identifier[1]:
            rejected.append((path.name, number, "the gene identifier is not SPECIES|DATABASE=id|UniProtKB=id", line))
            continue
        read += 1
        database, _, gene = identifier[1].partition("=")
        uniprot = identifier[2].partition("=")[2] or None
        # The older files have no column of gene symbols, and ten columns.
        symbol = (cells[_GENE_SYMBOL].strip() or None) if len(cells) == _COLUMNS else None
        for entry in filter(None, map(str.strip, cells[-1].split(";"))):
            found = _ENTRY.fullmatch(entry)
            if found is None:
                rejected.append((path.name, number, "the pathway is not name#P00000>component", entry))
                continue
            rows.append(
                {
                    "pathway_id": found[2],
                    "pathway": found[1].strip(),
                    "component": found[3].partition("#")[0].strip() or None,
                    "hgnc_id": f"HGNC:{gene.rpartition(':')[2]}" if database == "HGNC" else None,
                    "ensembl_gene_id": gene if database == "Ensembl" else None,
                    "uniprot_id": uniprot,
                    "gene_symbol": symbol,
                }
            )
    if not read:
        raise DataFault(
            "no line is a classified gene",
            subject=path.name,
            expected="HUMAN|HGNC=...|UniProtKB=... and ten further columns",
            remedy="Check that this is a sequence classification file of PANTHER",
        )
    return pl.DataFrame(rows, schema=PATHWAY_SCHEMA).unique(maintain_order=True), rejected_rows(rejected)
