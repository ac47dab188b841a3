"""Filling a mirror: resumed, verified, without copies, and enough for a run without a network."""

from __future__ import annotations

import gzip
import json

import pytest

from resistance_assets.catalog.models.source import Source
from resistance_assets.connectors.gdc import counts as gdc
from resistance_assets.connectors.geo import series as geo
from resistance_assets.connectors.mirror_pull import pull_mirror
from resistance_assets.connectors.transport.transport import MirrorTransport, Resource
from resistance_assets_tests.connectors.arrayexpress.test_biostudies import ACCESSION, Replay
from resistance_assets_tests.connectors.gdc.test_counts import TABLES, bundle, script_pages
from resistance_assets_tests.connectors.geo.test_series import ARRAY, RECORD
from resistance_assets_tests.loopback import Reply

HOST = "https://www.bushmanlab.org"


def source(source_id: str, url: str, connector: str = "table", content: str = "tsv", **more) -> Source:
    fixed = {"title": source_id, "change": ("sha256",), "licence": "CC0", "licence_url": "https://h", "citation": "x"}
    return Source(id=source_id, url=url, connector=connector, content=content, **(fixed | more))


def place(url: str) -> str:
    return url.replace("https:/", "")


def test_mirror_is_filled_resumed_and_refreshed(public_hosts, loopback, tmp_path):
    one, two = source("one", f"{HOST}/one.tsv", also=(f"{HOST}/also.tsv",)), source("two", f"{HOST}/two.tsv")
    loopback.script(place(one.url), Reply(b"a\tb\n1\t2\n"))
    loopback.script(place(one.also[0]), Reply(b"a\tb\n1\t2\n"))
    folder = tmp_path / "mirror"
    told = []
    frame = pull_mirror([one, two], folder, public_hosts, emit=lambda *step: told.append(step))
    assert told == [("one", 1, 2), ("two", 2, 2)]
    assert frame.select("source_id", "state").rows() == [("one", "fetched"), ("one", "fetched"), ("two", "unavailable")]
    assert "status 404" in frame["reason"][2]
    # Two addresses of the same bytes share a file.
    entries = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert len(entries) == 2
    assert len({entry["file"] for entry in entries}) == 1
    assert entries[0].keys() >= {"method", "url", "file", "sha256", "bytes", "content_type", "etag", "last_modified"}
    assert (entries[0]["licence"], entries[0]["source_id"]) == ("CC0", "one")
    # The second time only what is lacking is asked for.
    asked = len(loopback.requests)
    loopback.script(place(two.url), Reply(b"c\td\n"))
    frame = pull_mirror([one, two], folder, public_hosts)
    assert frame["state"].to_list() == ["kept", "kept", "fetched"]
    assert [request.path for request in loopback.requests[asked:]] == [place(two.url)]
    assert MirrorTransport(folder).fetch(Resource(two.url)).path.read_bytes() == b"c\td\n"
    # A new release replaces the old file once nothing lists it any more.
    loopback.script(place(two.url), Reply(b"c\tnew\n"))
    old = MirrorTransport(folder).fetch(Resource(two.url)).path
    assert pull_mirror([two], folder, public_hosts)["state"].to_list() == ["kept"]
    assert pull_mirror([two], folder, public_hosts, refresh=True)["state"].to_list() == ["fetched"]
    assert MirrorTransport(folder).fetch(Resource(two.url)).path.read_bytes() == b"c\tnew\n"
    assert old.read_bytes() == b"c\tnew\n" or not old.exists()


def test_damaged_file_of_the_mirror_is_fetched_again(public_hosts, loopback, tmp_path):
    one = source("one", f"{HOST}/one.tsv")
    loopback.script(place(one.url), Reply(b"a\tb\n1\t2\n"))
    pull_mirror([one], tmp_path, public_hosts)
    path = MirrorTransport(tmp_path).fetch(Resource(one.url)).path
    path.write_bytes(b"a\tb\n")
    assert pull_mirror([one], tmp_path, public_hosts)["state"].to_list() == ["fetched"]
    assert path.read_bytes() == b"a\tb\n1\t2\n"


def test_licence_that_asks_for_a_decision_is_not_passed_over(public_hosts, loopback, tmp_path):
    kegg = source("kegg", f"{HOST}/k.tsv", opt_in=True)
    loopback.script(place(kegg.url), Reply(b"a\tb\n"))
    frame = pull_mirror([kegg], tmp_path, public_hosts)
    assert frame["state"].to_list() == ["unavailable"]
    assert "RESISTANCE_OPT_IN" in frame["reason"][0]
    assert loopback.requests == []
    assert pull_mirror([kegg], tmp_path, public_hosts, opt_in=["kegg"])["state"].to_list() == ["fetched"]


def test_pulled_accessions_are_read_without_a_network(public_hosts, loopback, shared, tmp_path):
    from resistance_assets.connectors.arrayexpress.biostudies import fetch_study

    Replay(loopback, shared / "samples" / "arrayexpress")
    counts = f"https://www.ebi.ac.uk/biostudies/files/{ACCESSION}/counts.txt"
    loopback.script(place(counts), Reply(b"gene\tcount"))
    loopback.script(place(geo.record_resource("GSE1000").url), Reply(RECORD))
    loopback.script(place(geo.matrix_resource("GSE1000").url), Reply(ARRAY))
    table = gzip.compress(b"^Annotation\n!platform_table_begin\nID\tGene symbol\nx\tAXL\n!platform_table_end\n")
    loopback.script(place(geo.platform_annotation_resource("GPL96").url), Reply(table))
    script_pages(loopback, list(TABLES))
    loopback.script(place(gdc.status_resource().url), Reply(b'{"status": "OK", "data_release": "46"}'))
    loopback.script(place(f"{gdc.HOST}/data/{','.join(TABLES)}"), Reply(bundle(list(TABLES))))
    sources = [
        source("arrayexpress", f"https://www.ebi.ac.uk/biostudies/api/v1/studies/{ACCESSION}", "biostudies", "json"),
        source("geo_series", geo.matrix_resource("GSE1000").url, "geo", "gzip"),
        source("gdc_tcga_luad_star_counts", f"{gdc.HOST}/files", "gdc", "json"),
    ]
    folder = tmp_path / "mirror"
    frame = pull_mirror(sources, folder, public_hosts)
    assert frame.filter(state="unavailable").rows() == []
    loopback.close()
    mirror = MirrorTransport(folder)
    assert fetch_study(mirror, ACCESSION).samples.height == 6
    series, genes = geo.fetch_series_with_genes(mirror, "GSE1000")
    assert series.matrices["GPL96"].values.height == 2
    assert genes["GPL96"].genes["gene_symbol"].to_list() == ["AXL"]
    assert dict(gdc.fetch_files(mirror, gdc.list_files(mirror, "TCGA-LUAD"))) == TABLES


@pytest.mark.parametrize("reads", [False, True])
def test_reads_are_fetched_only_on_request(public_hosts, loopback, shared, tmp_path, reads):
    Replay(loopback, shared / "samples" / "arrayexpress")
    study = source("ae", f"https://www.ebi.ac.uk/biostudies/api/v1/studies/{ACCESSION}", "biostudies", "json")
    pull_mirror([study], tmp_path, public_hosts, reads=reads)
    asked = [
        request.path for request in loopback.requests if "fastq" in request.path and "filereport" not in request.path
    ]
    assert bool(asked) is reads
