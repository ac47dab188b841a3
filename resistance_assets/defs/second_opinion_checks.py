"""lifelines as the second opinion on survival: a check of every screen, cumulative incidence and time ratio that names
the genes at odds."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import NamedTuple

import dagster as dg
import polars as pl

from resistance_assets.catalog.models.analysis_settings import SurvivalSettings
from resistance_assets.catalog.registry import Registry
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address
from resistance_assets.defs.core.survival.competing_risks import (
    ANY_CAUSE,
    CAUSES,
    INCIDENCE,
    OF_DISEASE,
    cohort_with_causes,
    expression_groups,
)
from resistance_assets.defs.core.survival.followed_patients import followed_patients
from resistance_assets.defs.core.survival.models import MODEL_TABLES
from resistance_assets.defs.core.survival.screen import SCREEN
from resistance_assets.orchestration.dagster.table_assets import key_of
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.science.survival.second_opinion import (
    COMPARISON_SCHEMA,
    compare_incidence_with_lifelines,
    compare_time_ratios_with_lifelines,
    compare_with_lifelines,
    draw_genes,
)
from resistance_assets.settings import load_settings

CHECK = "lifelines_agrees"
TIME_RATIOS = MODEL_TABLES["time_ratios"]
# On the demo's generated data the check only shows that it works: it costs a tenth of a second per gene.
GENES_OF_A_DEMO = 3


def second_opinion(
    screen: pl.DataFrame,
    expression: pl.DataFrame,
    follow_up: pl.DataFrame,
    subject: str,
    of_interest: tuple[str, ...],
    number: int,
    seed: int,
) -> pl.DataFrame:
    """Rows of `compare_with_lifelines` for the genes drawn in one cohort and endpoint, whose screen is as stored."""
    chosen = draw_genes(expression["hgnc_symbol"].unique().to_list(), of_interest, number, seed)
    cohort = followed_patients(expression.filter(pl.col("hgnc_symbol").is_in(chosen)), follow_up, subject)
    return compare_with_lifelines(screen, cohort.matrix, cohort.genes, cohort.time_months, cohort.event_observed)


def check_second_opinion(found: pl.DataFrame) -> tuple[bool, str]:
    """Whether the two programs agree, and in words where they do not, the largest difference first."""
    genes = found["hgnc_symbol"].n_unique()
    at_odds = found.filter(~pl.col("agrees")).sort(pl.col("difference") / pl.col("tolerance"), descending=True)
    if at_odds.is_empty():
        return True, f"{genes} genes fitted again by lifelines agree in {found.height} numbers"
    told = [
        f"{row['hgnc_symbol']} {row['quantity']}: {row['ours']:.10g} here, {row['lifelines']:.10g} by lifelines"
        f" (difference {row['difference']:.2g}, tolerance {row['tolerance']:.0e})"
        for row in at_odds.head(5).iter_rows(named=True)
    ]
    return False, f"{at_odds['hgnc_symbol'].n_unique()} of {genes} genes differ: {'; '.join(told)}"


class Opinion(NamedTuple):
    """What lifelines is asked of one partition: the table to check, in words what is fitted again, and the comparison
    by the lake, the genes of interest to refit and the number of others."""

    address: str
    description: str
    compare: Callable[[Lake, pl.DataFrame, tuple[str, ...], int], pl.DataFrame]
    nothing: str


def opinion_on_screen(cohort_id: str, endpoint: str, settings: SurvivalSettings) -> Opinion:
    """Cox, log-rank and Kaplan-Meier of genes drawn with the seed."""

    def compare(lake: Lake, stored: pl.DataFrame, of_interest: tuple[str, ...], number: int) -> pl.DataFrame:
        return second_opinion(
            stored,
            lake.read(expression_address(cohort_id)),
            lake.read(follow_up_address(cohort_id, endpoint)),
            f"{endpoint} of {cohort_id}",
            of_interest,
            number,
            settings.seed,
        )

    return Opinion(
        partition_of(SCREEN.address, cohort_id, endpoint.lower()),
        f"{settings.second_opinion_genes} genes drawn with seed {settings.seed} and the genes of interest, refitted "
        "with lifelines: coefficient within 1e-4 of its standard error, log-rank statistic and Kaplan-Meier curves "
        "within 1e-9",
        compare,
        "no gene was screened",
    )


def opinion_on_time_ratios(cohort_id: str, endpoint: str) -> Opinion:
    """Weibull and log-logistic models of the genes whose hazards are not proportional."""

    def compare(lake: Lake, stored: pl.DataFrame, of_interest: tuple[str, ...], _number: int) -> pl.DataFrame:
        asked = stored.filter(pl.col("hgnc_symbol").is_in(of_interest))
        genes = asked["hgnc_symbol"].unique().to_list()
        expression = lake.read(expression_address(cohort_id)).filter(pl.col("hgnc_symbol").is_in(genes))
        if expression.is_empty():
            return pl.DataFrame(schema=COMPARISON_SCHEMA)
        follow_up = lake.read(follow_up_address(cohort_id, endpoint))
        cohort = followed_patients(expression, follow_up, f"{endpoint} of {cohort_id}")
        return compare_time_ratios_with_lifelines(
            asked, cohort.matrix, cohort.genes, cohort.time_months, cohort.event_observed
        )

    return Opinion(
        partition_of(TIME_RATIOS, cohort_id, endpoint.lower()),
        "Every Weibull and log-logistic model of a gene of interest refitted with lifelines: logarithm of the time "
        "ratio within 1e-4 of its standard error, AIC within 1e-3",
        compare,
        "the hazards of no gene of interest fail to be proportional",
    )


def opinion_on_incidence(cohort_id: str) -> Opinion:
    """Aalen-Johansen estimates of the genes of interest."""

    def compare(lake: Lake, stored: pl.DataFrame, of_interest: tuple[str, ...], _number: int) -> pl.DataFrame:
        measured = lake.read(expression_address(cohort_id)).filter(pl.col("hgnc_symbol").is_in(of_interest))
        if measured.is_empty():
            return pl.DataFrame(schema=COMPARISON_SCHEMA)
        any_cause, of_disease = (lake.read(follow_up_address(cohort_id, name)) for name in (ANY_CAUSE, OF_DISEASE))
        cohort, cause = cohort_with_causes(measured, any_cause, of_disease, cohort_id)
        groups = {gene: expression_groups(row) for gene, row in zip(cohort.genes, cohort.matrix, strict=True)}
        return compare_incidence_with_lifelines(stored, groups, cohort.time_months, cause, CAUSES)

    return Opinion(
        partition_of(INCIDENCE.address, cohort_id),
        "Every cumulative incidence of a gene of interest estimated again by lifelines' Aalen-Johansen fitter: within "
        "1e-9 at every time",
        compare,
        "no gene of interest was measured",
    )


def opinions(registry: Registry) -> dict[str, Opinion]:
    """What lifelines is asked, by the address of the partition that it is held against."""
    found = []
    for cohort in registry.analysed_cohorts():
        endpoints = [endpoint.id for endpoint in cohort.endpoint]
        for endpoint in endpoints:
            found += [
                opinion_on_screen(cohort.id, endpoint, registry.survival),
                opinion_on_time_ratios(cohort.id, endpoint),
            ]
        if {ANY_CAUSE, OF_DISEASE} <= set(endpoints):
            found.append(opinion_on_incidence(cohort.id))
    return {opinion.address: opinion for opinion in found}


def second_opinion_checks(registry: Registry) -> dg.AssetChecksDefinition:
    """Checks of the screens and time ratios of every cohort and endpoint, and of the cumulative incidence of every
    cohort that knows the causes of death; a difference fails the check."""
    asked = opinions(registry)
    of_interest, settings = registry.genes.of_interest, registry.survival

    @dg.multi_asset_check(
        name="survival_second_opinion",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key_of(opinion.address),
                description=opinion.description,
                blocking=False,
                automation_condition=dg.AutomationCondition.any_deps_updated(),
            )
            for opinion in asked.values()
        ],
        can_subset=True,
        required_resource_keys={"warehouse_resource"},
    )
    def survival_second_opinion(context) -> Iterator[dg.AssetCheckResult]:
        lake = context.resources.warehouse_resource.lake()
        is_demo = load_settings().is_synthetic
        wanted = {check.asset_key for check in context.selected_asset_check_keys}
        is_installed = importlib.util.find_spec("lifelines") is not None
        for opinion in asked.values():
            if key_of(opinion.address) not in wanted:
                continue
            if is_installed:
                yield judge(
                    opinion,
                    lake,
                    of_interest[:GENES_OF_A_DEMO] if is_demo else of_interest,
                    GENES_OF_A_DEMO if is_demo else settings.second_opinion_genes,
                )
            else:
                yield dg.AssetCheckResult(
                    asset_key=key_of(opinion.address),
                    check_name=CHECK,
                    passed=False,
                    severity=dg.AssetCheckSeverity.WARN,
                    description="lifelines is not installed: pip install lifelines",
                )

    return survival_second_opinion


def judge(opinion: Opinion, lake: Lake, of_interest: tuple[str, ...], number: int) -> dg.AssetCheckResult:
    """What lifelines says of one stored partition."""
    stored = lake.read(opinion.address)
    found = pl.DataFrame(schema=COMPARISON_SCHEMA)
    if not stored.is_empty():
        found = opinion.compare(lake, stored, of_interest, number)
    if found.is_empty():
        current = lake.current(opinion.address)
        why = (current.reason if current is not None else None) or opinion.nothing
        passed, description = True, f"nothing to compare: {why}"
    else:
        passed, description = check_second_opinion(found)
    return dg.AssetCheckResult(
        asset_key=key_of(opinion.address),
        check_name=CHECK,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=description,
        metadata={"genes": found["hgnc_symbol"].n_unique(), "numbers": found.height},
    )
