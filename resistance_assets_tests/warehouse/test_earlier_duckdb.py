"""The published file in the DuckDB of before: it opens, and the queries that people are shown give the same rows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets.files import write_json

CHECKOUT = Path(__file__).parents[2]
EARLIER = CHECKOUT / ".venv" / "duckdb1"
SHOWN = [
    query
    for name in ("README.md", "docs/cookbook.md")
    for query in re.findall(r"```sql\n(.*?)```", (CHECKOUT / name).read_text(encoding="utf-8"), re.DOTALL)
]
ASK = """
import json, sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("SET TimeZone = 'UTC'")
answers = [sorted(map(str, connection.execute(query).fetchall())) for query in json.load(open(sys.argv[2]))]
print(json.dumps([duckdb.__version__, answers]))
"""


@pytest.fixture(scope="module")
def earlier() -> Path:
    if EARLIER.is_dir():
        return EARLIER
    reason = f"DuckDB 1 is not in {EARLIER.relative_to(CHECKOUT)}: `make test` installs it"
    if os.environ.get("RESISTANCE_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def ask(warehouse: Path, queries: Path, **environment: str) -> tuple[str, list[list[str]]]:
    """Version of the DuckDB that is found in this environment, and the rows of each query."""
    command = [sys.executable, "-c", ASK, str(warehouse), str(queries)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    version, answers = json.loads(done.stdout)
    return version, answers


def test_every_shown_query_gives_the_same_rows_in_duckdb_1(demo_place, earlier, tmp_path):
    warehouse, queries = demo_place / "data" / "warehouse.duckdb", tmp_path / "queries.json"
    assert len(SHOWN) > 20
    write_json(queries, SHOWN)
    before, given = ask(warehouse, queries, PYTHONPATH=str(earlier))
    now, expected = ask(warehouse, queries)
    assert (before.split(".")[0], now.split(".")[0]) == ("1", "2")
    for query, rows_before, rows_now in zip(SHOWN, given, expected, strict=True):
        assert rows_before == rows_now, query
