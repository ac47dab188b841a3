"""`explain GENE --html`: any gene's page as one file that needs nothing beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resistance_assets.commands.analysts.gene_page import write_page_of
from resistance_assets.errors import UsageFault


@pytest.fixture(scope="module")
def data_dir(demo_place: Path) -> Path:
    return demo_place / "data"


def test_the_page_of_an_alias_is_one_file_without_a_link_to_what_is_not_there(data_dir, tmp_path):
    written = write_page_of(data_dir, "il8", tmp_path / "x.html")
    text = written.path.read_text(encoding="utf-8")
    assert written.gene == "CXCL8"
    outside = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    assert not re.findall(r'(?:href|src)="(?!https?:|#)', outside)
    assert '<p class="opening">CXCL8 is ' in text
    assert "Plotly" in text
    assert "<nav" not in text
    assert text.count("<script>") == 2


def test_a_file_is_not_replaced_unasked_nor_written_under_another_suffix_or_into_the_warehouse(data_dir, tmp_path):
    file = tmp_path / "x.html"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageFault, match="exists already"):
        write_page_of(data_dir, "AXL", file)
    assert file.read_text(encoding="utf-8") == "mine"
    write_page_of(data_dir, "AXL", file, force=True)
    assert "AXL" in file.read_text(encoding="utf-8")
    with pytest.raises(UsageFault, match="no HTML file"):
        write_page_of(data_dir, "AXL", tmp_path / "x.pdf")
    with pytest.raises(UsageFault, match="data folder"):
        write_page_of(data_dir, "AXL", data_dir / "x.html")
    with pytest.raises(UsageFault, match="no gene symbol"):
        write_page_of(data_dir, "AXXL9", tmp_path / "y.html")
