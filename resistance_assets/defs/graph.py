"""The graph of all steps, without Dagster: what the catalog and the study folders of the present settings ask for."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from resistance_assets.catalog.registry import Registry
from resistance_assets.defs import core, raw, sql, study_kinds
from resistance_assets.defs.raw.rejected_rows import union_of_rejected
from resistance_assets.orchestration.code_version import known_code_versions
from resistance_assets.orchestration.steps import Step
from resistance_assets.orchestration.table_steps import by_table


def _modules_with_steps(package: ModuleType) -> list[ModuleType]:
    """Every module below a package that has a function `steps`, in the order of their names."""
    names = (found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
    return [module for name in sorted(names) if hasattr(module := importlib.import_module(name), "steps")]


# Each has a function `steps(registry) -> list[Step]`; a new module of `raw` or `core` is found by itself.
MODULES = (*_modules_with_steps(raw), study_kinds, sql, *_modules_with_steps(core))


def load_steps(registry: Registry) -> dict[str, Step]:
    """Steps by each table that they write.

    Raises:
        CatalogFault: two steps write one table, a step reads a table that no step writes, or a SQL model is wrong.
    """
    with known_code_versions():
        made = [step for module in MODULES for step in module.steps(registry)]
    return by_table([*made, union_of_rejected(made)])
