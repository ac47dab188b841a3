"""The sources of patients from hosts that answer, and from hosts that do not: from the request to the table."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from resistance_assets.catalog.registry import Registry, load_registry
from resistance_assets.connectors.mirror_pull import pull_mirror
from resistance_assets.connectors.transport.transport import FailureKind, MirrorTransport, failure_kind
from resistance_assets.defs.graph import load_steps
from resistance_assets.defs.resources import Origins
from resistance_assets.errors import TransportFault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import Step, run_step
from resistance_assets_tests.connectors.conftest import loopback as loopback
from resistance_assets_tests.connectors.conftest import public_hosts as public_hosts
from resistance_assets_tests.connectors.conftest import waits as waits
from resistance_assets_tests.loopback import LoopbackHost, Reply

COUNTS, CASES = "parts.gdc__gene_counts__gdc_tcga_luad", "parts.gdc__cases__gdc_tcga_luad"
MATRIX, FOLLOW_UP = "parts.xena__expression_values__luad_tcga_xena", "parts.xena__sample_endpoints__luad_tcga_xena"
ARCHIVE = "parts.cbioportal__patient_attributes__luad_tcga"
SOURCES = {
    COUNTS: "gdc_tcga_luad_star_counts",
    CASES: "gdc_tcga_luad_clinical",
    MATRIX: "xena_tcga_luad_hiseqv2",
    FOLLOW_UP: "xena_tcga_luad_survival",
    ARCHIVE: "cbioportal_luad_tcga_pan_can_atlas_2018",
}


def place(url: str) -> str:
    return url.replace("https:/", "")


@functools.cache
def loaded() -> tuple[Registry, dict[str, Step]]:
    """The catalog and its steps."""
    registry = load_registry()
    return registry, load_steps(registry)


class Hosts:
    """The demo's answers on the loopback host, and the steps that ask for them."""

    def __init__(self, loopback: LoopbackHost, transport, demo: Path, folder: Path) -> None:
        self.registry, self.steps = loaded()
        self.loopback, self.lake = loopback, Lake(folder / "lake")
        self.origins = Origins(transport=transport, opt_in=(), is_live=True, work_dir=folder / "work")
        index = [json.loads(line) for line in (demo / "mirror" / "index.jsonl").read_text().splitlines()]
        hosts = ("api.gdc.cancer.gov", "tcga.xenahubs.net", "datahub.assets.cbioportal.org")
        self.bodies = {
            e["url"]: (demo / "mirror" / e["file"]).read_bytes() for e in index if e["url"].split("/")[2] in hosts
        }
        for url, body in self.bodies.items():
            self.answer(url, Reply(body, headers={"ETag": f'"{len(body)}"'}))

    @property
    def bundle_url(self) -> str:
        return next(url for url in self.bodies if "/data/" in url)

    def url(self, address: str) -> str:
        return self.registry.sources[SOURCES[address]].url

    def answer(self, url: str, *replies: Reply) -> None:
        self.loopback.script(place(url), *replies)

    def run(self, address: str, origins: Origins | None = None) -> str:
        return run_step(self.lake, self.steps[address], origins=origins or self.origins)[address].outcome


@pytest.fixture
def hosts(loopback, public_hosts, demo_place, tmp_path) -> Hosts:
    return Hosts(loopback, public_hosts, demo_place / "demo", tmp_path)


def test_every_source_is_read_from_its_host_and_the_files_only_once(hosts: Hosts, demo_place):
    moved = f"{hosts.loopback.url}/s3/HiSeqV2.gz"
    hosts.answer(hosts.url(MATRIX), Reply(status=302, headers={"Location": moved}))
    hosts.loopback.script("/s3/HiSeqV2.gz", Reply(hosts.bodies[hosts.url(MATRIX)]))
    hosts.answer(hosts.bundle_url, Reply(hosts.bodies[hosts.bundle_url], framing="chunked"))
    there = Lake(demo_place / "data" / "lake")
    for address in SOURCES:
        assert hosts.run(address) == "built"
        # The same rows as through the mirror of the demo.
        assert hosts.lake.current(address).data_version == there.current(address).data_version, address
        assert hosts.run(address) == "cache hit"
    assert len(hosts.loopback.requests_to(place(hosts.bundle_url))) == 1


@pytest.mark.parametrize(
    ("address", "reply", "kind"),
    [
        (COUNTS, Reply(b"<html><body>503</body></html>"), FailureKind.HTML_PAGE),
        (CASES, Reply(b'{"data": {"hits": [], "pagination": {"total": 0}}}'), FailureKind.EMPTY_OR_ERROR_JSON),
        (MATRIX, Reply(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>' + b" " * 170
                       + b"</Error>"), FailureKind.STORAGE_ERROR_XML),
        (FOLLOW_UP, Reply(b"<!DOCTYPE html><html></html>"), FailureKind.HTML_PAGE),
        (ARCHIVE, Reply(b"version https://git-lfs.github.com/spec/v1\noid sha256:de\nsize 9\n"),
         FailureKind.GIT_LFS_POINTER),
    ],
)  # fmt: skip
def test_something_else_in_place_of_data_fails_by_name_and_leaves_the_table(hosts: Hosts, address, reply, kind):
    assert hosts.run(address) == "built"
    before = hosts.lake.current(address)
    hosts.answer(hosts.url(address), reply)
    with pytest.raises(TransportFault) as caught:
        hosts.run(address)
    assert failure_kind(caught.value) is kind
    assert hosts.lake.current(address) == before


@pytest.mark.parametrize("address", SOURCES)
@pytest.mark.parametrize("status", [403, 503])
def test_a_host_that_refuses_leaves_the_table_and_says_why(hosts: Hosts, address, status):
    hosts.answer(hosts.url(address), Reply(b"no", status=status))
    assert hosts.run(address) == "unavailable"
    table_version = hosts.lake.current(address)
    assert table_version.rows == 0
    assert table_version.reason.startswith(SOURCES[address])
    kind = FailureKind.REFUSED_OR_GONE if status == 403 else FailureKind.SERVER_ERROR
    assert kind.value in table_version.reason
    hosts.answer(hosts.url(address), Reply(hosts.bodies[hosts.url(address)]))
    assert hosts.run(address) == "built"
    hosts.answer(hosts.url(address), Reply(b"no", status=status))
    assert hosts.run(address) == "kept"


def test_a_bundle_that_ends_early_is_named_and_the_next_run_gets_it(hosts: Hosts):
    body = hosts.bodies[hosts.bundle_url]
    hosts.answer(hosts.bundle_url, Reply(body[:-5000], framing="chunked"))
    with pytest.raises(TransportFault) as caught:
        hosts.run(COUNTS)
    assert failure_kind(caught.value) is FailureKind.TRUNCATED
    assert hosts.lake.current(COUNTS) is None
    hosts.answer(hosts.bundle_url, Reply(body))
    assert hosts.run(COUNTS) == "built"


def test_a_file_that_was_replaced_is_noticed_by_its_checksum(hosts: Hosts):
    assert hosts.run(COUNTS) == "built"
    answer = json.loads(hosts.bodies[hosts.url(COUNTS)])
    answer["data"]["hits"][0]["md5sum"] = "0" * 32
    hosts.answer(hosts.url(COUNTS), Reply(json.dumps(answer).encode()))
    # The cached bundle holds the old file, which is not the one that the host now lists.
    with pytest.raises(TransportFault) as caught:
        hosts.run(COUNTS)
    assert failure_kind(caught.value) is FailureKind.CHECKSUM_MISMATCH


def test_a_pulled_mirror_serves_them_with_the_network_cut(hosts: Hosts, tmp_path):
    wanted = [hosts.registry.sources[source] for source in SOURCES.values()]
    told = pull_mirror(wanted, tmp_path / "mirror", hosts.origins.transport)
    missing = told.filter(state="unavailable")
    # The state of the API is no part of the demo, and no run asks for it.
    assert set(missing["url"]) <= {"https://api.gdc.cancer.gov/status"}
    hosts.loopback.close()
    cut = replace(hosts.origins, transport=MirrorTransport(tmp_path / "mirror"), is_live=False)
    for address in SOURCES:
        assert hosts.run(address, cut) == "built", address
