"""The report: pages from the published warehouse, written again where the release or the pages' code changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from resistance_assets.catalog.groups import RELEASE
from resistance_assets.defs.warehouse import WAREHOUSE_KEY
from resistance_assets.errors import Fault
from resistance_assets.orchestration.dagster.automation import on_data_change
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.report.site import broken_links, write_report

REPORT_KEY = dg.AssetKey(["report"])


def report_asset() -> dg.AssetsDefinition:
    check = dg.AssetCheckSpec("links", asset=REPORT_KEY, description="every file that a page names is there")

    @dg.asset(
        key=REPORT_KEY,
        deps=[WAREHOUSE_KEY],
        group_name=RELEASE,
        kinds={"html"},
        owners=["team:analytics"],
        description="Pages that open from disk, without a network: contrasts, enrichment, survival, genes.",
        check_specs=[check],
        automation_condition=on_data_change(),
        required_resource_keys={"warehouse_resource"},
    )
    def report(context) -> Iterator[Any]:  # Dagster refuses a postponed annotation of `context`
        settings = context.resources.warehouse_resource.settings()
        emit(ProgressEvent("started", "report"))
        if not settings.report:
            emit(ProgressEvent("finished", "report", "cache hit"))
            yield dg.AssetCheckResult(passed=True, check_name="links", description="no report is written")
            yield dg.MaterializeResult(metadata={"written": False, "reason": "RESISTANCE_REPORT is off"})
            return
        try:
            written = write_report(settings.data_dir, only_if_changed=True)
            broken = broken_links(written.folder)
        except Fault as fault:
            emit(ProgressEvent("failed", "report", "failed", message=str(fault)))
            raise dg.Failure(description=str(fault), allow_retries=False) from fault
        except Exception as error:
            emit(ProgressEvent("failed", "report", "failed", message=f"report: {type(error).__name__}: {error}"))
            raise
        emit(ProgressEvent("finished", "report", "built" if written.is_new else "cache hit", written.seconds))
        yield dg.AssetCheckResult(
            passed=not broken,
            check_name="links",
            description=", ".join(broken[:5]) if broken else f"{written.pages} pages",
        )
        yield dg.MaterializeResult(
            metadata={
                "written": written.is_new,
                "release": written.release,
                "pages": written.pages,
                "bytes": written.bytes,
                "seconds": round(written.seconds, 3),
                "dagster/uri": str(written.index),
            },
            data_version=dg.DataVersion(written.version),
        )

    return report
