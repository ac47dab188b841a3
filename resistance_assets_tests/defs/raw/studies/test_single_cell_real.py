"""Real single cells through study folders: Kang and Zilionis against R, MERFISH, Drop-seq, and shares of Haber."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.connectors.single_cell.type_counts import read_type_counts
from resistance_assets.defs.raw.studies.single_cell import analyse, analyse_type_counts, read_parts, study_steps
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.steps import run_step
from resistance_assets_tests.defs.raw.studies.test_single_cell import assert_fold_changes_of_deseq2, shaped

CORE = "core.single_cell__"
KANG = """
labels = "cells.tsv.gz"
counts = "."
[[sample]]
id = "ctrl101"
arm = "ctrl"
attributes = { patient = "101" }
[[sample]]
id = "ctrl107"
arm = "ctrl"
attributes = { patient = "107" }
[[sample]]
id = "stim101"
arm = "stim"
attributes = { patient = "101" }
[[sample]]
id = "stim107"
arm = "stim"
attributes = { patient = "107" }
[[comparison]]
id = "c"
numerator = "stim"
denominator = "ctrl"
pairing = "patient"
"""
ZILIONIS = """
labels = "cells.tsv.gz"
counts = "."
species = "mouse"
[[sample]]
id = "h_1"
arm = "healthy"
[[sample]]
id = "h_2"
arm = "healthy"
[[sample]]
id = "t_1"
arm = "tumor"
[[sample]]
id = "t_2"
arm = "tumor"
[[comparison]]
id = "c"
numerator = "tumor"
denominator = "healthy"
"""
MERFISH = """
labels = "cells.tsv.gz"
label_columns = { cell_type = "type" }
minimum_umi = 20
[[sample]]
id = "region"
path = "."
"""
DROP_SEQ = """
one_cell_type = "PC9"
[[sample]]
id = "GSM4494348"
"""


def study_of(folder: Path, files: list[Path], text: str) -> LocalStudy:
    folder.mkdir()
    for path in files:
        (folder / path.name).symlink_to(path)
    head = '[study]\nid = "own"\ntitle = "T"\norganism = "Homo sapiens"\nkind = "single_cell"'
    (folder / "study.toml").write_text(head + text)
    return load_local_study(folder)


def tables_of(local: LocalStudy) -> dict[str, pl.DataFrame]:
    samples = local.file.sample
    parts: dict[str, Any] = {}
    for group in [samples] if local.study.counts else [(one,) for one in samples]:
        parts |= read_parts(local, group)
    return shaped(analyse(local, parts))


@pytest.mark.parametrize(
    ("name", "source", "text"),
    [("kang", "kang_muscat_example", KANG), ("zilionis", "zilionis_mouse_lung_800", ZILIONIS)],
)
def test_pseudobulk_of_real_cells_is_that_of_r(tmp_path, shared, goldens, name, source, text):
    """Sums equal; voom relative 1e-6; pydeseq2 fold changes absolute 2e-3 of two groups of two.

    With one residual degree of freedom (two patients, paired) R's DESeq2 draws the prior of the dispersions, which is
    computed here, and of B cells it takes its local trend: ln p correlate above 0.98, and R calls few others.
    """
    files = list((shared / "data" / "single_cell" / source).iterdir())
    found = tables_of(study_of(tmp_path / "own", files, text))
    folder = goldens / "single_cell" / "real" / name
    sums = pl.read_csv(folder / "pseudobulk_counts.tsv.gz", separator="\t", infer_schema_length=None)
    long = sums.unpivot(index=["cell_type", "feature_id"], variable_name="sample_id", value_name="theirs")
    long = long.filter(pl.col("theirs") > 0)
    both = long.join(found[f"{CORE}pseudobulk_sums"], on=["cell_type", "feature_id", "sample_id"], validate="1:1")
    assert both.height == long.height
    assert both["umi"].to_list() == both["theirs"].to_list()
    theirs = pl.read_csv(
        folder / "pseudobulk_de.tsv.gz", separator="\t", null_values=["NA"], infer_schema_length=None, quote_char=None
    )
    ours = found[f"{CORE}pseudobulk"]
    for method, r in (("limma_voom", "limma_voom"), ("pydeseq2", "deseq2")):
        expected = theirs.filter(pl.col("method") == r)
        mine = ours.filter(pl.col("method") == method, pl.col("log2_fold_change").is_not_null())
        rows = mine.join(expected, on=["cell_type", "feature_id"], suffix="_r", validate="1:1")
        assert rows.height == expected.height
        if method == "limma_voom":
            np.testing.assert_allclose(rows["log2_fold_change"], rows["log2_fold_change_r"], rtol=1e-6, atol=1e-7)
            np.testing.assert_allclose(rows["p_value"], rows["p_value_r"], rtol=1e-6, atol=1e-9)
        elif name == "zilionis":
            assert_fold_changes_of_deseq2(rows)
        else:
            called, theirs_called = pl.col("q_value_bh") < 0.05, pl.col("q_value_bh_r") < 0.05
            positive = (pl.col("p_value") > 0) & (pl.col("p_value_r") > 0)
            by_type = rows.group_by("cell_type").agg(
                pl.corr("log2_fold_change", "log2_fold_change_r").alias("effects"),
                pl.corr(*(pl.col(name).filter(positive).log() for name in ("p_value", "p_value_r"))).alias("p"),
                called.sum().alias("ours"),
                theirs_called.sum().alias("theirs"),
                (called & theirs_called).sum().alias("both"),
            )
            assert by_type["effects"].min() > 0.99
            assert by_type["p"].min() > 0.98
            assert by_type["theirs"].sum() == 637
            assert (by_type["both"] >= by_type["theirs"] - 3).all()
            assert (by_type["ours"] <= 1.1 * by_type["theirs"] + 1).all()


def test_markers_of_neutrophils_are_where_they_are_known_to_be(tmp_path, shared):
    """Lyz2 8.9 and S100a8 31 molecules per neutrophil, below 0.25 elsewhere; symbols of mouse in capitals."""
    files = list((shared / "data" / "single_cell" / "zilionis_mouse_lung_800").iterdir())
    found = tables_of(study_of(tmp_path / "own", files, ZILIONIS))[f"{CORE}gene_cell_types"]
    for symbol, level in (("LYZ2", 8.9), ("S100A8", 31.2)):
        own = found.filter(pl.col("symbol") == symbol, pl.col("level") == "cell_type")
        per_cell = dict(own.select("cell_type", pl.col("umi") / pl.col("n_cells")).iter_rows())
        assert per_cell.pop("Neutrophils") == pytest.approx(level, rel=0.02)
        assert max(per_cell.values()) < 0.25
        assert own.filter("is_ambient").height == 3


def test_a_panel_of_few_genes_of_one_sample_ranks_sources_and_tests_nothing(tmp_path, shared):
    files = list((shared / "data" / "single_cell" / "lung_merfish_tessera").iterdir())
    found = tables_of(study_of(tmp_path / "own", files, MERFISH))
    gas6 = found[f"{CORE}gene_cell_types"].filter(pl.col("symbol") == "GAS6").sort("mean_cp10k", descending=True)
    assert found["raw.studies__warnings"].is_empty()
    assert gas6["cell_type"][0] == "Plasma"
    assert gas6.height == 7
    assert gas6["fraction_expressing"].max() < 0.2
    for name in ("composition", "pseudobulk", "pseudobulk_designs"):
        assert found[f"{CORE}{name}"].is_empty()


def test_a_panel_whose_cells_are_taken_for_empty_droplets_is_told(tmp_path, shared):
    files = list((shared / "data" / "single_cell" / "lung_merfish_tessera").iterdir())
    found = tables_of(study_of(tmp_path / "own", files, MERFISH.replace("minimum_umi = 20", "minimum_umi = 200")))
    warning = found["raw.studies__warnings"]["warning"].item()
    assert "labelled cells have fewer than 200 molecules and are not analysed: of a panel of few genes" in warning


def test_a_dense_table_of_drop_seq_without_labels(tmp_path, shared):
    """Which of the two public PC9 samples was treated is in doubt: they are read as matrices and compared nowhere."""
    path = shared / "mirror" / "files" / "ftp.ncbi.nlm.nih.gov" / "GSM4494348_Day11_control.txt.gz"
    found = tables_of(study_of(tmp_path / "own", [path], DROP_SEQ))
    sample = found[f"{CORE}samples"].row(0, named=True)
    assert (sample["n_genes"], sample["n_barcodes"]) == (22015, 6000)
    assert (found[f"{CORE}cells"]["total_umi"] >= 1000).sum() == 280
    assert set(found[f"{CORE}gene_cell_types"]["cell_type"]) == {"PC9"}
    assert found[f"{CORE}marker_types"]["mean_score"].null_count() == found[f"{CORE}marker_types"].height
    assert sample["note"].startswith("GSM4494348: labels in doubt")
    assert "labels in doubt" in found["raw.studies__warnings"]["warning"].item()


def haber(shared: Path, folder: Path, more: str = "") -> LocalStudy:
    """Four control mice and two with Salmonella, of which cells per type alone are public."""
    path = shared / "data" / "single_cell" / "composition_haber" / "haber_counts.csv"
    names = [row for row in pl.read_csv(path)["Mouse"] if row.startswith(("Control", "Salm"))]
    text = '\nspecies = "mouse"\ntype_counts = "haber_counts.csv"\n'
    text += "".join(f'[[sample]]\nid = "{name}"\narm = "{name.split("_")[0]}"\n' for name in names)
    text += '[[comparison]]\nid = "c"\nnumerator = "Salm"\ndenominator = "Control"\n'
    return study_of(folder, [path], text + more)


def test_shares_of_the_mouse_gut_are_those_of_r_and_nothing_is_said_of_genes(shared, goldens, tmp_path):
    """Printed to 10 digits: relative 1e-8."""
    tables = shaped(analyse_type_counts(haber(shared, tmp_path / "own")))
    found = tables[f"{CORE}composition"].rename({"cell_type": "group"})
    assert tables[f"{CORE}samples"]["n_kept"].sum() == tables[f"{CORE}sample_cell_types"]["n_cells"].sum() > 2000
    for name in ("cells", "gene_cell_types", "pseudobulk", "ligand_receptor"):
        assert tables[f"{CORE}{name}"].is_empty()
    path = goldens / "single_cell" / "real" / "haber" / "composition.tsv.gz"
    theirs = pl.read_csv(path, separator="\t").with_columns(group=pl.col("cell_type").str.replace_all(r"\.", "."))
    both = found.join(theirs, on=["group", "method"], suffix="_r", validate="1:1")
    assert both.height == 4 * 8, "arcsine and logit, with a plain and a robust prior"
    for name in ("estimate", "statistic", "p_value", "q_value_bh"):
        np.testing.assert_allclose(both[name], both[f"{name}_r"], rtol=1e-8, err_msg=name)


def test_a_study_of_cells_per_type_goes_through_its_steps(shared, tmp_path):
    lake, local = Lake(tmp_path / "lake"), haber(shared, tmp_path / "own")
    for step in study_steps(local, load_registry([local.folder])):
        run_step(lake, step)
    assert lake.read(partition_of(f"{CORE}signature_scores", "own")).is_empty()
    assert lake.read(partition_of(f"{CORE}composition", "own"))["cell_type"].n_unique() == 8


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("Control_2,5,", "Control_2,0.5,", "'0.5' cells of Endocrine in Control_2"),
        ("Control_2,", "Control_3,", "sample Control_2 has no row"),
        ("Control_1,36,", "Control_1,,", "None cells of Endocrine in Control_1"),
    ],
)
def test_cells_per_type_that_are_none_are_refused(shared, tmp_path, was, now, message):
    local = haber(shared, tmp_path / "own")
    path = local.folder / "haber_counts.csv"
    text = path.read_text()
    path.unlink()
    path.write_text(text.replace(was, now))
    with pytest.raises(DataFault, match=f"own/haber_counts.csv.*{message}|own/haber_counts.csv: {message}"):
        read_type_counts(local, "haber_counts.csv")


def test_a_table_without_types_is_refused(shared, tmp_path):
    local = haber(shared, tmp_path / "own")
    (local.folder / "haber_counts.csv").unlink()
    (local.folder / "haber_counts.csv").write_text("Mouse\nControl_1\nControl_2\n")
    with pytest.raises(DataFault, match="has no column of a cell type"):
        read_type_counts(local, "haber_counts.csv")


def test_cells_per_type_beside_genes_are_refused(shared, tmp_path):
    with pytest.raises(CatalogFault, match="holds no genes"):
        haber(shared, tmp_path / "own", '[[signature]]\nid = "s"\ngenes = ["A", "B"]\n')


def test_cells_without_labels_get_types_of_the_built_in_marker_sets(tmp_path, shared):
    """Over the nearest neighbours; the authors' labels are for comparison alone."""
    source = shared / "data" / "single_cell" / "zilionis_mouse_lung_800"
    text = ZILIONIS.replace('labels = "cells.tsv.gz"', 'sample_cells = "cells.tsv.gz"')
    found = tables_of(study_of(tmp_path / "own", list(source.iterdir()), text))
    theirs = pl.read_csv(source / "cells.tsv.gz", separator="\t").select("barcode", given="cell_type")
    both = found[f"{CORE}cells"].filter("is_kept").join(theirs, on="barcode")
    assert both["cell_type"].to_list() == both["marker_type"].to_list()
    names = {"B cells": "b_cell", "T cells": "t_cell", "NK cells": "nk_cell", "Neutrophils": "neutrophil"}
    assert (both["cell_type"] == both["given"].replace_strict(names)).mean() > 0.8
    assert both["component_1"].null_count() == 0
    tested = found[f"{CORE}pseudobulk_designs"].filter(pl.col("evidence_kind") == "inferential")
    assert {"b_cell", "t_cell", "nk_cell"} <= set(tested["cell_type"])
