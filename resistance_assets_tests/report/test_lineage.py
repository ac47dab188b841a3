"""Walking columns back to their files."""

from __future__ import annotations

import pytest

from resistance_assets.errors import UsageFault
from resistance_assets.report.lineage import Lineage, Node, lineage_as_text, walk_lineage


def ends(node: Node) -> list[Node]:
    """Nodes from which nothing leads further."""
    if node.upstream:
        return [end for child in node.upstream for end in ends(child)]
    return [node]


def test_every_published_column_leads_to_a_file_the_catalog_or_the_program(demo):
    columns = demo.rows("SELECT layer, table_name, column_name FROM meta.columns WHERE layer <> 'meta'")
    assert len(columns) > 300
    names = [f"{row['layer']}.{row['table_name']}.{row['column_name']}" for row in columns]
    lineage = Lineage(demo)
    seen: set[tuple[str, str, str]] = set()
    lost = [
        (name, end.column)
        for name in names
        for end in ends(lineage.walk(name, seen))
        if end.origin == "no lineage is recorded" or not (end.origin or end.sources or end.seen_above)
    ]
    assert lost == []
    assert {".".join(column) for column in seen} >= set(names)


def test_a_hazard_ratio_comes_from_the_cohorts_archive_with_its_checksum(demo):
    node = walk_lineage(demo, "marts.gene_evidence.os_hazard_ratio")
    files = {source["source_id"]: source["sha256"] for end in ends(node) for source in end.sources}
    assert "cbioportal_luad_tcga_pan_can_atlas_2018" in files
    assert files == {
        row["source_id"]: row["sha256"]
        for row in demo.rows("SELECT source_id, sha256 FROM meta.sources")
        if row["source_id"] in files
    }
    text = lineage_as_text(node)
    assert text.startswith("marts.gene_evidence.os_hazard_ratio")
    assert f"sha256 {files['cbioportal_luad_tcga_pan_can_atlas_2018']}" in text


def test_a_column_is_walked_once_however_often_it_is_reached(demo):
    document = walk_lineage(demo, "marts.gene_evidence.os_hazard_ratio").as_document()
    walked: list[str] = []

    def collect(at):
        if not at.get("seen_above"):
            walked.append(at["column"])
        for child in at.get("upstream", ()):
            collect(child)

    collect(document)
    assert len(walked) == len(set(walked))


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ("marts.gene_evidenc.os_hazard_ratio", "Did you mean marts.gene_evidence.os_hazard_ratio"),
        ("marts.gene_evidence", "Its columns are: hgnc_symbol, gene_name"),
        ("nonsense", "lists the tables"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_one(demo, asked, remedy):
    with pytest.raises(UsageFault, match=remedy):
        walk_lineage(demo, asked)


def test_the_layer_may_be_left_out(demo):
    assert walk_lineage(demo, "gene_evidence.os_n").column == "marts.gene_evidence.os_n"


def test_the_lineage_of_a_partition_names_the_files_of_its_study_alone(demo):
    column = "marts.deg_by_contrast.q_value_bh"

    def files(partition: str | None) -> set[str]:
        node = walk_lineage(demo, column, partition)
        return {source["source_id"] for end in ends(node) for source in end.sources}

    own = {"demo_luad_paired/counts.tsv.gz", "demo_luad_paired/samples.tsv"}
    others = {"demo_h1975_resistance/counts.tsv.gz", "geo_gse94089"}
    assert files(None) >= own | others
    assert files("luad_tumour_vs_normal") >= own
    assert not files("luad_tumour_vs_normal") & others
    # A study's id says the same as one of its contrasts.
    assert files("demo_luad_paired") == files("luad_tumour_vs_normal")
    assert "files of other studies and cohorts alone" in lineage_as_text(walk_lineage(demo, column, "demo_luad_paired"))
    with pytest.raises(UsageFault, match=r"luad_tumour.*Did you mean luad_tumour_vs_normal"):
        walk_lineage(demo, column, "luad_tumour")
