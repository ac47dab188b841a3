"""A small release for the commands of analysts."""

from __future__ import annotations

from pathlib import Path

import pytest

from resistance_assets_tests.small_warehouse import write_small_warehouse


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder with a published file alone."""
    write_small_warehouse(tmp_path / "data")
    return tmp_path / "data"
