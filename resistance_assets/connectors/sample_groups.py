"""Which samples of a public study belong to which group, by rules that the catalog declares.

Here belongs applying the rules to a sample sheet and telling, with the sheet before one's eyes, what is wrong with
them. Sample sheets are made in `biostudies` and `geo_matrix`; contrasts of groups are the catalog's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from resistance_assets.connectors.arrayexpress.processed_counts import NAMES_OF_SAMPLE
from resistance_assets.connectors.sample_design import CELL_LINES, NO_FACTOR, is_untreated
from resistance_assets.errors import CatalogFault, DesignFault


class GroupRule(Protocol):
    """A group: its id, the samples that it names, or else patterns that must all be found in a sample and those of
    which none may be; and the accession it is confined to, if any."""

    @property
    def id(self) -> str: ...
    @property
    def samples(self) -> tuple[str, ...]: ...
    @property
    def patterns(self) -> tuple[str, ...]: ...
    @property
    def excluded_patterns(self) -> tuple[str, ...]: ...
    @property
    def accession(self) -> str | None: ...


@dataclass(frozen=True)
class StudyLines:
    """What a study says of its cell lines.

    Attributes:
        cell_line: of all its samples; those of groups by rules that name others alone are left out.
        compared: numerator and denominator of its contrasts, which are of one line.
    """

    cell_line: str | None = None
    compared: tuple[tuple[str, str], ...] = ()


ANY_LINE = StudyLines()
MOST_OF_PATTERNS = 120
_TELLING = re.compile(r"title|source_name|extract_name|assay_name|characteristic|factor")
# Columns in which the samples of a group by rules must agree: a dose or a time is no replicate.
_CONDITION = re.compile(r"time|duration|dose|concentration|compound|treat|agent|drug|stimulus|cell_?line")


def group_samples(
    sample_sheet: pl.DataFrame,
    rules: Sequence[GroupRule],
    *,
    study: str,
    accession: str | None = None,
    lines: StudyLines = ANY_LINE,
) -> pl.DataFrame:
    """Put the samples of one accession into groups.

    A group that names its samples has these: by accession, or by any name that the record gives to one sample alone
    (title, run, experiment), as written or else but for capitals and punctuation. Else, a pattern is a regular
    expression, case ignored, that is searched in each cell, written as `column: value` (`title: PC9 rep1`,
    `factor_compound: erlotinib`), so that a pattern may name its column. A sample is in a group if every pattern of the
    group is found in some cell of it and none of its excluded patterns in any. Samples of no group are left out.

    Args:
        sample_sheet: one row per sample, with sample_id and text columns.
        rules: groups; those of another accession do not count.
        study: what messages call the study.
        accession: the accession that the sheet is of.
        lines: cell lines of the study.

    Returns:
        sample_id, group_id (String), in the order of the sheet.

    Raises:
        CatalogFault: a pattern cannot be read, a group has neither samples nor patterns, a rule matches no sample, or a
            named sample is not in the sheet: the message shows the sheet.
        DesignFault: a sample is in two groups, samples of a group by rules differ in a dose, a time or a line, or two
            arms that are compared are of several lines.
    """
    own = [rule for rule in rules if rule.accession is None or rule.accession == accession]
    subject = f"study {study}" + (f" ({accession})" if accession else "")
    cells = {
        row["sample_id"]: [f"{column}: {value}" for column, value in row.items() if value is not None]
        for row in sample_sheet.to_dicts()
    }
    group_of: dict[str, str] = {}
    line_names = {row["sample_id"]: _lines_of(row) for row in sample_sheet.to_dicts()}
    wanted = _letters_and_digits(lines.cell_line or "").removeprefix("nci")
    others = {sample for sample, names in line_names.items() if wanted and names and wanted not in names}
    members_of: dict[str, list[str]] = {}
    for rule in own:
        if rule.samples:
            members = _named_members(rule, sample_sheet, subject)
        else:
            left = {sample: texts for sample, texts in cells.items() if sample not in others}
            members = _matching_members(rule, sample_sheet, left, subject)
            _require_alike(rule, members, sample_sheet, subject)
            members_of[rule.id] = members
        for sample in members:
            if sample in group_of:
                raise DesignFault(
                    f"sample {sample} is in the groups {group_of[sample]} and {rule.id}; it says "
                    f"{' / '.join(cells[sample])}",
                    subject=subject,
                    expected="each sample in one group at most",
                    remedy="Make the patterns of the two groups exclude one another, or name their samples",
                )
            group_of[sample] = rule.id
    for arms in lines.compared if not wanted else ():
        if all(arm in members_of for arm in arms):
            names = {name for arm in arms for sample in members_of[arm] for name in line_names[sample]}
            _require_one_line(arms, names, sample_sheet, subject)
    chosen = [(sample, group_of[sample]) for sample in cells if sample in group_of]
    return pl.DataFrame(chosen, schema={"sample_id": pl.String, "group_id": pl.String}, orient="row")


def _lines_of(row: Mapping[str, str | None]) -> set[str]:
    """Cell lines that the cells of a sample name: `h1975` for NCI-H1975, H1975 and H-1975."""
    texts = [value for column, value in row.items() if value is not None and _TELLING.match(column)]
    found = (match.group(1) for text in texts for match in CELL_LINES.finditer(text.replace("_", " ")))
    return {_letters_and_digits(name) for name in found}


def _require_alike(rule: GroupRule, members: Sequence[str], sample_sheet: pl.DataFrame, subject: str) -> None:
    """Refuse a group by rules whose samples, of one accession, differ in a condition of the experiment."""
    own = sample_sheet.filter(pl.col("sample_id").is_in(members))
    parts = own.partition_by("accession") if "accession" in own.columns else [own]
    conditions = [c for c in own.columns if c.startswith(("factor", "charact")) and _CONDITION.search(c)]
    for column in (name for name in conditions if not NO_FACTOR.search(name)):
        for part in parts:
            values = part[column].drop_nulls().unique(maintain_order=True).to_list()
            if len({value for value in values if not is_untreated(value)}) + any(map(is_untreated, values)) > 1:
                raise DesignFault(
                    f"the samples of group {rule.id} differ in {column}: {', '.join(values[:6])}; the sample sheet is "
                    f"{show_sheet(sample_sheet)}",
                    subject=subject,
                    expected="replicates of one condition",
                    remedy="Name the samples of the group, or make its patterns tell the conditions apart",
                )


def _require_one_line(arms: tuple[str, str], names: set[str], sample_sheet: pl.DataFrame, subject: str) -> None:
    if len(names) > 1:
        raise DesignFault(
            f"the arms {' and '.join(arms)} hold several cell lines: {', '.join(sorted(names))}; the sample sheet is "
            f"{show_sheet(sample_sheet)}",
            subject=subject,
            expected="one line in both arms",
            remedy="Name the samples of each arm, or the study's cell_line",
        )


def _named_members(rule: GroupRule, sample_sheet: pl.DataFrame, subject: str) -> list[str]:
    found = {name: samples_named(name, sample_sheet) for name in rule.samples}
    if lacking := [name for name, samples in found.items() if len(samples) != 1]:
        name, more = lacking[0], f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        problem = f"{len(found[name])} samples are called {name}" if found[name] else f"the record has no sample {name}"
        raise CatalogFault(
            f"{problem}{more}; the sample sheet is {show_sheet(sample_sheet)}",
            subject=subject,
            place=f"group {rule.id}",
            expected="accessions or names of samples of the record, each of one sample",
            remedy="Correct the samples of the group, or the accession of the study",
        )
    members = [samples[0] for samples in found.values()]
    if twice := [name for name, samples in found.items() if members.count(samples[0]) > 1]:
        raise CatalogFault(
            f"{' and '.join(twice)} are one sample",
            subject=subject,
            place=f"group {rule.id}",
            remedy="Name it once",
        )
    return members


def samples_named(name: str, sample_sheet: pl.DataFrame) -> list[str]:
    """Samples that the record calls by a name: as it is written, else but for capitals, blanks and punctuation.

    The first kind of name decides that any sample bears: the accession before runs, runs before titles.
    """
    for simplify in (str.strip, _letters_and_digits):
        wanted = simplify(name)
        for kind in NAMES_OF_SAMPLE:
            if kind not in sample_sheet.columns or not wanted:
                continue
            found = [
                sample
                for sample, cell in sample_sheet.select("sample_id", pl.col(kind).alias("called")).iter_rows()
                if cell is not None and wanted in {simplify(part) for part in (cell, *cell.split(" | "))}
            ]
            if found:
                return found
    return []


def _letters_and_digits(name: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", name.lower())


def _matching_members(
    rule: GroupRule, sample_sheet: pl.DataFrame, cells: Mapping[str, Sequence[str]], subject: str
) -> list[str]:
    if not rule.patterns:
        raise CatalogFault(
            f"group {rule.id} has neither samples nor patterns",
            subject=subject,
            expected=f"patterns that tell its samples, or their ids; the sample sheet is {show_sheet(sample_sheet)}",
            remedy="Write samples or patterns for the group where the study is declared",
        )
    try:
        patterns = [re.compile(pattern, re.IGNORECASE) for pattern in rule.patterns]
        excluded = [re.compile(pattern, re.IGNORECASE) for pattern in rule.excluded_patterns]
    except re.error as error:
        raise CatalogFault(
            f"a pattern of group {rule.id} is no regular expression ({error})",
            subject=subject,
            remedy="Correct the pattern in studies.toml",
        ) from error
    members = [
        sample
        for sample, texts in cells.items()
        if all(any(p.search(text) for text in texts) for p in patterns)
        and not any(p.search(text) for text in texts for p in excluded)
    ]
    if not members:
        raise CatalogFault(
            f"the patterns{_shown(rule)} of group {rule.id} match no sample; the sample sheet is "
            f"{show_sheet(sample_sheet)}",
            subject=subject,
            expected="at least one sample",
            remedy="Correct the patterns of the group in studies.toml to what the sheet says",
        )
    return members


def _shown(rule: GroupRule) -> str:
    """The patterns of a group where a person can read them: long ones would hide the sheet."""
    without = f" and none of {', '.join(rule.excluded_patterns)}" if rule.excluded_patterns else ""
    text = f" {', '.join(rule.patterns)}{without}"
    return text if len(text) <= MOST_OF_PATTERNS else ""


def show_sheet(sample_sheet: pl.DataFrame, *, most: int = 24) -> str:
    """A sample sheet in one line: per sample, what tells it from others; columns that do not differ are left out."""
    telling = [
        column
        for column in sample_sheet.columns
        if column != "sample_id" and (sample_sheet[column].n_unique() > 1 or sample_sheet.height == 1)
    ]
    names = [column for column in telling if column.startswith(("title", "source_name", "characteristic", "factor"))]
    shown = sample_sheet.head(most)
    parts = [
        f"[{row['sample_id']}: " + ", ".join(f"{c}={row[c]}" for c in names or telling if row[c] is not None) + "]"
        for row in shown.to_dicts()
    ]
    more = f" and {sample_sheet.height - most} more" if sample_sheet.height > most else ""
    return " ".join(parts) + more
