"""BioGRID tables: tab3, the older tab2, and archives with one file per organism."""

from __future__ import annotations

import zipfile

import polars as pl
import pytest

from resistance_assets.connectors.biogrid import biogrid_release, read_tab3
from resistance_assets.errors import DataFault

HEAD = "first_nine_columns.head.txt"


def test_subset_of_the_mirror(shared):
    path = shared / "mirror" / "files" / "downloads.thebiogrid.org" / "BIOGRID-ORGANISM-LATEST.tab3.zip"
    frame, rejected = read_tab3(path)
    assert (frame.height, rejected.height) == (523, 0)
    assert biogrid_release(path) == "4.4.232"
    genes = ["CCL15", "MIF", "CCL20", "CCL24", "CXCL9", "CXCL13", "IFNG", "IL6", "CXCL8", "IL10", "CX3CL1", "CCL19"]
    partners = [frame.filter((pl.col("symbol_a") == gene) | (pl.col("symbol_b") == gene)).height for gene in genes]
    assert partners == [6, 263, 13, 8, 76, 8, 17, 11, 17, 20, 70, 14]
    assert frame["experimental_system_type"].null_count() == 523
    assert not frame.select(pl.any_horizontal(pl.col(pl.String) == "-").any()).item()


def test_first_nine_columns_are_enough(shared):
    frame, rejected = read_tab3(shared / "samples" / "biogrid" / HEAD)
    assert (frame.height, rejected.height) == (6, 0)
    assert frame.row(0)[:9] == (103, 6416, 2318, 112315, 108607, None, None, "MAP2K4", "FLNC")
    assert frame["systematic_name_a"][4] == "RP4-547C9.3"
    assert biogrid_release(shared / "samples" / "biogrid" / HEAD) is None


def test_tab2_has_the_same_columns(shared):
    frame, _ = read_tab3(shared / "samples" / "biogrid" / "tab2.head.txt")
    row = frame.row(0, named=True)
    assert (row["experimental_system"], row["experimental_system_type"]) == ("Two-hybrid", "physical")
    assert (row["publication"], row["organism_id_a"], row["throughput"]) == ("9006895", 9606, "Low Throughput")
    assert row["synonyms_b"] == "ABP-280|ABP280A|ABPA|ABPL|FLN2|MFM5|MPD4"
    assert frame.columns == read_tab3(shared / "samples" / "biogrid" / HEAD)[0].columns


def test_interactor_without_any_name_is_set_aside(shared, tmp_path):
    text = (shared / "samples" / "biogrid" / HEAD).read_text()
    path = tmp_path / "b.txt"
    path.write_text(text + "9\t-\t1\t5\t6\t-\t-\t-\tX\n8\t-\t1\t5\t6\t-\t-\tY\tX\n")
    frame, rejected = read_tab3(path)
    assert (frame.height, rejected.height) == (7, 1)
    assert rejected.row(0) == (
        "b.txt",
        8,
        "an interactor has neither a symbol nor an Entrez id",
        "9\t-\t1\t5\t6\t-\t-\t-\tX",
    )


def test_zip_with_many_organisms(shared, tmp_path):
    data = (shared / "samples" / "biogrid" / HEAD).read_bytes()
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BIOGRID-ORGANISM-Mus_musculus-5.0.261.tab3.txt", data.replace(b"MAP2K4", b"Map2k4"))
        archive.writestr("BIOGRID-ORGANISM-Homo_sapiens-5.0.261.tab3.txt", data)
    assert read_tab3(path)[0]["symbol_a"][0] == "MAP2K4"
    assert read_tab3(path, organism="Mus_musculus")[0]["symbol_a"][0] == "Map2k4"
    with pytest.raises(DataFault, match="no file for Danio_rerio"):
        read_tab3(path, organism="Danio_rerio")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BIOGRID-MV-Physical-5.0.261.tab3.txt", data)
    assert read_tab3(path)[0].height == 6
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BIOGRID-ORGANISM-Mus_musculus-5.0.261.tab3.txt", data)
    with pytest.raises(DataFault, match="no file for Homo_sapiens"):
        read_tab3(path)


def test_other_layouts_are_refused(shared, tmp_path):
    text = (shared / "samples" / "biogrid" / HEAD).read_text()
    path = tmp_path / "b.txt"
    path.write_text(text.replace("Entrez Gene Interactor B", "Entrez B"))
    with pytest.raises(DataFault, match="column Entrez Gene Interactor B is missing"):
        read_tab3(path)
    path.write_text(text.replace("\t6416\t", "\tMAP\t"))
    with pytest.raises(DataFault, match="line 2, column Entrez Gene Interactor A: 'MAP'"):
        read_tab3(path)
