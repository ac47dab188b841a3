"""Figures for print: formats, sizes, names that were asked for, and captions that agree with the tables."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from resistance_assets.errors import UsageFault
from resistance_assets.report.print_figures import KINDS, Wanted, write_figure

EXAMPLES = {
    "volcano": Wanted(contrast="luad_tumour_vs_normal", genes=("CCL20", "AXL")),
    "forest": Wanted(genes=("CCL20",)),
    "km": Wanted(genes=("CCL20",), cohort="luad_tcga", endpoint="OS"),
    "heatmap": Wanted(genes=("CCL20", "AXL"), top=5),
    "upset": Wanted(family="contrasts_up", top=5),
}


def svg_text(path: Path) -> str:
    return " ".join("".join(node.itertext()).strip() for node in ElementTree.parse(path).iter() if "text" in node.tag)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_drawn_with_a_caption_that_names_release_and_origin(demo, tmp_path, kind):
    drawn = write_figure(demo, kind, tmp_path / f"{kind}.svg", EXAMPLES[kind])
    assert drawn.caption.endswith(f"Release {demo.release}, SYNTHETIC DATA.")
    # Letters are letters, and the caption stands in the file.
    assert drawn.caption.split()[-1] in svg_text(drawn.path)


@pytest.mark.parametrize("width", [85.0, 180.0])
def test_the_width_is_the_one_that_was_asked_for(demo, tmp_path, width):
    path = tmp_path / "volcano.svg"
    write_figure(demo, "volcano", path, Wanted(contrast="luad_tumour_vs_normal", width_mm=width))
    points = float(re.search(r'width="([\d.]+)pt"', path.read_text())[1])
    assert points / 72 * 25.4 == pytest.approx(width, abs=0.1)


@pytest.mark.parametrize(("suffix", "begin"), [(".pdf", b"%PDF"), (".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_the_suffix_says_the_format(demo, tmp_path, suffix, begin):
    path = tmp_path / f"forest{suffix}"
    write_figure(demo, "forest", path, EXAMPLES["forest"])
    assert path.read_bytes().startswith(begin)


def test_the_same_figure_has_the_same_bytes(demo, tmp_path):
    paths = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in paths:
        write_figure(demo, "km", path, EXAMPLES["km"])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_volcano_names_what_was_asked_for_and_counts_as_the_table_does(demo, tmp_path):
    drawn = write_figure(demo, "volcano", tmp_path / "v.svg", EXAMPLES["volcano"])
    assert {"CCL20", "AXL"} <= set(svg_text(drawn.path).split())
    counts = demo.rows(
        "SELECT genes_up, genes_down FROM core.deg__contrasts"
        " WHERE contrast_id = 'luad_tumour_vs_normal' AND method = 'pydeseq2'"
    )[0]
    assert f"{counts['genes_up']} up and {counts['genes_down']} down" in drawn.caption
    assert "12 against 12 samples, pydeseq2" in drawn.caption


def test_curves_state_patients_events_and_test_as_the_tables_do(demo, tmp_path):
    drawn = write_figure(demo, "km", tmp_path / "k.svg", EXAMPLES["km"])
    screen = demo.rows(
        "SELECT n_high, n_low, events FROM core.survival__cohort_endpoint_genes WHERE hgnc_symbol = 'CCL20'"
        " AND cohort_id = 'luad_tcga' AND endpoint = 'OS' AND model = 'median_split'"
    )[0]
    sizes = [int(size) for size in re.findall(r"\(n (\d+), \d+ events\)", drawn.caption)]
    events = [int(count) for count in re.findall(r"\(n \d+, (\d+) events\)", drawn.caption)]
    assert sizes == [screen["n_high"], screen["n_low"]]
    assert sum(events) == screen["events"]
    assert "Log-rank p" in drawn.caption


def test_curves_begin_with_everybody_alive(demo):
    from resistance_assets.report.print_figures import draw_kaplan_meier

    figure, _ = draw_kaplan_meier(demo, EXAMPLES["km"])
    steps = [line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post"]
    assert len(steps) == 2
    for line in steps:
        assert (line.get_xdata()[0], line.get_ydata()[0]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "wanted", "message"),
    [
        ("vulcano", Wanted(), "vulcano: there is no such figure.*Did you mean volcano"),
        ("volcano", Wanted(), "which contrast.*luad_tumour_vs_normal"),
        ("volcano", Wanted(contrast="luad_tumor_vs_normal"), "Did you mean luad_tumour_vs_normal"),
        ("volcano", Wanted(contrast="luad_tumour_vs_normal", genes=("CCL2O",)), "CCL2O is not in.*Did you mean CCL2"),
        ("volcano", Wanted(contrast="h1975_anlotinib_resistant_vs_parental"), "has no p-values"),
        ("km", Wanted(genes=("SYN0001",)), r"SYN0001: has no stored curve.*--genes FILE"),
        ("km", Wanted(), "0 genes are named.*--gene"),
        (
            "forest",
            Wanted(genes=("CCL20", "AXL"), cohort="luad"),
            "luad: there is no such cohort.*Did you mean luad_tcga",
        ),
        ("upset", Wanted(family="contrasts"), "contrasts: there is no such family of lists"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_nearest_name(demo, tmp_path, kind, wanted, message):
    with pytest.raises(UsageFault, match=message):
        write_figure(demo, kind, tmp_path / "x.svg", wanted)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_neither_of_another_kind_nor_replaced_unasked(demo, tmp_path):
    with pytest.raises(UsageFault, match=r"suffix is \.gif.*\.svg, \.pdf, \.png"):
        write_figure(demo, "forest", tmp_path / "x.gif", EXAMPLES["forest"])
    (tmp_path / "x.svg").write_text("mine")
    with pytest.raises(UsageFault, match="exists"):
        write_figure(demo, "forest", tmp_path / "x.svg", EXAMPLES["forest"])
    assert (tmp_path / "x.svg").read_text() == "mine"
