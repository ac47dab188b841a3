"""lifelines as the second opinion on every cohort and endpoint: a check of each screen that names the genes at odds."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import dagster as dg
import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address
from resistance_assets.defs.core.survival.followed_patients import followed_patients
from resistance_assets.defs.core.survival.screen import SCREEN
from resistance_assets.orchestration.dagster.table_assets import key_of
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.science.survival.second_opinion import compare_with_lifelines, draw_genes
from resistance_assets.settings import load_settings

CHECK = "lifelines_agrees"
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


def second_opinion_checks(registry: Registry) -> dg.AssetChecksDefinition:
    """One check per cohort and endpoint; a difference fails it."""
    pairs = {
        partition_of(SCREEN.address, cohort.id, endpoint.id.lower()): (cohort.id, endpoint.id)
        for cohort in registry.analysed_cohorts()
        for endpoint in cohort.endpoint
    }
    of_interest, settings = registry.genes.of_interest, registry.survival

    @dg.multi_asset_check(
        name="survival_second_opinion",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key_of(address),
                description=(
                    f"{settings.second_opinion_genes} genes drawn with seed {settings.seed} and the genes of interest, "
                    "refitted with lifelines: coefficient within 1e-4 of its standard error, log-rank statistic and "
                    "Kaplan-Meier curves within 1e-9"
                ),
                blocking=False,
                automation_condition=dg.AutomationCondition.any_deps_updated(),
            )
            for address in pairs
        ],
        can_subset=True,
        required_resource_keys={"warehouse_resource"},
    )
    def survival_second_opinion(context) -> Iterator[dg.AssetCheckResult]:
        lake = context.resources.warehouse_resource.lake()
        is_demo = load_settings().is_synthetic
        wanted = {check.asset_key for check in context.selected_asset_check_keys}
        is_installed = importlib.util.find_spec("lifelines") is not None
        for address, (cohort_id, endpoint) in pairs.items():
            if key_of(address) not in wanted:
                continue
            if not is_installed:
                yield dg.AssetCheckResult(
                    asset_key=key_of(address),
                    check_name=CHECK,
                    passed=False,
                    severity=dg.AssetCheckSeverity.WARN,
                    description="lifelines is not installed: pip install lifelines",
                )
                continue
            screen = lake.read(address)
            if screen.is_empty():
                current = lake.current(address)
                why = (current.reason if current is not None else None) or "no gene was screened"
                yield dg.AssetCheckResult(
                    asset_key=key_of(address),
                    check_name=CHECK,
                    passed=True,
                    description=f"nothing to compare: {why}",
                    metadata={"genes": 0, "numbers": 0},
                )
                continue
            found = second_opinion(
                screen,
                lake.read(expression_address(cohort_id)),
                lake.read(follow_up_address(cohort_id, endpoint)),
                f"{endpoint} of {cohort_id}",
                of_interest[:GENES_OF_A_DEMO] if is_demo else of_interest,
                GENES_OF_A_DEMO if is_demo else settings.second_opinion_genes,
                settings.seed,
            )
            passed, description = check_second_opinion(found)
            yield dg.AssetCheckResult(
                asset_key=key_of(address),
                check_name=CHECK,
                passed=passed,
                severity=dg.AssetCheckSeverity.ERROR,
                description=description,
                metadata={"genes": found["hgnc_symbol"].n_unique(), "numbers": found.height},
            )

    return survival_second_opinion
