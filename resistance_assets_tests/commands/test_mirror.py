"""`resistance mirror pull`, from one mirror to another, as a person calls it."""

from __future__ import annotations

import json
import sys

import pytest

from resistance_assets import cli


@pytest.fixture
def resistance(monkeypatch, tmp_path, shared, capsys):
    monkeypatch.setenv("RESISTANCE_MIRROR", str(shared / "mirror"))
    monkeypatch.setenv("RESISTANCE_DATA_DIR", str(tmp_path / "data"))

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["resistance", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


def test_pull_writes_a_mirror_and_says_what_it_lacks(resistance, tmp_path):
    pull = ("mirror", "pull", tmp_path / "m", "--json", "--source", "allonco_may2018")
    code, out, _ = resistance(*pull)
    assert (code, [row["state"] for row in json.loads(out)]) == (0, ["fetched"])
    code, out, _ = resistance(*pull, "--source", "string_human_links")
    states = {row["source_id"]: row["state"] for row in json.loads(out)}
    assert (code, states) == (1, {"allonco_may2018": "kept", "string_human_links": "unavailable"})
    code, out, _ = resistance("mirror", "pull", tmp_path / "m", "--source", "allonco_may2018")
    assert code == 0
    assert "resistance run --mirror" in out


def test_unknown_source_is_bad_usage(resistance, tmp_path):
    code, _, err = resistance("mirror", "pull", tmp_path / "m", "--source", "allonco_may_2018")
    assert code == 2
    assert "did you mean allonco_may2018?" in err
