"""`core.studies__principal_components`: principal components of the samples of a study, and what they go with."""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.studies.addresses import counts_address, samples_address
from resistance_assets.defs.core.studies.gene_expression import expression_address, expression_reader
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.matrices import counts_matrix, sample_sheet
from resistance_assets.science.expression.normalisation import effective_library_sizes, log2_cpm
from resistance_assets.science.expression.principal_components import associate_components

COMPONENTS = TABLES["core.studies__principal_components"]


def study_components(study_id: str, measurement: str, factors: tuple[str, ...]) -> Step:
    """Principal components of one study: of log2 CPM (TMM) for counts, of log2 intensities for an array.

    Args:
        study_id: the study.
        measurement: counts, array, or at_run_time where the series tells it.
        factors: columns that its contrasts compare.
    """
    address = partition_of(COMPONENTS.address, study_id)
    counts, samples = (
        counts_address(study_id),
        samples_address(study_id),
    )
    expression = expression_address(study_id)
    read_expression = expression_reader(study_id)
    # A series that may hold either has both tables, one of them empty.
    given = {"counts": (counts,), "array": (expression,)}.get(measurement, (counts, expression))

    def compute(inputs: Inputs) -> pl.DataFrame:
        logs, names = np.empty((0, 0)), []
        if counts in given and not (long := inputs.read(counts)).is_empty():
            wide = counts_matrix(long)
            names = wide.columns[1:]
            matrix = wide.select(names).to_numpy().astype(np.float64)
            matrix = matrix[matrix.any(axis=1)]
            logs = log2_cpm(matrix, effective_library_sizes(matrix))
        elif expression in given and not inputs.read(expression).is_empty():
            wide = read_expression(inputs)
            names = [name for name in wide.columns if name != "hgnc_symbol"]
            logs = wide.select(pl.col(names).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
        if len(names) < 3:
            return COMPONENTS.empty()
        found = associate_components(logs, names, sample_sheet(inputs.read(samples)), factors)
        return found.with_columns(study_id=pl.lit(study_id))

    return table_step(
        outputs={address: COMPONENTS},
        compute=compute,
        inputs=(*given, samples),
        parameters={"study": study_id, "factors": factors},
        tags={"study": study_id},
    )


def steps(registry: Registry) -> list[Step]:
    studies = registry.measured_studies()
    parts = [
        study_components(study.id, study.measurement, tuple(dict.fromkeys(c.factor for c in study.contrasts)))
        for study in studies
    ]
    names = [partition_of(COMPONENTS.address, study.id) for study in studies]
    return [*parts, union_of(COMPONENTS.address, names)]
