"""What `sql` without a query does: a prompt on a terminal, a script of statements from anything else.

Here belongs what is typed and shown; a statement is answered as `sql` answers one, with the same lock, time and memory.
Ctrl-C ends a query and not the program. A release that is published meanwhile is asked from the next statement on.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from resistance_assets import interruption
from resistance_assets.commands.analysts.statements import is_complete, split_statements
from resistance_assets.commands.output.paging import page
from resistance_assets.commands.output.printing import plain
from resistance_assets.commands.sql import DOT_COMMANDS, answer, as_csv, as_json, as_lines, as_text
from resistance_assets.errors import Fault, UsageFault
from resistance_assets.warehouse.published_file import published_file
from resistance_assets.warehouse.reader import open_warehouse

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    from prompt_toolkit import PromptSession

SHOWN: dict[str, Callable[[pl.DataFrame], str]] = {
    "table": as_text,
    "csv": as_csv,
    "json": as_json,
    "line": as_lines,
}
MOST_SHOWN_ROWS = 10_000
"""Rows of a table for reading; csv and json are for programs, and whole."""
CALLED = "resistance> "
CONTINUED = "        ... "
SHELL_COMMANDS = """\
.mode MODE       how answers are shown: table, csv, json or line (one value a line)
.timing on|off   whether the time of each answer is told
.quit            leave; so does Ctrl-D. Ctrl-C ends a query, or empties what was typed
"""


@dataclass
class Shell:
    """One session: how answers are shown, and the release that is asked.

    Attributes:
        data_dir: holds the warehouse.
        release: None: the one published last, also where that changes meanwhile.
        timeout_seconds, memory_bytes: of each query.
        mode: a key of `SHOWN`.
        is_timed: whether the time of each answer is told.
        show: prints an answer.
    """

    data_dir: Path
    release: int | None = None
    timeout_seconds: float | None = None
    memory_bytes: int | None = None
    mode: str = "table"
    is_timed: bool = False
    show: Callable[[str], object] = lambda text: sys.stdout.write(text)

    def __post_init__(self) -> None:
        self._file: tuple[int, int] | None = None
        self._opened: duckdb.DuckDBPyConnection | None = None

    def connection(self) -> duckdb.DuckDBPyConnection:
        """The warehouse, opened anew where another release was published."""
        try:
            status = published_file(self.data_dir).stat()
            file = status.st_ino, status.st_mtime_ns
        except OSError:
            file = self._file
        if self._opened is None or (self.release is None and file != self._file):
            is_another = self.release is None and self._file not in (None, file)
            opened = open_warehouse(self.data_dir, self.release, memory_bytes=self.memory_bytes)
            self.close()
            self._opened, self._file = opened, file
            if is_another:
                _note("another release was published; answers are of it from now on")
        return self._opened

    def close(self) -> None:
        """Let go of the connection, unless a query that does not end keeps it busy."""
        opened, self._opened = self._opened, None
        if opened is not None and not any(thread.name == "query" for thread in threading.enumerate()):
            opened.close()

    def obey(self, text: str) -> bool:
        """Answer one statement or dot command; False where it asks to leave.

        Raises:
            UsageFault: no such command, or a query that is refused.
        """
        name, _, argument = text.rstrip("; \n").partition(" ")
        if name in (".quit", ".exit"):
            return False
        if name == ".help":
            self.show(SHELL_COMMANDS + DOT_COMMANDS)
        elif name == ".mode":
            self.mode = self._chosen(name, argument.strip(), tuple(SHOWN), self.mode)
        elif name == ".timing":
            now = "on" if self.is_timed else "off"
            self.is_timed = self._chosen(name, argument.strip(), ("on", "off"), now) == "on"
        elif name.startswith(".") and name not in (".tables", ".schema"):
            raise UsageFault("is no command", subject=name, remedy="`.help` lists what there is.")
        else:
            self._answer(text)
        return True

    def _chosen(self, command: str, word: str, known: tuple[str, ...], now: str) -> str:
        """The setting that was asked for; without a word the present one is told."""
        if not word:
            self.show(f"{command} {now}\n")
            return now
        if word not in known:
            raise UsageFault(
                f"{word} is not known", subject=command, expected=", ".join(known), remedy="Write one of them."
            )
        return word

    def _answer(self, text: str) -> None:
        started = time.perf_counter()
        is_for_reading = self.mode in ("table", "line")
        try:
            frame = answer(
                self.connection(),
                text,
                timeout_seconds=self.timeout_seconds or threading.TIMEOUT_MAX,
                largest_bytes=self.memory_bytes,
                most_rows=MOST_SHOWN_ROWS + 1 if is_for_reading else None,
            )
        except BaseException:
            # A query that was ended half-way may keep its connection busy.
            self.close()
            raise
        seconds = time.perf_counter() - started
        is_cut = is_for_reading and frame.height > MOST_SHOWN_ROWS
        self.show(SHOWN[self.mode](frame.head(MOST_SHOWN_ROWS) if is_cut else frame))
        if is_cut:
            _note(
                f"only the first {MOST_SHOWN_ROWS:,} rows are shown; ask for fewer, or write the answer to a file: "
                '`resistance sql "..." -o FILE.csv`'
            )
        if self.is_timed:
            _note(f"{seconds:.3f} s")


def run_script(shell: Shell, script: IO[str]) -> None:
    """Answer every statement of a script, in order, up to the first that is refused.

    Raises:
        UsageFault: the script is empty, or a statement is refused; those before it were answered.
    """
    statements = split_statements(script.read())
    if not statements:
        raise UsageFault(
            "holds no statement",
            subject="standard input",
            remedy='Write statements that end in semicolons, or ask one: resistance sql "SELECT ..."',
        )
    for number, statement in enumerate(statements, start=1):
        try:
            if not shell.obey(statement):
                return
        except UsageFault as fault:
            raise UsageFault(
                fault.problem,
                subject=f"statement {number}",
                place=fault.place,
                expected=fault.expected,
                remedy=fault.remedy,
            ) from fault


def run_prompt(shell: Shell) -> None:
    """Ask for statements on the terminal and answer them until the person leaves."""
    session = make_session(shell)
    shell.show = page
    with interruption.interrupts_left():
        while True:
            try:
                text = session.prompt(CALLED)
            except interruption.Stopped:
                raise
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            finally:
                interruption.watch_again()
            if not _obey_all(shell, text):
                return


def _obey_all(shell: Shell, text: str) -> bool:
    """Answer what was typed; a fault and a cancelled query are told and end it."""
    try:
        for statement in split_statements(text):
            if not shell.obey(statement):
                return False
    except interruption.Stopped:
        raise
    except KeyboardInterrupt:
        _note("the query was cancelled")
    except Fault as fault:
        _note(f"resistance: {plain(str(fault))}")
    return True


def make_session(shell: Shell, **terminal: Any) -> PromptSession[str]:
    """The prompt: several lines up to a semicolon, history, completion of tables and columns, colours.

    Args:
        shell: its release is what is completed.
        terminal: input and output of prompt_toolkit; the process's own by default.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.application import get_app
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer

    from resistance_assets.commands.analysts.completion import NameCompleter, read_names

    bindings = KeyBindings()

    @bindings.add("enter", filter=Condition(lambda: is_complete(get_app().current_buffer.text)))
    def _accept(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return PromptSession(
        multiline=True,
        prompt_continuation=CONTINUED,
        key_bindings=bindings,
        history=_open_history(),
        completer=NameCompleter(read_names(shell.connection())),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        **terminal,
    )


def history_path() -> Path:
    """Where what was typed is remembered: the person's own state folder, not the data folder, which others share."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "resistance" / "sql_history"


def _open_history() -> Any:
    """The history file, for its owner alone; without one where it cannot be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        _note(f"what you type is not remembered: {path}: {error.strerror or error}")
        return InMemoryHistory()
    return FileHistory(path)


def _note(text: str) -> None:
    """A line beside the answers, which stay what a program can read."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201
