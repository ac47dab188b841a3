"""What a run says of its studies: unknown names, warnings and cells that were set aside, in lines of bounded length."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables import TABLES
from resistance_assets.commands.output.study_notes import (
    MOST_NOTES,
    markers_without_gene,
    notes_of_studies,
    odd_genes_of_interest,
    unknown_gene_names,
)


class HeldTables:
    """A lake that holds the given tables."""

    def __init__(self, **tables: pl.DataFrame) -> None:
        self.tables = {name.replace("__", ".", 1): frame for name, frame in tables.items()}

    def current(self, address: str) -> object | None:
        return address if address in self.tables else None

    def read(self, address: str) -> pl.DataFrame:
        return pl.concat([TABLES[address].empty(), self.tables[address]], how="diagonal_relaxed")


def recognition(known: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"dataset_id": ["own"], "measurement": ["features"], "names": [400], "known_names": [known],
         "statement": [f"{known} of 400 gene names are known, not e.g. 'A1BG|1'"]}
    )  # fmt: skip


def test_unknown_names_of_a_study_are_told_with_an_example():
    lines = unknown_gene_names(HeldTables(staging__genes__name_recognition=recognition(0)))  # pyright: ignore
    assert lines == ["own, features: 0 of 400 gene names are known, not e.g. 'A1BG|1'"]
    assert not unknown_gene_names(HeldTables(staging__genes__name_recognition=recognition(399)))  # pyright: ignore


def test_cells_that_were_set_aside_are_counted_and_probes_without_a_gene_are_not():
    rows = pl.DataFrame(
        {
            "source": ["own/samples.tsv"] * 2 + ["GPL570"],
            "reason": ["column age is left blank: expected an age from 0 to 120 years"] * 2 + ["no gene symbol"],
            "row_text": ["t00, age >89", "t10, age >89", "1007_s_at"],
        }
    )
    notes = notes_of_studies(HeldTables(raw__rejected_rows=rows))  # pyright: ignore[reportArgumentType]
    assert len(notes) == 1
    assert notes[0].startswith("own/samples.tsv: 2 set aside, column age is left blank")


def test_many_notes_end_in_where_to_find_the_rest():
    files = [f"s{at}/x" for at in range(50)]
    rows = pl.DataFrame({"study_id": files, "warning_number": 1, "source": files, "place": "p", "warning": "w"})
    notes = notes_of_studies(HeldTables(raw__studies__warnings=rows))  # pyright: ignore[reportArgumentType]
    assert len(notes) == MOST_NOTES + 1
    assert "30 notes more" in notes[-1]


def test_many_warnings_of_one_file_leave_room_for_others():
    numbers = list(range(1, 31))
    rows = pl.DataFrame({"study_id": "s", "warning_number": numbers, "source": "s/x", "place": "p", "warning": "w"})
    notes = notes_of_studies(HeldTables(raw__studies__warnings=rows))  # pyright: ignore[reportArgumentType]
    assert notes[-1] == "s/x: and 27 warnings more, see raw.studies__warnings"
    assert len(notes) == 4


def test_markers_that_hgnc_does_not_know_are_told_with_the_option_that_names_their_genes():
    detection = pl.DataFrame(
        {"study_id": ["own"] * 3, "marker": ["IL8", "X-9", "Mystery"], "hgnc_symbol": ["CXCL8", None, None]}
    )
    (line,) = markers_without_gene(HeldTables(core__plasma_panel__detection=detection))  # pyright: ignore
    assert line == (
        "own: 2 of 3 markers have no gene that HGNC knows (Mystery, X-9); state their genes in study.toml (markers)"
    )
    known = detection.filter(pl.col("hgnc_symbol").is_not_null())
    assert not markers_without_gene(HeldTables(core__plasma_panel__detection=known))  # pyright: ignore
    assert line in notes_of_studies(HeldTables(core__plasma_panel__detection=detection))  # pyright: ignore


def test_a_gene_of_interest_by_another_name_is_told_with_its_approved_one():
    names = pl.DataFrame(
        {
            "symbol": ["AXL", "IL8"],
            "hgnc_symbol": ["AXL", "CXCL8"],
            "resolution": ["approved", "previous"],
        }
    )
    held = HeldTables(staging__genes__symbols=names)
    notes = odd_genes_of_interest(held, ["AXL", "IL8", "NOGENE", "axl"])  # pyright: ignore
    assert notes == (
        "gene of interest IL8: previous name of CXCL8; write CXCL8 for its curves",
        "gene of interest NOGENE: no symbol that HGNC knows",
        "gene of interest axl: approved name of AXL; write AXL for its curves",
    )
    assert odd_genes_of_interest(HeldTables(), ["IL8"]) == ()  # pyright: ignore
