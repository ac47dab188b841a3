"""Code versions: what changes them and what must not."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets.orchestration.code_version import code_version_of, parameters_version, sql_code_version

BASE = '''
"""Module docstring."""
import numpy as np

SCALE = 2.0


class Rule:
    limit = 3

    def apply(self, x):
        return min(x, self.limit)


def inner(x):
    """Doc."""
    return x * SCALE


def unused(x):
    return x - 1


def outer(x):
    # a comment
    return np.sqrt(inner(x)) + Rule().apply(x)
'''


@pytest.fixture
def version_of(tmp_path: Path, monkeypatch):
    """Code version of `outer` in a module with the given source, as a member of this package."""
    counter = iter(range(1000))

    def load(source: str) -> str:
        path = tmp_path / f"m{next(counter)}.py"
        path.write_text(source)
        name = "resistance_assets.science.made_up"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return code_version_of(module.outer)

    return load


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# a comment", "# another comment, longer"),
        ('"""Doc."""', '"""Another doc."""'),
        ("return x - 1", "return x - 2"),
        ("def inner(x):", "def inner( x ):"),
        ('"""Module docstring."""', ""),
    ],
    ids=["comment", "docstring", "function not used", "white space", "module docstring"],
)
def test_what_does_not_decide_the_result_does_not_count(version_of, before, after):
    assert before in BASE
    assert version_of(BASE) == version_of(BASE.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SCALE = 2.0", "SCALE = 3.0"),
        ("return x * SCALE", "return x / SCALE"),
        ("limit = 3", "limit = 4"),
        ("np.sqrt", "np.abs"),
        ("min(x, self.limit)", "max(x, self.limit)"),
    ],
    ids=["constant", "called function", "class attribute", "library call", "method"],
)
def test_what_decides_the_result_counts(version_of, before, after):
    assert before in BASE
    assert version_of(BASE) != version_of(BASE.replace(before, after))


CONSTANTS = """
import re
import numpy as np

NAMES = {"a": ("x", None), "b": ["y"]}
WORDS = frozenset({"gene", "length", "strand", "start", "end"})
FORM = re.compile("[a-z]+")
NODES = np.array([0.5, 1.0])


def read(x):
    return x + 1


READERS = {"plain": read}


def outer(x):
    return READERS["plain"](NAMES[x]) if FORM.match(x) or x in WORDS else NODES
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["y"]', '["z"]'),
        ("None", "1"),
        ('"strand"', '"frame"'),
        ("[a-z]+", "[a-z]*"),
        ("0.5", "0.25"),
        ("return x + 1", "return x + 2"),
    ],
    ids=["in a list in a dict", "in a tuple", "in a set", "a pattern", "in an array", "a function in a dict"],
)
def test_constants_of_every_kind_count(version_of, before, after):
    assert before in CONSTANTS
    assert version_of(CONSTANTS) != version_of(CONSTANTS.replace(before, after))


def test_what_a_module_keeps_while_it_runs_does_not_count(version_of):
    """A list in small letters is what the module has at hand just now, and not what it was written with."""
    state = CONSTANTS.replace("NODES", "_waiting").replace("np.array([0.5, 1.0])", "[]")
    assert version_of(state) == version_of(state.replace("_waiting = []", "_waiting = [1]"))


@pytest.mark.slow
def test_a_version_is_the_same_in_every_process(tmp_path):
    """Sets show their elements in another order in each process; a version that did would make everything stale."""
    (tmp_path / "made_up.py").write_text(CONSTANTS)
    code = (
        "import sys, importlib.util\n"
        "from resistance_assets.orchestration.code_version import code_version_of\n"
        "name = 'resistance_assets.science.made_up'\n"
        "spec = importlib.util.spec_from_file_location(name, sys.argv[1])\n"
        "module = sys.modules[name] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(code_version_of(module.outer))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "made_up.py")],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(told) == 1


def test_a_release_of_a_numeric_package_counts(version_of, monkeypatch):
    import importlib.metadata

    before = version_of(BASE)
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0" if name == "numpy" else real(name))
    assert version_of(BASE) != before


def test_the_walk_goes_through_late_imports_and_jitted_functions():
    from resistance_assets.orchestration import code_version as versions
    from resistance_assets.science.survival.kernels import partial_likelihood as survival_kernels
    from resistance_assets.science.survival.screen import screen_survival

    anatomy = versions._anatomy(versions._unwrap(screen_survival))
    assert anatomy.references, "the screen reaches further functions of the package"
    assert code_version_of(screen_survival) == code_version_of(screen_survival)
    jitted = next(value for value in vars(survival_kernels).values() if hasattr(value, "py_func"))
    assert len(code_version_of(jitted)) == 16


def test_partials_count_as_their_function():
    from resistance_assets.science.statistics.multiple_testing import adjust_bh

    assert code_version_of(functools.partial(adjust_bh)) == code_version_of(adjust_bh)


def test_parameters_do_not_depend_on_the_order_of_keys():
    assert parameters_version({"a": 1, "b": [1, 2]}) == parameters_version({"b": [1, 2], "a": 1})
    assert parameters_version({"a": 1}) != parameters_version({"a": 2})
    assert parameters_version({"s": {"x", "y"}}) == parameters_version({"s": {"y", "x"}})


def test_sql_is_tied_to_the_release_of_duckdb(monkeypatch):
    before = sql_code_version("select 1")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99.0")
    assert sql_code_version("select 1") != before


def test_arrays_of_texts_are_told_by_their_texts_and_not_by_where_they_lie():
    import numpy as np

    from resistance_assets.orchestration.code_version import _form_of

    def words(last: str) -> np.ndarray:
        # Made anew each time, so that no two lie at one place.
        return np.array(["".join(["up", " ", "regulated"]), "".join(["do", "wn"]), last], dtype=object)

    assert _form_of(words("none")) == _form_of(words("".join(["no", "ne"])))
    assert _form_of(words("none")) != _form_of(words("other"))
