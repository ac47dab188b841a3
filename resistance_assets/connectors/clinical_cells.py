"""Clinical cells as their authors write them: ages, sexes, stages, purities and times, and those that cannot be read.

Here belongs which cells `staging.cohorts__patients` and `staging.cohorts__patient_endpoints` can read, so that every
other one is counted and told where the file is read. The rules of both are the same; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import polars as pl

from resistance_assets.connectors.formats.delimited import REJECTED_SCHEMA

Kind = Literal["age", "sex", "stage", "purity", "time"]

NUMBER = r"^[+-]?[0-9]+([.,][0-9]*)?([eE][+-]?[0-9]+)?$"
"""A number, with a decimal point or a decimal comma; `1.000,5`, `>89` and `60+` are none."""
SEXES = {
    **dict.fromkeys(("female", "f", "woman", "weiblich", "w", "féminin", "femme", "femenino", "mujer"), "female"),
    **dict.fromkeys(("male", "m", "man", "männlich", "maennlich", "masculin", "homme", "masculino", "hombre"), "male"),
}  # fmt: skip
"""What sexes are called -> female or male. Codes such as 0 and 1 say nothing without their key."""
STAGE = r"^(STAGE|STADIUM|STADE|PATHOLOGIC STAGE|CLINICAL STAGE)?[ :]*(IV|III|II|I|4|3|2|1) ?[ABC]?[0-9]?( *\(.*\))?$"
"""A stage of the AJCC in capitals; the second group is the stage group, in Roman or Arabic numerals."""

_EXPECTED = {
    "age": "an age from 0 to 120 years",
    "sex": "female or male, in words",
    "stage": "a stage from I to IV",
    "purity": "a share of tumour cells, or percent",
    "time": "a time of at least 0",
}
LONGEST_LIFE_YEARS = 120


def read_numbers(values: pl.Series) -> pl.Series:
    """Cells as Float64, decimal commas among them; null where a cell is no number."""
    text = values.cast(pl.String).str.strip_chars()
    numbers = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return pl.select(pl.when(text.str.contains(NUMBER)).then(numbers)).to_series().alias(values.name)


def find_unread(values: pl.Series, kind: Kind) -> pl.Series:
    """Whether a cell holds something that cannot be read as what it should be: Boolean, false where it is blank."""
    text = values.cast(pl.String).str.strip_chars().replace("", None)
    if kind == "sex":
        read = text.str.to_lowercase().is_in(list(SEXES))
    elif kind == "stage":
        read = text.str.to_uppercase().str.contains(STAGE)
    else:
        numbers = read_numbers(text)
        read = numbers.is_not_null()
        if kind == "age":
            read = numbers.is_between(0, LONGEST_LIFE_YEARS)
        elif kind == "purity":
            read = numbers.is_between(0, 100)
        else:
            read = numbers >= 0
    return text.is_not_null() & ~read.fill_null(False)


def reject_unread_cells(
    frame: pl.DataFrame, kinds: Mapping[str, Kind], *, source: str, key: str, lines: pl.Series | None = None
) -> pl.DataFrame:
    """Rejected rows, one per cell that is left blank because it cannot be read.

    Args:
        frame: one row per patient or sample, text.
        kinds: column -> what it should hold; columns that the frame lacks are passed over.
        source: the file.
        key: column that names the patient or sample.
        lines: line of each row in the file, where known.
    """
    found = [pl.DataFrame(schema=REJECTED_SCHEMA)]
    for column, kind in kinds.items():
        if column not in frame.columns:
            continue
        unread = find_unread(frame[column], kind)
        if not unread.any():
            continue
        rows = frame.with_columns(line=pl.lit(None, pl.Int64) if lines is None else lines).filter(unread)
        found.append(
            rows.select(
                pl.lit(source).alias("source"),
                pl.col("line").cast(pl.Int64),
                pl.lit(f"column {column} is left blank: expected {_EXPECTED[kind]}").alias("reason"),
                pl.concat_str(pl.col(key).cast(pl.String), pl.lit(f", {column} "), pl.col(column)).alias("row"),
            )
        )
    return pl.concat(found)
