"""lifelines as the second opinion on survival: a check of every screen, cumulative incidence and time ratio that names
the genes at odds."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import dagster as dg
import polars as pl

from resistance_assets.catalog.models.analysis_settings import SurvivalSettings
from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address
from resistance_assets.defs.core.survival.competing_risks import (
    ANY_CAUSE,
    CAUSES,
    OF_DISEASE,
    cohort_with_causes,
    cohorts_with_causes,
    expression_groups,
    incidence_address,
)
from resistance_assets.defs.core.survival.followed_patients import Followed, followed_patients
from resistance_assets.defs.core.survival.models import MODEL_TABLES, model_address
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
    """What lifelines is asked of one partition: its address, in words what is fitted again, the comparison of what the
    lake holds there, and in words why there may be nothing to compare."""

    address: str
    description: str
    compare: Callable[[Lake, pl.DataFrame], pl.DataFrame]
    nothing: str


def followed_genes(lake: Lake, cohort: Cohort, endpoint: str, genes: Sequence[str]) -> Followed:
    """Patients of a cohort that were followed for an endpoint, with these genes alone."""
    return followed_patients(
        expression_of(lake, cohort, genes),
        lake.read(follow_up_address(cohort.id, endpoint)),
        f"{endpoint} of {cohort.id}",
    )


def expression_of(lake: Lake, cohort: Cohort, genes: Sequence[str]) -> pl.DataFrame:
    """Expression of these genes, of which the cohort may have measured none."""
    of_cohort = lake.scan(expression_address(cohort.id)).drop("cohort_id")
    return of_cohort.filter(pl.col("hgnc_symbol").is_in(genes)).collect()


def opinion_on_screen(
    cohort: Cohort, endpoint: str, settings: SurvivalSettings, of_interest: tuple[str, ...], number: int
) -> Opinion:
    """Cox, log-rank and Kaplan-Meier of the genes of interest and `number` others drawn with the seed."""

    def compare(lake: Lake, stored: pl.DataFrame) -> pl.DataFrame:
        measured = lake.scan(expression_address(cohort.id)).select(pl.col("hgnc_symbol").unique()).collect()
        drawn = draw_genes(measured["hgnc_symbol"].to_list(), of_interest, number, settings.seed)
        patients = followed_genes(lake, cohort, endpoint, drawn)
        return compare_with_lifelines(
            stored, patients.matrix, patients.genes, patients.time_months, patients.event_observed
        )

    return Opinion(
        partition_of(SCREEN.address, cohort.id, endpoint.lower()),
        f"{number} genes drawn with seed {settings.seed} and the genes of interest, refitted with lifelines: "
        "coefficient within 1e-4 of its standard error, log-rank statistic and Kaplan-Meier curves within 1e-9",
        compare,
        "no gene was screened",
    )


def opinion_on_time_ratios(cohort: Cohort, endpoint: str, of_interest: tuple[str, ...]) -> Opinion:
    """Weibull and log-logistic models of the genes whose hazards are not proportional."""

    def compare(lake: Lake, stored: pl.DataFrame) -> pl.DataFrame:
        asked = stored.filter(pl.col("hgnc_symbol").is_in(of_interest))
        if asked.is_empty():
            return pl.DataFrame(schema=COMPARISON_SCHEMA)
        patients = followed_genes(lake, cohort, endpoint, asked["hgnc_symbol"].unique().to_list())
        return compare_time_ratios_with_lifelines(
            asked, patients.matrix, patients.genes, patients.time_months, patients.event_observed
        )

    return Opinion(
        model_address(TIME_RATIOS, cohort, endpoint),
        "Every Weibull and log-logistic model of a gene of interest refitted with lifelines: logarithm of the time "
        "ratio within 1e-4 of its standard error, AIC within 1e-3",
        compare,
        "the hazards of no gene of interest fail to be proportional",
    )


def opinion_on_incidence(cohort: Cohort, of_interest: tuple[str, ...]) -> Opinion:
    """Aalen-Johansen estimates of the genes of interest."""

    def compare(lake: Lake, stored: pl.DataFrame) -> pl.DataFrame:
        measured = expression_of(lake, cohort, of_interest)
        if measured.is_empty():
            return pl.DataFrame(schema=COMPARISON_SCHEMA)
        any_cause, of_disease = (lake.read(follow_up_address(cohort.id, name)) for name in (ANY_CAUSE, OF_DISEASE))
        patients, cause = cohort_with_causes(measured, any_cause, of_disease, cohort.id)
        groups = {gene: expression_groups(row) for gene, row in zip(patients.genes, patients.matrix, strict=True)}
        return compare_incidence_with_lifelines(stored, groups, patients.time_months, cause, CAUSES)

    return Opinion(
        incidence_address(cohort),
        "Every cumulative incidence of a gene of interest estimated again by lifelines' Aalen-Johansen fitter: within "
        "1e-9 at every time",
        compare,
        "no gene of interest was measured",
    )


def opinions(registry: Registry, *, is_demo: bool) -> list[Opinion]:
    """What lifelines is asked; of fewer genes in the demo."""
    settings = registry.survival
    of_interest = registry.genes.of_interest[:GENES_OF_A_DEMO] if is_demo else registry.genes.of_interest
    number = GENES_OF_A_DEMO if is_demo else settings.second_opinion_genes
    pairs = [(cohort, endpoint.id) for cohort in registry.analysed_cohorts() for endpoint in cohort.endpoint]
    return [
        *[opinion_on_screen(cohort, endpoint, settings, of_interest, number) for cohort, endpoint in pairs],
        *[opinion_on_time_ratios(cohort, endpoint, of_interest) for cohort, endpoint in pairs],
        *[opinion_on_incidence(cohort, of_interest) for cohort in cohorts_with_causes(registry)],
    ]


def second_opinion_checks(registry: Registry) -> dg.AssetChecksDefinition:
    """Checks of the screens and time ratios of every cohort and endpoint, and of the cumulative incidence of every
    cohort that knows the causes of death; a difference fails the check."""

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
            for opinion in opinions(registry, is_demo=False)
        ],
        can_subset=True,
        required_resource_keys={"warehouse_resource"},
    )
    def survival_second_opinion(context) -> Iterator[dg.AssetCheckResult]:
        lake = context.resources.warehouse_resource.lake()
        wanted = {check.asset_key for check in context.selected_asset_check_keys}
        is_installed = importlib.util.find_spec("lifelines") is not None
        for opinion in opinions(registry, is_demo=load_settings().is_synthetic):
            if key_of(opinion.address) not in wanted:
                continue
            if is_installed:
                yield judge(opinion, lake)
            else:
                yield dg.AssetCheckResult(
                    asset_key=key_of(opinion.address),
                    check_name=CHECK,
                    passed=False,
                    severity=dg.AssetCheckSeverity.WARN,
                    description="lifelines is not installed: pip install lifelines",
                )

    return survival_second_opinion


def judge(opinion: Opinion, lake: Lake) -> dg.AssetCheckResult:
    """What lifelines says of one stored partition."""
    stored = lake.read(opinion.address)
    found = pl.DataFrame(schema=COMPARISON_SCHEMA)
    if not stored.is_empty():
        found = opinion.compare(lake, stored)
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
