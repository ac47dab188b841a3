"""Verification of files apart from any transfer: markers across block borders, and what was verified before."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.connectors.transport import verification
from resistance_assets.connectors.transport.resource import Resource
from resistance_assets.connectors.transport.verification import VerifiedFiles, check_content
from resistance_assets.errors import TransportFault

MARKER = "!series_matrix_table_end"


@given(before=st.integers(0, 40), after=st.integers(0, 40), block=st.integers(1, 50), packed=st.booleans())
def test_marker_is_found_wherever_the_blocks_end(tmp_path_factory, before, after, block, packed):
    path: Path = tmp_path_factory.mktemp("v") / "f"
    whole = b"x" * before + MARKER.encode() + b"y" * after
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "_BLOCK", block)
        resource = Resource("u", content="gzip" if packed else "text", markers=("y" * after or "x" * before, MARKER))
        path.write_bytes(gzip.compress(whole) if packed else whole)
        check_content(path, resource)
        cut = whole.replace(b"_end", b"_en")
        path.write_bytes(gzip.compress(cut) if packed else cut)
        with pytest.raises(TransportFault, match="marker_missing: the text '!series_matrix_table_end'"):
            check_content(path, resource)


def test_verified_file_is_verified_again_once_it_changed(tmp_path):
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"a" * 1000))
    verified = VerifiedFiles()
    resource = Resource("u", content="gzip")
    verified.content(path, resource)
    first = verified.sha256(path)
    path.write_bytes(path.read_bytes()[:-5])
    assert verified.sha256(path) != first
    with pytest.raises(TransportFault, match="truncated"):
        verified.content(path, resource)


def test_page_that_opens_with_a_comment_or_a_mark_is_still_a_page(tmp_path):
    path = tmp_path / "f"
    for page in (b"\xef\xbb\xbf\n<!-- x -->\n<HTML>", b"  <!doctype HTML>", b"<html lang='en'>"):
        path.write_bytes(page + b"a\tb\n" * 20)
        with pytest.raises(TransportFault, match="html_page"):
            check_content(path, Resource("u", content="tsv"))


def test_table_with_links_in_it_is_no_page(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b'name\tdescription\nx\tsee <a href="https://example.org">here</a>\n')
    check_content(path, Resource("u", content="tsv"))


def test_json_that_tells_of_its_errors_among_data_is_data(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b'{"hits": [1], "error": null, "warnings": {}}')
    check_content(path, Resource("u", content="json"))
    path.write_bytes(b"[]")
    check_content(path, Resource("u", content="json"))
