"""The file `warehouse.duckdb`: its name, and names and literals as SQL writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resistance_assets.files import glob_literal

WAREHOUSE_FILE = "warehouse.duckdb"
RELEASES_FOLDER = "releases"


def first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error).split("\n")[0]).rstrip(".!")


def quoted(address: str) -> str:
    layer, name = address.split(".", 1)
    return f'"{layer}"."{name}"'


def column_list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def rows_of(files: Sequence[Path]) -> str:
    """Rows of Parquet files, one after the other."""
    return f"read_parquet([{', '.join(map(glob_literal, files))}])"


def names_in(facts: Mapping[str, Any]) -> list[str]:
    """Names of the files that hold a table of a manifest; manifests of earlier versions name one as `parquet`."""
    return list(facts.get("files") or [facts["parquet"]])
