"""Gene sets in GMT files, in the dialects of MSigDB, Enrichr and Reactome.

Here belongs reading the files as their hosts write them. Choosing collections, mapping symbols and testing for
enrichment do not belong here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import polars as pl

from resistance_assets.connectors.formats.archives import read_members
from resistance_assets.connectors.formats.delimited import read_bytes, rejected_rows
from resistance_assets.errors import DataFault

Dialect = Literal["msigdb", "enrichr", "reactome"]

_REACTOME_ID = re.compile(r"R-[A-Z]{3}-\d+")
_ID_AT_END = re.compile(
    r"[\s_]*(?:Homo sapiens\s+|Mus musculus\s+)?"
    r"\(?\b(GO:\d{7}|hsa\d{5}|mmu\d{5}|R-[A-Z]{3}-\d+|WP\d+|HP:\d{7}|MP:\d{7}|DOID:\d+)\)?\s*$"
)
_WEIGHT = re.compile(r",-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$")


def read_gmt(path: Path, *, dialect: Dialect | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a GMT file: one set per line, `term<TAB>description or id<TAB>gene<TAB>gene ...`.

    Dialects (detected from the first set where not given):
        msigdb: the second field is a URL or a free description; term_id is the term itself.
        enrichr: the second field is empty, genes may carry `,weight`, each line ends with a tab. An accession at the
            end of the term (`(GO:0051084)`, `Homo sapiens hsa00532`) becomes term_id and leaves the term.
        reactome: the second field is the stable id (`R-HSA-164843`) and becomes term_id.

    Args:
        path: plain, gzip, or a zip with one file.

    Returns:
        sets: term, term_id, description (null where the file has none), gene_symbol (all String), in the order of the
            file; term_id equals the term where the file gives none. A gene stands once in a set.
        rejected: source, line, reason, row. A set that is set aside (no gene, no name, repeated) is a row that holds
            its line; a gene that a set repeats is a row that holds the gene. So lines = sets kept + sets rejected, and
            genes in the kept lines = rows of sets + genes rejected.

    Raises:
        DataFault: the file is empty, is not UTF-8, holds no set with a gene, or the zip holds several files.
        TransportFault: the gzip or zip is damaged.
    """
    source, data = _gmt_bytes(path)
    try:
        lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise DataFault(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            subject=source,
            place=f"line {data.count(bytes([10]), 0, error.start) + 1}",
            remedy="Save the file as UTF-8",
        ) from error
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise DataFault("the file is empty", subject=source, remedy="Fetch it again")
    dialect = dialect or _detect(numbered[0][1])
    kept: list[tuple[str, str, str | None, list[str]]] = []
    rejected: list[tuple[str, int, str, str]] = []
    seen: set[tuple[str, str]] = set()
    for number, line in numbered:
        term, term_id, description, genes = _parse(line, dialect)
        reason = None
        if not term:
            reason = "the set has no name"
        elif not genes:
            reason = "the set has no gene"
        elif (term, term_id) in seen:
            reason = "repeats the name of an earlier set, which is kept"
        if reason:
            rejected.append((source, number, reason, line))
            continue
        seen.add((term, term_id))
        distinct = list(dict.fromkeys(genes))
        if len(distinct) < len(genes):
            once: set[str] = set()
            for gene in genes:
                if gene in once:
                    rejected.append((source, number, "the set repeats this gene, which is kept once", gene))
                once.add(gene)
        kept.append((term, term_id, description, distinct))
    if not kept:
        raise DataFault(
            "no line is a set with a gene",
            subject=source,
            expected="name, description and genes, separated by tabs",
            remedy="Check that this is a GMT file",
        )
    sets = pl.DataFrame(
        kept,
        schema={"term": pl.String, "term_id": pl.String, "description": pl.String, "gene_symbol": pl.List(pl.String)},
        orient="row",
    ).explode("gene_symbol")
    return sets, rejected_rows(rejected)


def _gmt_bytes(path: Path) -> tuple[str, bytes]:
    with path.open("rb") as handle:
        is_zip = handle.read(2) == b"PK"
    if not is_zip:
        return path.name, read_bytes(path)
    contents, _ = read_members(path, lambda name: True)
    if len(contents) != 1:
        raise DataFault(
            f"the zip holds {len(contents)} files",
            subject=path.name,
            expected="one GMT file",
            remedy="Unpack the one that is meant",
        )
    ((name, data),) = contents.items()
    return f"{path.name}:{name}", data


def _detect(line: str) -> Dialect:
    fields = line.split("\t")
    second = fields[1].strip() if len(fields) > 1 else ""
    if not second:
        return "enrichr"
    return "reactome" if _REACTOME_ID.fullmatch(second) else "msigdb"


def _parse(line: str, dialect: Dialect) -> tuple[str, str, str | None, list[str]]:
    """Term, term id, description and the genes that are not blank, repeats included."""
    name, _, rest = line.partition("\t")
    second, _, rest = rest.partition("\t")
    term, second = name.strip(), second.strip()
    genes = [gene for gene in map(str.strip, rest.split("\t")) if gene]
    if dialect == "reactome":
        return term, second or term, None, genes
    if dialect == "enrichr":
        genes = [_WEIGHT.sub("", gene) for gene in genes]
        found = _ID_AT_END.search(term)
        if found and found.start() > 0:
            return term[: found.start()].strip(), found[1], second or None, genes
    return term, term, second or None, genes
