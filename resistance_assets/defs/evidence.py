"""Correlations in the cohorts, and the account of every hypothesis that was tested."""

from __future__ import annotations

from typing import Literal, NamedTuple

import dagster as dg
import polars as pl

from resistance_assets.catalog.registry import Cohort, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.expression import expression_address, expression_matrix
from resistance_assets.defs.resources import current_registry
from resistance_assets.defs.sql import guarded
from resistance_assets.defs.survival import together
from resistance_assets.orchestration.assets import assets_of
from resistance_assets.orchestration.memo import Inputs, Step
from resistance_assets.orchestration.versions import code_version_of
from resistance_assets.science.correlation import correlate_genes

PAIRS = TABLES["core.correlation__gene_pairs"]
HYPOTHESES = TABLES["core.hypotheses_tested"]


class Family(NamedTuple):
    """Tests of one table that are corrected together: within which columns, the p, the q, the correction in words."""

    table: str
    within: tuple[str, ...]
    p_value: str
    q_value: str
    correction: str


FAMILIES = (
    Family(
        "core.deg__contrast_genes", ("contrast_id", "method"), "p_value", "q_value_bh", "Benjamini-Hochberg over genes"
    ),
    Family(
        "core.enrichment__terms", ("list_id", "collection"), "p_value", "q_value_bh", "Benjamini-Hochberg over terms"
    ),
    Family("core.intersections__sets", (), "p_value", "q_value_bh", "Benjamini-Hochberg over intersections"),
    Family(
        "core.survival__cohort_endpoint_genes",
        ("cohort_id", "endpoint", "model"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes (Wald)",
    ),
    Family(
        "core.survival__cohort_endpoint_genes",
        ("cohort_id", "endpoint", "model"),
        "p_logrank",
        "q_value_bh_logrank",
        "Benjamini-Hochberg over genes (log-rank between the groups)",
    ),
    Family(
        "core.correlation__gene_pairs",
        ("cohort_id", "method", "hgnc_symbol_a"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes",
    ),
)


def correlate_cohort(
    expression: pl.DataFrame,
    cohort_id: str,
    targets: tuple[str, ...],
    methods: tuple[Literal["spearman", "pearson"], ...],
) -> pl.DataFrame:
    """Each target against every gene of a cohort; targets that the cohort did not measure are left out."""
    matrix, genes, _ = expression_matrix(expression)
    present = [target for target in targets if target in genes]
    frames = [PAIRS.empty()]
    for method in methods if present else ():
        pairs = correlate_genes(matrix, genes, present, method=method)
        frames.append(PAIRS.shape(pairs.with_columns(cohort_id=pl.lit(cohort_id), given=pl.lit(None, pl.String))))
    return pl.concat(frames)


def correlation_part(cohort: Cohort, registry: Registry) -> dg.AssetsDefinition:
    address, expression = f"parts.correlation__{cohort.id}", expression_address(cohort.id)
    cohort_id = cohort.id
    targets, methods = tuple(registry.correlation.targets), tuple(registry.correlation.methods)

    def compute(inputs: Inputs) -> pl.DataFrame:
        return correlate_cohort(inputs.read(expression), cohort_id, targets, methods)

    step = Step(
        outputs={address: PAIRS},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(expression,),
        parameters={"cohort": cohort_id, "targets": targets, "methods": methods},
    )
    return assets_of(step, tags={"cohort": cohort_id})


def count_family(family: Family, frame: pl.DataFrame) -> pl.DataFrame:
    """How many tests each family of a table holds, and how many of them stand."""
    p, q = family.p_value, family.q_value
    label = pl.concat_str([*[pl.col(name) for name in family.within], pl.lit(p)], separator=" ")
    return HYPOTHESES.shape(
        frame.filter(pl.col(p).is_not_null())
        .with_columns(family=label)
        .group_by("family")
        .agg(
            pl.len().alias("n_tests"),
            (pl.col(p) < 0.05).sum().alias("n_below_0_05"),
            (pl.col(q) < 0.05).sum().alias("n_q_below_0_05"),
        )
        .with_columns(analysis=pl.lit(family.table), correction=pl.lit(family.correction))
        .sort("family")
    )


def hypotheses_tested() -> dg.AssetsDefinition:
    addresses = tuple(dict.fromkeys(family.table for family in FAMILIES))

    def compute(inputs: Inputs) -> pl.DataFrame:
        return pl.concat([count_family(family, inputs.read(family.table)) for family in FAMILIES])

    step = Step(
        outputs={HYPOTHESES.address: HYPOTHESES},
        compute=compute,
        code_version=code_version_of(compute, also=[repr(FAMILIES)]),
        inputs=addresses,
        tolerant=True,
    )
    return assets_of(guarded(step))


def evidence_assets(registry: Registry) -> list[dg.AssetsDefinition]:
    cohorts = list(registry.cohorts.values())
    return [
        *(correlation_part(cohort, registry) for cohort in cohorts),
        together(PAIRS.address, [f"parts.correlation__{cohort.id}" for cohort in cohorts]),
        hypotheses_tested(),
    ]


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=evidence_assets(current_registry()))
