"""Table models: one pandera model per table, in the file of its layer and prefix (`tables/<layer>/<prefix>.py`).

Importing this package registers every model in ``TABLES``. A new file in a layer's folder is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil

from resistance_assets.catalog.tables.model import (
    LAYERS,
    PARTS,
    TABLES,
    Column,
    Table,
    TableModel,
    col,
    published_tables,
    table,
    table_of,
)

__all__ = ["LAYERS", "PARTS", "TABLES", "Column", "Table", "TableModel", "col", "published_tables", "table", "table_of"]


def _import_models(package: str) -> None:
    """Import ``package`` and every module below it, in the order of their names."""
    module = importlib.import_module(package)
    for found in pkgutil.iter_modules(getattr(module, "__path__", []), f"{package}."):
        _import_models(found.name)


for _layer in ("raw", "staging", PARTS, "core", "marts"):
    _import_models(f"{__name__}.{_layer}")
