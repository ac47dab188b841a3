"""Tables of one alteration per row: mutations (MAF) and structural variants, of an archive or of a laboratory's study.

Here belongs which column is what, and which rows are set aside or told. Where the files come from does not belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText

# Ours, its type, and the names that files have for it; the first is the one that a message asks for.
ColumnNames = tuple[tuple[str, type[pl.DataType], tuple[str, ...]], ...]

MUTATION_COLUMNS: ColumnNames = (
    ("sample_id", pl.String, ("Tumor_Sample_Barcode",)),
    ("hugo_symbol", pl.String, ("Hugo_Symbol",)),
    ("entrez_gene_id", pl.Int64, ("Entrez_Gene_Id",)),
    ("chromosome", pl.String, ("Chromosome",)),
    ("start_position", pl.Int64, ("Start_Position", "Start_position")),
    ("end_position", pl.Int64, ("End_Position", "End_position")),
    ("variant_classification", pl.String, ("Variant_Classification",)),
    ("variant_type", pl.String, ("Variant_Type",)),
    ("reference_allele", pl.String, ("Reference_Allele",)),
    ("tumor_allele", pl.String, ("Tumor_Seq_Allele2",)),
    ("protein_change", pl.String, ("HGVSp_Short", "Protein_Change")),
    ("mutation_status", pl.String, ("Mutation_Status",)),
    ("reference_reads", pl.Int64, ("t_ref_count",)),
    ("alternative_reads", pl.Int64, ("t_alt_count",)),
)
VARIANT_COLUMNS: ColumnNames = (
    ("sample_id", pl.String, ("Sample_Id", "SAMPLE_ID")),
    ("sv_status", pl.String, ("SV_Status",)),
    ("site1_hugo_symbol", pl.String, ("Site1_Hugo_Symbol",)),
    ("site1_entrez_gene_id", pl.Int64, ("Site1_Entrez_Gene_Id",)),
    ("site2_hugo_symbol", pl.String, ("Site2_Hugo_Symbol",)),
    ("site2_entrez_gene_id", pl.Int64, ("Site2_Entrez_Gene_Id",)),
    ("variant_class", pl.String, ("Class",)),
    ("event_info", pl.String, ("Event_Info",)),
    ("annotation", pl.String, ("Annotation",)),
)
ALTERATION_NULLS = ("NA", "NaN", "nan", "N/A", "#N/A", "null", "NULL")
PLACE_SCHEMA: dict[str, type[pl.DataType]] = {"source_file": pl.String, "source_line": pl.Int64}
"""Where a row stands: the file (of an archive, its member) and its 1-based line."""

_GENE_NAMES = ("hugo_symbol", "entrez_gene_id")
_REQUIRED = frozenset({"sample_id", "hugo_symbol", "variant_classification"})
_SEQUENCED = "#sequenced_samples:"

IsReadable = Callable[[str | None, str], bool]
"""Whether a protein change can be read, given the class of the mutation."""


@dataclass(frozen=True)
class KnownSamples:
    """What rows are held against.

    Attributes:
        samples: of the clinical table or sample sheet; None: there is none.
        table: what that is called in messages.
        panel_genes: sample -> genes (in capitals) of its panel, of the samples that were looked at for a panel alone.
        is_readable: protein changes for which it is False are left blank, and told.
    """

    samples: frozenset[str] | None = None
    table: str = "clinical table"
    panel_genes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_readable: IsReadable | None = None


def schema_of(columns: ColumnNames) -> dict[str, type[pl.DataType]]:
    """Columns of `read_alteration_rows`, with their types."""
    return {**{name: kind for name, kind, _ in columns}, **PLACE_SCHEMA}


def listed_samples(leading: Iterable[str]) -> list[str]:
    """Samples of the line `#sequenced_samples:` that a mutation file may begin with; none without it."""
    for line in leading:
        if line.lower().startswith(_SEQUENCED):
            return list(dict.fromkeys(line[len(_SEQUENCED) :].replace(",", " ").split()))
    return []


def read_alteration_rows(
    text: DelimitedText, columns: ColumnNames, known: KnownSamples, *, nulls: Sequence[str] = ALTERATION_NULLS
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a table of mutations or structural variants, with their file and line, and the rows that are told.

    Set aside: rows without a sample or a gene, of a sample that is not known, and of genes that the sample's panel
    lacks (of a structural variant: both). Told, and kept: an unreadable protein change, which is left blank; a fusion
    with one gene.

    Raises:
        DataFault: a required column is missing, or a number is none; names file, line and column.
    """
    cells = text.frame(nulls=nulls).with_columns(pl.all().str.strip_chars().replace("", None))
    found: list[pl.Series] = []
    for ours, kind, names in columns:
        vendor = next((name for name in names if name in text.header), None)
        if vendor is None:
            if ours in _REQUIRED:
                text.require(names[:1])
            found.append(pl.Series(ours, [None] * text.height, dtype=kind))
        else:
            # A whole number may be written as one with decimals (`12.0`).
            values = cells[vendor].str.replace(r"^(-?\d+)\.0+$", "$1") if kind is pl.Int64 else cells[vendor]
            found.append((text.whole_numbers(values) if kind is pl.Int64 else values).alias(ours))
    frame = pl.DataFrame(found).with_columns(
        source_file=pl.lit(text.source.rpartition(":")[2], pl.String), source_line=pl.Series(text.lines, dtype=pl.Int64)
    )
    genes = [name for name in frame.columns if name.endswith(_GENE_NAMES)]
    nameless = frame.select(pl.all_horizontal(pl.col(genes).is_null())).to_series()
    blank = frame["sample_id"].is_null()
    foreign = pl.repeat(False, frame.height, eager=True)
    if known.samples is not None:
        foreign = ~blank & ~frame["sample_id"].is_in(list(known.samples))
    hidden = pl.Series(_hidden_from_panels(frame, known.panel_genes), dtype=pl.Boolean)
    aside = blank | nameless | foreign | hidden
    told: dict[int, str] = {}
    for mask, reason in (
        (hidden, "the sample's gene panel does not hold the gene"),
        (foreign, f"the sample is not in the {known.table}, so it stands for no patient"),
        (nameless, "no gene is named"),
        (blank, "blank sample"),
    ):
        told |= dict.fromkeys(mask.arg_true().to_list(), reason)
    frame, notes = _without_unreadable(frame, known.is_readable)
    told = {**{row: reason for row, reason in notes.items() if not aside[row]}, **told}
    rows = sorted(told)
    return frame.filter(~aside), text.reject(rows, [told[row] for row in rows])


def _hidden_from_panels(frame: pl.DataFrame, panels: Mapping[str, frozenset[str]]) -> list[bool]:
    """Whether no gene of an alteration is one that the panel of its sample holds; a gene without a symbol may be."""
    if not panels:
        return [False] * frame.height
    symbols = [name for name in frame.columns if name.endswith("hugo_symbol")]
    found = []
    for sample, *genes in frame.select("sample_id", *symbols).iter_rows():
        held = panels.get(sample)
        named = [gene.upper() for gene in genes if gene is not None]
        found.append(held is not None and bool(named) and not any(gene in held for gene in named))
    return found


def _without_unreadable(frame: pl.DataFrame, is_readable: IsReadable | None) -> tuple[pl.DataFrame, dict[int, str]]:
    """The rows without protein changes that cannot be read, and what is to be told of rows that are kept."""
    if "protein_change" not in frame.columns:
        named = [
            frame.select(
                pl.any_horizontal(pl.col(f"site{site}_{name}").is_not_null() for name in _GENE_NAMES)
            ).to_series()
            for site in (1, 2)
        ]
        reason = "one gene is named: it is kept with an unknown partner"
        return frame, dict.fromkeys((named[0] != named[1]).arg_true().to_list(), reason)
    if is_readable is None:
        return frame, {}
    pair = ["variant_classification", "protein_change"]
    told = frame.select(pair).unique().filter(pl.col("protein_change").is_not_null())
    unread = [row for row in told.iter_rows() if not is_readable(*row)]
    if not unread:
        return frame, {}
    odd = pl.DataFrame(unread, schema=dict.fromkeys(pair, pl.String), orient="row").with_columns(odd=pl.lit(True))
    is_odd = frame.join(odd, on=pair, how="left", nulls_equal=True, maintain_order="left")["odd"].fill_null(False)
    reason = "the protein change cannot be read and is left blank (expected HGVS such as p.L858R)"
    blanked = frame.with_columns(pl.when(~is_odd).then(pl.col("protein_change")).alias("protein_change"))
    return blanked, dict.fromkeys(is_odd.arg_true().to_list(), reason)
