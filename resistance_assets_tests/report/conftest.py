"""The demo's published warehouse, as what people look at reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resistance_assets.report.published import Published, open_published


@pytest.fixture(scope="session")
def demo_dir(demo_place: Path) -> Path:
    """Data folder of a good run on the demo. To be read."""
    return demo_place / "data"


@pytest.fixture(scope="module")
def demo(demo_dir: Path) -> Iterator[Published]:
    with open_published(demo_dir) as published:
        yield published
