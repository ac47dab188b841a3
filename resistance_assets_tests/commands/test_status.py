"""One line for monitoring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from resistance_assets.commands.status import Standing, check
from resistance_assets.orchestration.source_log import note_looks
from resistance_assets.orchestration.status import TableState
from resistance_assets.settings import Settings


def table(name: str, state: str, *reasons: str) -> TableState:
    return TableState(name, state, reasons, 1, "v", "2026-11-23T03:15:00+00:00")


FRESH = table("core.a", "fresh")


@pytest.mark.parametrize(
    ("tables", "left_out", "word", "code", "said"),
    [
        ([FRESH], (), "FRESH", 0, "1 fresh"),
        ([FRESH, table("core.b", "unavailable", "not listed")], (), "FRESH", 0, "1 unavailable"),
        ([FRESH, table("core.b", "stale", "raw.x changed")], (), "STALE", 1, "1 tables are stale: core.b"),
        ([FRESH, table("core.b", "missing")], (), "STALE", 1, "core.b"),
        (
            [table("core.b", "stale"), table("core.c", "failed", "check schema failed:\nx")], (), "FAILED", 2,
            "1 tables failed: core.c (check schema failed: x); 1 tables are stale: core.b",
        ),
        ([table("core.c", "damaged", "short")], (), "FAILED", 2, "core.c"),
        ([FRESH], (("/lab/broken", "study.toml: ..."),), "FAILED", 2, "studies left out: broken"),
    ],
)  # fmt: skip
def test_the_state_of_everything_in_one_line(demo_place, tables, left_out, word, code, said):
    settings = Settings(data_dir=demo_place / "data", max_age="off")
    verdict = check(settings, Standing(tuple(tables), left_out))
    assert (verdict.word, verdict.exit_code) == (word, code)
    assert verdict.line.startswith(f"{word} release 1: ") or verdict.line.startswith(f"{word} release ")
    assert said in verdict.line
    assert "\n" not in verdict.line


def test_an_intersection_that_waits_for_another_study_is_told_as_that(demo_place):
    faults = (("/lab/ours", "study.toml, intersection a_and_b: no gene list"),)
    standing = Standing((FRESH,), (), faults)
    verdict = check(Settings(data_dir=demo_place / "data", max_age="off"), standing)
    assert (verdict.word, standing.ok) == ("FAILED", False)
    assert "intersections left out of: ours" in verdict.line
    assert "studies left out" not in verdict.line


def test_a_source_that_is_silent_for_long_makes_it_stale_and_nothing_published_makes_it_failed(tmp_path):
    long_ago = datetime.now(UTC) - timedelta(days=9)
    note_looks(tmp_path, {"hgnc_complete_set": None}, now=long_ago)
    settings = Settings(data_dir=tmp_path)
    verdict = check(settings, Standing((FRESH,)))
    assert verdict.word == "FAILED"
    assert "nothing was published yet" in verdict.line
    assert "1 sources not looked at for up to 9.0 days: hgnc_complete_set" in verdict.line


def test_the_slowest_tables_are_told_by_their_whole_names(tmp_path, capsys):
    from resistance_assets.commands.status import show_slow
    from resistance_assets.orchestration.run_log import append_attempts

    name = "parts.survival__cohort_endpoint_genes__luad_tcga__os__in_a_stratum_with_a_long_name"
    at = "2026-11-29T03:15:00+00:00"
    append_attempts(
        tmp_path / "runs.jsonl", [("1", "core.a", "built", at, 1.0, None), ("1", name, "built", at, 29.5, None)]
    )
    show_slow(Settings(data_dir=tmp_path))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[0] == "29.50"
    assert lines[1].endswith(name)
    assert "2 tables built, 30.5 s in all" in lines[-1]
