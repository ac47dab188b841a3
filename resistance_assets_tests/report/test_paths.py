"""Paths of pages: plain names as they are, foreign text never."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.report.paths import contrast_path, endpoint_path, gene_path, multiverse_path, paper_path, slug


@pytest.mark.parametrize("name", ["EGFR", "HLA-A", "C1orf43", "ENSG00000146648.18", "MT_CO1", "1-2"])
def test_a_plain_name_is_its_own_slug(name):
    assert slug(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil",
        "..",
        ".",
        "",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\x00b",
        "a:b",
        "a b",
        "α",
        "x" * 300,
        ".hidden",
        "a.",
        "C:\\x",
    ],
)
def test_a_name_that_could_lead_elsewhere_becomes_a_slug_with_a_hash(name):
    assert re.fullmatch(r"[A-Za-z0-9-]{0,41}[0-9a-f]{8}", slug(name))


@given(st.text(max_size=200), st.text(max_size=80))
def test_no_name_leaves_its_folder_and_different_names_have_different_pages(name, other):
    for path in (
        gene_path(name), contrast_path(name, other), endpoint_path(name, other), paper_path(name),
        multiverse_path(name, other),
    ):  # fmt: skip
        parts = PurePosixPath(path).parts
        assert len(parts) == 2
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.html", parts[1])
        assert ".." not in path
    assert (gene_path(name) == gene_path(other)) == (name == other)
