"""The page of reversal: a sentence per treated contrast of the warehouse, and a page without data says what lacks."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from resistance_assets.report.pages.reversal import own_sentence, reversal_page
from resistance_assets.report.published import Published


@pytest.mark.parametrize(
    ("direction", "words"),
    [("reverses", "Anlotinib in H1 reverses A title"), (None, "Anlotinib in H1 neither reverses nor mimics A title")],
)
def test_a_drug_is_told_with_score_and_q(direction, words):
    row = {"drug_name": "anlotinib", "cell_line": "H1", "direction": direction, "contrast_id": "c"}
    row |= {"weighted_connectivity_score": -0.4123, "q_value_bh": 0.0301}
    published = Published(duckdb.connect(), Path())
    published.__dict__["titles"] = {"c": "A title"}
    assert own_sentence(published, row) == f"{words} (score -0.412, q 0.0301)."


def test_a_release_without_the_table_says_what_lacks():
    published = Published(duckdb.connect(), Path())
    assert "This release has no such comparison" in "".join(reversal_page(published).parts)
