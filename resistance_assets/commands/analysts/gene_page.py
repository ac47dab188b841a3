"""`explain GENE --html`: the page of any gene of the release published last, as one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resistance_assets.errors import UsageFault
from resistance_assets.report.explain.evidence import resolve_gene
from resistance_assets.report.paths import slug
from resistance_assets.report.published import open_published
from resistance_assets.report.standalone import write_gene_page

SUFFIXES = (".html", ".htm")


@dataclass(frozen=True)
class WrittenPage:
    """What was written."""

    path: Path
    gene: str
    release: int


def write_page_of(data_dir: Path, asked: str, output: Path | None, *, force: bool = False) -> WrittenPage:
    """Write the page of a gene.

    Args:
        asked: symbol, alias or id.
        output: the file; by default the gene's symbol with `.html` where the command was given.
        force: replace a file that exists.

    Raises:
        UsageFault: the gene is not known, or the file is a folder, lies in the data folder, is no HTML or exists.
        DataFault: nothing was published, or the file cannot be written.
    """
    from resistance_assets.commands.sql import require_own_place

    with open_published(data_dir) as published:
        gene = resolve_gene(published, asked)["hgnc_symbol"]
        file = output or Path(f"{slug(gene)}.html")
        if file.suffix.lower() not in SUFFIXES:
            raise UsageFault(
                "is no HTML file by its name", subject=f"-o {file}", remedy="Name a file that ends in .html."
            )
        require_own_place(file, data_dir=data_dir, force=force)
        return WrittenPage(write_gene_page(published, gene, file), gene, published.release)
