"""What a cell of an instrument says; a text that is not known is never taken for missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.connectors.plasma_panel.cells import read_cell


@pytest.mark.parametrize(
    ("text", "flag", "number", "extrapolated"),
    [
        ("12.3", "measured", 12.3, False),
        ("12,3", "measured", 12.3, False),
        ("1.5e3", "measured", 1500.0, False),
        ("*12.3", "measured", 12.3, True),
        ("<67.3", "below", 67.3, False),
        ("< 3,2", "below", 3.2, False),
        ("OOR <", "below", None, False),
        ("oor<", "below", None, False),
        (">1020", "above", 1020.0, False),
        ("OOR >", "above", None, False),
        ("", "missing", None, False),
        (None, "missing", None, False),
        ("***", "missing", None, False),
        ("---", "missing", None, False),
        ("NaN", "missing", None, False),
    ],
)
def test_known_cells(text, flag, number, extrapolated):
    assert read_cell(text) == (flag, number, extrapolated)


@given(st.text(max_size=12))
def test_a_cell_is_known_or_told_never_guessed(text):
    cell = read_cell(text)
    assert cell is None or cell.flag in ("measured", "below", "above", "missing")


@pytest.mark.parametrize("text", ["low", "12..3", "<", "12 13", "1,234,5", "#REF!"])
def test_an_unknown_text_is_an_error_with_its_cell(text):
    assert read_cell(text) is None
