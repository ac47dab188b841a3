"""One pandera model per table: the only truth about grain, key, columns and units.

Column schemas in the Dagster UI, DuckDB tables with their keys and comments, the data dictionary and the checks before
anything is written are all derived from the models here. A model says what one row is, which columns identify it, where
each column comes from (for tables computed in Python; for SQL models the lineage is read from the SQL), and one thing
that is not true of the data. No data are read here and nothing is computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandera.polars as pa
import polars as pl

from resistance_assets.catalog.partition_names import PARTS

# What is published, in the order of the data's way.
LAYERS = ("raw", "staging", "core", "marts")

# A table of layer `parts` is the model of partitions whose columns are those of no published table:
# `parts.deg__features` is that of every contrast and method before names are resolved.


@dataclass(frozen=True)
class Column:
    """A column as every consumer needs it; ``upstream`` holds `layer.table.column` or `source` for a remote file."""

    name: str
    dtype: Any
    description: str
    unit: str | None
    nullable: bool
    upstream: tuple[str, ...]

    @property
    def duckdb_type(self) -> str:
        return _DUCKDB_TYPES[type(self.dtype) if isinstance(self.dtype, pl.DataType) else self.dtype]

    @property
    def comment(self) -> str:
        return f"{self.description} [{self.unit}]" if self.unit else self.description


_DUCKDB_TYPES: dict[Any, str] = {
    pl.String: "VARCHAR",
    pl.Float64: "DOUBLE",
    pl.Int64: "BIGINT",
    pl.UInt32: "UINTEGER",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP",
    # Of partitions alone: a row of a matrix.
    pl.List: "DOUBLE[]",
}


@dataclass(frozen=True)
class Table:
    """A table: its address, what a row is, and its model."""

    layer: str
    name: str
    grain: str
    key: tuple[str, ...]
    limitation: str
    sources: tuple[str, ...]
    min_rows: int
    model: type[pa.DataFrameModel]
    description: str

    @property
    def address(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def columns(self) -> tuple[Column, ...]:
        schema = self.model.to_schema()
        found = []
        for name, column in schema.columns.items():
            metadata = column.metadata or {}
            found.append(
                Column(
                    name=name,
                    dtype=column.dtype.type,  # pyright: ignore[reportOptionalMemberAccess]
                    description=column.description or "",
                    unit=metadata.get("unit"),
                    nullable=column.nullable,
                    upstream=tuple(metadata.get("upstream", ())),
                )
            )
        return tuple(found)

    @property
    def model_version(self) -> str:
        """Hash of what the model asks of rows: columns, types, bounds, key."""
        schema = self.model.to_schema()
        checks = {
            name: sorted(f"{check.name} {check.statistics}" for check in column.checks or ())
            for name, column in schema.columns.items()
        }
        asked = [(one.name, str(one.dtype), one.nullable, checks[one.name]) for one in self.columns]
        return hashlib.sha256(repr((asked, self.key)).encode()).hexdigest()[:16]

    @property
    def polars_schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """The table without rows."""
        return pl.DataFrame(schema=self.polars_schema)

    def shape(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with exactly this table's columns, in its order and types; NaN becomes null (missing).

        A number that is beyond a bound of its column by rounding alone (1.0000000000000002 of at most 1) is put on it.

        Raises:
            polars exceptions when a column is missing or cannot be cast: both are faults of the program.
        """
        shaped = frame.select([pl.col(c.name).cast(c.dtype) for c in self.columns])
        shaped = shaped.with_columns(pl.selectors.float().fill_nan(None))
        return shaped.with_columns(
            [onto for name, low, high in self._float_bounds() for onto in _onto_bounds(shaped[name], low, high)]
        )

    def _float_bounds(self) -> list[tuple[str, float | None, float | None]]:
        """Columns of floats that have a bound which they may reach: name, least and largest value."""
        found = []
        for name, column in self.model.to_schema().columns.items():
            bounds = {check.name: check.statistics for check in column.checks or ()}
            low = bounds.get("greater_than_or_equal_to", {}).get("min_value")
            high = bounds.get("less_than_or_equal_to", {}).get("max_value")
            if column.dtype.type == pl.Float64 and (low is not None or high is not None):  # pyright: ignore
                found.append((str(name), low, high))
        return found

    @property
    def comment(self) -> str:
        return f"{self.grain}. Limitation: {self.limitation}"


ROUNDING = 1e-9
"""How far beyond a bound a number may be, relative to the bound (or to 1), and still be taken for it."""


def _onto_bounds(values: pl.Series, low: float | None, high: float | None) -> list[pl.Series]:
    """The values with those on their bounds that rounding put beyond; nothing where there are none."""
    found = values
    for bound, beyond in ((low, lambda v, b: v < b), (high, lambda v, b: v > b)):
        if bound is None:
            continue
        near = beyond(found, bound) & ((found - bound).abs() <= ROUNDING * max(1.0, abs(bound)))
        if near.any():
            found = found.zip_with(~near.fill_null(False), pl.repeat(float(bound), len(found), eager=True))
    return [] if found is values else [found.alias(values.name)]


TABLES: dict[str, Table] = {}


def published_tables() -> tuple[Table, ...]:
    """Every table that a release holds, layer by layer."""
    return tuple(table for layer in LAYERS for table in TABLES.values() if table.layer == layer)


def table_of(name: str) -> Table | None:
    """Table that a name in the lake belongs to: the table itself, or the one that it is a partition of.

    None for a name that no table of this release explains, such as a partition of an earlier release.
    """
    if name in TABLES:
        return TABLES[name]
    layer, _, rest = name.partition(".")
    if layer != PARTS:
        return None
    tables = [one for one in TABLES.values() if rest.startswith(f"{one.name}__")]
    return max(tables, key=lambda one: len(one.name), default=None)


def table(
    address: str, *, grain: str, key: tuple[str, ...], limitation: str, sources: tuple[str, ...] = (), min_rows: int = 0
) -> Callable[[type[pa.DataFrameModel]], type[pa.DataFrameModel]]:
    """Register a model under its address `layer.name`."""
    layer, name = address.split(".")
    if layer not in (*LAYERS, PARTS):
        raise ValueError(f"{address}: unknown layer")

    def register(model: type[pa.DataFrameModel]) -> type[pa.DataFrameModel]:
        if address in TABLES:
            raise ValueError(f"{address} is registered twice")
        description = " ".join((model.__doc__ or "").split())
        TABLES[address] = Table(layer, name, grain, key, limitation, sources, min_rows, model, description)
        columns = {c.name for c in TABLES[address].columns}
        if missing := [k for k in key if k not in columns]:
            raise ValueError(f"{address}: key column {missing[0]} is not a column")
        return model

    return register


def col(
    description: str, *, unit: str | None = None, null: bool = False, of: str | tuple[str, ...] = (), **checks: Any
) -> Any:
    """A column. ``of`` names the columns it is computed from; ``checks`` are pandera's (ge, le, isin ...)."""
    upstream = (of,) if isinstance(of, str) else tuple(of)
    return pa.Field(
        description=description, nullable=null, metadata={"unit": unit, "upstream": upstream}, coerce=False, **checks
    )


class TableModel(pa.DataFrameModel):
    class Config:  # pyright: ignore[reportIncompatibleVariableOverride]
        strict = True
        ordered = True
