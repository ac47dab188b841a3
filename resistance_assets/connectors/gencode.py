"""Transcripts and genes of a GENCODE (or Ensembl) release: what belongs to which gene, and how long it is.

Here belongs reading the annotation (GTF) and the names in a transcriptome (FASTA). Counting reads does not belong here.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, rejected_rows
from resistance_assets.connectors.formats.gzip import DAMAGE, open_gzip
from resistance_assets.errors import DataFault, TransportFault

TRANSCRIPT_SCHEMA: dict[str, type[pl.DataType]] = {
    "target_id": pl.String,
    "transcript_id": pl.String,
    "gene_id": pl.String,
    "gene_symbol": pl.String,
}
_GTF_COLUMNS = ("seqname", "source", "feature", "start", "stop", "score", "strand", "frame", "attributes")


def read_transcript_names(fasta: Path) -> pl.DataFrame:
    """Transcripts of a transcriptome and their genes, from the names of its sequences.

    GENCODE's names are `ENST|ENSG|...|transcript name|gene name|length|biotype|`, Ensembl's
    `ENST cdna ... gene:ENSG ... gene_symbol:NAME ...`.

    Returns:
        target_id (the name up to the first blank, as kallisto reports it), transcript_id, gene_id (with version),
        gene_symbol (String; null where the name does not tell it).

    Raises:
        DataFault: there is no sequence, a name tells no gene, or a name occurs twice.
    """
    try:
        with (
            open_gzip(fasta) if _is_gzip(fasta) else fasta.open("rb") as stored,
            io.TextIOWrapper(stored, encoding="utf-8", errors="replace") as handle,
        ):
            rows = [_named(line[1:].strip(), fasta.name) for line in handle if line.startswith(">")]
    except DAMAGE as error:
        raise TransportFault(
            f"truncated: the gzip file ends early or is damaged ({error})", subject=fasta.name, remedy="Fetch it again"
        ) from error
    if not rows:
        raise DataFault(
            "the file holds no sequence", subject=fasta.name, expected="FASTA", remedy="Fetch the transcriptome again"
        )
    frame = pl.DataFrame(rows, schema=TRANSCRIPT_SCHEMA, orient="row")
    repeated = frame.filter(pl.col("target_id").is_duplicated())
    if repeated.height:
        raise DataFault(
            f"the sequence {repeated['target_id'][0]} occurs twice", subject=fasta.name, remedy="Remove one of them"
        )
    return frame


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


def _named(name: str, source: str) -> tuple[str, str, str, str | None]:
    target, _, rest = name.partition(" ")
    parts = target.split("|")
    if len(parts) >= 6 and parts[1]:
        return target, parts[0], parts[1], parts[5] or None
    gene = re.search(r"\bgene:(\S+)", rest)
    if gene:
        symbol = re.search(r"\bgene_symbol:(\S+)", rest)
        return target, target, gene[1], symbol[1] if symbol else None
    raise DataFault(
        f"the name {name[:80]!r} tells no gene",
        subject=source,
        expected="a name as GENCODE or Ensembl writes it",
        remedy="Name a transcriptome of GENCODE or Ensembl in sources.toml",
    )


def read_gene_lengths(gtf: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Genes of an annotation and the length of the union of their exons, which is what RPKM and TPM of counts need.

    Returns:
        genes: gene_id (with its version, and `_PAR_Y` where the annotation has it), gene_symbol, gene_type, chromosome
            (String), length_bp (Int64), sorted by gene_id.
        rejected: source, line, reason, row: lines that are no nine columns, exons without a gene or with bounds that
            are no numbers. Only lines of exons are counted; others are left aside.

    Raises:
        DataFault: there is no exon.
    """
    text = read_bytes(gtf).decode("utf-8", "replace")
    kept: list[tuple[int, str]] = []
    rejected: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if "\texon\t" in line and not line.startswith("#"):
            if line.count("\t") == 8:
                kept.append((number, line))
            else:
                rejected.append((gtf.name, number, "the line has not nine columns", line))
    lines = pl.DataFrame(kept, schema={"number": pl.Int64, "line": pl.String}, orient="row")
    parts = lines.with_columns(
        pl.col("line").str.split_exact("\t", 8).struct.rename_fields(list(_GTF_COLUMNS)).alias("parts")
    ).unnest("parts")
    exons = parts.select(
        "number",
        "line",
        pl.col("seqname").alias("chromosome"),
        pl.col("start").cast(pl.Int64, strict=False),
        pl.col("stop").cast(pl.Int64, strict=False),
        *[
            pl.col("attributes").str.extract(rf'\b{name} "([^"]*)"').alias(ours)
            for name, ours in (
                ("gene_id", "gene_id"),
                ("gene_name", "gene_symbol"),
                ("gene_(?:type|biotype)", "gene_type"),
            )
        ],
    ).with_columns(
        pl.when(pl.col("gene_id").is_null())
        .then(pl.lit("the exon names no gene"))
        .when(pl.col("start").is_null() | pl.col("stop").is_null() | (pl.col("stop") < pl.col("start")))
        .then(pl.lit("the bounds of the exon are no numbers in order"))
        .alias("reason")
    )
    bad = exons.filter(pl.col("reason").is_not_null())
    rejected += [
        (gtf.name, number, reason, line) for number, reason, line in bad.select("number", "reason", "line").rows()
    ]
    good = exons.filter(pl.col("reason").is_null()).sort("gene_id", "start", "stop")
    if not good.height:
        raise DataFault(
            "the annotation has no exon", subject=gtf.name, expected="GTF", remedy="Fetch the annotation again"
        )
    # A base counts once, however many exons cover it: it is new beyond the furthest end before it.
    furthest = pl.col("stop").cum_max().shift(1).over("gene_id")
    covered = good.with_columns(furthest.alias("before")).with_columns(
        (pl.col("stop") - pl.max_horizontal(pl.col("start") - 1, pl.col("before"))).clip(0).alias("new")
    )
    genes = (
        covered.group_by("gene_id")
        .agg(
            pl.col("gene_symbol").first(),
            pl.col("gene_type").first(),
            pl.col("chromosome").first(),
            pl.col("new").sum().alias("length_bp"),
        )
        .sort("gene_id")
    )
    return genes, rejected_rows(rejected)
