"""Alerts: told once, again while they last, and when they are over; by webhook and by e-mail."""

from __future__ import annotations

import json
import socketserver
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from resistance_assets.orchestration.attempts import forget_failure, note_failure
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.messages import Channels, send
from resistance_assets.orchestration.source_log import note_looks
from resistance_assets.warehouse.alerts import Alert, Kind, current_alerts, tell_alerts
from resistance_assets_tests.loopback import LoopbackHost, Reply

MONDAY = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
FAILED = Alert("table_failed", "core.a", "core.a: check schema failed")


@pytest.fixture
def host():
    running = LoopbackHost()
    yield running
    running.close()


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand a message over."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part.decode())
                self.server.messages.append("".join(lines))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def mailbox():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
    server.daemon_threads = True
    server.messages = []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def posted(host: LoopbackHost) -> list[dict]:
    return [json.loads(request.body) for request in host.requests]


def test_an_alert_is_told_once_again_after_a_day_and_when_it_is_over(tmp_path, host):
    channels = Channels(webhook=host.script("/hook", Reply(b"ok")), form="json")

    def round_of(hours: float, *alerts: Alert):
        return tell_alerts(tmp_path, alerts, channels, now=MONDAY + timedelta(hours=hours))

    assert [alert.key for alert in round_of(0, FAILED).news] == ["table_failed:core.a"]
    assert round_of(1, FAILED) == round_of(2, FAILED)
    assert len(host.requests) == 1
    assert [alert.key for alert in round_of(25, FAILED).again] == ["table_failed:core.a"]
    assert round_of(26).over == ("table_failed:core.a",)
    assert not round_of(27).over
    states = [[entry["state"] for entry in body["alerts"]] for body in posted(host)]
    assert states == [["new"], ["lasting"], ["over"]]
    assert posted(host)[1]["alerts"][0]["since"] == "2026-11-23T03:15:00+00:00"
    # What comes back is news.
    assert round_of(28, FAILED).news


@pytest.mark.parametrize("kind", get_args(Kind))
def test_an_alert_of_every_kind_can_be_told(tmp_path, host, kind):
    channels = Channels(webhook=host.script("/hook", Reply(b"ok")), form="json")
    assert tell_alerts(tmp_path, [Alert(kind, "hgnc", "hgnc: as it is")], channels, now=MONDAY).news
    assert posted(host)[0]["summary"].startswith("1 ")


def test_an_event_is_told_once_and_is_never_over(tmp_path, host):
    channels = Channels(webhook=host.script("/hook", Reply(b"ok")))
    turned = Alert("claim_turned", "4/lu_2019_a", "claim lu_2019_a: reproduced -> near in release 4")
    tell_alerts(tmp_path, [turned], channels, now=MONDAY)
    tell_alerts(tmp_path, [turned], channels, now=MONDAY + timedelta(days=3))
    assert not tell_alerts(tmp_path, [], channels, now=MONDAY + timedelta(days=4)).over
    assert len(host.requests) == 1


def test_what_could_not_be_sent_is_told_at_the_next_occasion(tmp_path, host):
    channels = Channels(webhook=host.script("/hook", Reply(b"", status=503), Reply(b"ok")), form="slack")
    first = tell_alerts(tmp_path, [FAILED], channels, now=MONDAY)
    assert first.problems == ("webhook at 127.0.0.1: answered 503",)
    assert [alert.key for alert in tell_alerts(tmp_path, [FAILED], channels, now=MONDAY).news] == [FAILED.key]
    assert not tell_alerts(tmp_path, [FAILED], channels, now=MONDAY).news
    assert len(host.requests) == 2


def test_slack_gets_text_in_which_foreign_marks_are_no_markup(tmp_path, host):
    channels = Channels(webhook=host.script("/hook", Reply(b"ok")))
    tell_alerts(tmp_path, [Alert("table_failed", "core.a", "core.a: <!channel> & <b>")], channels, now=MONDAY)
    (body,) = posted(host)
    assert set(body) == {"text"}
    assert "core.a: &lt;!channel&gt; &amp; &lt;b&gt;" in body["text"]
    assert "1 failed tables or checks" in body["text"]


def test_e_mail_holds_every_alert_in_a_line_and_its_subject_is_one_line(tmp_path, mailbox):
    channels = Channels(recipients=("lab@example.org",), smtp=f"smtp://127.0.0.1:{mailbox.server_address[1]}")
    odd = Alert("source_stale", "hgnc", "hgnc: silent\nBcc: everybody@example.org")
    told = tell_alerts(tmp_path, [FAILED, odd], channels, now=MONDAY)
    assert told.problems == ()
    (message,) = mailbox.messages
    head, _, body = message.replace("\r\n", "\n").partition("\n\n")
    assert "To: lab@example.org" in head
    assert "Subject: resistance warehouse: 1 failed tables or checks, 1 stale sources" in head
    assert "Bcc" not in head
    assert "hgnc: silent Bcc: everybody@example.org" in body


def test_a_channel_that_is_not_there_says_so_without_its_secret():
    channels = Channels(
        webhook="http://127.0.0.1:1/services/SECRET", recipients=("a@example.org",), smtp="smtp://u:SECRET@127.0.0.1:1"
    )
    problems = send(channels, "s", "t", {})
    assert len(problems) == 2
    assert "SECRET" not in " ".join(problems)
    assert send(Channels(webhook="file:///etc/passwd"), "s", "t", {}) == [
        "webhook at None: the address is not http or https"
    ]


def test_what_is_wrong_is_read_from_the_lake_and_from_the_looks_at_sources(tmp_path):
    lake = Lake(tmp_path / "lake")
    note_failure(lake, ["core.a", "core.b"], "check schema failed")
    note_failure(lake, ["core.c"], "truncated")
    note_looks(tmp_path, {"hgnc": None, "biogrid": None}, now=datetime.now(UTC) - timedelta(days=5))
    note_looks(tmp_path, {"biogrid": None})

    def now(**changes):
        asked = {"study_faults": {}, "sources": {"hgnc", "biogrid"}, "max_age": timedelta(days=3), **changes}
        return [(alert.kind, alert.subject) for alert in current_alerts(tmp_path, **asked)]

    assert now() == [("table_failed", "core.a"), ("table_failed", "core.c"), ("source_stale", "hgnc")]
    assert ("study_left_out", "mine") in now(study_faults={"mine": "study.toml: ..."})
    assert now(max_age=None) == [("table_failed", "core.a"), ("table_failed", "core.c")]
    forget_failure(lake, ["core.a", "core.b", "core.c"])
    assert now() == [("source_stale", "hgnc")]


def test_a_source_that_sends_something_else_is_told_whoever_met_it_first(tmp_path):
    page = "hgnc (https://h/x): html_page: a web page came in place of the data"
    note_looks(tmp_path, {"hgnc": None, "biogrid": None, "new": None}, now=datetime.now(UTC) - timedelta(days=1))
    note_looks(tmp_path, {"hgnc": page, "biogrid": "biogrid (https://h/y): unreachable: host h cannot be reached"})

    def now():
        found = current_alerts(tmp_path, study_faults={}, sources={"hgnc", "biogrid"}, max_age=timedelta(days=3))
        return [(alert.kind, alert.subject) for alert in found]

    # The daemon looked, and left the table alone; that a host does not answer for a night is no news.
    assert now() == [("source_failed", "hgnc")]
    # A refresh tried the table.
    note_failure(Lake(tmp_path / "lake"), ["parts.hgnc"], page)
    assert now() == [("table_failed", "parts.hgnc")]


def test_a_damaged_record_of_what_was_told_is_begun_anew(tmp_path: Path, host):
    (tmp_path / "alerts.json").write_text("[")
    channels = Channels(webhook=host.script("/hook", Reply(b"ok")))
    assert tell_alerts(tmp_path, [FAILED], channels, now=MONDAY).news
