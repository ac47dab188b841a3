"""Microarrays of a laboratory's study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.rows import WARNINGS, samples_as_table, warnings_as_table
from resistance_assets.connectors.lab_study.study import read_array_study
from resistance_assets.defs.core.studies.gene_expression import expression_step, rules_of
from resistance_assets.defs.resources import study_external_inputs, study_source
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

INTENSITIES = TABLES["raw.studies__probe_intensities"]
PROBE_GENES = TABLES["raw.studies__probe_genes"]
SAMPLES = TABLES["raw.studies__samples"]


def array_study_step(local: LocalStudy) -> Step:
    """Intensities, sample sheet and annotation of one study, as read."""
    study, study_id = local.study, local.id
    intensities, samples, genes, warned = (
        partition_of(table.address, study_id) for table in (INTENSITIES, SAMPLES, PROBE_GENES, WARNINGS)
    )
    rejected = rejected_of(genes)
    named = ("probe_column", "symbol_column", "multi_gene_separator", "organism", "orthologs")

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = read_array_study(local)
        name = pl.lit(study_id).alias("study_id")
        return {
            intensities: found.matrix.unpivot(index="probe_id", variable_name="sample_id", value_name="intensity")
            .with_columns(name)
            .sort("probe_id", "sample_id"),
            samples: samples_as_table(found.samples, study_id),
            genes: found.probe_genes.with_columns(name),
            rejected: rejected_as_table([(PROBE_GENES.address, found.rejected)]),
            warned: warnings_as_table(found.warnings, study_id),
        }

    return table_step(
        outputs={intensities: INTENSITIES, samples: SAMPLES, genes: PROBE_GENES, rejected: REJECTED, warned: WARNINGS},
        compute=compute,
        parameters={
            **study.model_dump(mode="json", include=set(named)),
            "contrasts": [
                c.model_dump(mode="json", include={"factor", "numerator", "denominator", "fit_all_levels"})
                for c in local.contrasts
            ],
        },
        external_inputs=study_external_inputs(local),
        sources=[study_source(study_id)],
        kinds=["python", "study"],
        tags={"study": study_id},
    )


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Intensities, samples and probes of a study, and its expression by gene."""
    return [array_study_step(local), expression_step(local.id, local.study.matrix, rules_of(local.study))]
