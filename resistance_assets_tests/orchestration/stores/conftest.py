"""Both stores, empty: each test that asks for `store` runs over files and over objects."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from resistance_assets.orchestration.stores.local import LocalStore
from resistance_assets.orchestration.stores.objects import ObjectStore
from resistance_assets.orchestration.stores.store import Store

_numbers = itertools.count()


def object_store(host, cache: Path, name: str | None = None) -> ObjectStore:
    """An object store under a prefix of its own, or one that other stores share."""
    return ObjectStore(host.lake(name or f"lake{next(_numbers)}"), cache)


@pytest.fixture
def aws(request, monkeypatch) -> None:
    """The variables with which the object host is found."""
    for name, value in request.getfixturevalue("object_host").environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["files", pytest.param("objects", marks=pytest.mark.slow)])
def make_store(request, tmp_path) -> Callable[[], Store]:
    """Makes stores of this kind, each empty."""
    folders = itertools.count()

    def make() -> Store:
        folder = tmp_path / f"store {next(folders)}"
        if request.param == "files":
            return LocalStore(folder)
        return object_store(request.getfixturevalue("object_host"), folder)

    if request.param == "objects":
        request.getfixturevalue("aws")
    return make


@pytest.fixture
def store(make_store) -> Store:
    return make_store()
