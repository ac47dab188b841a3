"""The demo, written once for all tests of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resistance_assets.catalog.registry import Registry, load_registry
from resistance_assets.demo import DemoTruth, write_demo


@dataclass(frozen=True)
class WrittenDemo:
    folder: Path
    truth: DemoTruth
    registry: Registry

    def source(self, source_id: str) -> Path:
        """The file of the mirror that stands for a source of the catalog."""
        url = self.registry.sources[source_id].url
        return self.folder / "mirror" / next(e["file"] for e in self.index() if e["url"] == url)

    def index(self) -> list[dict[str, Any]]:
        lines = (self.folder / "mirror" / "index.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> WrittenDemo:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    truth = write_demo(folder)
    return WrittenDemo(folder, truth, load_registry([folder / "studies"]))
