"""Which samples of a public study belong to which group, by rules that the catalog declares.

Here belongs applying the rules to a sample sheet and telling, with the sheet before one's eyes, what is wrong with
them. Sample sheets are made in `biostudies` and `geo_matrix`; contrasts of groups are the catalog's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

from resistance_assets.connectors.arrayexpress.processed_counts import NAMES_OF_SAMPLE
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


def group_samples(
    sample_sheet: pl.DataFrame, rules: Sequence[GroupRule], *, study: str, accession: str | None = None
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

    Returns:
        sample_id, group_id (String), in the order of the sheet.

    Raises:
        CatalogFault: a pattern cannot be read, a group has neither samples nor patterns, a rule matches no sample, or a
            named sample is not in the sheet: the message shows the sheet.
        DesignFault: a sample is in two groups.
    """
    own = [rule for rule in rules if rule.accession is None or rule.accession == accession]
    subject = f"study {study}" + (f" ({accession})" if accession else "")
    cells = {
        row["sample_id"]: [f"{column}: {value}" for column, value in row.items() if value is not None]
        for row in sample_sheet.to_dicts()
    }
    group_of: dict[str, str] = {}
    for rule in own:
        if rule.samples:
            members = _named_members(rule, sample_sheet, subject)
        else:
            members = _matching_members(rule, sample_sheet, cells, subject)
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
    chosen = [(sample, group_of[sample]) for sample in cells if sample in group_of]
    return pl.DataFrame(chosen, schema={"sample_id": pl.String, "group_id": pl.String}, orient="row")


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
            f"the patterns {list(rule.patterns)} of group {rule.id}{_without(rule)} match no sample; the sample "
            f"sheet is {show_sheet(sample_sheet)}",
            subject=subject,
            expected="at least one sample",
            remedy="Correct the patterns of the group in studies.toml to what the sheet says",
        )
    return members


def _without(rule: GroupRule) -> str:
    return f" (and none of {list(rule.excluded_patterns)})" if rule.excluded_patterns else ""


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
