"""Transports: the mirror with real files, and a loopback host that fails in every way that public hosts do."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import multiprocessing
import socket
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resistance_assets.connectors.transport.transport import (
    FailureKind,
    LiveTransport,
    MirrorTransport,
    Resource,
    failure_kind,
    open_transport,
    re_point,
    require_all_pages,
    retry_after_seconds,
    write_mirror,
)
from resistance_assets.errors import CatalogFault, Fault, SourceUnavailable, TransportFault
from resistance_assets_tests.loopback import LoopbackHost, Reply

TABLE = b"gene\tvalue\n" + b"".join(b"GENE%d\t%d\n" % (i, i) for i in range(5000))
GZIPPED = gzip.compress(TABLE, mtime=0)
HTML = b"<!DOCTYPE html><html><head><title>Are you a robot?</title></head><body>reCAPTCHA</body></html>"


class Waits(list[float]):
    """Stands in for time.sleep and keeps what it was asked to wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def live(tmp_path: Path, waits: Waits):
    with LiveTransport(tmp_path / "cache", sleep=waits, requests_per_second=1e9, attempts=4) as transport:
        yield transport


def fault_of(transport, resource: Resource) -> Fault:
    with pytest.raises(Fault) as caught:
        transport.fetch(resource)
    return caught.value


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# Mirror


def test_mirror_gives_every_listed_file_with_the_checksum_of_its_index(shared):
    mirror = MirrorTransport(shared / "mirror")
    listed = [json.loads(line) for line in (shared / "mirror" / "index.jsonl").read_text().splitlines()]
    assert mirror.urls() == [entry["url"] for entry in listed]
    for entry in listed:
        fetched = mirror.fetch(Resource(entry["url"]))
        assert (fetched.sha256, fetched.size_bytes) == (entry["sha256"], entry["bytes"])
        assert fetched.path.read_bytes()[:2] != b""
        assert mirror.probe(Resource(entry["url"])).token == entry["sha256"]


def test_other_index_of_the_same_folder_gives_the_new_release(shared):
    url = "https://datahub.assets.cbioportal.org/luad_tcga_pan_can_atlas_2018.tar.gz"
    first, second = (MirrorTransport(shared / "mirror" / name) for name in ("index.jsonl", "index_r2.jsonl"))
    resource = Resource(url, content="tar.gz", markers=("luad_tcga_pan_can_atlas_2018/meta_study.txt",))
    assert first.probe(resource).token != second.probe(resource).token
    assert first.fetch(resource).sha256 != second.fetch(resource).sha256


def make_mirror(folder: Path, data: bytes, **changes: object) -> Path:
    folder.mkdir()
    (folder / "table.tsv").write_bytes(data)
    entry = {"method": "GET", "url": "https://host.example/table.tsv", "file": "table.tsv", "sha256": sha256(data)}
    (folder / "index.jsonl").write_text(json.dumps(entry | {"bytes": len(data)} | changes) + "\n")
    return folder


def test_mirror_names_both_checksums_of_a_changed_file(tmp_path):
    folder = make_mirror(tmp_path / "m", TABLE)
    (folder / "table.tsv").write_bytes(TABLE[:-3])
    fault = fault_of(MirrorTransport(folder), Resource("https://host.example/table.tsv"))
    assert isinstance(fault, TransportFault)
    assert failure_kind(fault) is FailureKind.CHECKSUM_MISMATCH
    assert sha256(TABLE) in str(fault)
    assert sha256(TABLE[:-3]) in str(fault)


def test_mirror_notices_a_file_changed_after_it_was_verified(tmp_path):
    folder = make_mirror(tmp_path / "m", TABLE)
    mirror = MirrorTransport(folder)
    mirror.fetch(Resource("https://host.example/table.tsv"))
    (folder / "table.tsv").write_bytes(TABLE + b"more\t1\n")
    assert failure_kind(fault_of(mirror, Resource("https://host.example/table.tsv"))) is FailureKind.CHECKSUM_MISMATCH


def test_mirror_without_the_url_is_unavailable_and_without_the_file_is_faulty(tmp_path):
    folder = make_mirror(tmp_path / "m", TABLE)
    mirror = MirrorTransport(folder)
    fault = fault_of(mirror, Resource("https://host.example/other.tsv"))
    assert isinstance(fault, SourceUnavailable)
    assert failure_kind(fault) is FailureKind.NOT_LISTED
    (folder / "table.tsv").unlink()
    fault = fault_of(mirror, Resource("https://host.example/table.tsv"))
    assert isinstance(fault, TransportFault)
    assert sha256(TABLE) in str(fault)


def test_mirror_compares_a_pinned_checksum_with_its_own(tmp_path):
    mirror = MirrorTransport(make_mirror(tmp_path / "m", TABLE))
    fault = fault_of(mirror, Resource("https://host.example/table.tsv", sha256="0" * 64))
    assert failure_kind(fault) is FailureKind.CHECKSUM_MISMATCH
    assert "0" * 64 in str(fault)


def test_mirror_refuses_an_index_that_leads_outside_or_cannot_be_read(tmp_path):
    with pytest.raises(CatalogFault, match=r"line 1.*outside"):
        MirrorTransport(make_mirror(tmp_path / "escaping", TABLE, file="../secret"))
    broken = make_mirror(tmp_path / "broken", TABLE)
    (broken / "index.jsonl").write_text('\n{"method": "GET"\n')
    with pytest.raises(CatalogFault, match="line 2"):
        MirrorTransport(broken)
    with pytest.raises(CatalogFault, match="no index"):
        MirrorTransport(tmp_path / "absent")


def test_mirror_that_was_written_gives_back_what_was_fetched(tmp_path, live, loopback: LoopbackHost):
    get = Resource(loopback.script("/a/t.tsv", Reply(TABLE, headers={"ETag": '"v1"'})), content="tsv")
    url = loopback.script("/fetch", Reply(b'["a"]'), Reply(b'["b"]'))
    posts = [Resource(url, method="POST", body=body, content="json") for body in (b"1", b"2")]
    folder = tmp_path / "mirror"
    write_mirror(folder, [live.fetch(get)], notes={get.url: {"licence": "CC0"}})
    write_mirror(folder, [live.fetch(post) for post in posts])
    mirror = MirrorTransport(folder)
    copy, original = mirror.fetch(get), live.fetch(get)
    assert copy.path.read_bytes() == TABLE
    assert (copy.etag, copy.retrieved_at) == ('"v1"', original.retrieved_at)
    assert [mirror.fetch(post).path.read_bytes() for post in posts] == [b'["a"]', b'["b"]']
    assert failure_kind(fault_of(mirror, Resource(url, method="POST", body=b"3"))) is FailureKind.NOT_LISTED
    assert json.loads((folder / "index.jsonl").read_text().splitlines()[0])["licence"] == "CC0"
    loopback.script("/a/t.tsv", Reply(TABLE * 2))
    write_mirror(folder, [live.fetch(get)])
    assert MirrorTransport(folder).fetch(get).size_bytes == 2 * len(TABLE)
    assert len((folder / "index.jsonl").read_text().splitlines()) == 3


# Live: what goes well


def test_fetch_verifies_and_keeps_what_the_host_says_of_the_file(live, loopback: LoopbackHost):
    headers = {"ETag": '"v1"', "Last-Modified": "Wed, 15 Jan 2025 22:38:47 GMT", "Content-Type": "application/x-gzip"}
    url = loopback.script("/t.tsv.gz", Reply(GZIPPED, headers=headers))
    progress: list[tuple[int, int | None]] = []
    fetched = live.fetch(
        Resource(
            url,
            content="gzip",
            markers=("GENE4999\t4999",),
            sha256=sha256(GZIPPED),
            md5=hashlib.md5(GZIPPED).hexdigest(),
            size_bytes=len(GZIPPED),
        ),
        progress=lambda done, total: progress.append((done, total)),
    )
    assert fetched.path.read_bytes() == GZIPPED
    assert fetched.path.name == "t.tsv.gz"
    assert (fetched.etag, fetched.last_modified) == ('"v1"', headers["Last-Modified"])
    assert (fetched.content_type, fetched.resolved_url, fetched.transport) == ("application/x-gzip", url, "live")
    assert fetched.retrieved_at.tzinfo is UTC
    assert progress[-1] == (len(GZIPPED), len(GZIPPED))


def test_second_fetch_is_conditional_and_a_changed_file_is_fetched_anew(live, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(TABLE, headers={"ETag": '"v1"'}))
    first = live.fetch(Resource(url, content="tsv"))
    again = live.fetch(Resource(url, content="tsv"))
    assert (again.path, again.retrieved_at) == (first.path, first.retrieved_at)
    assert loopback.requests[1].headers["if-none-match"] == '"v1"'
    loopback.script("/t", Reply(TABLE + b"NEW\t1\n", headers={"ETag": '"v2"'}))
    changed = live.fetch(Resource(url, content="tsv"))
    assert changed.sha256 == sha256(TABLE + b"NEW\t1\n")
    assert first.path.read_bytes() == TABLE


def test_damaged_cache_file_is_fetched_again(live, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(TABLE, headers={"ETag": '"v1"'}))
    first = live.fetch(Resource(url))
    first.path.write_bytes(TABLE[:100])
    assert live.fetch(Resource(url)).path.read_bytes() == TABLE


def test_pinned_file_of_the_cache_needs_no_host(live, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(TABLE))
    resource = Resource(url, sha256=sha256(TABLE))
    live.fetch(resource)
    live.fetch(resource)
    assert len(loopback.requests) == 1


def test_redirects_are_followed_and_re_pointed(tmp_path, waits, loopback: LoopbackHost):
    loopback.script("/api/file", Reply(status=302, headers={"Location": "https://mirror.example/Files/t.tsv"}))
    loopback.script("/other/Files/t.tsv", Reply(TABLE))
    host_map = {"https://api.example": f"{loopback.url}/api", "https://mirror.example": f"{loopback.url}/other/"}
    with LiveTransport(tmp_path, host_map=host_map, sleep=waits) as live:
        fetched = live.fetch(Resource("https://api.example/file", content="tsv"))
    assert fetched.resolved_url == f"{loopback.url}/other/Files/t.tsv"


def test_cut_transfer_is_resumed_by_range(live, waits, loopback: LoopbackHost):
    whole = Reply(GZIPPED, headers={"ETag": '"v1"'}, ranges=True)
    url = loopback.script("/t.gz", Reply(GZIPPED, headers={"ETag": '"v1"'}, ranges=True, cut_after=1000), whole)
    assert live.fetch(Resource(url, content="gzip")).sha256 == sha256(GZIPPED)
    assert loopback.requests[1].headers["range"] == "bytes=1000-"
    assert loopback.requests[1].headers["if-range"] == '"v1"'
    assert len(waits) == 1


def test_any_number_of_cuts_is_survived_while_each_attempt_brings_something(live, waits, loopback: LoopbackHost):
    cut = Reply(GZIPPED, headers={"ETag": '"v1"'}, ranges=True, cut_after=len(GZIPPED) // 8)
    url = loopback.script("/t.gz", *[cut] * 7, Reply(GZIPPED, headers={"ETag": '"v1"'}, ranges=True))
    assert live.fetch(Resource(url, content="gzip")).sha256 == sha256(GZIPPED)
    assert len(loopback.requests) == 8  # twice the attempts that may bring nothing
    assert all(seconds <= 1.5 for seconds in waits)


def test_file_that_changed_during_a_cut_transfer_is_fetched_whole(live, loopback: LoopbackHost):
    newer = gzip.compress(TABLE[::-1], mtime=0)
    url = loopback.script(
        "/t.gz",
        Reply(GZIPPED, headers={"ETag": '"v1"'}, ranges=True, cut_after=1000),
        Reply(newer, headers={"ETag": '"v2"'}, ranges=True),
    )
    assert live.fetch(Resource(url, content="gzip")).sha256 == sha256(newer)


def test_part_of_an_earlier_process_is_resumed(tmp_path, waits, loopback: LoopbackHost):
    cut = Reply(GZIPPED, headers={"ETag": '"v1"'}, ranges=True, cut_after=2000)
    url = loopback.script("/t.gz", cut, Reply(status=503))
    with LiveTransport(tmp_path, sleep=waits, attempts=1) as first:
        assert failure_kind(fault_of(first, Resource(url, content="gzip"))) is FailureKind.SERVER_ERROR
    loopback.script("/t.gz", Reply(GZIPPED, headers={"ETag": '"v1"'}, ranges=True))
    with LiveTransport(tmp_path, sleep=waits, attempts=1) as second:
        assert second.fetch(Resource(url, content="gzip")).sha256 == sha256(GZIPPED)
    assert loopback.requests[-1].headers["range"] == "bytes=2000-"


def test_answer_compressed_unasked_is_decompressed_and_a_gzip_file_is_not(live, loopback: LoopbackHost):
    loopback.script("/t.tsv", Reply(GZIPPED, headers={"Content-Encoding": "gzip"}))
    loopback.script("/t.tsv.gz", Reply(GZIPPED, headers={"Content-Encoding": "x-gzip"}))
    assert live.fetch(Resource(f"{loopback.url}/t.tsv", content="tsv")).path.read_bytes() == TABLE
    assert live.fetch(Resource(f"{loopback.url}/t.tsv.gz", content="gzip")).path.read_bytes() == GZIPPED


def test_post_sends_its_body_and_bodies_do_not_share_a_cache_entry(live, loopback: LoopbackHost):
    url = loopback.script("/fetch", Reply(b'["a"]'), Reply(b'["b"]'))
    first = live.fetch(Resource(url, method="POST", body=b'["GAS6"]', content="json"))
    second = live.fetch(Resource(url, method="POST", body=b'["AXL"]', content="json"))
    assert [request.body for request in loopback.requests] == [b'["GAS6"]', b'["AXL"]']
    assert (first.path.read_bytes(), second.path.read_bytes()) == (b'["a"]', b'["b"]')


def test_contact_is_sent(tmp_path, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(TABLE))
    with LiveTransport(tmp_path, contact="lab@example.org") as live:
        live.fetch(Resource(url))
    assert "lab@example.org" in loopback.requests[0].headers["user-agent"]


# Live: the nine failures


def test_failure_1_page_of_html_with_status_200_is_never_data(live, waits, loopback: LoopbackHost):
    for content in ("gzip", "json", "tsv", "text", "any"):
        url = loopback.script(f"/{content}", Reply(HTML, headers={"Content-Type": "text/html"}))
        fault = fault_of(live, Resource(url, content=content, name="counts of GSE1"))
        assert isinstance(fault, TransportFault)
        assert failure_kind(fault) is FailureKind.HTML_PAGE
        assert "counts of GSE1" in str(fault)
        assert "robot" in str(fault)
    assert waits == []
    assert live.fetch(Resource(url, content="html")).path.read_bytes() == HTML


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"errorMessage":"Study not found"}',
        b'{"eutilsresult":{"ERROR":"Invalid db name"}}',
        b'{"error":"Unauthorized","message":"no"}',
    ],
)
def test_failure_2_empty_or_error_json(live, loopback: LoopbackHost, body):
    url = loopback.script("/info", Reply(body))
    assert failure_kind(fault_of(live, Resource(url, content="json"))) is FailureKind.EMPTY_OR_ERROR_JSON


def test_failure_3_no_content(live, loopback: LoopbackHost):
    url = loopback.script("/filereport", Reply(status=204))
    fault = fault_of(live, Resource(url, content="tsv"))
    assert isinstance(fault, SourceUnavailable)
    assert failure_kind(fault) is FailureKind.NO_CONTENT


def test_failure_4_redirects_that_lead_nowhere_and_empty_files(live, loopback: LoopbackHost):
    nowhere = loopback.script("/nowhere", Reply(status=302))
    circle = loopback.script("/circle", Reply(status=302, headers={"Location": "/circle"}))
    empty = loopback.script("/empty", Reply(b""))
    assert failure_kind(fault_of(live, Resource(nowhere))) is FailureKind.LOST_REDIRECT
    assert failure_kind(fault_of(live, Resource(circle))) is FailureKind.LOST_REDIRECT
    assert failure_kind(fault_of(live, Resource(empty))) is FailureKind.EMPTY_FILE


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_failure_5_refused_or_gone_is_not_asked_again(live, waits, loopback: LoopbackHost, status):
    url = loopback.script("/gone", Reply(b"<html>no</html>", status=status))
    fault = fault_of(live, Resource(url))
    assert isinstance(fault, SourceUnavailable)
    assert failure_kind(fault) is FailureKind.REFUSED_OR_GONE
    assert str(status) in str(fault)
    assert waits == []


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("0.75", 0.75)])
def test_failure_6_retry_after_is_honoured(live, waits, loopback: LoopbackHost, header, seconds):
    url = loopback.script("/busy", Reply(status=429, headers={"Retry-After": header}), Reply(TABLE))
    assert live.fetch(Resource(url)).size_bytes == len(TABLE)
    assert waits == [seconds]


def test_failure_6_gives_up_after_its_attempts_and_at_once_when_asked_to_wait_long(live, waits, loopback: LoopbackHost):
    url = loopback.script("/busy", Reply(status=429))
    fault = fault_of(live, Resource(url))
    assert isinstance(fault, SourceUnavailable)
    assert failure_kind(fault) is FailureKind.RATE_LIMITED
    assert len(loopback.requests) == 4
    assert len(waits) == 3
    loopback.script("/busy", Reply(status=429, headers={"Retry-After": "86400"}))
    assert "86400" in str(fault_of(live, Resource(url)))
    assert len(waits) == 3


def tar_bytes(mode: str = "w:gz", *, members: int = 3) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for number in range(members):
            data = TABLE[: 20_000 + number]
            info = tarfile.TarInfo(f"study/{number}.tsv")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sets.gmt", TABLE)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "whole"),
    [("gzip", GZIPPED), ("tar.gz", tar_bytes()), ("tar", tar_bytes("w")), ("zip", zip_bytes()), ("json", b"[1, 2]")],
)
@pytest.mark.parametrize("framing", ["close", "chunked"])
def test_failure_7_truncated_without_a_length(live, waits, loopback: LoopbackHost, content, whole, framing):
    cut = Reply(whole, framing=framing, cut_after=len(whole) // 2)
    url = loopback.script("/file", cut)
    fault = fault_of(live, Resource(url, content=content))
    assert isinstance(fault, TransportFault)
    assert failure_kind(fault) is FailureKind.TRUNCATED
    assert len(loopback.requests) == 4
    loopback.script("/file", cut, Reply(whole, framing=framing))
    assert live.fetch(Resource(url, content=content)).sha256 == sha256(whole)


def test_failure_7_truncated_against_a_declared_length_or_marker(live, loopback: LoopbackHost):
    cut = loopback.script("/cut", Reply(TABLE, cut_after=500))
    assert failure_kind(fault_of(live, Resource(cut))) is FailureKind.TRUNCATED
    short = loopback.script("/short", Reply(TABLE[:-10]))
    assert failure_kind(fault_of(live, Resource(short, size_bytes=len(TABLE)))) is FailureKind.TRUNCATED
    assert failure_kind(fault_of(live, Resource(short, markers=("GENE4999\t",)))) is FailureKind.MARKER_MISSING
    inside = loopback.script("/inside.gz", Reply(gzip.compress(TABLE[:-20])))
    fault = fault_of(live, Resource(inside, content="gzip", markers=("GENE4999\t",)))
    assert failure_kind(fault) is FailureKind.MARKER_MISSING


def test_failure_8_pages_that_a_host_holds_back():
    require_all_pages(178, 178, subject="files of E-GEOD-16059")
    with pytest.raises(TransportFault, match=r"pages_missing: 25 items .* 178"):
        require_all_pages(25, 178, subject="files of E-GEOD-16059")


def test_failure_9_error_document_of_an_object_store(live, loopback: LoopbackHost):
    xml = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>'
    url = loopback.script("/HiSeqV2.gz", Reply(xml, headers={"Content-Type": "application/xml"}))
    for content in ("gzip", "any", "xml"):
        assert failure_kind(fault_of(live, Resource(url, content=content))) is FailureKind.STORAGE_ERROR_XML


# Live: further faults


def test_checksums_that_do_not_agree_name_both(live, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(TABLE))
    fault = fault_of(live, Resource(url, sha256="a" * 64))
    assert len(loopback.requests) == 2  # once more, in case the bytes were garbled on the way
    assert failure_kind(fault) is FailureKind.CHECKSUM_MISMATCH
    assert "a" * 64 in str(fault)
    assert sha256(TABLE) in str(fault)
    assert failure_kind(fault_of(live, Resource(url, md5="b" * 32))) is FailureKind.CHECKSUM_MISMATCH
    wrong = base64.b64encode(hashlib.md5(b"else").digest()).decode()
    for header in ({"Content-MD5": wrong}, {"x-goog-hash": f"crc32c=AAAAAA==,md5={wrong}"}):
        url = loopback.script("/h", Reply(TABLE, headers=header))
        assert failure_kind(fault_of(live, Resource(url))) is FailureKind.CHECKSUM_MISMATCH


def test_lfs_pointer_is_not_data_unless_it_is_what_was_asked_for(live, shared, loopback: LoopbackHost):
    pointer = (shared / "samples" / "cbioportal" / "pointer_data_cna.txt").read_bytes()
    url = loopback.script("/data_cna.txt", Reply(pointer))
    assert failure_kind(fault_of(live, Resource(url, content="text"))) is FailureKind.GIT_LFS_POINTER
    asked = Resource(url, content="text", markers=("version https://git-lfs.github.com/spec/v1",))
    assert live.fetch(asked).path.read_bytes() == pointer


def test_other_formats_than_the_one_asked_for(live, loopback: LoopbackHost):
    url = loopback.script("/quota", Reply(b"This repository is over its data quota."))
    for content in ("gzip", "tar.gz", "tar", "zip", "tsv", "xml"):
        assert failure_kind(fault_of(live, Resource(url, content=content))) is FailureKind.WRONG_FORMAT


def test_server_errors_pass_or_are_reported(live, waits, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(status=503), Reply(status=502), Reply(TABLE))
    assert live.fetch(Resource(url)).size_bytes == len(TABLE)
    assert len(waits) == 2
    assert 0.5 <= waits[0] <= 1.5  # one second, with jitter
    assert 1.0 <= waits[1] <= 3.0
    url = loopback.script("/down", Reply(HTML, status=500))
    fault = fault_of(live, Resource(url))
    assert isinstance(fault, SourceUnavailable)
    assert failure_kind(fault) is FailureKind.SERVER_ERROR


def test_host_that_cannot_be_reached_is_unavailable_with_the_reason_and_is_not_waited_for_twice(
    tmp_path, waits, monkeypatch
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        now = [0.0]
        with LiveTransport(tmp_path, sleep=waits, clock=lambda: now[0], requests_per_second=1e9) as live:
            fault = fault_of(live, Resource(url + "/a"))
            assert isinstance(fault, SourceUnavailable)
            assert failure_kind(fault) is FailureKind.UNREACHABLE
            assert "ConnectError" in str(fault)
            waited = len(waits)
            assert waited >= 2
            assert "a moment ago" in str(fault_of(live, Resource(url + "/b")))
            assert len(waits) == waited
            now[0] = 61.0
            assert "ConnectError" in str(fault_of(live, Resource(url + "/b")))


def test_other_protocols_are_refused_at_once(live, waits):
    fault = fault_of(live, Resource("ftp://ftp.example/file"))
    assert isinstance(fault, SourceUnavailable)
    assert waits == []


def test_cache_that_cannot_be_written_is_told(tmp_path, loopback: LoopbackHost):
    (tmp_path / "cache").write_text("a file where a folder belongs")
    url = loopback.script("/t", Reply(TABLE))
    with LiveTransport(tmp_path / "cache") as live:
        fault = fault_of(live, Resource(url))
    assert isinstance(fault, SourceUnavailable)
    assert failure_kind(fault) is FailureKind.CACHE_UNUSABLE


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "HTTPS_PROXY"])
def test_settings_of_the_network_that_cannot_be_used_are_told(tmp_path, monkeypatch, loopback: LoopbackHost, variable):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv(variable, "gopher://absent")
    with LiveTransport(tmp_path) as live:
        fault = fault_of(live, Resource(loopback.url + "/t"))
    assert isinstance(fault, SourceUnavailable)
    assert variable in str(fault)


def test_failed_fetch_leaves_no_file_in_the_cache(live, loopback: LoopbackHost):
    url = loopback.script("/t.gz", Reply(HTML))
    fault_of(live, Resource(url, content="gzip"))
    assert [path for path in live.cache_dir.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_offline_serves_the_cache_alone(tmp_path, live, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(TABLE))
    live.fetch(Resource(url))
    offline = open_transport(mirror=None, cache_dir=live.cache_dir, offline=True)
    assert offline.fetch(Resource(url)).sha256 == sha256(TABLE)
    assert len(loopback.requests) == 1
    assert failure_kind(fault_of(offline, Resource(url + "/else"))) is FailureKind.OFFLINE
    with pytest.raises(SourceUnavailable, match="offline"):
        offline.probe(Resource(url))
    assert "offline" in offline.describe()


# Probes


def probe_basis(live, loopback: LoopbackHost, *replies: Reply):
    loopback.requests.clear()
    url = loopback.script("/t", *replies)
    probe = live.probe(Resource(url))
    return probe.basis, probe.token, [request.method for request in loopback.requests]


def test_probe_takes_the_best_token_that_the_host_offers(live, loopback: LoopbackHost):
    modified = "Fri, 18 Oct 2024 17:02:15 GMT"
    md5 = hashlib.md5(TABLE)
    published = {"x-goog-hash": f"crc32c=AAAAAA==,md5={base64.b64encode(md5.digest()).decode()}", "ETag": '"e"'}
    dated = {"Last-Modified": modified}
    assert probe_basis(live, loopback, Reply(TABLE, headers=published)) == (
        "published_checksum",
        f"md5:{md5.hexdigest()}",
        ["HEAD"],
    )
    assert probe_basis(live, loopback, Reply(TABLE, headers={"ETag": 'W/"e"', **dated})) == ("etag", '"e"', ["HEAD"])
    assert probe_basis(live, loopback, Reply(TABLE, headers=dated)) == (
        "last_modified_and_length",
        f"{modified};{len(TABLE)}",
        ["HEAD"],
    )
    assert probe_basis(live, loopback, Reply(TABLE)) == ("sha256_of_body", sha256(TABLE), ["HEAD", "GET", "GET"])


def test_probe_asks_for_one_byte_where_head_is_refused(live, loopback: LoopbackHost):
    whole = Reply(TABLE, headers={"Last-Modified": "Fri, 18 Oct 2024 17:02:15 GMT"}, ranges=True)
    basis, token, methods = probe_basis(live, loopback, Reply(status=405), whole)
    assert (basis, methods) == ("last_modified_and_length", ["HEAD", "GET"])
    assert token.endswith(f";{len(TABLE)}")
    assert loopback.requests[1].headers["range"] == "bytes=0-0"


def test_probe_does_not_take_the_etag_of_a_captcha_page(live, loopback: LoopbackHost):
    url = loopback.script("/t.gz", Reply(HTML, headers={"ETag": '"page"', "Content-Type": "text/html"}))
    with pytest.raises(TransportFault, match="html_page"):
        live.probe(Resource(url, content="gzip"))


def test_probe_that_fails_raises(live, loopback: LoopbackHost):
    with pytest.raises(SourceUnavailable, match="404"):
        live.probe(Resource(loopback.url + "/absent"))


# Small parts


def test_re_pointing_replaces_whole_hosts_and_the_longest_prefix():
    host_map = {"https://a.org": "http://x", "https://a.org/data/": "http://y/d"}
    assert re_point("https://a.org/data/f?q=1", host_map) == "http://y/d/f?q=1"
    assert re_point("https://a.org/database", host_map) == "http://x/database"
    assert re_point("https://a.org.evil/data", host_map) == "https://a.org.evil/data"


def test_retry_after_forms():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after_seconds("Thu, 01 Jan 2026 00:00:30 GMT", now=now) == 30
    assert retry_after_seconds("Wed, 31 Dec 2025 00:00:00 GMT", now=now) == 0
    assert retry_after_seconds("soon", now=now) is None
    assert retry_after_seconds(None, now=now) is None


def test_requests_to_a_host_are_spaced(tmp_path, loopback: LoopbackHost):
    time, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time[0] += seconds

    url = loopback.script("/t", Reply(TABLE))
    paced = {"127.0.0.1": 2.0}
    with LiveTransport(tmp_path, host_requests_per_second=paced, sleep=sleep, clock=lambda: time[0]) as live:
        for number in range(3):
            live.fetch(Resource(url, method="POST", body=b"%d" % number))
    assert waits == [0.5, 0.5]


def _fetch_in_a_process(cache: str, url: str, results) -> None:
    with LiveTransport(Path(cache), requests_per_second=1e9) as live:
        results.put(live.fetch(Resource(url, content="gzip")).sha256)


def test_two_processes_share_a_cache_and_download_once(tmp_path, loopback: LoopbackHost):
    url = loopback.script("/t.gz", Reply(GZIPPED, headers={"ETag": '"v1"'}, framing="chunked"))
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    arguments = (str(tmp_path), url, results)
    processes = [context.Process(target=_fetch_in_a_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [results.get(timeout=5) for _ in processes] == [sha256(GZIPPED)] * 2
    conditional = [request for request in loopback.requests if "if-none-match" in request.headers]
    assert (len(loopback.requests), len(conditional)) == (2, 1)


def test_mirror_is_opened_where_one_is_given(tmp_path):
    folder = make_mirror(tmp_path / "m", TABLE)
    transport = open_transport(mirror=folder, cache_dir=tmp_path / "cache")
    assert transport.fetch(Resource("https://host.example/table.tsv", content="tsv")).transport == "mirror"
    assert "1 resources" in transport.describe()
