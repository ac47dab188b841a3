from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.connectors.transport.published_versions import published_version


def test_the_catalog_s_addresses_tell_their_versions(tmp_path):
    (tmp_path / "none").write_bytes(b"")
    told = {s.id: published_version(s.url, tmp_path / "none") for s in load_registry().sources.values()
            if s.connector not in ("biogrid",)}  # fmt: skip
    expected = {
        "string_human_links": "12.0",
        "string_human_proteins": "12.0",
        "gencode_v36_annotation": "36",
        "allonco_may2018": "May2018",
        "enrichr_go_bp_2021": "2021",
        "enrichr_kegg_2016": "2016",
        "msigdb_hallmark": "7.0",
        "msigdb_kegg": "7.5.1",
        "panther_pathways": "19.0",
        "hgnc_complete_set": None,
        "go_basic_obo": None,
    }
    assert {name: told[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("url", "content", "version"),
    [
        ("http://h/go-basic.obo", b"format-version: 1.2\ndata-version: releases/2026-07-26\n", "2026-07-26"),
        (
            "http://h/goa.gaf.gz",
            gzip.compress(b"!gaf-version: 2.2\n!date-generated: 2026-04-30\n", mtime=0),
            "2026-04-30",
        ),
        ("http://h/goa.gaf.gz", gzip.compress(b"!gaf-version: 2.2\n!date-generated: 2026-04-30\n", mtime=0)[:12], None),
        ("http://h/other.txt", b"data-version: 1\n", None),
    ],
)
def test_a_header_tells_it(tmp_path, url, content, version):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert published_version(url, path) == version


def test_biogrid_tells_it_by_the_name_of_its_member(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("BIOGRID-ORGANISM-Homo_sapiens-5.0.261.tab3.txt", b"x")
    (tmp_path / "file").write_bytes(raw.getvalue())
    assert published_version("https://h/BIOGRID-ORGANISM-LATEST.tab3.zip", tmp_path / "file") == "5.0.261"
