"""Sources as they are opened for steps: one mirror per process, until its index is written anew."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs.resources import open_origins
from resistance_assets.errors import TransportFault
from resistance_assets.settings import Settings

SOURCE = load_registry().sources["hgnc_complete_set"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "mirror").mkdir()
    place = Settings(data_dir=tmp_path / "data", mirror=tmp_path / "mirror")
    write(place, "first")
    return place


def write(settings: Settings, row: str) -> None:
    """The mirror with one document that ends in this row."""
    assert settings.mirror is not None
    body = ("\t".join((*SOURCE.markers, "symbol")) + f"\n1\t{row}\n").encode()
    entry = {
        "method": "GET",
        "url": SOURCE.url,
        "file": "hgnc.tsv",
        "sha256": hashlib.sha256(body).hexdigest(),
        "bytes": len(body),
    }
    (settings.mirror / "hgnc.tsv").write_bytes(body)
    (settings.mirror / "index.jsonl").write_text(json.dumps(entry) + "\n")


def test_a_mirror_is_opened_once_per_process(settings):
    assert open_origins(settings) is open_origins(settings)
    other = settings.model_copy(update={"data_dir": settings.data_dir.parent / "other"})
    assert open_origins(other) is not open_origins(settings)
    assert open_origins(other).lake().root == other.lake_dir


def test_a_mirror_that_is_written_anew_is_opened_anew(settings):
    before = open_origins(settings).fetch(SOURCE).checksum
    write(settings, "second row")
    assert open_origins(settings).fetch(SOURCE).checksum != before


def test_a_file_that_changes_under_an_open_mirror_is_noticed(settings):
    assert open_origins(settings).fetch(SOURCE).checksum
    assert settings.mirror is not None
    path = settings.mirror / "hgnc.tsv"
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(1, 1))
    with pytest.raises(TransportFault):
        open_origins(settings).fetch(SOURCE)
