"""What the daemon requests after each event, driven with real evaluations and real runs of a chain of four.

source -> raw.share -> staging.middle -> marts.leaf -> (publication); the source is a file whose first line is all that
the share reads, so that a new version of the source may leave the share as it was.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType

from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.code_version import parameters_version
from resistance_assets.orchestration.dagster.automation import (
    SourceObservation,
    asset_observations,
    compare_observations,
    on_data_change,
    on_settled_change,
)
from resistance_assets.orchestration.dagster.table_assets import assets_of, key_of
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import ExternalInput, Step

SAMPLES = TABLES["raw.studies__samples"]
SOURCE = dg.AssetKey(["source", "thing"])
CHAIN = ("raw.share", "staging.middle", "marts.leaf")
START = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)


def sheet(*values: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "study_id": ["s"] * len(values),
            "sample_id": [f"x{at}" for at in range(len(values))],
            "attribute_id": ["condition"] * len(values),
            "value": list(values),
        }
    )


class Place:
    """The resource of the chain, and the daemon's part: evaluate, run what is requested."""

    def __init__(self, root: Path, condition: dg.AutomationCondition | None = None) -> None:
        self.root = root
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor = None
        self.now = START
        self.parameters: dict[str, object] = {"threshold": 0.05}
        self.condition = condition
        self.ran: list[set[str]] = []

    # the resource
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    def origins(self) -> Path:
        return self.root / "thing.txt"

    # what happens in the world
    def host_has(self, text: str) -> None:
        self.origins().write_text(text)
        self.observe()

    def observe(self) -> None:
        version = parameters_version(self.origins().read_text())
        self.instance.report_runless_asset_event(dg.AssetObservation(SOURCE, tags={"dagster/data_version": version}))

    def definitions(self) -> dg.Definitions:
        def read(inputs):
            return sheet(inputs.external_inputs["thing"].path.read_text().splitlines()[0])

        def upper(inputs):
            frame = inputs.read("raw.share")
            if "broken" in frame["value"].to_list():
                raise RuntimeError("a host of its own went away")
            if "doubled" in frame["value"].to_list():
                return pl.concat([frame, frame])  # fails the key check
            return frame.with_columns(pl.col("value").str.slice(0, 4))

        def copy(inputs):
            return inputs.read("staging.middle")

        def external_inputs(origins):
            return {"thing": ExternalInput(parameters_version(origins.read_text()), origins)}

        def step(address, compute, inputs=(), **more):
            return Step(
                outputs={address: SAMPLES},
                compute=compute,
                code_version="v1",
                inputs=inputs,
                parameters=self.parameters if address == "staging.middle" else None,
                **more,
            )

        @dg.observable_source_asset(key=SOURCE)
        def thing():
            return dg.DataVersion("not used")

        @dg.asset(
            key="warehouse", deps=[key_of(address) for address in CHAIN], automation_condition=on_settled_change()
        )
        def warehouse():
            return None

        chain = [
            assets_of(step("raw.share", read, external_inputs=external_inputs, sources=("thing",))),
            assets_of(step("staging.middle", upper, ("raw.share",))),
            assets_of(step("marts.leaf", copy, ("staging.middle",))),
        ]
        if self.condition is not None:
            chain = [
                assets.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=self.condition))
                for assets in chain
            ]
        return dg.Definitions(assets=[thing, *chain, warehouse], resources={"warehouse_resource": self})

    # the daemon
    def tick(self, minutes: float = 0.5) -> set[str]:
        """One evaluation; what it requests, as addresses. Nothing is run."""
        self.now += timedelta(minutes=minutes)
        result = dg.evaluate_automation_conditions(
            self.definitions(), self.instance, cursor=self.cursor, evaluation_time=self.now
        )
        self.cursor = result.cursor
        keys = {key for key in self.keys if result.get_num_requested(key)}
        return {".".join(key.path) for key in keys}

    @property
    def keys(self) -> list[dg.AssetKey]:
        return [key_of(address) for address in CHAIN] + [dg.AssetKey("warehouse")]

    def run(self, addresses: set[str]) -> bool:
        """A run of the requested tables, as the daemon would launch it."""
        job = self.definitions().resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[key_of(address) for address in sorted(addresses)],
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        ).success

    def settle(self, ticks: int = 8) -> list[set[str]]:
        """Tick and run until nothing is requested; what was run, tick by tick."""
        ran = []
        for _ in range(ticks):
            requested = self.tick()
            if requested:
                self.run(requested)
                ran.append(requested)
        return ran

    def cache(self, address: str) -> str:
        event = self.instance.get_latest_materialization_event(key_of(address))
        return event.asset_materialization.metadata["cache"].value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.host_has("first\n")
    made.settle()
    return made


def test_the_first_ticks_build_everything_in_one_run_and_publish_once(tmp_path):
    place = Place(tmp_path)
    place.host_has("first\n")
    assert place.settle() == [set(CHAIN), {"warehouse"}]
    assert place.settle() == []


def test_the_same_version_observed_again_requests_nothing(place):
    for _ in range(3):
        place.observe()
        assert place.tick() == set()


def test_a_new_version_with_an_identical_middle_stops_there(place):
    place.host_has("first\nand a second line\n")
    assert place.settle() == [{"raw.share"}]
    assert place.cache("raw.share") == "miss"


def test_a_new_version_with_identical_bytes_is_a_memo_hit_and_stops(place):
    # Another token for the same bytes: the host wrote the file anew.
    place.instance.report_runless_asset_event(dg.AssetObservation(SOURCE, tags={"dagster/data_version": "another"}))
    assert place.settle() == [{"raw.share"}]
    assert place.cache("raw.share") == "hit"


def test_a_new_middle_goes_down_one_layer_per_tick_and_is_published_once(place):
    place.host_has("second\n")
    assert place.settle() == [{"raw.share"}, {"staging.middle"}, {"marts.leaf"}, {"warehouse"}]
    assert place.lake().read("marts.leaf")["value"].to_list() == ["seco"]


def test_an_output_that_comes_out_the_same_stops_the_way_down(place):
    place.host_has("firs and the rest is cut\n")
    assert place.settle() == [{"raw.share"}, {"staging.middle"}, {"warehouse"}]
    assert place.lake().current("marts.leaf") is not None


def test_eager_and_the_documented_recipe_would_run_what_did_not_change(tmp_path):
    recipe = dg.AutomationCondition.eager().replace("newly_updated", dg.AutomationCondition.data_version_changed())
    for name, condition in (("eager", dg.AutomationCondition.eager()), ("recipe", recipe)):
        place = Place(tmp_path / name, condition)
        place.root.mkdir()
        place.host_has("first\n")
        place.tick()
        place.run(set(CHAIN))
        place.settle()
        place.host_has("first\nand a second line\n")
        assert CHAIN[2] in set().union(*place.settle())


def test_a_failed_run_is_tried_again_at_the_hour_and_recovers(place):
    place.host_has("broken\n")
    assert place.settle(4) == [{"raw.share"}, {"staging.middle"}, {"warehouse"}]
    assert place.settle(4) == []  # failed once, and not tried on every tick
    assert place.tick(minutes=60) == {"staging.middle"}
    assert not place.run({"staging.middle"})
    assert place.settle(4) == []
    place.host_has("mended\n")
    assert place.settle() == [{"raw.share"}, {"staging.middle"}, {"marts.leaf"}, {"warehouse"}]
    assert place.lake().read("marts.leaf")["value"].to_list() == ["mend"]


def test_newly_failed_would_try_for_ever(tmp_path):
    """The reason for trying at the hour: false while the retry runs, true when it failed, so newly true every time."""
    condition = dg.AutomationCondition.execution_failed().newly_true()
    place = Place(tmp_path, condition)
    place.host_has("broken\n")
    place.tick()
    place.run({"raw.share", "staging.middle"})
    for _ in range(3):
        assert place.tick() == {"staging.middle"}
        with _running(place, "staging.middle"):
            assert place.tick() == set()
        assert not place.run({"staging.middle"})


class _running:  # noqa: N801
    """A run of one table that is under way for as long as the block lasts."""

    def __init__(self, place: Place, address: str) -> None:
        self.place, self.address = place, address

    def __enter__(self) -> None:
        job = self.place.definitions().resolve_implicit_global_asset_job_def()
        key = key_of(self.address)
        self.dagster_run = self.place.instance.create_run_for_job(
            job_def=job.get_subset(asset_selection={key}), asset_selection=frozenset({key})
        )
        for kind in (DagsterEventType.PIPELINE_STARTING, DagsterEventType.PIPELINE_START):
            self.place.instance.report_dagster_event(
                DagsterEvent(event_type_value=kind.value, job_name=self.dagster_run.job_name),
                run_id=self.dagster_run.run_id,
            )

    def __exit__(self, *_: object) -> None:
        self.place.instance.report_run_canceled(self.dagster_run)


def test_an_update_during_a_run_is_not_lost(place):
    with _running(place, "raw.share"):
        place.host_has("second\n")
        assert place.tick() == set()
        assert place.tick() == set()
    assert place.settle()[0] == {"raw.share"}
    assert place.lake().read("marts.leaf")["value"].to_list() == ["seco"]


def test_an_update_during_a_run_of_the_input_waits_for_it(place):
    place.host_has("second\n")
    assert place.tick() == {"raw.share"}
    place.run({"raw.share"})
    with _running(place, "raw.share"):
        assert place.tick() == set()  # middle is due, but what it reads is being built again
    assert place.settle()[0] == {"staging.middle"}


def test_a_blocked_check_holds_what_rests_on_it_until_a_good_version_comes(place):
    place.host_has("doubled\n")
    assert place.settle() == [{"raw.share"}, {"staging.middle"}, {"warehouse"}]
    assert place.lake().read("marts.leaf")["value"].to_list() == ["firs"]
    place.host_has("good\n")
    assert place.settle() == [{"raw.share"}, {"staging.middle"}, {"marts.leaf"}, {"warehouse"}]
    assert place.lake().read("marts.leaf")["value"].to_list() == ["good"]


def test_a_changed_parameter_requests_what_uses_it_and_a_restart_alone_nothing(place):
    assert place.tick() == set()
    place.parameters = {"threshold": 0.1}
    assert place.settle() == [{"staging.middle"}]


def test_a_parameter_changed_during_a_run_is_not_lost(place):
    with _running(place, "staging.middle"):
        place.parameters = {"threshold": 0.1}
        assert place.tick() == set()
    assert place.settle() == [{"staging.middle"}]


def test_the_warehouse_is_brought_up_once_a_day(place):
    assert place.tick(minutes=24 * 60) == {"warehouse"}
    place.run({"warehouse"})
    assert place.settle() == []


def test_the_conditions_can_be_shown_and_stored():
    assert on_data_change().is_serializable
    assert on_settled_change().is_serializable
    assert on_data_change().get_label() == "on_data_change"


# ---- sweeps ----------------------------------------------------------------------------------------------------------


def observations(**versions: str | None) -> dict[str, SourceObservation]:
    return {name: SourceObservation(version, None if version else "host is gone") for name, version in versions.items()}


def test_the_first_sweep_reports_every_version():
    diff = compare_observations(None, observations(a="1", b="2"))
    assert diff.changed == {"a": (None, "1"), "b": (None, "2")}
    assert not diff.is_quiet


def test_an_unchanged_sweep_is_quiet_and_keeps_its_cursor():
    first = compare_observations(None, observations(a="1", b="2"))
    second = compare_observations(first.cursor, observations(a="1", b="2"))
    assert second.is_quiet
    assert second.cursor == first.cursor


def test_what_cannot_be_looked_at_keeps_its_version_and_is_told_once():
    first = compare_observations(None, observations(a="1", b="2"))
    second = compare_observations(first.cursor, observations(a=None, b="2"))
    assert second.kept == {"a": ("1", "host is gone")}
    assert not second.changed
    assert not second.nothing_seen
    third = compare_observations(second.cursor, observations(a=None, b="2"))
    assert third.is_quiet
    assert third.failing == {"a": "host is gone"}
    back = compare_observations(third.cursor, observations(a="1", b="2"))
    assert back.recovered == {"a": "1"}
    assert not back.changed
    changed = compare_observations(third.cursor, observations(a="9", b="2"))
    assert changed.changed == {"a": ("1", "9")}


def test_a_sweep_that_saw_nothing_says_so_whatever_lies_on_this_machine():
    found = {**observations(a=None, b=None), "study": SourceObservation("x", is_remote=False)}
    assert compare_observations(None, found).nothing_seen
    assert not compare_observations(None, {"study": SourceObservation("x", is_remote=False)}).nothing_seen


def test_a_revert_is_a_change():
    first = compare_observations(None, observations(a="1"))
    second = compare_observations(first.cursor, observations(a="2"))
    assert compare_observations(second.cursor, observations(a="1")).changed == {"a": ("2", "1")}


def test_a_source_that_left_the_catalog_leaves_the_cursor():
    first = compare_observations(None, observations(a="1", b="2"))
    assert json.loads(compare_observations(first.cursor, observations(a="1")).cursor)["versions"] == {"a": "1"}


@pytest.mark.parametrize("cursor", ["", "not json", "[]", "3", '{"versions": 4}'])
def test_a_cursor_that_cannot_be_read_counts_as_none(cursor):
    assert compare_observations(cursor, observations(a="1")).changed == {"a": (None, "1")}


def test_observations_carry_versions_and_none_is_made_up():
    found = observations(a="1", b=None)
    events = asset_observations(compare_observations(None, found), found, lambda name: dg.AssetKey(["source", name]))
    assert [(event.asset_key.path[-1], event.tags) for event in events] == [("a", {"dagster/data_version": "1"})]
