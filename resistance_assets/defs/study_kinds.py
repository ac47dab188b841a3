"""Steps of studies: each study's by its kind, and the unions of the tables that kinds fill.

Nothing here knows a kind: `StudyKind.steps` names the function that makes the steps of one study, and
`StudyKind.tables` the partitions that they write.
"""

from __future__ import annotations

from resistance_assets.catalog.models.study_kind import STUDY_KINDS, entry_point
from resistance_assets.catalog.registry import Registry
from resistance_assets.orchestration.partitions import union_of
from resistance_assets.orchestration.steps import Step


def steps(registry: Registry) -> list[Step]:
    """Steps of every study, and a union per table of every kind, with or without a study of that kind."""
    made: list[Step] = []
    for study in registry.studies():
        made += entry_point(registry.kind_of(study).steps)(study, registry)
    written = {name for step in made for name in step.outputs}
    tables = dict.fromkeys(table for kind in STUDY_KINDS.values() for table in kind.tables)
    unions = [union_of(table, registry.study_partitions(table)) for table in tables if table not in written]
    return [*made, *unions]
