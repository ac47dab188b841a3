"""Annotation from its hosts: what each of them sends when all is well, and what it is known to send instead."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
import pytest

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import load_registry
from resistance_assets.connectors.gencode import read_gene_lengths
from resistance_assets.connectors.gene_ontology import go_gene_sets, read_gaf, read_obo
from resistance_assets.connectors.mirror_pull import pull_mirror
from resistance_assets.connectors.string import read_string_links, read_string_names
from resistance_assets.connectors.transport.http import LiveTransport
from resistance_assets.connectors.transport.mirror import MirrorTransport
from resistance_assets.connectors.transport.transport import FailureKind, failure_kind
from resistance_assets.defs.raw.gene_sets import kegg_reader, read_panther
from resistance_assets.defs.raw.interactions import string_pairs
from resistance_assets.defs.resources import Origins
from resistance_assets.demo import annotation_files as files
from resistance_assets.demo.plan import make_plan
from resistance_assets.errors import Fault, SourceUnavailable, TransportFault
from resistance_assets_tests.loopback import LoopbackHost, Reply
from resistance_assets_tests.loopback import loopback as loopback

KEGG = ("kegg_pathways", "kegg_pathway_genes")
WANTED = (
    "go_basic_obo", "goa_human", "panther_pathways", *KEGG,
    "string_human_links", "string_human_proteins", "gencode_v36_annotation",
)  # fmt: skip
PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"


@pytest.fixture(scope="module")
def plan():
    return make_plan(1, "test", n_patients=1, n_samples_expressed=1)


@pytest.fixture(scope="module")
def sources() -> dict[str, Source]:
    return load_registry().sources


@pytest.fixture(scope="module")
def bodies(plan) -> dict[str, bytes]:
    own = plan.annotation
    made = (
        files.ontology_obo(own), files.annotations_gaf(own), files.panther_classification(own, plan.genes),
        files.kegg_names(own), files.kegg_genes(own), files.string_links(own), files.string_proteins(own),
        files.gencode_gtf(plan),
    )  # fmt: skip
    return dict(zip(WANTED, made, strict=True))


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def live(loopback: LoopbackHost, tmp_path: Path, sources, waits) -> Iterator[LiveTransport]:
    """Every host of these sources is the loopback host: SCHEME://NAME/PATH is asked as /NAME/PATH."""
    hosts = {
        f"{u.scheme}://{u.netloc}": f"{loopback.url}/{u.netloc}" for u in (urlsplit(s.url) for s in sources.values())
    }
    with LiveTransport(
        tmp_path / "cache", host_map=hosts, sleep=waits.append, requests_per_second=1e9, attempts=3
    ) as transport:
        yield transport


def place(source: Source) -> str:
    return "/" + source.url.partition("://")[2]


def origins(live: LiveTransport, *opt_in: str) -> Origins:
    return Origins(transport=live, opt_in=opt_in, is_live=True, work_dir=Path("unused"))


def test_what_is_pulled_from_the_hosts_is_read_without_them(live, loopback, sources, bodies, plan, tmp_path):
    for name in WANTED:
        loopback.script(place(sources[name]), Reply(bodies[name]))
    told = pull_mirror([sources[name] for name in WANTED], tmp_path / "mirror", live, opt_in=KEGG)
    assert told["state"].to_list() == ["fetched"] * len(WANTED)
    asked = len(loopback.requests)
    mirror = Origins(transport=MirrorTransport(tmp_path / "mirror"), opt_in=(), is_live=False, work_dir=tmp_path)
    with pytest.raises(SourceUnavailable, match=r"oncokb.*does not list it, and its licence asks.*RESISTANCE_OPT_IN"):
        mirror.fetch(load_registry().sources["oncokb_cancer_genes"])
    path = {name: mirror.fetch(sources[name]).path for name in WANTED}
    own = plan.annotation
    sets, _ = go_gene_sets(read_obo(path["go_basic_obo"]), read_gaf(path["goa_human"]))
    planted = {term_id: members for _, term_id, _, members in own.planted}
    for term_id in planted:
        if term_id.startswith("GO:"):
            assert set(sets.filter(term_id=term_id)["gene_symbol"]) == set(planted[term_id])
    pathways, _ = read_panther({"panther_pathways": path["panther_pathways"]})
    assert pathways.filter(term_id="P99001").height == len(planted["P99001"])
    members, _ = kegg_reader(*reversed(KEGG))({name: path[name] for name in KEGG})
    assert members.filter(term_id="hsa99501").height == len(planted["hsa99501"])
    links, _ = read_string_links(path["string_human_links"])
    names, _ = read_string_names(path["string_human_proteins"])
    pairs = string_pairs(links, names)
    assert (pairs.height, set(pairs["organism_id_a"])) == (len(own.links), {"9606"})
    lengths, _ = read_gene_lengths(path["gencode_v36_annotation"])
    assert lengths["length_bp"].sum() == sum(own.gene_lengths_bp.values())
    assert len(loopback.requests) == asked


def test_kegg_is_not_even_asked_before_somebody_agreed_to_its_licence(live, loopback, sources):
    for name in KEGG:
        with pytest.raises(SourceUnavailable, match=r"its licence asks for a decision.*RESISTANCE_OPT_IN"):
            origins(live).fetch(sources[name])
    assert loopback.requests == []


def test_string_is_never_asked_for_json_by_header(live, loopback, sources, bodies):
    for name in ("string_human_links", "string_human_proteins"):
        loopback.script(place(sources[name]), Reply(bodies[name]))
        origins(live).fetch(sources[name])
        origins(live).probe(sources[name])
    assert loopback.requests
    assert not [r for r in loopback.requests if "json" in r.headers.get("accept", "")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reply", "kind"),
    [
        ("go_basic_obo", lambda body: Reply(PAGE), FailureKind.HTML_PAGE),
        ("go_basic_obo", lambda body: Reply(b"format-version: 1.2\n"), FailureKind.MARKER_MISSING),
        ("go_basic_obo", lambda body: Reply(status=404), FailureKind.REFUSED_OR_GONE),
        ("goa_human", lambda body: Reply(body[:-40], framing="close"), FailureKind.TRUNCATED),
        ("goa_human", lambda body: Reply(PAGE), FailureKind.HTML_PAGE),
        ("panther_pathways", lambda body: Reply(status=503), FailureKind.SERVER_ERROR),
        ("panther_pathways", lambda body: Reply(PAGE), FailureKind.HTML_PAGE),
        ("panther_pathways", lambda body: Reply(b"no tab in this"), FailureKind.WRONG_FORMAT),
        ("kegg_pathway_genes", lambda body: Reply(status=403), FailureKind.REFUSED_OR_GONE),
        ("kegg_pathways", lambda body: Reply(status=400), FailureKind.REFUSED_OR_GONE),
        ("string_human_links", lambda body: Reply(body[:-40], framing="close"), FailureKind.TRUNCATED),
        ("string_human_proteins", lambda body: Reply(status=429), FailureKind.RATE_LIMITED),
        ("gencode_v36_annotation", lambda body: Reply(b"", framing="close"), FailureKind.EMPTY_FILE),
        ("hgnc_complete_set", lambda body: Reply(PAGE), FailureKind.HTML_PAGE),
        ("hgnc_complete_set", lambda body: Reply(b"symbol\tname\nA1BG\tx\n"), FailureKind.MARKER_MISSING),
        (
            "hgnc_complete_set",
            lambda body: Reply(b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"),
            FailureKind.STORAGE_ERROR_XML,
        ),
    ],
)
def test_what_is_not_the_file_is_named_with_its_source(
    live, loopback, sources, bodies, name: str, reply: Callable[[bytes], Reply], kind: FailureKind
):
    loopback.script(place(sources[name]), reply(bodies.get(name, b"")))
    with pytest.raises((TransportFault, SourceUnavailable)) as caught:
        origins(live, *KEGG).fetch(sources[name])
    assert failure_kind(caught.value) is kind
    assert name in str(caught.value)


def test_annotations_that_end_within_a_line_are_no_release(live, loopback, sources, bodies):
    """A whole gzip of half a file: one was shipped so."""
    text = gzip.decompress(bodies["goa_human"])
    loopback.script(place(sources["goa_human"]), Reply(gzip.compress(text[: text.rindex(b"\tF\t")])))
    fetched = origins(live).fetch(sources["goa_human"])
    with pytest.raises(Fault, match="truncated: the last line has"):
        read_gaf(fetched.path)


def test_an_annotation_that_is_cut_goes_on_where_it_was(live, loopback, sources, bodies):
    source, body = sources["gencode_v36_annotation"], bodies["gencode_v36_annotation"]
    tag = {"ETag": '"a"'}
    loopback.script(
        place(source), Reply(body, headers=tag, ranges=True, cut_after=5000), Reply(body, headers=tag, ranges=True)
    )
    assert origins(live).fetch(source).path.read_bytes() == body
    assert loopback.requests_to(place(source))[-1].headers["range"] == "bytes=5000-"


def test_a_changed_ontology_under_the_same_address_is_noticed(live, loopback, sources, bodies):
    source, body = sources["go_basic_obo"], bodies["go_basic_obo"]
    loopback.script(place(source), Reply(body))
    before = origins(live).probe(source)
    first = origins(live).fetch(source)
    newer = body.replace(b"releases/2026-01-01", b"releases/2026-02-01")
    loopback.script(place(source), Reply(newer))
    second = origins(live).fetch(source)
    assert origins(live).probe(source).token != before.token
    assert (first.facts["version"], second.facts["version"]) == ("2026-01-01", "2026-02-01")
    assert pl.Series([first.checksum, second.checksum]).n_unique() == 2
