"""Where code stands decides nothing: a function that moves, or a module that is renamed, keeps its version."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets.orchestration import code_version as versions

MINI = {
    "rooms/first.py": """
import math

SCALE = 2.0
LIMITS = {"low": 0.1, "high": (1, 2)}

def weigh(x):
    return math.sqrt(x) * SCALE

def even(n):
    return True if n == 0 else odd(n - 1)

def odd(n):
    return False if n == 0 else even(n - 1)
""",
    "rooms/second.py": """
SCALE = 3.0

def weigh(x):
    return x - SCALE

def other(x):
    return x / SCALE
""",
    "entry.py": """
from made_up.rooms import first, second
from made_up.rooms.first import even, weigh
from made_up.rooms.second import other

READERS = {"plain": weigh, "other": other}

def outer(x):
    return weigh(x) + second.weigh(x) + first.SCALE + second.SCALE

def table(x):
    return READERS[x](x)

def late(x):
    return other(x)

def parity(n):
    return even(n)
""",
}
TELL = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
from resistance_assets.orchestration import code_version as versions
versions.PACKAGE = sys.argv[2]
entry = importlib.import_module(sys.argv[3])
print(json.dumps({name: str(versions.code_version_of(getattr(entry, name))) for name in sys.argv[4:]}))
"""
NAMES = ("outer", "table", "late", "parity")


def told(folder: Path, files: dict[str, str], package: str = "made_up", entry: str = "entry", seed: int = 1) -> dict:
    """Versions of the four functions of a made-up package, in a process of its own."""
    for name, text in files.items():
        path = folder / package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", TELL, str(folder), package, f"{package}.{entry}", *NAMES],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> dict:
    return told(tmp_path_factory.mktemp("before"), MINI)


def edited(name: str, *changes: tuple[str, str]) -> dict[str, str]:
    text = MINI[name]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return {**MINI, name: text}


@pytest.mark.parametrize("seed", [2, 3])
def test_a_version_is_the_same_in_every_process(tmp_path, before, seed):
    assert told(tmp_path, MINI, seed=seed) == before


def test_a_package_under_another_name_keeps_all_versions(tmp_path, before):
    renamed = {name: text.replace("made_up", "another_name") for name, text in MINI.items()}
    assert told(tmp_path, renamed, package="another_name") == before


def test_renamed_modules_and_folders_keep_all_versions(tmp_path, before):
    renamed = {
        "house/kitchen.py": MINI["rooms/first.py"],
        "cellar.py": MINI["rooms/second.py"],
        "attic/entry.py": MINI["entry.py"]
        .replace("from made_up.rooms import first, second", "import_both")
        .replace("made_up.rooms.first", "made_up.house.kitchen")
        .replace("made_up.rooms.second", "made_up.cellar")
        .replace("second.", "cellar.")
        .replace("first.", "kitchen.")
        .replace("import_both", "from made_up.house import kitchen\nfrom made_up import cellar"),
    }  # fmt: skip
    assert told(tmp_path, renamed, entry="attic.entry") == before


def test_a_function_that_moves_to_another_module_keeps_its_version(tmp_path, before):
    moved = {
        **MINI,
        "rooms/second.py": MINI["rooms/second.py"].replace("def other(x):\n    return x / SCALE\n", ""),
        "rooms/third.py": "SCALE = 3.0\n\ndef other(x):\n    return x / SCALE\n",
        "entry.py": MINI["entry.py"].replace("made_up.rooms.second import other", "made_up.rooms.third import other"),
    }
    assert told(tmp_path, moved) == before


@pytest.mark.parametrize(
    "late",
    [
        "from made_up.rooms.second import other\n    return other(x)",
        "from made_up.rooms import second\n    return second.other(x)",
        "import made_up.rooms.second\n    return made_up.rooms.second.other(x)",
    ],
    ids=["the function", "its module", "by its full name"],
)
def test_an_import_that_moves_into_a_function_changes_nothing(tmp_path, before, late):
    assert told(tmp_path, edited("entry.py", ("return other(x)", late))) == before


def test_functions_of_one_name_that_swap_places_are_noticed(tmp_path, before):
    swapped = edited("entry.py", ("weigh(x) + second.weigh(x)", "second.weigh(x) + weigh(x)"))
    after = told(tmp_path, swapped)
    assert after["outer"] != before["outer"]
    assert {name: after[name] for name in NAMES[1:]} == {name: before[name] for name in NAMES[1:]}


def test_modules_that_swap_their_contents_are_noticed(tmp_path, before):
    even = "\ndef even(n):\n    return n\n\ndef other(x):\n    return x\n"
    first, second = MINI["rooms/second.py"], MINI["rooms/first.py"]
    after = told(tmp_path, {**MINI, "rooms/first.py": first + even, "rooms/second.py": second + even})
    assert all(after[name] != before[name] for name in NAMES)


@pytest.mark.parametrize(
    ("name", "change", "changed"),
    [
        ("entry.py", ('"plain": weigh, "other": other', '"plain": other, "other": weigh'), {"table"}),
        ("entry.py", ("first.SCALE + second.SCALE", "second.SCALE + first.SCALE"), {"outer"}),
        ("rooms/second.py", ("x / SCALE", "SCALE / x"), {"table", "late"}),
        ("rooms/first.py", ("else even(n - 1)", "else even(n - 2)"), {"parity"}),
        ("rooms/first.py", ("import math", "import cmath as math"), {"outer", "table"}),
        ("rooms/second.py", ("SCALE = 3.0", "SCALE = 4.0"), {"outer", "table", "late"}),
        ("rooms/first.py", ("LIMITS", "BOUNDS"), set()),
    ],
    ids=["readers swapped", "constants swapped", "a callee", "in a circle", "another library", "a constant", "unused"],
)
def test_a_change_reaches_exactly_those_who_use_it(tmp_path, before, name, change, changed):
    after = told(tmp_path, edited(name, change))
    assert {one for one in NAMES if after[one] != before[one]} == changed


def test_what_a_function_binds_itself_is_not_taken_from_the_module(tmp_path, before):
    """A parameter may be called as a function of the module; moved elsewhere, it means the same."""
    local = edited("entry.py", ("def late(x):\n    return other(x)", "def late(other):\n    return other(1)"))
    moved = {**local, "entry.py": local["entry.py"].replace("from made_up.rooms.second import other", "other = weigh")}
    assert told(tmp_path / "a", local)["late"] == told(tmp_path / "b", moved)["late"] != before["late"]


def test_an_annotation_decides_nothing(tmp_path, before):
    assert told(tmp_path, edited("entry.py", ("def late(x):", "def late(x: float) -> float:"))) == before


def test_functions_that_call_each_other_have_one_version_wherever_the_walk_begins():
    def ping(n):
        return pong(n - 1) if n else 0

    def pong(n):
        return ping(n - 1) if n else 1

    ping.__module__ = pong.__module__ = "resistance_assets.made_up"
    versions.forget_code()
    first = str(versions.code_version_of(ping)), str(versions.code_version_of(pong))
    versions.forget_code()
    second = str(versions.code_version_of(pong)), str(versions.code_version_of(ping))
    assert first == second[::-1]
    assert first[0] != first[1]


def test_pieces_name_the_function_that_changed_and_not_its_callers(tmp_path):
    text = "def inner(x):\n    return x\n\ndef outer(x):\n    return inner(x)\n"
    script = TELL.replace("str(versions.code_version_of(getattr(entry, name)))",
                          "versions.code_version_of(getattr(entry, name)).pieces")  # fmt: skip
    found = []
    for at, body in enumerate((text, text.replace("return x", "return x + 1"))):
        folder = tmp_path / str(at) / "made_up"
        folder.mkdir(parents=True)
        (folder / "entry.py").write_text(body)
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder.parent), "made_up", "made_up.entry", "outer"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.append(json.loads(done.stdout)["outer"])
    before, after = found
    assert set(before) == {"inner", "outer"}
    assert {name for name in before if before[name] != after[name]} == {"inner"}
