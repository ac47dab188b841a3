"""Clinical data of the Genomic Data Commons: what a case says, paging, and answers that are none."""

from __future__ import annotations

import json

import pytest

from resistance_assets.connectors.gdc.clinical import cases_resource, cases_version, list_cases, read_cases_page
from resistance_assets.connectors.transport.transport import FailureKind, failure_kind
from resistance_assets.errors import DataFault, SourceUnavailable, TransportFault
from resistance_assets_tests.loopback import Reply

DEAD = {
    "submitter_id": "TCGA-05-0001",
    "demographic": {"vital_status": "Dead", "days_to_death": 120.0, "gender": "female"},
    "diagnoses": [
        {"days_to_last_follow_up": 90, "ajcc_pathologic_stage": "Stage I", "diagnosis_is_primary_disease": False},
        {"age_at_diagnosis": 25000, "ajcc_pathologic_stage": "Stage IIA", "diagnosis_is_primary_disease": True},
    ],
}
ALIVE = {
    "submitter_id": "TCGA-05-0002",
    "demographic": {"vital_status": "Alive", "sex_at_birth": "Male"},
    "diagnoses": [{"days_to_last_follow_up": 400, "age_at_diagnosis": None}],
    "follow_ups": [{"days_to_follow_up": 730}, {"days_to_follow_up": -5}, {"days_to_follow_up": None}],
}


def answer(*hits: object, total: int | None = None) -> bytes:
    return json.dumps(
        {"data": {"hits": list(hits), "pagination": {"total": len(hits) if total is None else total}}}
    ).encode()


def place(url: str) -> str:
    return url.replace("https:/", "")


def test_a_case_is_followed_until_death_or_the_last_contact_on_any_form(tmp_path):
    path = tmp_path / "cases.json"
    path.write_bytes(answer(DEAD, ALIVE, {"submitter_id": "TCGA-05-0003"}))
    cases, rejected, total = read_cases_page(path)
    assert (rejected.height, total) == (0, 3)
    assert cases.drop("updated").rows() == [
        ("TCGA-05-0001", "Dead", 120, 90, 25000, "female", "Stage IIA"),
        ("TCGA-05-0002", "Alive", None, 730, None, "male", None),
        ("TCGA-05-0003", None, None, None, None, None, None),
    ]


def test_cases_that_cannot_be_are_set_aside_with_their_reason(tmp_path):
    path = tmp_path / "cases.json"
    before = {"submitter_id": "TCGA-05-0004", "demographic": {"vital_status": "Dead", "days_to_death": -3}}
    path.write_bytes(answer(ALIVE, {"id": "x"}, ALIVE, before))
    cases, rejected, _ = read_cases_page(path)
    assert cases["patient_id"].to_list() == ["TCGA-05-0002"]
    assert rejected.select("line", "reason").rows() == [
        (2, "the case has no submitter_id"),
        (3, "repeats an earlier case, which is kept"),
        (4, "days_to_death is -3"),
    ]
    assert cases_version(cases, rejected) != cases_version(cases, rejected.head(2))


def test_pages_are_joined_and_counted(public_hosts, loopback):
    loopback.script(place(cases_resource("TCGA-LUAD").url), Reply(answer(DEAD, total=2)))
    loopback.script(place(cases_resource("TCGA-LUAD", 1000).url), Reply(answer(ALIVE, total=2)))
    cases, _ = list_cases(public_hosts, "TCGA-LUAD")
    assert cases["patient_id"].to_list() == ["TCGA-05-0001", "TCGA-05-0002"]
    loopback.script(place(cases_resource("TCGA-LUSC").url), Reply(answer(DEAD, total=2)))
    loopback.script(place(cases_resource("TCGA-LUSC", 1000).url), Reply(answer(total=2)))
    with pytest.raises(TransportFault, match="1 items were received of the 2"):
        list_cases(public_hosts, "TCGA-LUSC")


@pytest.mark.parametrize(
    ("reply", "fault", "kind"),
    [
        (Reply(b"<html>503</html>", status=503), SourceUnavailable, FailureKind.SERVER_ERROR),
        (Reply(b"<html><body>maintenance</body></html>"), TransportFault, FailureKind.HTML_PAGE),
        (Reply(b'{"message": "bad request"}', status=400), SourceUnavailable, FailureKind.REFUSED_OR_GONE),
        (Reply(answer(total=0)), TransportFault, FailureKind.EMPTY_OR_ERROR_JSON),
        (Reply(b'{"data": {"hits": [], "pagination": {}}}'), DataFault, None),
    ],
)
def test_an_answer_that_is_none_is_named(public_hosts, loopback, reply, fault, kind):
    loopback.script(place(cases_resource("TCGA-LUAD").url), reply)
    with pytest.raises(fault) as caught:
        list_cases(public_hosts, "TCGA-LUAD")
    assert failure_kind(caught.value) is kind
