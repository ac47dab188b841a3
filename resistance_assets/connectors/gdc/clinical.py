"""What the Genomic Data Commons reports of its patients: vital status and follow-up, age, sex and stage.

Here belongs the cases endpoint of the API (https://docs.gdc.cancer.gov/API/Users_Guide/Search_and_Retrieval/) as far as
open-access clinical data need it. Files and counts are in `gdc`; endpoints in months do not belong here.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.formats.json import as_list, as_object, flattened, read_json, text_of, whole_of
from resistance_assets.connectors.gdc.counts import HOST, PAGE
from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Resource,
    Transport,
    require_all_pages,
    transfer_fault,
)
from resistance_assets.errors import DataFault

CASE_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "vital_status": pl.String,
    "days_to_death": pl.Int64,
    "days_to_last_follow_up": pl.Int64,
    "age_at_diagnosis_days": pl.Int64,
    "sex": pl.String,
    "stage": pl.String,
    "updated": pl.String,
}
_FIELDS = (
    "submitter_id",
    "updated_datetime",
    "demographic.vital_status",
    "demographic.days_to_death",
    "demographic.gender",
    "demographic.sex_at_birth",
    "diagnoses.days_to_last_follow_up",
    "diagnoses.age_at_diagnosis",
    "diagnoses.ajcc_pathologic_stage",
    "diagnoses.diagnosis_is_primary_disease",
    "follow_ups.days_to_follow_up",
)


def cases_resource(project: str, offset: int = 0) -> Resource:
    """One page of the cases of a project. Asked with GET, so that a mirror can hold the answer."""
    wanted = {"op": "in", "content": {"field": "project.project_id", "value": [project]}}
    filters = quote(json.dumps(wanted, separators=(",", ":")))
    return Resource(
        f"{HOST}/cases?filters={filters}&fields={','.join(_FIELDS)}&sort=case_id:asc&format=JSON&size={PAGE}&from={offset}",
        content="json",
        markers=("pagination",),
        name=f"GDC cases of {project}",
    )


def read_cases_page(path: Path) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Read one page.

    Returns:
        cases: patient_id (12-character barcode), vital_status (as given: Alive, Dead, Not Reported), days_to_death,
            days_to_last_follow_up (the latest that a diagnosis or a follow-up form states), age_at_diagnosis_days
            (Int64), sex (female, male), stage (of the primary disease), updated (String); null where not reported.
        rejected: source, line (number of the hit), reason, row: no barcode, one that an earlier hit has, or a death
            before the diagnosis.
        in_all: cases of the project. Hits = rows of cases + rows of rejected.

    Raises DataFault if the answer has no hits or no total.
    """
    document = as_object(read_json(path), source=path.name)
    data = as_object(document.get("data"), source=path.name, place="data")
    hits = flattened(as_list(data.get("hits"), source=path.name, place="data.hits"))
    total = whole_of(as_object(data.get("pagination"), source=path.name, place="data.pagination").get("total"))
    if total is None:
        raise DataFault("the page does not say how many cases there are", subject=path.name, remedy="Fetch it again")
    rows: dict[str, dict[str, object]] = {}
    set_aside: list[tuple[str, int, str, str]] = []
    for number, hit in enumerate(hits, start=1):
        patient, case = text_of(hit.get("submitter_id")), _case(hit)
        death = case["days_to_death"]
        if patient is None:
            reason = "the case has no submitter_id"
        elif patient in rows:
            reason = "repeats an earlier case, which is kept"
        elif isinstance(death, int) and death < 0:
            reason = f"days_to_death is {death}"
        else:
            rows[patient] = {"patient_id": patient, **case}
            continue
        set_aside.append((path.name, number, reason, json.dumps(hit, sort_keys=True)))
    return pl.DataFrame(list(rows.values()), schema=CASE_SCHEMA), rejected_rows(set_aside), total


def _case(hit: dict[str, Any]) -> dict[str, object]:
    demographic = next(iter(flattened(hit.get("demographic"))), {})
    diagnoses = flattened(hit.get("diagnoses"))
    # A case may have diagnoses of other diseases too; older releases have one diagnosis without the mark.
    primary = next((d for d in diagnoses if text_of(d.get("diagnosis_is_primary_disease")) == "true"), None)
    primary = primary or next(iter(diagnoses), {})
    seen = [_days(diagnosis.get("days_to_last_follow_up")) for diagnosis in diagnoses]
    seen += [_days(form.get("days_to_follow_up")) for form in flattened(hit.get("follow_ups"))]
    # A form that was filled in before the diagnosis says nothing of the time after it.
    known = [number for number in seen if number is not None and number >= 0]
    sex = (text_of(demographic.get("sex_at_birth")) or text_of(demographic.get("gender")) or "").lower()
    return {
        "vital_status": text_of(demographic.get("vital_status")),
        "days_to_death": _days(demographic.get("days_to_death")),
        "days_to_last_follow_up": max(known, default=None),
        "age_at_diagnosis_days": _days(primary.get("age_at_diagnosis")),
        "sex": sex if sex in ("female", "male") else None,
        "stage": text_of(primary.get("ajcc_pathologic_stage")),
        "updated": text_of(hit.get("updated_datetime")),
    }


def _days(value: object) -> int | None:
    """Whole days, which the host writes with a decimal point now and then."""
    return round(value) if isinstance(value, float) and math.isfinite(value) else whole_of(value)


def list_cases(transport: Transport, project: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every case of a project, sorted by patient_id, and the rejected rows; columns as `read_cases_page`.

    Raises TransportFault if there is none, or fewer were received than the host declares.
    """
    pages: list[pl.DataFrame] = []
    rejected: list[pl.DataFrame] = []
    received = 0
    while True:
        resource = cases_resource(project, len(pages) * PAGE)
        page, set_aside, total = read_cases_page(transport.fetch(resource).path)
        if not total:
            raise transfer_fault(
                FailureKind.EMPTY_OR_ERROR_JSON,
                "the host knows no such project",
                subject=resource.label,
                remedy="Check the project in the catalog",
            )
        pages.append(page)
        rejected.append(set_aside)
        received += page.height + set_aside.height
        if received >= total or page.is_empty():
            require_all_pages(received, total, subject=resource.label)
            return pl.concat(pages).unique("patient_id", keep="first").sort("patient_id"), pl.concat(rejected)


def cases_version(cases: pl.DataFrame, rejected: pl.DataFrame) -> str:
    """Change token of the cases: the host publishes none, so that of what was read, in a fixed order."""
    lines = [json.dumps(row) for row in cases.sort("patient_id").rows()]
    lines += [json.dumps(row) for row in rejected.sort(pl.all()).rows()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
