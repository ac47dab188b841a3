"""Questions over HTTP: each on a connection of its own, within limits of rows, time, memory and number at once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from resistance_assets.commands.sql import answer
from resistance_assets.errors import UsageFault
from resistance_assets.settings import LEAST_MEMORY_BYTES
from resistance_assets.warehouse.published_file import published_file
from resistance_assets.warehouse.reader import closed_after, interrupt_until, open_warehouse

LONGEST_QUERY_BYTES = 100_000
LARGEST_ANSWER_BYTES = 64_000_000
ROWS_UNLESS_ASKED = 1_000


@dataclass(frozen=True)
class Limits:
    """What one question may use.

    Attributes:
        rows: of an answer; the rest is left out, and that is said.
        seconds: after which the query is ended.
        memory_bytes: of all questions together.
        at_once: questions that are answered at the same time; one more is told to come again.
    """

    rows: int = 10_000
    seconds: float = 30.0
    memory_bytes: int = 1_000_000_000
    at_once: int = 4

    @property
    def memory_bytes_each(self) -> int:
        return max(LEAST_MEMORY_BYTES, self.memory_bytes // self.at_once)


class Question:
    """One question that is being answered, and how to end it from another thread."""

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._is_cancelled = False
        self._ended = threading.Event()
        # Entered again where a signal arrives while the main thread is in it.
        self._lock = threading.RLock()

    def begin(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take note of the connection. Raises UsageFault where it was cancelled before it began."""
        with self._lock:
            if self._is_cancelled:
                raise UsageFault("was cancelled", subject="query", remedy="Ask again.")
            self._connection = connection

    def end(self) -> None:
        with self._lock:
            self._connection = None
            self._ended.set()

    def cancel(self) -> None:
        """End the query, now or when it begins."""
        with self._lock:
            if self._is_cancelled:
                return
            self._is_cancelled = True
        ending = (self._ended.wait, self._interrupt)
        threading.Thread(target=interrupt_until, args=ending, name="cancel", daemon=True).start()

    def _interrupt(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()


@dataclass(frozen=True)
class Answer:
    """Rows of a question, at most as many as were asked for, with the release that they are of."""

    release: int
    frame: pl.DataFrame
    is_cut: bool
    seconds: float


class Queries:
    """Answers questions about the release published last, whichever that is when a question comes."""

    def __init__(self, data_dir: Path, limits: Limits) -> None:
        self.data_dir, self.limits = data_dir, limits
        self._release: tuple[tuple[int, int], int] | None = None

    def release(self) -> int:
        """Number of the release published last; read again where the file is another one.

        Raises:
            DataFault: nothing was published yet, or the file cannot be opened.
        """
        file = self._file()
        if file is None or self._release is None or self._release[0] != file:
            with closed_after(self.open()) as connection:
                number = release_of(connection)
            if file is None:
                return number
            self._release = file, number
        return self._release[1]

    def open(self) -> duckdb.DuckDBPyConnection:
        """A connection as `sql` has one, with its share of the memory."""
        return open_warehouse(self.data_dir, memory_bytes=self.limits.memory_bytes_each)

    def ask(self, sql: str, rows: int, question: Question) -> Answer:
        """Answer one SELECT or dot command.

        Args:
            sql: as `resistance sql` takes it.
            rows: to return at most.
            question: through which it may be ended.

        Raises:
            UsageFault: what `run_query` refuses.
            DataFault: the warehouse cannot be opened.
        """
        started = time.perf_counter()
        with closed_after(self.open()) as connection:
            release = release_of(connection)
            question.begin(connection)
            try:
                frame = answer(
                    connection,
                    sql,
                    timeout_seconds=self.limits.seconds,
                    largest_bytes=min(LARGEST_ANSWER_BYTES, self.limits.memory_bytes_each),
                    most_rows=rows + 1,
                )
            finally:
                question.end()
        return Answer(release, frame.head(rows), frame.height > rows, time.perf_counter() - started)

    def _file(self) -> tuple[int, int] | None:
        try:
            status = published_file(self.data_dir).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns


def release_of(connection: duckdb.DuckDBPyConnection) -> int:
    return connection.execute("SELECT max(release) FROM meta.releases").fetchall()[0][0]


_EXACT_IN_BROWSERS = 2**53


def _is_long(values: pl.Series) -> bool:
    """Whether integers are among them that a browser cannot hold."""
    if not values.dtype.is_integer() or values.null_count() == len(values):
        return False
    return max(abs(one) for one in values.drop_nulls().to_list()) > _EXACT_IN_BROWSERS


def as_document(found: Answer) -> dict[str, Any]:
    """An answer as JSON has it: columns with types, rows as lists; columns with integers beyond 2^53 are text."""
    frame = found.frame
    long = [name for name in frame.columns if _is_long(frame[name])]
    frame = frame.with_columns(pl.col(long).cast(pl.String))
    return {
        "release": found.release,
        "columns": [{"name": name, "type": str(dtype)} for name, dtype in found.frame.schema.items()],
        "rows": [list(row) for row in frame.iter_rows()],
        "row_count": found.frame.height,
        "is_cut": found.is_cut,
        "seconds": round(found.seconds, 4),
    }
