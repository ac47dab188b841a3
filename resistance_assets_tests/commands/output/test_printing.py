"""What commands print: foreign text as it is, never as markup, never longer than 2,000 characters in a line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.commands.claims import show_claims
from resistance_assets.commands.diff import show_diff
from resistance_assets.commands.doctor import Finding, show_findings
from resistance_assets.commands.mirror import show_pulled
from resistance_assets.commands.output.printing import LONGEST_MESSAGE, plain, say, tell
from resistance_assets.commands.output.summary import Summary, fold_reasons
from resistance_assets.commands.run import _Progress
from resistance_assets.commands.sources import show_sources
from resistance_assets.commands.sql import as_text
from resistance_assets.commands.status import Standing, show_states
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.orchestration.events import ProgressEvent
from resistance_assets.orchestration.run_outcome import Launch
from resistance_assets.orchestration.status import TableState
from resistance_assets.warehouse.prune import Pruned
from resistance_assets.warehouse.release_diff import Cause, ItemChange, ReleaseDiff, TableChange

FOREIGN = ("[/]", "[red]", "[na]", "[survival]", "[]", "[bold]x[/bold]", ":warning:", "[link=x]", "\\[a]", "{x}", "%s")
LONG = "x" * 50_000


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "4000")


def show_summary(name: str) -> None:
    launch = Launch(
        outcomes={"raw.a": "failed", "raw.b": "unavailable", "core.c": "built"},
        messages={"raw.a": f"failed {name}", "raw.b": f"lacking {name}"},
        not_reached=(f"core.{name}",),
    )
    fault = CatalogFault(f"study {name}", subject="study.toml", remedy="Correct it.")
    effect_only = {f"reason {name}": (f"contrast {name}",)}
    Summary(launch, 1, True, ((Path("study"), fault),), Path("data"), effect_only).show()


def show_status(name: str) -> None:
    states = ("fresh", "stale", "missing", "failed", "unavailable")
    tables = [TableState(f"core.{state}", state, (f"{state} {name}",), 1, "v", "t") for state in states]
    for everything in (True, False):
        show_states(Standing(tuple(tables), ((f"folder {name}", f"fault {name}"),)), everything=everything)


def show_all_sources(name: str) -> None:
    row = {
        "source_id": f"source {name}", "state": "unavailable", "reason": f"reason {name}", "version": name,
        "last_modified": None, "sha256": None, "bytes": None, "retrieved_at": None, "licence": f"licence {name}",
        "feeds": f"feeds {name}",
    }  # fmt: skip
    show_sources(pl.DataFrame([row], schema_overrides={"bytes": pl.Int64, "sha256": pl.String}))


def show_a_pull(name: str) -> None:
    row = {"source_id": f"source {name}", "state": "unavailable", "reason": f"reason {name}", "size_bytes": 0}
    show_pulled(pl.DataFrame([row]), Path(f"folder {name}"))


def show_a_diff(name: str) -> None:
    cause = Cause("data", "raw.a", f"cause {name}", None, None)
    table = TableChange("core.a", "changed", 1, 2, 1, 0, 0, {"gene": (f"gene {name}",)}, {"gene": 1}, (cause,))
    items = tuple(
        ItemChange(kind, f"{kind} {name}", f"item {name}", "entered", f"was {name}", f"is {name}", "core.a")
        for kind in ("list_member", "q_value", "verdict")
    )
    for full in (True, False):
        show_diff(ReleaseDiff(1, 2, (table,), items), full=full)


def show_some_claims(name: str) -> None:
    row = {
        "paper_id": f"paper {name}", "claim_id": f"claim {name}", "statement": f"statement {name}",
        "verdict": "near", "stated_by": "paper",
        "quantity": f"quantity {name}", "expected": None, "direction": "above", "reference": 1.0, "value": None,
        "verdict_reason": f"reason {name}", "first_release_with_verdict": 1, "worth": f"assessment {name}",
        "assessment": f"assessment {name}", "note": f"note {name}", "p_value": None, "n": None,
    }  # fmt: skip
    show_claims([row])


def show_progress(name: str) -> None:
    with _Progress(False, 3) as on_event:
        on_event(ProgressEvent("note", "core.a", message=f"note {name}"))
        on_event(ProgressEvent("waiting", "core.a", message=f"waiting {name}"))
        on_event(ProgressEvent("finished", f"core.{name}", "built", 2.0))


SHOWN = {
    "run": show_summary,
    "status": show_status,
    "sources": show_all_sources,
    "mirror pull": show_a_pull,
    "doctor": lambda name: show_findings([Finding(f"subject {name}", "warning", f"message {name}")]),
    "diff": show_a_diff,
    "claims": show_some_claims,
    "progress": show_progress,
    "prune": lambda name: tell(Pruned((1,), (2,), 1, 1, 1).describe() + name),
    "say": lambda name: say(False, f"said {name}"),
    "sql": lambda name: tell(as_text(pl.DataFrame({f"column {name}": [f"value {name}"]}))),
    "fault": lambda name: tell(DataFault(name, subject=name, remedy=name), label="failed", style="red"),
}


@pytest.mark.parametrize("command", SHOWN)
@pytest.mark.parametrize("name", FOREIGN)
def test_every_command_prints_foreign_text_as_it_is(command: str, name: str, capsys: pytest.CaptureFixture[str]):
    SHOWN[command](name)
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    SHOWN[command]("PLAIN")
    captured = capsys.readouterr()
    expected = (captured.out + captured.err).count("PLAIN")
    assert expected
    assert printed.count(name) >= expected


@pytest.mark.parametrize("command", [name for name in SHOWN if name != "sql"])
def test_no_command_prints_a_line_of_more_than_2000_characters_beside_its_label(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")
    SHOWN[command](LONG)
    captured = capsys.readouterr()
    assert max(map(len, (captured.out + captured.err).splitlines())) <= LONGEST_MESSAGE + 100


@pytest.mark.parametrize("command", SHOWN)
def test_no_command_sends_control_characters_to_the_terminal(command: str, capsys: pytest.CaptureFixture[str]):
    SHOWN[command]("\x1b]0;title\x07\x1b[2Jname\x9b\u202e")
    captured = capsys.readouterr()
    assert not set("\x1b\x07\x9b\u202e") & set(captured.out + captured.err)


@given(st.text(max_size=5_000))
def test_a_message_is_one_line_of_bounded_length(text: str):
    line = plain(text)
    assert len(line) <= LONGEST_MESSAGE
    assert len(line.splitlines()) <= 1
    if text.isascii() and text.isprintable() and len(text) < 100:
        assert line == " ".join(text.split())


def test_a_long_address_is_cut_in_the_middle():
    address = "https://host.example/" + "path/" * 120 + "file.txt"
    line = plain(f"source x ({address}): answered 404. Try again.")
    assert "https://host.example/path" in line
    assert "file.txt): answered 404. Try again." in line
    assert len(line) < 250


def test_reasons_of_one_kind_are_one_line_and_what_follows_from_them_is_left_out():
    reasons = [
        *(f"s{at} (https://host/{at}): cannot be reached. Try again." for at in range(9)),
        "other: is used only on request. Add it.",
        "core.deg__a: its input raw.x is unavailable",
    ]
    assert fold_reasons(reasons) == [
        "other: is used only on request. Add it.",
        "9 sources (s0, s1, s2, s3, s4 and 4 more). Of the first: s0 (https://host/0): cannot be reached. Try again.",
    ]


def test_what_one_subject_lacks_is_one_reason():
    lacking = [f"xena: the cohort has no {what}. See `resistance sources`." for what in ("OS", "PFS", "expression")]
    other = "array: the study has no probes. Add them."
    assert fold_reasons([*lacking, other]) == [
        other,
        "xena: the cohort has no OS, no PFS, no expression. See `resistance sources`.",
    ]


def test_what_failed_is_told_before_what_is_lacking(capsys: pytest.CaptureFixture[str]):
    show_status("x")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["study", "failed"]
