"""The workbook: one sheet per question of a release, for Excel and LibreOffice.

Here belongs which sheets there are and how cells are written. Every number is read from a published table; the sheets
Dictionary and Sources say from which, with what it means and the checksums of the files behind it. Text stays text: no
gene symbol becomes a date, no cell a formula or a link.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.report.pages.own_studies import own_studies
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literals

MOST_ROWS = 1_048_576
"""Of a sheet of Excel, headings included."""
HEADINGS_ROW = 2
WIDEST = 60
NARROWEST = 8
WIDEST_IN_SIGHT = 34
"""Of columns that stay in sight: what is scrolled needs the rest of the screen."""
WIDEST_ON_PAGE = 250
"""Characters: a sheet that is wider would be printed too small to read, and goes over several pages."""
SMALL_P = "[<0.001]0.00E+00;0.000"
"""Format of probabilities: three decimals, and powers of ten where these would be noughts."""
SYMBOL = "hgnc_symbol"
A4 = 9
"""As Excel numbers paper."""


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, what it answers, its rows, and the tables that they are read from."""

    name: str
    question: str
    frame: pl.DataFrame
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What was written: file, release, and rows of each sheet."""

    path: Path
    release: int
    sheets: dict[str, int]


def write_workbook(published: Published, path: Path, *, force: bool = False) -> Written:
    """Write the workbook of the release published last.

    Args:
        published: the release.
        path: of the file, .xlsx; replaced as a whole.
        force: replace a file that exists.

    Raises:
        UsageFault: the suffix is another one, or the file exists.
        DataFault: the file cannot be written, or a sheet has more rows than Excel has.
    """
    if path.suffix.lower() != ".xlsx":
        raise UsageFault(
            f"the suffix is {path.suffix or 'missing'}", subject=f"--workbook {path}", expected=".xlsx",
            remedy="Name the file so.",
        )  # fmt: skip
    if path.exists() and not force:
        raise UsageFault("exists", subject=f"--workbook {path}", remedy="Name another file, or add --force.")
    sheets = workbook_sheets(published)
    for sheet in sheets:
        if sheet.frame.height + HEADINGS_ROW >= MOST_ROWS:
            raise DataFault(
                f"has {sheet.frame.height:,} rows, more than a sheet of Excel holds",
                subject=f"sheet {sheet.name}",
                remedy='Take the table with `resistance sql "..." -o FILE.csv`.',
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".xlsx", dir=path.parent)
        os.close(handle)
        try:
            _write(sheets, Path(aside))
            Path(aside).chmod(0o644)
            os.replace(aside, path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataFault(
            f"cannot be written: {error.strerror or error}", subject=str(path), remedy="Choose another place."
        ) from error
    return Written(path, published.release, {sheet.name: sheet.frame.height for sheet in sheets})


def workbook_sheets(published: Published) -> list[Sheet]:
    """Every sheet, the one that tells what the workbook is first.

    Where a laboratory has studies of its own, contrasts, overlaps, shared genes and pathways are those of its studies;
    else they are of all contrasts.
    """
    studies = own_studies(published)
    rows = published.rows(
        "SELECT contrast_id, study_id FROM raw.catalog__contrasts"
        " WHERE contrast_id IN (SELECT contrast_id FROM core.deg__contrasts) ORDER BY study_id, contrast_id"
    )
    own = [row["contrast_id"] for row in rows if row["study_id"] in studies] or [row["contrast_id"] for row in rows]
    shared = _shared_genes(published, own)
    sheets = [
        _contrasts(published, own),
        shared,
        _listed_genes(published, own),
        _overlaps(published, own),
        _pathways(published, own),
        _survival(published, shared.frame[SYMBOL].to_list()),
    ]
    sheets = [*sheets, _dictionary(published, sheets), _sources(published)]
    return [_about(published, sheets, bool(studies)), *sheets]


def _listed(values: Sequence[str]) -> str:
    """Strings as the inside of an SQL list, which may not be empty."""
    return literals(values) or "NULL"


def _contrasts(published: Published, own: list[str]) -> Sheet:
    frame = published.frame(
        f"""
        SELECT d.contrast_id, c.study_id, c.study_title, d.drug, d.drug_class, d.method, d.evidence_kind,
            d.n_numerator, d.n_denominator, d.genes_up, d.genes_down,
            c.q_value_threshold, c.abs_log2_fold_change_threshold
        FROM core.deg__contrasts AS d
        INNER JOIN raw.catalog__contrasts AS c ON c.contrast_id = d.contrast_id
        WHERE d.contrast_id IN ({_listed(own)})
        ORDER BY c.study_id, d.contrast_id, d.method
        """,
    )
    titled = frame.insert_column(
        1, frame["contrast_id"].replace_strict(published.contrast_titles, default=None).alias("title")
    )
    question = "What was compared, with how many samples, and how many genes passed both thresholds"
    return Sheet("Contrasts", question, titled, ("core.deg__contrasts", "raw.catalog__contrasts"))


def _shared_genes(published: Published, own: list[str]) -> Sheet:
    """Genes that change in the same direction in an own contrast and another one, or are in an own intersection."""
    asked = "core.intersections__sets"
    frame = published.frame(
        f"""
        WITH named AS (
            SELECT unnest(string_split(genes, ',')) AS hgnc_symbol, intersection_id FROM {asked}
            WHERE genes IS NOT NULL AND intersection_id IN ({_listed(published.own_intersections)})
        ),
        in_named AS (
            SELECT hgnc_symbol, string_agg(intersection_id, '|' ORDER BY intersection_id) AS intersections
            FROM named GROUP BY hgnc_symbol
        ),
        shared AS (
            SELECT * FROM marts.concordant_genes
            WHERE list_has_any(string_split(contrasts, '|'), [{_listed(own)}])
        )
        SELECT coalesce(s.hgnc_symbol, i.hgnc_symbol) AS hgnc_symbol, e.gene_name, s.direction, s.n_studies,
            s.n_contrasts, s.n_contrasts_opposite, s.contrasts, i.intersections,
            coalesce(e.in_cancer_gene_list, FALSE) AS in_cancer_gene_list, e.cancer_gene_lists,
            e.os_hazard_ratio_per_sd, e.os_expression_scale, e.cohort_id, e.os_n, e.os_events, e.os_p_value,
            e.os_q_value_bh
        FROM shared AS s
        FULL JOIN in_named AS i ON i.hgnc_symbol = s.hgnc_symbol
        LEFT JOIN marts.gene_evidence AS e ON e.hgnc_symbol = coalesce(s.hgnc_symbol, i.hgnc_symbol)
        ORDER BY s.n_studies DESC NULLS LAST, s.n_contrasts DESC NULLS LAST, 1, s.direction
        """,
    )
    effects = published.frame(
        f"SELECT hgnc_symbol, contrast_id, log2_fold_change, q_value_bh FROM marts.deg_by_contrast"
        f" WHERE contrast_id IN ({_listed(own)}) AND hgnc_symbol IN ({_listed(frame[SYMBOL].to_list())})"
        " ORDER BY contrast_id",
    )
    for contrast in effects["contrast_id"].unique(maintain_order=True):
        mine = effects.filter(pl.col("contrast_id") == contrast).select(
            SYMBOL,
            pl.col("log2_fold_change").alias(f"log2_fold_change {contrast}"),
            pl.col("q_value_bh").alias(f"q_value_bh {contrast}"),
        )
        frame = frame.join(mine.unique(SYMBOL, keep="first"), on=SYMBOL, how="left", maintain_order="left")
    tables = ("marts.concordant_genes", asked, "marts.gene_evidence", "marts.deg_by_contrast")
    question = "Which genes the studies share: effect and q in each contrast, cancer gene or not, and overall survival"
    return Sheet("Shared genes", question, frame, tables)


def _listed_genes(published: Published, own: list[str]) -> Sheet:
    frame = published.frame(
        f"""
        SELECT d.contrast_id, d.hgnc_symbol, d.in_list, d.log2_fold_change, d.standard_error, d.p_value, d.q_value_bh,
            d.method, d.n_numerator, d.n_denominator, d.evidence_kind
        FROM marts.deg_by_contrast AS d
        WHERE d.contrast_id IN ({_listed(own)}) AND d.in_list IS NOT NULL
        ORDER BY d.contrast_id, d.in_list DESC, d.q_value_bh NULLS LAST, d.hgnc_symbol
        """,
    )
    question = "Which genes pass both thresholds of each contrast, by its leading method"
    return Sheet("Genes of contrasts", question, frame, ("marts.deg_by_contrast",))


def _overlaps(published: Published, own: list[str]) -> Sheet:
    frame = published.frame(
        f"""
        SELECT intersection_id, list_ids, n_lists, size, expected_by_chance, fold_over_chance, p_value,
            p_value_method, q_value_bh, universe_id, universe_size, sizes_in_universe, n_same_direction, genes
        FROM core.intersections__sets
        WHERE list_has_any(
            string_split(list_ids, '|'),
            (SELECT list(list_id) FROM core.gene_lists__lists WHERE contrast_id IN ({_listed(own)}))
        )
        ORDER BY q_value_bh NULLS LAST, fold_over_chance DESC NULLS LAST, intersection_id
        """,
    )
    titles = frame["intersection_id"].replace_strict(published.list_titles, default=None, return_dtype=pl.String)
    question = "What lists share, beside what chance gives in the stated universe"
    return Sheet("Overlaps", question, frame.insert_column(1, titles.alias("title")), ("core.intersections__sets",))


def _pathways(published: Published, own: list[str]) -> Sheet:
    frame = published.frame(
        f"""
        WITH mine AS (SELECT list_id FROM core.gene_lists__lists WHERE contrast_id IN ({_listed(own)})),
        asked AS (
            SELECT list_id FROM mine
            UNION
            SELECT intersection_id FROM core.intersections__sets
            WHERE list_has_any(string_split(list_ids, '|'), (SELECT list(list_id) FROM mine))
        )
        SELECT list_id, collection, term_id, term, overlap, set_size, list_size, universe_size, expected_overlap,
            fold_enrichment, p_value, q_value_bh, is_circular, genes
        FROM core.enrichment__terms
        WHERE list_id IN (SELECT list_id FROM asked) AND q_value_bh < 0.05
        ORDER BY list_id, collection, q_value_bh, p_value, term_id
        """,
    )
    titles = frame["list_id"].replace_strict(published.list_titles, default=None, return_dtype=pl.String)
    question = "Which gene sets the lists and their overlaps are rich in: q below 0.05 within list and collection"
    return Sheet("Pathways", question, frame.insert_column(1, titles.alias("list")), ("core.enrichment__terms",))


def _survival(published: Published, genes: list[str]) -> Sheet:
    asked = sorted({*genes, *published.genes_of_interest})
    frame = published.frame(
        f"""
        SELECT hgnc_symbol, cohort_id, endpoint, n, events, primary_model, primary_scale, hazard_ratio_primary,
            p_primary, q_primary, percentile_primary, hazard_ratio_median_split, ci_lower_median_split,
            ci_upper_median_split, p_logrank, q_logrank
        FROM marts.survival_by_gene WHERE hgnc_symbol IN ({_listed(asked)})
        ORDER BY hgnc_symbol, cohort_id, endpoint
        """,
    )
    question = "Whether the shared genes and the genes of interest matter in patients, with cohort, n and events"
    return Sheet("Survival", question, frame, ("marts.survival_by_gene",))


def _dictionary(published: Published, sheets: Sequence[Sheet]) -> Sheet:
    """Each column of each sheet: what it means, in which unit, and from which table."""
    described = {
        (f"{row['layer']}.{row['table_name']}", row["column_name"]): row
        for row in published.rows("SELECT layer, table_name, column_name, unit, description FROM meta.columns")
    }
    rows = []
    for sheet in sheets:
        for heading in sheet.frame.columns:
            column, _, contrast = heading.partition(" ")
            found = next((t for t in reversed(sheet.tables) if contrast and (t, column) in described), None)
            found = found or next((t for t in sheet.tables if (t, column) in described), None)
            row = described.get((found or "", column), {})
            own = {"title": "title in words", "list": "the list or overlap in words",
                   "intersections": "ids of the declared intersections that hold the gene, joined by |"}  # fmt: skip
            rows.append(
                {
                    "sheet": sheet.name,
                    "column": heading,
                    "meaning": (row.get("description") or own.get(column, ""))
                    + (f", in {contrast}" if contrast else ""),
                    "unit": row.get("unit"),
                    "table": found,
                }
            )
    schema = pl.Schema(
        {"sheet": pl.String, "column": pl.String, "meaning": pl.String, "unit": pl.String, "table": pl.String}
    )
    return Sheet("Dictionary", "What each column means", pl.DataFrame(rows, schema=schema), ("meta.columns",))


def _sources(published: Published) -> Sheet:
    frame = published.frame(
        "SELECT source_id, title, state, reason, version, sha256, bytes, retrieved_at, licence, citation, url, feeds"
        " FROM meta.sources ORDER BY state, source_id",
    )
    question = "Which files the release rests on, with their checksums, and what could not be had and why"
    return Sheet("Sources", question, frame, ("meta.sources",))


def _about(published: Published, sheets: Sequence[Sheet], has_own: bool) -> Sheet:
    facts = published.facts
    told = [
        ("Release", str(published.release)),
        ("Published (UTC)", facts.get("written_at", "")),
        ("Code", facts.get("code_revision", "")),
        ("Data", "SYNTHETIC: the demo's studies" if published.is_synthetic else "as in the sheet Sources"),
        ("Which contrasts", "of the laboratory's own studies" if has_own else "all: no study is the laboratory's"),
        *((sheet.name, f"{sheet.question}. {sheet.frame.height:,} rows, from {', '.join(sheet.tables)}")
          for sheet in sheets),
    ]  # fmt: skip
    frame = pl.DataFrame(told, schema={"what": pl.String, "told": pl.String}, orient="row")
    return Sheet("About", "What this workbook holds", frame, ())


def _write(sheets: Sequence[Sheet], path: Path) -> None:
    import xlsxwriter

    plain = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
             "nan_inf_to_errors": True, "in_memory": True}  # fmt: skip
    with xlsxwriter.Workbook(str(path), plain) as workbook:
        workbook.set_properties({"title": "Resistance warehouse", "comments": sheets[0].frame["told"][0]})
        bold = workbook.add_format({"bold": True, "font_size": 12})
        heading = {"bold": True, "bg_color": "#DDE3EA", "border": 1, "border_color": "#B8C0CA"}
        for sheet in sheets:
            worksheet = workbook.add_worksheet(sheet.name)
            worksheet.write_string(0, 0, sheet.question, bold)
            frame = sheet.frame
            # Headings stay in sight, and so does the gene.
            first = frame.columns.index(SYMBOL) + 1 if SYMBOL in frame.columns[:2] else 1
            widths = {
                name: _characters(frame[name], WIDEST_IN_SIGHT if place < first else WIDEST)
                for place, name in enumerate(frame.columns)
            }
            if frame.is_empty():
                worksheet.write_row(HEADINGS_ROW, 0, frame.columns, workbook.add_format(heading))
                worksheet.write_string(HEADINGS_ROW + 1, 0, "none")
            else:
                frame.write_excel(
                    workbook=workbook,
                    worksheet=sheet.name,
                    position=(HEADINGS_ROW, 0),
                    table_style="Table Style Light 1",
                    column_formats=dict(map(_format, frame.columns, frame.dtypes)),
                    column_widths={name: 7 * width + 5 for name, width in widths.items()},
                    header_format=heading,
                )
            worksheet.freeze_panes(HEADINGS_ROW + 1, first)
            worksheet.set_landscape()
            worksheet.set_paper(A4)
            if sum(widths.values()) <= WIDEST_ON_PAGE:
                worksheet.fit_to_pages(1, 0)
            else:
                worksheet.repeat_columns(0, first - 1)
            worksheet.repeat_rows(HEADINGS_ROW)
            worksheet.set_footer("&L&A&CPage &P of &N")


def _format(name: str, dtype: pl.DataType) -> tuple[str, str]:
    """Column and number format; text is marked as text, so that a cell typed again does not become a date."""
    if dtype.is_integer():
        return name, "#,##0"
    if dtype.is_float():
        return name, SMALL_P if name.startswith(("p_", "q_", "os_p", "os_q")) else "0.000"
    return name, "@"


def _characters(values: pl.Series, most: int) -> int:
    """Width of a column: its longest cell among the first thousand, or its heading, within bounds."""
    cells = max(map(len, values.head(1000).drop_nulls()), default=0) if values.dtype == pl.String else 9
    longest = max(len(values.name) + 3, cells + 1)
    return min(most, max(NARROWEST, longest))
