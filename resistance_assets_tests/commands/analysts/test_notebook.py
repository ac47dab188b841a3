"""The notebook: written where it is asked for, kept once it is there, and every cell of it run on the demo."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets.commands.analysts import notebook as module
from resistance_assets.commands.analysts.notebook import NOTEBOOK_FILE, open_notebook, write_notebook
from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.settings import Settings

QUESTIONS = 10


def test_it_is_written_once_and_then_the_persons_own(data_dir: Path, tmp_path: Path):
    settings = Settings(data_dir=data_dir)
    file = write_notebook(settings, tmp_path / "mine")
    assert file == tmp_path / "mine" / NOTEBOOK_FILE
    text = file.read_text(encoding="utf-8")
    assert f"DATA_DIR = Path({str(data_dir)!r})" in text
    assert "{data_dir}" not in text
    file.write_text("changed")
    assert write_notebook(settings, tmp_path / "mine").read_text() == "changed"
    assert write_notebook(settings, tmp_path / "mine", force=True).read_text(encoding="utf-8") == text
    assert [path.name for path in (tmp_path / "mine").iterdir()] == [NOTEBOOK_FILE]


def test_a_path_with_quotes_stays_a_path(tmp_path: Path):
    from resistance_assets_tests.small_warehouse import write_small_warehouse

    data_dir = tmp_path / "it's here"
    write_small_warehouse(data_dir)
    text = write_notebook(Settings(data_dir=data_dir), tmp_path / "mine").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "DATA_DIR = " in line)
    assert eval(line.partition(" = ")[2], {"Path": Path}) == data_dir
    compile(text, NOTEBOOK_FILE, "exec")


def test_where_it_cannot_be_written_that_is_told(data_dir: Path, tmp_path: Path):
    with pytest.raises(DataFault, match="resistance run"):
        write_notebook(Settings(data_dir=tmp_path / "nothing"), tmp_path)
    with pytest.raises(UsageFault, match="data folder"):
        write_notebook(Settings(data_dir=data_dir), data_dir / "mine")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageFault, match="is no folder"):
        write_notebook(Settings(data_dir=data_dir), tmp_path / "file")


def test_without_marimo_it_says_how_to_install_it(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(module, "is_marimo_there", lambda: False)
    with pytest.raises(UsageFault, match=r'pip install "resistance-warehouse\[notebook\]"'):
        open_notebook(tmp_path / NOTEBOOK_FILE)


@pytest.mark.slow
def test_every_question_is_answered_on_the_demo(demo_place: Path, tmp_path: Path, monkeypatch):
    if not module.is_marimo_there():
        if os.environ.get("RESISTANCE_REQUIRE_SHARED") == "1":
            pytest.fail("marimo is not installed: `make test` installs it")
        pytest.skip("marimo is not installed: `make test` installs it")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    file = write_notebook(Settings(data_dir=demo_place / "data"), tmp_path)
    spec = importlib.util.spec_from_file_location("resistance_questions", file)
    assert spec is not None
    assert spec.loader is not None
    notebook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notebook)
    import matplotlib.pyplot as plt

    try:
        outputs, names = notebook.app.run()
        told = "\n".join(output.text for output in outputs if output is not None)
        assert [f"{number}. " in told for number in range(1, QUESTIONS + 1)] == [True] * QUESTIONS
        frames = ("evidence", "candidates", "effects", "across", "curves", "patients", "response", "overlaps", "layers")
        assert {name: names[name].height > 0 for name in frames} == dict.fromkeys(frames, True)
        figures = {name: figure for name, figure in names.items() if name.startswith("figure_")}
        assert len(figures) == QUESTIONS - 1
        for name, figure in figures.items():
            drawn = [text.get_text() for axis in figure.axes for text in axis.texts]
            if name != "figure_terms":  # planted effects are not sure to give a term
                assert "nothing of the kind in this release" not in drawn, name
            figure.savefig(tmp_path / f"{name}.png", dpi=40)
    finally:
        plt.close("all")


@pytest.mark.slow
def test_the_command_writes_it_without_opening(data_dir: Path, tmp_path: Path):
    environment = {**os.environ, "RESISTANCE_DATA_DIR": str(data_dir), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "resistance_assets.cli", "notebook", str(tmp_path / "mine"), "--no-open"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_text(encoding="utf-8").count("@app.cell") == QUESTIONS + 4
