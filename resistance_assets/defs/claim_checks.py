"""Each claim of the papers as a check of the claims table that warns and never blocks."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.dagster.table_assets import key_of

LEDGER = TABLES["marts.published_claims"]


def claim_checks(registry: Registry) -> dg.AssetChecksDefinition:
    """Each claim as a check of the claims report that warns and never blocks; it passes where the data say the same."""
    claims = registry.claims

    @dg.multi_asset_check(
        name="published_claims_stand",
        specs=[
            dg.AssetCheckSpec(
                claim.id,
                asset=key_of(LEDGER.address),
                description=f"{registry.papers[claim.paper].citation}: {claim.statement} ({claim.quantity})",
                blocking=False,
                automation_condition=dg.AutomationCondition.any_deps_updated(),
            )
            for claim in claims.values()
        ],
        required_resource_keys={"warehouse_resource"},
    )
    def published_claims_stand(context) -> Iterator[dg.AssetCheckResult]:
        report = context.resources.warehouse_resource.lake().read(LEDGER.address)
        for row in report.filter(pl.col("claim_id").is_in(list(claims))).iter_rows(named=True):
            facts = ("verdict", "value", "expected", "p_value", "q_value", "percentile", "n", "worth", "sources")
            yield dg.AssetCheckResult(
                asset_key=key_of(LEDGER.address),
                check_name=row["claim_id"],
                passed=row["verdict"] in ("reproduced", "near"),
                severity=dg.AssetCheckSeverity.WARN,
                description=f"{row['verdict']}: {row['verdict_reason']}",
                metadata={name: row[name] for name in facts if row[name] is not None},
            )

    return published_claims_stand
