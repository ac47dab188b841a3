"""The file `warehouse.duckdb`: its name, and names and literals as SQL writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
