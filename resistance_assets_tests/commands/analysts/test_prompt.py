"""`sql` without a query: a prompt on a real terminal, and a script on standard input."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from resistance_assets.commands.analysts import prompt as module
from resistance_assets.commands.analysts.prompt import Shell, history_path, run_script
from resistance_assets.errors import UsageFault
from resistance_assets_tests.small_warehouse import write_small_warehouse

ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b;"


@pytest.fixture
def shell(data_dir):
    shown: list[str] = []
    made = Shell(data_dir, show=shown.append, memory_bytes=200_000_000, timeout_seconds=20)
    made.shown = shown  # pyright: ignore[reportAttributeAccessIssue]
    yield made
    made.close()


def obey(shell, *texts: str) -> str:
    shell.shown.clear()
    for text in texts:
        assert shell.obey(text)
    return "".join(shell.shown)


def test_the_mode_says_how_answers_are_shown(shell):
    ask = "SELECT 'CCL20' AS gene, 1.5 AS effect"
    assert "(1 row)" in obey(shell, ask)
    assert obey(shell, ".mode csv", ask) == "gene,effect\nCCL20,1.5\n"
    assert json.loads(obey(shell, ".mode json", ask)) == [{"gene": "CCL20", "effect": 1.5}]
    assert obey(shell, ".mode line", ask) == "  gene = CCL20\neffect = 1.5\n(1 row)\n"
    assert obey(shell, ".mode") == ".mode line\n"
    with pytest.raises(UsageFault, match="table, csv, json, line"):
        shell.obey(".mode xml")


def test_time_is_told_where_it_is_asked_for(shell, capsys):
    obey(shell, "SELECT 1")
    assert capsys.readouterr().err == ""
    obey(shell, ".timing on", "SELECT 1")
    assert re.fullmatch(r"\d+\.\d{3} s\n", capsys.readouterr().err)


def test_dot_commands_are_those_of_sql_and_a_wrong_one_is_told(shell):
    assert "marts.gene_evidence" in obey(shell, ".tables marts")
    assert "log2_fold_change" in obey(shell, ".schema gene_evidence")
    assert ".timing on|off" in obey(shell, ".help")
    assert not shell.obey(".quit;")
    with pytest.raises(UsageFault, match=r"\.help"):
        shell.obey(".tabels")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')", "COPY marts.gene_evidence TO '/tmp/x.csv'", "SET memory_limit = '1TB'",
        "ATTACH '/tmp/x.duckdb'", "INSTALL httpfs", "CREATE TABLE t (a INT)", "DROP TABLE marts.gene_evidence",
        "SELECT 1; SELECT 2", "PRAGMA enable_external_access=true",
    ],
)  # fmt: skip
def test_the_lock_is_that_of_sql(shell, statement, capsys):
    with pytest.raises(UsageFault):
        shell.obey(statement)
    assert "(1 row)" in obey(shell, "SELECT 1")
    assert capsys.readouterr().err == ""


def test_a_release_published_meanwhile_is_asked_from_then_on(shell, capsys):
    ask = "SELECT max(release) AS release FROM meta.releases"
    assert "1" in obey(shell, ".mode csv", ask)
    write_small_warehouse(shell.data_dir, release=2)
    assert obey(shell, ask) == "release\n2\n"
    assert "another release was published" in capsys.readouterr().err


def test_a_long_answer_is_cut_for_reading_and_whole_for_a_program(shell, capsys, monkeypatch):
    monkeypatch.setattr(module, "MOST_SHOWN_ROWS", 5)
    assert "(5 rows)" in obey(shell, "FROM core.hypotheses_tested")
    assert "only the first 5 rows" in capsys.readouterr().err
    assert len(obey(shell, ".mode csv", "FROM core.hypotheses_tested").splitlines()) == 100_001


def test_a_script_is_answered_up_to_the_statement_that_is_refused(shell):
    run_script(shell, io.StringIO(".mode csv\nSELECT ';' AS a;\n-- a remark\nSELECT 2 AS b"))
    assert "".join(shell.shown) == "a\n;\nb\n2\n"
    with pytest.raises(UsageFault, match=r"statement 2, line 1.*SELEC"):
        run_script(shell, io.StringIO("SELECT 1; SELEC 2; SELECT 3"))
    assert shell.shown[-1] == "1\n1\n"
    with pytest.raises(UsageFault, match="holds no statement"):
        run_script(shell, io.StringIO("-- nothing\n"))


def test_history_is_in_the_persons_own_state_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert history_path() == tmp_path / "resistance" / "sql_history"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert history_path() == tmp_path / ".local" / "state" / "resistance" / "sql_history"


class Terminal:
    """The command on a terminal of its own: what it wrote so far, and keys to press."""

    def __init__(self, data_dir: Path, state: Path) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (40, 160))
        environment = {**os.environ, "RESISTANCE_DATA_DIR": str(data_dir), "XDG_STATE_HOME": str(state),
                       "TERM": "xterm", "PAGER": "cat",
                       "PYTHONPATH": os.pathsep.join(sys.path)}  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "resistance_assets.cli", "sql"],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, close_fds=True,
            preexec_fn=lambda: (signal.signal(signal.SIGINT, signal.default_int_handler), _take_terminal()),
        )  # fmt: skip
        os.close(slave)
        self.text = ""

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def wait_for(self, pattern: str, seconds: float = 120.0) -> str:
        """What was written up to the pattern, which is taken away."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text, re.DOTALL)):
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            with contextlib.suppress(OSError):
                written = os.read(self.master, 65536).decode("utf-8", "replace")
                # What the terminal is asked for: where its cursor is.
                if "\x1b[6n" in written:
                    self.press("\x1b[1;1R")
                self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
        taken, self.text = self.text[: found.end()], self.text[found.end() :]
        return taken

    def end(self, seconds: float = 60.0) -> int:
        return self.process.wait(timeout=seconds)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(data_dir, tmp_path):
    made = Terminal(data_dir, tmp_path / "state")
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()
    os.close(made.master)


@pytest.mark.slow
def test_a_prompt_answers_completes_cancels_and_remembers(terminal, tmp_path):
    terminal.wait_for("resistance>")
    terminal.press("SELECT 40 +\r")
    terminal.wait_for(r"\.\.\.")
    terminal.press("2 AS answer;\r")
    terminal.wait_for(r"answer\r*\n-+\r*\n *42\r*\n\(1 row\).*\d+\.\d+ s.*resistance>")
    terminal.press("SELECT count(*) AS genes FROM gene_evid\t")
    terminal.wait_for(r"marts\.gene_evidence")
    terminal.press(";\r")
    terminal.wait_for(r"genes\r*\n-+\r*\n *6\r*\n.*resistance>")
    terminal.press("SELECT nothing_like_it;\r")
    terminal.wait_for("resistance: query.*nothing_like_it.*resistance>")
    terminal.press(ENDLESS + "\r")
    terminal.wait_for("range\\(10000000\\) b;")
    # The query has begun once its thread is there, and Ctrl-C at the prompt would empty the line alone.
    _wait_for_query(terminal.process.pid)
    terminal.press("\x03")
    terminal.wait_for("the query was cancelled.*resistance>")
    terminal.press("half of a quest\x03")
    terminal.wait_for("resistance>")
    terminal.press("SELECT 7 * 6 AS still;\r")
    terminal.wait_for(r"still\r*\n-+\r*\n *42.*resistance>")
    terminal.press("\x04")
    assert terminal.end() == 0
    history = tmp_path / "state" / "resistance" / "sql_history"
    assert "2 AS answer;" in history.read_text(encoding="utf-8")
    assert history.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_signal_to_end_ends_the_prompt_with_its_code(terminal):
    terminal.wait_for("resistance>")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.wait_for("stopped by SIGTERM")
    assert terminal.end() == 128 + signal.SIGTERM


def _wait_for_query(pid: int) -> None:
    """Until the process computes: a query on every core leaves more threads than the prompt has."""
    tasks, end = Path(f"/proc/{pid}/task"), time.monotonic() + 60
    while not any((task / "comm").read_text().strip() == "query" or _is_running(task) for task in tasks.iterdir()):
        assert time.monotonic() < end
        select.select([], [], [], 0.02)


def _is_running(task: Path) -> bool:
    return task.name != task.parents[1].name and (task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "R"


@pytest.mark.slow
def test_without_a_terminal_statements_come_from_standard_input(data_dir):
    environment = {**os.environ, "RESISTANCE_DATA_DIR": str(data_dir), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "resistance_assets.cli", "sql", "--format", "csv"]
    done = subprocess.run(command, input="SELECT 1 AS a;\nSELECT 2 AS b;\n", env=environment, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n1\nb\n2\n", "")
    done = subprocess.run(command, input="DROP TABLE x", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "read-only" in done.stderr
