"""Genes of another organism, named by their one-to-one human orthologs.

Here belongs reading the table that a study names and mapping through it; which tables there are, and their licences,
is the study's affair. Pairs that are not one-to-one are left out: a family that has split says nothing of one gene.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import missing_column
from resistance_assets.connectors.lab_study.table_text import NULLS, name_of, split_table
from resistance_assets.errors import DataFault

_HUMAN = "human_symbol"


def read_orthologs(path: Path, *, study: str | None = None) -> pl.DataFrame:
    """Read a table of orthologs: one-to-one pairs of it, name (String, of the organism), human_symbol (String).

    Args:
        path: a column human_symbol, one column `<organism>_symbol`, and maybe `<organism>_entrez` and
            `<organism>_ensembl`, under all of which the organism's genes may be named.
        study: what messages call the study.

    Raises:
        DataFault: the table has no column human_symbol, none or several of other organisms, or no one-to-one pair.
    """
    text = split_table(path, source=name_of(path, study))
    if _HUMAN not in text.header:
        raise missing_column(_HUMAN, text.header, source=text.source)
    others = [name for name in text.header if name.endswith("_symbol") and name != _HUMAN]
    if len(others) != 1:
        raise DataFault(
            f"the columns of other organisms are {', '.join(others) or 'none'}",
            subject=text.source,
            place="header",
            expected="one column such as mouse_symbol beside human_symbol",
            remedy="Leave one of them",
        )
    organism = others[0].removesuffix("_symbol")
    cells = text.frame(nulls=NULLS).with_columns(pl.all().str.strip_chars())
    pairs = _one_to_one(cells, others[0])
    if pairs.is_empty():
        raise DataFault("no pair is one-to-one", subject=text.source, remedy="Name another table of orthologs")
    names = [name for name in (others[0], f"{organism}_entrez", f"{organism}_ensembl") if name in text.header]
    return pl.concat(
        [pairs.select(pl.col(name).alias("name"), _HUMAN) for name in names]
    ).drop_nulls().unique("name", keep="first", maintain_order=True)  # fmt: skip


def _one_to_one(cells: pl.DataFrame, other: str) -> pl.DataFrame:
    pairs = cells.filter(pl.col(_HUMAN).is_not_null() & pl.col(other).is_not_null())
    pairs = pairs.unique([_HUMAN, other], keep="first", maintain_order=True)
    return pairs.filter((pl.len().over(_HUMAN) == 1) & (pl.len().over(other) == 1))


def map_features(
    features: pl.DataFrame, orthologs: pl.DataFrame, *, column: str, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows under the human symbol of their gene, and the others, rejected.

    Args:
        features: rows whose `column` names a gene of the organism; a column `line`, if any, is its line in the file.
        orthologs: of `read_orthologs`.
        column: of the names; exact case, versions of Ensembl ids aside.
        source: what the rejected rows call the file.

    Raises:
        DataFault: no row has an ortholog.
    """
    plain = pl.col(column).str.replace(r"^(ENS[A-Z]*G\d+)\.\d+$", "$1")
    mapped = features.with_columns(plain.alias("_name")).join(
        orthologs, left_on="_name", right_on="name", how="left", maintain_order="left"
    )
    lacking = pl.col(_HUMAN).is_null()
    line = pl.col("line").cast(pl.Int64) if "line" in features.columns else pl.lit(None, pl.Int64).alias("line")
    rejected = mapped.filter(lacking).select(
        pl.lit(source).alias("source"),
        line,
        pl.lit("no one-to-one human ortholog").alias("reason"),
        pl.col(column).alias("row"),
    )
    kept = mapped.filter(~lacking).with_columns(pl.col(_HUMAN).alias(column)).select(features.columns)
    if kept.is_empty():
        raise DataFault(
            f"none of {features.height} genes is in the table of orthologs, such as {features[column][0]!r}",
            subject=source,
            expected="names of the organism that the table is of",
            remedy="Correct study.organism or study.orthologs in study.toml",
        )
    return kept, rejected
