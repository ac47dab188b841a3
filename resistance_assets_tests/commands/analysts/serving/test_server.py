"""The server over a real socket: what it answers, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time

import httpx
import pytest

from resistance_assets.commands.analysts.serving.server import read_token, serve
from resistance_assets.errors import UsageFault
from resistance_assets_tests.commands.analysts.serving.conftest import write_pages
from resistance_assets_tests.small_warehouse import write_small_warehouse

pytestmark = pytest.mark.slow
TOKEN = "a-token-of-this-test-0123456789"
ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"


def raw(served, request: bytes) -> bytes:
    """What the server answers to bytes that no client would send."""
    port = int(served.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        read = b""
        while more := connection.recv(65536):
            read += more
        return read


def test_a_question_is_answered_with_types_release_and_rows(served):
    found = served.ask("SELECT hgnc_symbol, counts, log2_fold_change, seen_at FROM marts.gene_evidence").json()
    assert (found["release"], found["row_count"], found["is_cut"]) == (1, 6, False)
    assert [column["name"] for column in found["columns"]] == ["hgnc_symbol", "counts", "log2_fold_change", "seen_at"]
    # Integers that a browser cannot hold are text; infinity and NaN are null.
    assert found["rows"][0] == ["CCL20", "9007199254740993", 1.5, "2024-02-29T12:00:00"]
    assert [row[2] for row in found["rows"]] == [1.5, -2.25, None, None, None, 0.1]
    by_address = served.get("/api/sql", params={"q": "SELECT 1 AS a", "limit": "5"}).json()
    assert (by_address["rows"], by_address["columns"]) == ([[1]], [{"name": "a", "type": "Int32"}])
    text = served.ask("SELECT 'a;b' AS x, 2 AS y", format="csv")
    assert (text.text, text.headers["content-type"].split(";")[0]) == ("x,y\na;b,2\n", "text/csv")


def test_rows_beyond_the_limit_are_left_out_and_that_is_said(served):
    found = served.ask("FROM core.hypotheses_tested", limit=3).json()
    assert (found["row_count"], found["is_cut"], len(found["rows"])) == (3, True, 3)
    assert served.ask("FROM core.hypotheses_tested").json()["row_count"] == 1000
    assert not served.ask("FROM core.hypotheses_tested LIMIT 3", limit=3).json()["is_cut"]
    refused = served.ask("FROM core.hypotheses_tested", limit=2001)
    assert refused.status_code == 400
    assert refused.json()["error"]["expected"] == "1 to 2,000"
    assert served.ask("FROM core.hypotheses_tested", format="csv", limit=7).headers["x-is-cut"] == "true"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", "nothing else"),
        ("SELECT * FROM read_text('http://127.0.0.1:1/')", "nothing else"),
        ("COPY marts.gene_evidence TO '/tmp/x.csv'", "read-only"),
        ("DROP TABLE marts.gene_evidence", "read-only"),
        ("SET memory_limit = '1TB'", "read-only"),
        ("ATTACH '/tmp/x.duckdb'", "read-only"),
        ("INSTALL httpfs", "read-only"),
        ("SELECT 1; SELECT 2", "one question"),
        ("SELEC 1", "SELEC"),
        ("SELECT * FROM gene_evidense", "marts.gene_evidence"),
        ("", "SELECT"),
    ],
)
def test_what_sql_refuses_is_refused_with_a_remedy(served, statement, told):
    refused = served.ask(statement)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert set(error) >= {"problem", "remedy", "subject"}
    assert told.lower() in (error["problem"] + error["remedy"]).lower()


def test_time_and_memory_are_bounded_and_the_server_goes_on(served):
    late = served.ask(ENDLESS)
    assert (late.status_code, "3 s" in late.json()["error"]["problem"]) == (400, True)
    large = served.ask("SELECT list(range) FROM range(1000000000)").json()["error"]
    assert "memory" in large["problem"] or "longer than" in large["problem"]
    assert served.ask("SELECT 1").status_code == 200


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b"[" * 50_000, {"content-type": "application/json"}, 400),
        (b"[1]", {"content-type": "application/json"}, 400),
        (b'{"sql": 1}', {"content-type": "application/json"}, 400),
        (b'{"sql": "SELECT 1", "limit": "x"}', {"content-type": "application/json"}, 400),
        (b'{"sql": "SELECT 1", "format": "xml"}', {"content-type": "application/json"}, 400),
        (b"sql=SELECT+1", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b" " * 200_000, {"content-type": "application/json"}, 413),
    ],
)
def test_a_wrong_request_is_told_as_json(served, content, headers, status):
    refused = httpx.post(served.url + "/api/sql", content=content, headers=headers, timeout=60)
    assert refused.status_code == status
    assert refused.json()["error"]["problem"]


def test_a_gene_and_the_tables_are_json(served):
    tables = {one["table"]: one for one in served.get("/api/tables").json()["tables"]}
    columns = {column["name"]: column for column in tables["marts.gene_evidence"]["columns"]}
    assert columns["log2_fold_change"]["unit"] == "log2"
    assert served.get("/api/health").json() == {"release": 1, "pages_release": 1}
    assert served.get("/api/nothing").status_code == 404
    assert served.get("/api/nothing").json()["error"]["remedy"]
    assert httpx.delete(served.url + "/api/sql", timeout=60).status_code == 405


def test_every_answer_has_the_headers_that_bind_a_browser(served):
    for path in ("/", "/sql", "/api/health", "/api/nothing", "/assets/style.css", "/nowhere.html", "/live/live.js"):
        headers = served.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers
    assert served.get("/api/health").headers["cache-control"] == "no-store"


def test_pages_of_the_report_lead_to_sql(served):
    page = served.get("/").text
    assert '<a href="/sql">SQL</a></li></ul></nav>' in page
    assert "/live/live.js" in page
    assert served.get("/assets/style.css").text == ":root{--up:red}"
    box = served.get("/sql", params={"q": "SELECT '</textarea><script>'"}).text
    assert "SELECT &#39;&lt;/textarea&gt;&lt;script&gt;&#39;" in box
    assert 'aria-current="page">SQL' in box


@pytest.mark.parametrize(
    "path",
    [
        "/../warehouse.duckdb", "/..%2fwarehouse.duckdb", "/%2e%2e/warehouse.duckdb", "/assets/../../warehouse.duckdb",
        "//etc/passwd", "/etc/passwd",
        "/..\\warehouse.duckdb", "/index.html%00.css", "/assets/%2e%2e%2f%2e%2e%2fx.html",
        "/leak.html", "/folder.html", "/.hidden",
        "/live/..%2fapp.py", "/live/sql.html", "/assets/" + "x" * 5000 + ".css",
    ],
)  # fmt: skip
def test_no_path_leaves_the_report(served, path):
    folder = served.data_dir / "report"
    (served.data_dir / "x.html").write_text("secret")
    if not (folder / "leak.html").is_symlink():
        (folder / "leak.html").symlink_to(served.data_dir / "x.html")
        (folder / "folder.html").mkdir()
    answered = raw(served, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert answered.split()[1] in (b"404", b"400")
    assert b"secret" not in answered
    assert b"root:" not in answered


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "localhost@evil.example", "192.0.2.1", "a b"],
)
def test_a_name_that_points_here_from_elsewhere_is_refused(served, host):
    answered = raw(served, f"GET /api/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answered.split()[1] in (b"421", b"400")
    assert b"release" not in answered


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:80"])
def test_names_of_this_machine_are_taken(served, host):
    assert served.get("/api/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_another_site_cannot_ask(served, headers):
    assert httpx.post(served.url + "/api/sql", json={"sql": "SELECT 1"}, headers=headers).status_code == 403
    assert served.get("/api/sql?q=SELECT+1", headers=headers).status_code == 403


def test_a_link_from_another_site_may_open_a_page(served):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert served.get("/sql?q=SELECT+1", headers=headers).status_code == 200


def test_a_release_published_meanwhile_is_served_without_a_restart(starting, tmp_path):
    write_small_warehouse(tmp_path / "data")
    write_pages(tmp_path / "data")
    with starting(tmp_path / "data") as served:
        assert served.ask("SELECT 1").json()["release"] == 1
        assert "published since" not in served.get("/").text
        write_small_warehouse(tmp_path / "data", release=2)
        assert served.ask("SELECT 1").json()["release"] == 2
        assert "These pages are of release 1; release 2 was published since" in served.get("/").text
        write_pages(tmp_path / "data", release=2)
        assert served.get("/api/health").json() == {"release": 2, "pages_release": 2}
        assert "published since" not in served.get("/").text
        (tmp_path / "data" / "warehouse.duckdb").unlink()
        gone = served.ask("SELECT 1")
        assert gone.status_code == 503
        assert "resistance run" in gone.json()["error"]["remedy"]


def test_without_a_report_sql_is_there(starting, tmp_path):
    write_small_warehouse(tmp_path / "data")
    with starting(tmp_path / "data") as served:
        assert "resistance report" in served.get("/").text
        assert served.get("/sql").status_code == 200
        assert "--up" in served.get("/assets/style.css").text
        assert served.get("/gene?name=nosuchgene").status_code in (404, 500)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_with_its_code_also_under_a_query(starting, tmp_path, number):
    write_small_warehouse(tmp_path / "data")
    with starting(tmp_path / "data") as served:
        idle = _threads(served)
        asked = threading.Thread(target=_ask_and_forget, args=(served,))
        asked.start()
        end = time.monotonic() + 60
        # One that waits for the answer, one that asks DuckDB.
        while _threads(served) < idle + 2:
            assert time.monotonic() < end
            threading.Event().wait(0.02)
        served.process.send_signal(number)
        _, told = served.process.communicate(timeout=30)
        asked.join()
        assert served.process.returncode == 128 + number
        assert told == f"resistance: stopped by {signal.Signals(number).name}; the server has ended\n"


def _ask_and_forget(served) -> None:
    try:
        served.ask(ENDLESS)
    except httpx.HTTPError:
        return


def _threads(served) -> int:
    return len(os.listdir(f"/proc/{served.process.pid}/task"))


def test_a_caller_who_hangs_up_ends_the_query(starting, tmp_path):
    write_small_warehouse(tmp_path / "data")
    with starting(tmp_path / "data", "--timeout", "600") as served:
        for _ in range(6):
            with pytest.raises(httpx.TimeoutException):
                httpx.post(served.url + "/api/sql", json={"sql": ENDLESS}, timeout=0.5)
        # More of them than are answered at once: each must have made room again.
        end = time.monotonic() + 20
        while (found := served.ask("SELECT 1")).status_code == 503:
            assert time.monotonic() < end
        assert found.status_code == 200


def test_a_token_is_asked_for_and_never_told(starting, tmp_path):
    write_small_warehouse(tmp_path / "data")
    write_pages(tmp_path / "data")
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    with starting(tmp_path / "data", "--host", "0.0.0.0", "--token-file", str(file)) as served:
        assert "with the token" in served.told
        missing = served.get("/api/sql?q=SELECT+1")
        assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
        for wrong in (f"Bearer {TOKEN}x", "Bearer", f"Basic {TOKEN}", "Bearer \u00e9".encode()):
            assert served.get("/api/sql?q=SELECT+1", headers={"authorization": wrong}).status_code == 401
        assert served.get(f"/api/sql?q=SELECT+1&token={TOKEN}").status_code == 401
        right = {"authorization": f"Bearer {TOKEN}"}
        assert served.get("/api/sql?q=SELECT+1+AS+a", headers=right).json()["rows"] == [[1]]
        page = served.get("/")
        assert (page.status_code, 'type="password"' in page.text, "Overview" in page.text) == (401, True, False)
        with httpx.Client(base_url=served.url, timeout=60) as client:
            wrong = client.post("/login", data={"token": "wrong"})
            assert (wrong.status_code, "This is not the token" in wrong.text) == (401, True)
            assert not client.cookies
            logged_in = client.post("/login", data={"token": TOKEN})
            assert (logged_in.status_code, logged_in.headers["location"]) == (303, "/")
            cookie = logged_in.headers["set-cookie"]
            assert "httponly" in cookie.lower()
            assert "samesite=strict" in cookie.lower()
            assert TOKEN not in cookie
            assert client.get("/").status_code == 200
            assert client.get("/api/health").json()["release"] == 1
        assert served.get("/", headers={"cookie": "resistance_session=forged"}).status_code == 401
        # A name that nobody allowed is refused, with the token too; an address is not.
        assert served.get("/api/health", headers={**right, "host": "evil.example"}).status_code == 421
        assert served.get("/api/health", headers={**right, "host": "192.0.2.1:80"}).status_code == 200
        served.process.send_signal(signal.SIGTERM)
        out, err = served.process.communicate(timeout=30)
        assert TOKEN not in served.told + out + err


def test_a_name_may_be_allowed(starting, tmp_path):
    write_small_warehouse(tmp_path / "data")
    with starting(tmp_path / "data", "--allow-host", "Warehouse.Lab.Example", RESISTANCE_SERVE_TOKEN=TOKEN) as served:
        headers = {"authorization": f"Bearer {TOKEN}", "host": "warehouse.lab.example"}
        assert served.get("/api/health", headers=headers).status_code == 200
        assert served.get("/api/health").status_code == 401


def test_other_machines_need_a_token(data_dir, monkeypatch):
    from resistance_assets.commands.analysts.serving.queries import Limits

    monkeypatch.delenv("RESISTANCE_SERVE_TOKEN", raising=False)
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(UsageFault, match="--token-file"):
            serve(data_dir, Limits(), host=host, port=0)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageFault, match="--port"):
        serve(data_dir, Limits(), host="127.0.0.1", port=taken.getsockname()[1])


def test_a_token_that_is_none_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "token"
    for wrong in ("short", "a b " * 10, "\u00e9" * 20):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(UsageFault, match="16 letters and digits"):
            read_token(file)
    with pytest.raises(UsageFault, match="cannot be read"):
        read_token(tmp_path / "none")
    monkeypatch.setenv("RESISTANCE_SERVE_TOKEN", TOKEN)
    assert read_token(None) == TOKEN
    # Taken out of the environment, where child processes and crash reports would find it.
    assert "RESISTANCE_SERVE_TOKEN" not in os.environ
    assert read_token(None) is None


def test_serving_writes_nothing_into_the_data_folder(starting, tmp_path):
    data_dir = tmp_path / "data"
    write_small_warehouse(data_dir)
    write_pages(data_dir)
    for path in (data_dir, data_dir / "report"):
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with starting(data_dir) as served:
            served.get("/")
            served.ask("SELECT 1")
        assert sorted(path.name for path in data_dir.iterdir()) == ["report", "warehouse.duckdb"]
    finally:
        for path in (data_dir, data_dir / "report"):
            path.chmod(0o755)
