"""The catalog of claims: what it holds, and that a mistake is named with the claim."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from resistance_assets.catalog.registry import CATALOG_DIR, load_registry
from resistance_assets.defs.core.claims import load_claims
from resistance_assets.errors import CatalogFault

CLAIM = """
[[claim]]
id = "my_claim"
paper = "wang_2022"
statement = "something is so"
quantity = "hazard ratio"
expected = 1.5
tolerance = 0.1
sql = "SELECT count(*) AS value FROM core.deg__contrasts"

"""
START_OF_MULTIVERSES = "[[multiverse]]\n"


def load(tmp_path: Path, claim: str):
    folder = tmp_path / "catalog"
    folder.mkdir()
    for path in CATALOG_DIR.glob("*.toml"):
        shutil.copy(path, folder)
    path = folder / "claims.toml"
    text = path.read_text()
    path.write_text(text.replace(START_OF_MULTIVERSES, claim + START_OF_MULTIVERSES, 1))
    return load_registry(catalog_dir=folder)


def test_adding_a_claim_is_adding_toml(tmp_path):
    registry = load(tmp_path, CLAIM)
    claim = registry.claims["my_claim"]
    assert claim.is_public
    assert load_claims([claim])["my_claim"].refs == ("core.deg__contrasts",)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("tolerance = 0.1", 'direction = "above"', "claim my_claim.*either expected or direction"),
        ("tolerance = 0.1\n", "", "claim my_claim.*expected goes with tolerance"),
        ("tolerance = 0.1", "tolerance = 0.1\nnear_tolerance = 0.05", "claim my_claim.*near_tolerance"),
        ("tolerance = 0.1", "tolerance = 0.1\nalpha = 0.05", "claim my_claim.*alpha goes with direction"),
        ("tolerance = 0.1", "tolerance = 0.1\nis_public = false", "claim my_claim.*why_private"),
        ("sql = ", "# ", "claim my_claim.*on public data has sql"),
        ("sql = ", "sqll = ", "claim my_claim.*sqll: the key is unknown.*Did you mean sql"),
        ("tolerance = 0.1", 'tolerance = 0.1\nneeds = ["hgnc_complete"]', "my_claim.*Did you mean hgnc_complete_set"),
        ('id = "my_claim"', 'id = "wang_2022_ccl20_il6"', "the id wang_2022_ccl20_il6 occurs twice"),
    ],
)
def test_a_mistake_in_a_claim_is_named_with_the_claim(tmp_path, before, after, message):
    assert before in CLAIM
    with pytest.raises(CatalogFault, match=message):
        load(tmp_path, CLAIM.replace(before, after, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT count(*) AS value FROM", "my_claim"),
        ("SELECT count(*) AS value FROM core.deg__contrast", r"my_claim.*Did you mean core\.deg__contrast"),
        ("SELECT 1 AS value UNION ALL SELECT 2", "my_claim: gives 2 rows"),
        ("SELECT genes AS value FROM core.deg__contrasts", "my_claim: gives 0 rows"),
    ],
)
def test_a_query_that_cannot_be_judged_is_refused_with_the_claim(tmp_path, sql, message):
    registry = load(tmp_path, CLAIM.replace("SELECT count(*) AS value FROM core.deg__contrasts", sql))
    with pytest.raises(CatalogFault, match=message):
        load_claims([registry.claims["my_claim"]])


@pytest.mark.slow
def test_a_query_of_a_user_is_refused_with_the_users_file(tmp_path):
    own = tmp_path / "ours.toml"
    own.write_text(
        CLAIM.replace("SELECT count(*) AS value FROM core.deg__contrasts", "SELECT 1 AS value FROM nowhere.x")
    )
    registry = load_registry(own_catalogs=[own])
    with pytest.raises(CatalogFault) as caught:
        load_claims(registry.claims.values(), registry.files)
    assert f"{own}, claim my_claim" in str(caught.value)
    assert "catalog/claims.toml" not in str(caught.value)


def test_the_ledger_covers_the_three_papers_and_every_row_of_their_table():
    registry = load_registry()
    counts = Counter(claim.paper for claim in registry.claims.values())
    assert set(counts) == set(registry.papers) == {"lu_2019", "wang_2022", "utsumi_2025"}
    for row in registry.published_tables["wang_2022_table2"].row:
        model = "uni" if row.model == "univariable" else "multi"
        claim = registry.claims[f"wang_2022_table2_{row.endpoint.lower()}_{model}_{row.hgnc_symbol.lower()}"]
        assert not claim.is_public
        assert (claim.expected, claim.reported.p_value) == (row.hazard_ratio, row.p_value)
        assert (claim.reported.ci_lower, claim.reported.ci_upper) == (row.ci_lower, row.ci_upper)
    figures = {(claim.paper, claim.expected) for claim in registry.claims.values()}
    assert {("lu_2019", n) for n in (769, 357, 127, 2579, 0.68, 0.32)} <= figures
    assert {("wang_2022", n) for n in (266, 381, 403, 260, 497, 61, 15, 65.6, 52.4, 0.78, 0.76, 2.27, 2.7)} <= figures


def test_every_public_claim_says_what_it_needs_or_reads_a_printed_table():
    for claim in load_registry().claims.values():
        if claim.is_public:
            assert claim.needs or "claims__table2_audit" in str(claim.sql), claim.id


@pytest.mark.slow
def test_the_queries_of_the_catalog_load():
    claims = load_registry().claims
    queries = load_claims(claims.values())
    assert set(queries) == {claim.id for claim in claims.values() if claim.sql}
