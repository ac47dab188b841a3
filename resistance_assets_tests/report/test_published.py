"""What a person reads for an id: titles and short labels of contrasts."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from resistance_assets.report.html import cell
from resistance_assets.report.published import Published

COLUMNS = "contrast_id, study_id, study_title, title, cell_line, drug, numerator, denominator"
CONTRASTS = {
    "titled": ("a title of its own", "H3122", "crizotinib", "resistant", "parental"),
    "line": (None, "H3122", "crizotinib", "resistant", "parental"),
    "said": (None, "H3122", "crizotinib", "H3122_on_crizotinib", "H3122_parental"),
    "half": (None, "HCC827", "erlotinib", "ER3", "HCC827_vehicle"),
    "twin": (None, "H3122", "crizotinib", "resistant", "parental"),
    "lineless": (None, None, None, "tumour", "normal"),
}


@pytest.fixture
def published():
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA raw")
    rows = [
        (name, f"study_{name}", f"Study {name}", title, line, drug, above, below)
        for name, (title, line, drug, above, below) in CONTRASTS.items()
    ]
    connection.execute(f"CREATE TABLE raw.catalog__contrasts ({COLUMNS.replace(',', ' VARCHAR,')} VARCHAR)")
    connection.executemany(f"INSERT INTO raw.catalog__contrasts VALUES ({', '.join('?' * 8)})", rows)
    return Published(connection, Path())


def test_a_contrast_is_called_by_its_title_else_by_line_drug_and_groups(published):
    assert published.contrast_titles == {
        "titled": "a title of its own",
        "line": "H3122, crizotinib: resistant over parental (Study line)",
        "said": "H3122 on crizotinib over H3122 parental",
        "half": "HCC827, erlotinib: ER3 over HCC827 vehicle",
        "twin": "H3122, crizotinib: resistant over parental (Study twin)",
        "lineless": "Study lineless: tumour over normal",
    }


def test_labels_of_two_contrasts_are_never_the_same(published):
    labels = published.contrast_labels
    assert len(set(labels.values())) == len(CONTRASTS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("HALLMARK_SYNTHETIC_RESISTANCE_INFLAMMATION", "HALLMARK_<wbr>SYNTHETIC_<wbr>RESISTANCE_<wbr>INFLAMMATION"),
        ("marts.resistance_candidates", "marts.resistance_candidates"),
        ("a sentence that is long, and names age_sex once", "a sentence that is long, and names age_sex once"),
        ("<b>_not_a_tag_but_a_long_name_of_something</b>", None),
    ],
)
def test_a_long_name_may_break_between_its_parts_and_stays_escaped(text, shown):
    found = str(cell(text))
    assert shown in (found, None)
    assert "<b>" not in found
