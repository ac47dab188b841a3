"""The daemon's definitions: what the watch reports, what the night launches, and that all of it is off by default."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from resistance_assets.orchestration.source_log import note_looks
from resistance_assets_tests.warehouse_runs import environment

STUDY = """
[study]
id = "watched"
title = "A study that is watched"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[[contrast]]
id = "watched_resistant_vs_parental"
factor = "condition"
numerator = "resistant"
denominator = "parental"
methods = ["fold_change"]
"""


def write_index(folder: Path, versions: dict[str, str]) -> None:
    """A mirror's index that lists these sources at these versions."""
    from resistance_assets.catalog.registry import load_registry

    registry = load_registry()
    lines = [
        {"method": "GET", "url": registry.sources[name].url, "file": f"{name}.bin", "sha256": sha256, "bytes": 1}
        for name, sha256 in versions.items()
    ]
    folder.mkdir(exist_ok=True)
    (folder / "index.jsonl").write_text("\n".join(json.dumps(line) for line in lines))


@pytest.fixture
def place(tmp_path):
    study = tmp_path / "studies" / "watched"
    study.mkdir(parents=True)
    (study / "study.toml").write_text(STUDY)
    for name in ("counts.tsv", "samples.tsv"):
        (study / name).write_text("one\n")
    write_index(tmp_path / "mirror", {"hgnc_complete_set": "a1", "biogrid_human": "b1"})
    with environment(tmp_path / "data", mirror=tmp_path / "mirror", studies=[tmp_path / "studies"]):
        yield tmp_path


def watch(cursor: str | None) -> dg.SensorResult:
    """One tick of the sensor."""
    from resistance_assets.defs.automation import update_watch
    from resistance_assets.defs.resources import current_registry

    sensor = update_watch(current_registry(), dg.DefaultSensorStatus.STOPPED)
    return sensor(dg.build_sensor_context(cursor=cursor))


def reported(result: dg.SensorResult) -> dict[str, str]:
    return {event.asset_key.path[-1]: event.tags["dagster/data_version"] for event in result.asset_events}


def test_the_watch_reports_what_changed_and_then_is_quiet(place):
    first = watch(None)
    assert set(reported(first)) == {"hgnc_complete_set", "biogrid_human", "study_watched"}
    assert not first.run_requests
    second = watch(first.cursor)
    assert second.asset_events == []
    assert "3 sources have the versions that they had" in second.skip_reason.skip_message
    assert "not_listed" in second.skip_reason.skip_message  # the other sources of the catalog, each with its reason
    write_index(place / "mirror", {"hgnc_complete_set": "a2", "biogrid_human": "b1"})
    assert reported(watch(second.cursor)) == {"hgnc_complete_set": "a2"}


def test_the_watch_sees_a_changed_file_of_a_laboratory_study(place):
    first = watch(None)
    (place / "studies" / "watched" / "samples.tsv").write_text("two\n")
    assert set(reported(watch(first.cursor))) == {"study_watched"}


def test_a_source_that_cannot_be_looked_at_keeps_its_version_and_is_shown(place):
    first = watch(None)
    write_index(place / "mirror", {"biogrid_human": "b1"})
    second = watch(first.cursor)
    assert reported(second) == {"hgnc_complete_set": "a1"}
    assert "could not be looked at" in second.asset_events[0].metadata["warning"].value
    assert watch(second.cursor).asset_events == []


def test_a_sweep_that_saw_no_source_raises(place):
    first = watch(None)
    shutil.rmtree(place / "mirror")
    with pytest.raises(dg.Failure, match="no source could be looked at"):
        watch(first.cursor)


def test_a_change_on_this_machine_is_reported_although_no_host_answers(place):
    first = watch(None)
    shutil.rmtree(place / "mirror")
    (place / "studies" / "watched" / "samples.tsv").write_text("two\n")
    second = watch(first.cursor)
    assert "study_watched" in reported(second)
    with pytest.raises(dg.Failure):
        watch(second.cursor)


def test_everything_is_off_by_default_and_on_by_one_switch(place, monkeypatch):
    from resistance_assets.commands.run import load_definitions

    off = load_definitions()
    assert {s.default_status for s in off.sensors} == {dg.DefaultSensorStatus.STOPPED}
    assert {s.default_status for s in off.schedules} == {dg.DefaultScheduleStatus.STOPPED}
    monkeypatch.setenv("RESISTANCE_SCHEDULE", "on")
    on = load_definitions()
    # Of the two sensors that recompute, one runs.
    stopped = [s.name for s in on.sensors if s.default_status == dg.DefaultSensorStatus.STOPPED]
    assert stopped == ["recompute_what_changed"]
    assert "bring_up_to_date" in {s.name for s in on.sensors}
    assert {s.default_status for s in on.schedules} == {dg.DefaultScheduleStatus.RUNNING}


def test_conditions_freshness_and_the_night_cover_what_they_must(place):
    from resistance_assets.commands.run import load_definitions

    definitions = load_definitions()
    specs = {"/".join(spec.key.path): spec for spec in definitions.resolve_all_asset_specs()}
    sources = {name for name in specs if name.startswith("source/")}
    assert "source/study_watched" in sources
    for name, spec in specs.items():
        if name in sources:
            # Dagster evaluates freshness policies of what is materialised; sources have a check instead.
            assert spec.automation_condition is None, name
            assert spec.freshness_policy is None, name
        elif name == "warehouse":
            assert spec.automation_condition.get_label() == "on_settled_change"
            assert spec.freshness_policy is not None
        else:
            assert spec.automation_condition is not None, name
            assert spec.automation_condition.get_label() == "on_data_change", name
            assert spec.freshness_policy is None, name
    # What the publication must wait for is everything but the sources.
    waited_for = {"/".join(dep.asset_key.path) for dep in specs["warehouse"].deps}
    assert waited_for == set(specs) - sources - {"warehouse", "report"}
    raw = ("parts/studies__gene_sample_counts__", "parts/studies__samples__", "parts/studies__warnings__")
    parts = [name for name in specs if name.startswith(raw) and name.endswith("__watched")]
    assert parts
    for name in parts:
        assert dg.AssetKey(["source", "study_watched"]) in {dep.asset_key for dep in specs[name].deps}
    night = definitions.resolve_job_def("observe_all_sources")
    assert {"/".join(key.path) for key in night.asset_layer.selected_asset_keys} == sources


def test_the_night_observes_and_starts_nothing_else(place):
    from resistance_assets.commands.run import load_definitions

    definitions = load_definitions()
    instance = dg.DagsterInstance.ephemeral()
    result = definitions.resolve_job_def("observe_all_sources").execute_in_process(instance=instance)
    assert result.success
    seen = {event.asset_key.path[-1] for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION"}
    assert seen == {"hgnc_complete_set", "biogrid_human", "study_watched"}
    assert not [event for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    assert not (place / "data").exists()


def test_the_watch_reports_the_freshness_of_sources_where_it_changed(place):
    from resistance_assets.defs.automation import update_watch
    from resistance_assets.defs.resources import current_registry

    (place / "data").mkdir()
    sensor = update_watch(current_registry(), dg.DefaultSensorStatus.STOPPED)
    instance = dg.DagsterInstance.ephemeral()
    cursors: list[str | None] = []

    def tick() -> dict[str, tuple[bool, str]]:
        result = sensor(dg.build_sensor_context(instance=instance))
        cursors.append(result.cursor)
        found = [event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
        for event in found:
            instance.report_runless_asset_event(event)
        return {event.asset_key.path[-1]: (event.passed, event.severity.value) for event in found}

    first = tick()
    assert first["hgnc_complete_set"] == (True, "WARN")
    assert first["kegg_pathways"] == (False, "WARN")
    assert tick() == {}
    write_index(place / "mirror", {"biogrid_human": "b1"})
    assert tick() == {"hgnc_complete_set": (False, "WARN")}

    # A tick that fails, since no host answers at all, leaves the checks as true as any other.
    long_ago = datetime.now(UTC) - timedelta(days=4)
    note_looks(place / "data", {"hgnc_complete_set": None, "biogrid_human": None}, now=long_ago)
    shutil.rmtree(place / "mirror")
    (place / "mirror").mkdir()
    with pytest.raises(dg.Failure, match="no source could be looked at"):
        sensor(dg.build_sensor_context(instance=instance, cursor=cursors[-1]))
    for name in ("hgnc_complete_set", "biogrid_human"):
        key = dg.AssetCheckKey(dg.AssetKey(["source", name]), "looked_at")
        [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        found = record.event.dagster_event.asset_check_evaluation_data
        assert (found.passed, found.severity.value) == (False, "ERROR")


def test_what_could_not_be_looked_at_is_told_by_host_and_reason():
    from resistance_assets.orchestration.dagster.automation import SourceObservation, describe_failures

    def silent(name: str, host: str, reason: str, *, is_wanted: bool = True) -> SourceObservation:
        problem = f"{name} (https://{host}/{name}.tsv): {reason}"
        return SourceObservation(None, problem=problem, host=host, is_wanted=is_wanted)

    away = "unreachable: host a.org cannot be reached"
    told = describe_failures(
        {
            "two": silent("two", "a.org", away),
            "one": silent("one", "a.org", away),
            "page": silent("page", "b.org", "html_page: a web page came"),
            "closed": silent("closed", "c.org", "its licence asks for a decision", is_wanted=False),
            "fine": SourceObservation("v1", host="a.org"),
            "study_mine": SourceObservation(None, problem="counts.tsv: No such file", is_remote=False),
        }
    )
    assert told == (
        f"a.org (one, two): {away}; b.org (page): html_page: a web page came; "
        "this machine (study_mine): counts.tsv: No such file; "
        "not asked, since their licences ask for a decision: closed"
    )


@pytest.mark.parametrize(
    ("hours", "problem", "passed", "severity"),
    [
        (1, None, True, "WARN"), (1, "unreachable", False, "WARN"), (30, None, False, "WARN"),
        (100, None, False, "ERROR"), (100, "unreachable", False, "ERROR"),
    ],
)  # fmt: skip
def test_a_source_is_healthy_warned_of_or_failed_as_old_as_the_last_good_look_is(hours, problem, passed, severity):
    from resistance_assets.defs.source_freshness import freshness_of
    from resistance_assets.orchestration.source_log import Look

    now = datetime(2026, 11, 29, tzinfo=UTC)
    look = Look((now - timedelta(hours=hours)).isoformat(), now.isoformat(), problem, now.isoformat())
    found = freshness_of(look, timedelta(days=3), now)
    assert (found[0], found[1].value) == (passed, severity)
    assert "last looked at" in found[2]
