"""Patterns that are declared once and used by name."""

from __future__ import annotations

import re

import pytest

from resistance_assets.catalog.registry import CATALOG_DIR, load_registry
from resistance_assets.errors import CatalogFault

OWN = """
[patterns]
given = 'factor_compound: (?!none)'

[source.ours]
title = "t"
url = "https://ftp.ncbi.nlm.nih.gov/geo/series/GSE1nnn/GSE1000/matrix/GSE1000_series_matrix.txt.gz"
connector = "geo"
content = "gzip"
change = ["sha256"]
licence = "own"
licence_url = "https://files.example.org/licence"
citation = "none"

[[study]]
id = "ours"
title = "t"
organism = "Homo sapiens"
kind = "geo_series"
sources = ["ours"]
group = [
  { id = "a", title = "a", patterns = ["@given"], excluded_patterns = ["@anlotinib_resistant"] },
  { id = "b", title = "b", patterns = ["control"] },
]
contrast = [{ id = "ours_a_vs_b", numerator = "a", denominator = "b", methods = ["limma"] }]
"""


def load(tmp_path, text: str):
    (tmp_path / "ours.toml").write_text(text)
    return load_registry(own_catalogs=[tmp_path])


def test_a_group_uses_patterns_of_its_own_file_and_of_the_built_in_one(tmp_path):
    registry = load(tmp_path, OWN)
    group = registry.public_studies["ours"].group[0]
    assert group.patterns == ("factor_compound: (?!none)",)
    assert "resist" in group.excluded_patterns[0]


def test_a_name_that_is_not_declared_is_refused_with_file_group_and_the_nearest_one(tmp_path):
    with pytest.raises(CatalogFault, match=r"ours.toml, study ours, group a: pattern givn is not known.*given"):
        load(tmp_path, OWN.replace('"@given"', '"@givn"'))


def test_what_is_no_regular_expression_is_refused_when_the_catalog_is_read(tmp_path):
    with pytest.raises(CatalogFault, match=r"ours.toml, .*key patterns.given: .*is no regular expression"):
        load(tmp_path, OWN.replace("(?!none)'", "(?!none'"))
    with pytest.raises(CatalogFault, match=r"ours.toml, .*group b: .*is no regular expression"):
        load(tmp_path, OWN.replace('["control"]', '["("]'))


def test_no_pattern_of_the_built_in_catalog_stands_twice():
    text = (CATALOG_DIR / "studies.toml").read_text("utf-8")
    long = re.findall(r"'([^']{40,})'", text)
    assert len(long) == len(set(long)) > 5
