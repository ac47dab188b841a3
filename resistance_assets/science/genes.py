"""Gene symbols: from what a file calls a gene to the symbol that HGNC approves today.

Here belong the index of approved, previous and alias symbols, the resolution of a column of symbols against it, and
suggestions for a mistyped one. Fetching and parsing the HGNC file does not belong here, nor does any choice of genes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from resistance_assets.errors import DataFault

# Order in which a name is believed. A withdrawn symbol stands before the aliases: that a dead entry's name is also
# somebody's nickname is no evidence that the file meant that gene.
_KINDS = ("approved", "previous", "withdrawn", "alias")

# Spreadsheets turn MARCH1 into 1-Mar and SEPT2 into 2-Sep. The families that can have stood there, by month.
_SPREADSHEET_DATE = re.compile(r"^(?:(\d{1,2})-(Mar|Sep|Sept|Dec)|(Mar|Sep|Sept|Dec)-(\d{1,2}))$", re.IGNORECASE)
_SPREADSHEET_FAMILIES = {"mar": ("MARCHF", "MTARC"), "sep": ("SEPTIN",), "dec": ("DELEC",)}

SYMBOL_INDEX_SCHEMA = {
    "name": pl.String,
    "name_folded": pl.String,
    "kind": pl.Enum(_KINDS),
    "hgnc_symbol": pl.String,
    "entrez_gene_id": pl.Int64,
    "ensembl_gene_id": pl.String,
}

RESOLUTION_SCHEMA = {
    "input_symbol": pl.String,
    "hgnc_symbol": pl.String,
    "entrez_gene_id": pl.Int64,
    "ensembl_gene_id": pl.String,
    "resolution": pl.String,
    "candidates": pl.String,
}


def build_symbol_index(hgnc: pl.DataFrame) -> pl.DataFrame:
    """List every name that HGNC knows with the gene it stands for.

    Args:
        hgnc: one row per HGNC entry with `hgnc_id`, `symbol`, `status`, `alias_symbol`, `prev_symbol`, `entrez_id`,
            `ensembl_gene_id`; several aliases or previous symbols joined by "|".
            Source: https://www.genenames.org/download/statistics-and-files/ (hgnc_complete_set).

    Returns:
        One row per name, kind and gene: `name`, `name_folded` (upper case), `kind` ("approved", "previous",
        "withdrawn", "alias"), `hgnc_symbol`, `entrez_gene_id`, `ensembl_gene_id`. A withdrawn entry contributes its
        own symbol alone: its former names say nothing about a living gene.

    Raises:
        DataFault: a column is missing, or one approved symbol stands on two entries.
    """
    needed = ["hgnc_id", "symbol", "status", "alias_symbol", "prev_symbol", "entrez_id", "ensembl_gene_id"]
    missing = [column for column in needed if column not in hgnc.columns]
    if missing:
        raise DataFault(
            f"column {missing[0]} is missing",
            subject="HGNC table",
            expected=", ".join(needed),
            remedy="Use the complete set of HGNC, not a custom download.",
        )
    entries = hgnc.select(
        pl.col("symbol").cast(pl.String).str.strip_chars().alias("hgnc_symbol"),
        pl.col("status").cast(pl.String).str.to_lowercase().str.contains("withdrawn").fill_null(False).alias("dead"),
        pl.col("alias_symbol").cast(pl.String),
        pl.col("prev_symbol").cast(pl.String),
        pl.col("entrez_id").cast(pl.Int64, strict=False).alias("entrez_gene_id"),
        pl.col("ensembl_gene_id").cast(pl.String).replace("", None),
    ).filter(pl.col("hgnc_symbol").is_not_null() & (pl.col("hgnc_symbol") != ""))
    living = entries.filter(~pl.col("dead"))
    twice = living.filter(pl.col("hgnc_symbol").is_duplicated())
    if twice.height:
        raise DataFault(
            "an approved symbol stands on more than one entry",
            subject="HGNC table",
            place=f"symbol {twice['hgnc_symbol'][0]}",
            expected="each approved symbol once",
            remedy="Download the HGNC file again.",
        )

    columns = ["name", "kind", "hgnc_symbol", "entrez_gene_id", "ensembl_gene_id"]

    def names_of(frame: pl.DataFrame, column: str, kind: str) -> pl.DataFrame:
        return (
            frame.with_columns(
                pl.col(column).str.strip_chars('" ').str.split("|").alias("name"),
                pl.lit(kind, dtype=pl.Enum(_KINDS)).alias("kind"),
            )
            .explode("name")
            .with_columns(pl.col("name").str.strip_chars())
            .filter(pl.col("name").is_not_null() & (pl.col("name") != ""))
            .select(columns)
        )

    index = pl.concat(
        [
            names_of(living.with_columns(own=pl.col("hgnc_symbol")), "own", "approved"),
            names_of(living, "prev_symbol", "previous"),
            names_of(entries.filter(pl.col("dead")).with_columns(own=pl.col("hgnc_symbol")), "own", "withdrawn"),
            names_of(living, "alias_symbol", "alias"),
        ]
    )
    return (
        index.unique(["name", "kind", "hgnc_symbol"])
        .with_columns(name_folded=pl.col("name").str.to_uppercase())
        .select(*SYMBOL_INDEX_SCHEMA)
        .cast(SYMBOL_INDEX_SCHEMA)  # pyright: ignore[reportArgumentType]
        .sort("kind", "name", "hgnc_symbol")
    )


def resolve_symbols(symbols: pl.Series | Sequence[str | None], index: pl.DataFrame) -> pl.DataFrame:
    """Resolve symbols to approved ones, refusing to guess.

    The exact spelling is tried first against approved, then previous, withdrawn and alias symbols; the first kind that
    knows the name decides. Only if no kind knows it, the same is done regardless of case (C9ORF72 for C9orf72). A name
    that several genes share within the deciding kind is "ambiguous": no symbol is given and the genes are listed.

    Args:
        symbols: length n, as found; surrounding blanks are ignored, null or blank resolves to "unknown".
        index: as `build_symbol_index` returns it.

    Returns:
        n rows in the order given, repeats included: `input_symbol`, `hgnc_symbol`, `entrez_gene_id`,
        `ensembl_gene_id` (null unless resolved), `resolution` ("approved", "previous", "alias", "ambiguous",
        "unknown", "withdrawn"), `candidates` (genes joined by "|" where ambiguous, or where a spreadsheet has turned
        the symbol into a date; else null).
    """
    given = pl.Series("input_symbol", symbols, dtype=pl.String)
    asked = given.to_frame().with_row_index("row").with_columns(key=pl.col("input_symbol").str.strip_chars())
    distinct = asked.select("key").filter(pl.col("key").is_not_null() & (pl.col("key") != "")).unique()

    exact = _decide(distinct, index, key=pl.col("key"), name="name")
    rest = distinct.join(exact, on="key", how="anti")
    folded = _decide(rest, index, key=pl.col("key").str.to_uppercase(), name="name_folded")
    decided = pl.concat([exact, folded])

    dates = _spreadsheet_dates(rest.join(folded, on="key", how="anti")["key"], index)
    return (
        asked.join(decided, on="key", how="left", maintain_order="left")
        .join(dates, on="key", how="left", maintain_order="left")
        .with_columns(
            pl.col("resolution").fill_null("unknown"), candidates=pl.coalesce("candidates", "date_candidates")
        )
        .sort("row")
        .select(*RESOLUTION_SCHEMA)
    )


def _decide(asked: pl.DataFrame, index: pl.DataFrame, *, key: pl.Expr, name: str) -> pl.DataFrame:
    hits = asked.with_columns(lookup=key).join(index, left_on="lookup", right_on=name, how="inner")
    best = hits.with_columns(rank=pl.col("kind").to_physical()).filter(
        pl.col("rank") == pl.col("rank").min().over("key")
    )
    genes = (
        best.unique(["key", "hgnc_symbol"])
        .sort("key", "hgnc_symbol")
        .group_by("key", maintain_order=True)
        .agg(
            pl.len().alias("genes"),
            pl.col("kind").first().cast(pl.String),
            pl.col("hgnc_symbol").first(),
            pl.col("entrez_gene_id").first(),
            pl.col("ensembl_gene_id").first(),
            pl.col("hgnc_symbol").str.join("|").alias("candidates"),
        )
    )
    # Two withdrawn entries of one name are no ambiguity: neither is a gene.
    shared = (pl.col("genes") > 1) & (pl.col("kind") != "withdrawn")
    resolved = (pl.col("genes") == 1) & (pl.col("kind") != "withdrawn")

    def if_resolved(column: str) -> pl.Expr:
        return pl.when(resolved).then(pl.col(column)).alias(column)

    return genes.select(
        "key",
        if_resolved("hgnc_symbol"),
        if_resolved("entrez_gene_id"),
        if_resolved("ensembl_gene_id"),
        pl.when(shared).then(pl.lit("ambiguous")).otherwise(pl.col("kind")).alias("resolution"),
        pl.when(shared).then(pl.col("candidates")).alias("candidates"),
    )


def _spreadsheet_dates(unknown: pl.Series, index: pl.DataFrame) -> pl.DataFrame:
    approved = set(index.filter(pl.col("kind") == "approved")["name"])
    rows: list[tuple[str, str]] = []
    for key in unknown:
        match = _SPREADSHEET_DATE.match(key)
        if match is None:
            continue
        month = (match[2] or match[3])[:3].lower()
        number = int(match[1] or match[4])
        genes = [f"{family}{number}" for family in _SPREADSHEET_FAMILIES[month] if f"{family}{number}" in approved]
        if genes:
            rows.append((key, "|".join(genes)))
    return pl.DataFrame(rows, schema={"key": pl.String, "date_candidates": pl.String}, orient="row")


def suggest_symbols(symbol: str, known: Iterable[str], n: int = 3) -> list[str]:
    """The known symbols nearest to a mistyped one, best first.

    Nearness is the number of insertions, deletions, substitutions and swaps of neighbours (optimal string alignment),
    case ignored; ties go to a name of the same letters, then the longer common beginning, then the alphabet. Anything
    farther than a third of the symbol's length (at least one edit) is not suggested.

    Args:
        symbol: what was typed.
        known: the symbols to choose from; the whole of HGNC takes some tens of milliseconds.
        n: at most so many.
    """
    typed = symbol.strip().upper()
    names = list(dict.fromkeys(known))
    if not typed or not names or n < 1:
        return []
    allowed = max(1, -(-len(typed) // 3))
    near = [name for name in names if abs(len(name) - len(typed)) <= allowed and name]
    if not near:
        return []
    folded = np.array([name.upper() for name in near])
    width = folded.dtype.itemsize // 4
    letters = folded.view(np.uint32).reshape(len(near), width)
    lengths = np.char.str_len(folded)
    query = [ord(letter) for letter in typed]

    # One dynamic programme over all names at once: rows are letters of the query, columns letters of the names.
    before: np.ndarray | None = None
    last = np.broadcast_to(np.arange(width + 1, dtype=np.int16), (len(near), width + 1)).copy()
    for i, letter in enumerate(query, start=1):
        now = np.empty_like(last)
        now[:, 0] = i
        for j in range(1, width + 1):
            cost = (letters[:, j - 1] != letter).astype(np.int16)
            best = np.minimum(np.minimum(last[:, j], now[:, j - 1]) + 1, last[:, j - 1] + cost)
            if before is not None and j > 1:
                swapped = (letters[:, j - 1] == query[i - 2]) & (letters[:, j - 2] == letter)
                best = np.where(swapped, np.minimum(best, before[:, j - 2] + 1), best)
            now[:, j] = best
        before, last = last, now
    distance = last[np.arange(len(near)), lengths]

    same = np.zeros((len(near), min(width, len(query))), dtype=bool)
    same[:] = letters[:, : same.shape[1]] == np.array(query[: same.shape[1]], dtype=np.uint32)
    beginning = np.logical_and.accumulate(same, axis=1).sum(axis=1)
    candidates: list[int] = np.flatnonzero(distance <= allowed).tolist()
    letters_typed = sorted(typed)

    def farness(at: int) -> tuple[int, bool, int, str]:
        return int(distance[at]), sorted(near[at].upper()) != letters_typed, -int(beginning[at]), near[at]

    order = sorted(candidates, key=farness)
    return [near[at] for at in order[:n]]
