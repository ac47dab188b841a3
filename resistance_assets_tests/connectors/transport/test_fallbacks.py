"""Further addresses of a source: asked in order after the first failed; the file of a git-lfs pointer is asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from resistance_assets.connectors.transport.fallbacks import fetch_with_fallbacks
from resistance_assets.connectors.transport.http import LiveTransport
from resistance_assets.connectors.transport.mirror import MirrorTransport
from resistance_assets.connectors.transport.resource import FailureKind, Resource, failure_kind
from resistance_assets.errors import Fault
from resistance_assets_tests.loopback import Reply

TABLE = b"gene\tvalue\nEGFR\t1\n"
PAGE = b"<!DOCTYPE html><html><body>moved</body></html>"
RAW = "https://raw.githubusercontent.com/cBioPortal/datahub/master/public/s/data_cna.txt"
MEDIA = "https://media.githubusercontent.com/media/cBioPortal/datahub/master/public/s/data_cna.txt"


@pytest.fixture
def transport(tmp_path):
    with LiveTransport(tmp_path / "cache", sleep=lambda _: None, requests_per_second=1e9, attempts=1) as live:
        yield live


@pytest.mark.parametrize(
    "first", [Reply(status=404), Reply(PAGE), Reply(TABLE, cut_after=5)], ids=["404", "page", "cut"]
)
def test_further_addresses_are_asked_in_order_until_one_has_the_file(transport, loopback, first):
    one, two = loopback.script("/one", first), loopback.script("/two", Reply(PAGE))
    three, four = loopback.script("/three", Reply(TABLE)), loopback.script("/four", Reply(TABLE))
    fetched = fetch_with_fallbacks(transport, Resource(one, content="tsv"), [two, three, four])
    assert fetched.path.read_bytes() == TABLE
    assert fetched.resolved_url == three
    assert loopback.requests_to("/two")
    assert not loopback.requests_to("/four")


def test_where_no_address_has_the_file_the_first_failure_is_told(transport, loopback):
    one, two = loopback.script("/one", Reply(PAGE)), loopback.script("/two", Reply(status=404))
    with pytest.raises(Fault) as caught:
        fetch_with_fallbacks(transport, Resource(one, content="tsv"), [two])
    assert failure_kind(caught.value) is FailureKind.HTML_PAGE


def test_after_a_failure_of_another_kind_no_further_address_is_asked(transport, loopback):
    one, two = loopback.script("/one", Reply(PAGE)), loopback.script("/two", Reply(TABLE))
    with pytest.raises(Fault, match="html_page"):
        fetch_with_fallbacks(transport, Resource(one, content="tsv"), [two], only=[FailureKind.EMPTY_FILE])
    assert not loopback.requests_to("/two")


def mirror_of(folder: Path, files: dict[str, bytes]) -> MirrorTransport:
    lines = []
    for at, (url, data) in enumerate(files.items()):
        (folder / str(at)).write_bytes(data)
        entry = {"method": "GET", "url": url, "file": str(at), "bytes": len(data)}
        lines.append(json.dumps({**entry, "sha256": hashlib.sha256(data).hexdigest()}))
    (folder / "index.jsonl").write_text("\n".join(lines))
    return MirrorTransport(folder)


def pointer_to(data: bytes) -> bytes:
    oid = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()


def test_the_file_of_a_git_lfs_pointer_is_asked_of_the_media_host(tmp_path):
    mirror = mirror_of(tmp_path, {RAW: pointer_to(TABLE), MEDIA: TABLE})
    assert fetch_with_fallbacks(mirror, Resource(RAW, content="tsv"), []).path.read_bytes() == TABLE


def test_another_file_than_the_pointer_names_is_not_taken(tmp_path):
    mirror = mirror_of(tmp_path, {RAW: pointer_to(TABLE), MEDIA: TABLE.replace(b"1", b"2")})
    with pytest.raises(Fault, match="git_lfs_pointer"):
        fetch_with_fallbacks(mirror, Resource(RAW, content="tsv"), [])


LFS = "https://lfs.example.org/cbioportal"
OID = hashlib.sha256(TABLE).hexdigest()


@pytest.fixture
def github(tmp_path, loopback):
    """A repository whose media host lacks the file, and whose own git-lfs server has it."""
    hosts = {"https://raw.githubusercontent.com": "raw", "https://media.githubusercontent.com": "media", LFS: "lfs"}
    hosts |= {"https://objects.example.org": "objects"}
    loopback.script("/raw/cBioPortal/datahub/master/public/s/data_cna.txt", Reply(pointer_to(TABLE)))
    config = f"[core]\n  x = 1\n[lfs]\n\turl = {LFS}\n".encode()
    loopback.script("/raw/cBioPortal/datahub/master/.lfsconfig", Reply(config))
    with LiveTransport(
        tmp_path / "cache", host_map={name: f"{loopback.url}/{path}" for name, path in hosts.items()},
        sleep=lambda _: None, requests_per_second=1e9, attempts=1,
    ) as live:  # fmt: skip
        yield live


def batch(href: str) -> Reply:
    download = {"href": href, "header": {"Authorization": "Basic secret"}}
    answer = {"transfer": "basic", "objects": [{"oid": OID, "size": len(TABLE), "actions": {"download": download}}]}
    return Reply(json.dumps(answer).encode())


def test_the_server_that_lfsconfig_names_is_asked_by_the_batch_api(github, loopback):
    loopback.script("/lfs/objects/batch", batch("https://objects.example.org/one?signature=abc"))
    loopback.script("/objects/one?signature=abc", Reply(TABLE))
    fetched = fetch_with_fallbacks(github, Resource(RAW, content="tsv", name="cna"), [])
    assert fetched.path.read_bytes() == TABLE
    (asked,) = loopback.requests_to("/lfs/objects/batch")
    assert json.loads(asked.body)["objects"] == [{"oid": OID, "size": len(TABLE)}]
    assert asked.headers["accept"] == asked.headers["content-type"] == "application/vnd.git-lfs+json"
    assert loopback.requests_to("/objects/one?signature=abc")[0].headers["authorization"] == "Basic secret"


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=404),
        Reply(b'{"objects":[{"oid":"%s","error":{"code":404,"message":"gone"}}]}' % OID.encode()),
        Reply(b'{"objects":"none"}'),
        batch("http://objects.example.org/one"),
        batch("https://169.254.169.254/latest/meta-data"),
    ],
    ids=["404", "an error", "no list", "no TLS", "a private address"],
)
def test_a_server_without_the_file_leaves_the_pointer_named(github, loopback, answer):
    loopback.script("/lfs/objects/batch", answer)
    with pytest.raises(Fault, match=f"git_lfs_pointer: .*sha256 {OID}"):
        fetch_with_fallbacks(github, Resource(RAW, content="tsv"), [])


def test_a_git_lfs_pointer_without_its_file_is_named_with_checksum_size_and_what_to_do(shared, tmp_path):
    pointer = (shared / "samples" / "cbioportal" / "pointer_data_cna.txt").read_bytes()
    oid = pointer.decode().split("sha256:")[1][:64]
    with pytest.raises(Fault, match=rf"git_lfs_pointer: .*\(sha256 {oid}, [\d,]+ bytes\).*media host.*\.lfsconfig"):
        fetch_with_fallbacks(mirror_of(tmp_path, {RAW: pointer}), Resource(RAW, content="tsv"), [])


def test_a_fallback_over_http_that_nobody_answers_does_not_take_the_host_over_https_away(tmp_path, loopback):
    loopback.script("/one", Reply(PAGE))
    loopback.script("/two", Reply(TABLE))
    hosts = {"https://lists.example.org": loopback.url, "http://lists.example.org": "http://127.0.0.1:1"}
    with LiveTransport(
        tmp_path / "cache", host_map=hosts, sleep=lambda _: None, requests_per_second=1e9, attempts=2
    ) as live:
        with pytest.raises(Fault, match="html_page"):
            fetch_with_fallbacks(
                live, Resource("https://lists.example.org/one", content="tsv"), ["http://lists.example.org/one"]
            )
        # The same host's other file is asked for.
        assert live.fetch(Resource("https://lists.example.org/two", content="tsv")).path.read_bytes() == TABLE
