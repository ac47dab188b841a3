"""Pathways of KEGG over its REST interface.

Here belong the addresses and the two tables that gene sets need (https://www.kegg.jp/kegg/rest/keggapi.html). KEGG is
free for academic use by academic users alone and may not be redistributed, so nothing is asked for unless the person
who runs the warehouse has agreed (`opt_in` of the source).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, rejected_rows
from resistance_assets.errors import DataFault


def read_kegg_pathways(names: Path, links: Path, *, organism: str = "hsa") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join the two tables; the host writes ids with and without `path:` in front.

    Returns:
        sets: term_id (`hsa04151`), term (name without ` - Homo sapiens (human)`), entrez_gene_id (Int64); sorted, each
            gene once per pathway.
        rejected: source, line, reason, row: lines that are no pair, genes of another organism, pathways without a name,
            and repeated pairs. Lines of links in = rows of sets + rows of rejected of that file.

    Raises DataFault if a file holds no pair.
    """
    rejected: list[tuple[str, int, str, str]] = []
    titles: dict[str, str] = {}
    for number, line, first, second in _pairs(names, rejected):
        if first in titles:
            rejected.append((names.name, number, "repeats an earlier pathway", line))
        else:
            titles[first] = second.rpartition(" - ")[0] or second
    rows: dict[tuple[str, int], None] = {}
    for number, line, pathway, gene in _pairs(links, rejected):
        owner, _, entrez = gene.partition(":")
        reason = None
        if owner != organism or not entrez.isdigit() or len(entrez) > 18:
            reason = f"{gene[:40]!r} is no gene of {organism}"
        elif pathway not in titles:
            reason = "the pathway has no name in the list"
        elif (pathway, int(entrez)) in rows:
            reason = "repeats an earlier line"
        if reason:
            rejected.append((links.name, number, reason, line))
        else:
            rows[pathway, int(entrez)] = None
    sets = pl.DataFrame(
        [(pathway, titles[pathway], gene) for pathway, gene in rows],
        schema={"term_id": pl.String, "term": pl.String, "entrez_gene_id": pl.Int64},
        orient="row",
    )
    return sets.sort("term_id", "entrez_gene_id"), rejected_rows(rejected)


def _pairs(path: Path, rejected: list[tuple[str, int, str, str]]) -> list[tuple[int, str, str, str]]:
    pairs: list[tuple[int, str, str, str]] = []
    text = read_bytes(path).decode("utf-8", "replace").replace("\r\n", "\n")
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) == 2 and all(cells):
            pairs.append((number, line, cells[0].removeprefix("path:"), cells[1]))
        else:
            rejected.append((path.name, number, "the line is not two columns", line))
    if not pairs:
        raise DataFault(
            "the answer holds no pair", subject=path.name, expected="two columns", remedy="Ask the host again, slowly"
        )
    return pairs
