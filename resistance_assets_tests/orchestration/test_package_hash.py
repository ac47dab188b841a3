"""What one process found out of the package's code is what the next one would find."""

from __future__ import annotations

import json
import sys

import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.orchestration import package_hash, table_steps
from resistance_assets.orchestration.code_version import code_version_of, known_code_versions
from resistance_assets.orchestration.package_hash import hash_of_code, kept_beside_the_package


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one file, so that nothing is kept beside the real one."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "one.py").write_text("A = 1\n")
    monkeypatch.setattr(package_hash, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "package"


def keep(name: str, **found: int) -> dict[str, int]:
    with kept_beside_the_package(name, ("numpy",)) as known:
        before = dict(known)
        known.update(found)
    return before


def test_what_was_found_is_there_for_the_next_process_until_the_code_changes(package):
    assert keep("note", a=1) == {}
    assert keep("note", b=2) == {"a": 1}
    assert keep("note") == {"a": 1, "b": 2}
    assert keep("another") == {}
    (package / "one.py").write_text("A = 2\n")
    assert keep("note") == {}


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"valid_for": 1, "found": 2}'])
def test_a_damaged_file_is_as_none(package, content):
    keep("note", a=1)
    (package / "__pycache__" / "note.json").write_bytes(content)
    assert keep("note", c=3) == {}
    assert keep("note") == {"c": 3}


def test_another_release_of_a_package_that_decides_numbers_makes_it_empty(package):
    keep("note", a=1)
    path = package / "__pycache__" / "note.json"
    document = json.loads(path.read_text())
    document["valid_for"][2]["numpy"] = "0.1"
    path.write_text(json.dumps(document))
    assert keep("note") == {}


def test_nothing_is_kept_where_python_keeps_no_bytecode(package, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    keep("note", a=1)
    assert list(package.iterdir()) == [package / "one.py"]


def test_nothing_is_kept_where_the_folder_cannot_be_written(package):
    (package / "__pycache__").write_text("a file, where the folder would be\n")
    keep("note", a=1)
    assert keep("note") == {}


def test_bytecode_is_no_code(package):
    before = hash_of_code()
    keep("note", a=1)
    assert hash_of_code() == before


@pytest.mark.slow
def test_steps_with_and_without_what_is_kept_are_the_same(package):
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.orchestration.steps import identity_of

    registry = load_registry()

    def load() -> dict[str, tuple[str, dict[str, str]]]:
        table_steps.sql_models.cache_clear()
        table_steps.sql_tests.cache_clear()
        steps = load_steps(registry)
        return {
            table: (identity_of(step), dict(getattr(step.code_version, "pieces", {}))) for table, step in steps.items()
        }

    first, models = load(), table_steps.sql_models()
    assert (package / "__pycache__" / "code_versions.json").exists()
    assert load() == first
    assert table_steps.sql_models() == models


def test_closures_over_other_functions_are_told_apart(package):
    def closed_over(function):
        def compute():
            return function()

        return compute

    with known_code_versions():
        assert code_version_of(closed_over(hash_of_code)) != code_version_of(closed_over(load_registry))
        assert code_version_of(closed_over(hash_of_code)) == code_version_of(closed_over(hash_of_code))
