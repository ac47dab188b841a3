"""The sample sheet of a laboratory's study, the follow-up in it, and what in it may not be meant.

Here belongs reading the sheet and judging what its cells alone can tell. Contrasts and survival analyses are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.lab_study import StudySurvival
from resistance_assets.connectors.clinical_cells import (
    LONGEST_LIFE_YEARS,
    Kind,
    read_numbers,
    reject_unread_cells,
)
from resistance_assets.connectors.formats.delimited import missing_column
from resistance_assets.connectors.lab_study.table_text import NULLS, check_distinct, name_of, split_table
from resistance_assets.errors import DataFault

WARNING_SCHEMA = {"source": pl.String, "place": pl.String, "warning": pl.String}
"""Columns of a frame of warnings: the file, where in it, and what may not be meant."""

LONGEST_FOLLOW_UP_MONTHS = 600
"""Fifty years: no cohort of lung cancer was followed longer, and days read as months come to more."""
SHORTEST_FOLLOW_UP_MONTHS = 1

_RESERVED_SAMPLES = frozenset({"feature_id", "study_id", "sample_id", "probe_id"})


def warnings(rows: Iterable[tuple[str, str, str]] = ()) -> pl.DataFrame:
    """A frame of warnings from (source, place, warning)."""
    return pl.DataFrame(list(rows), schema=WARNING_SCHEMA, orient="row")


def read_sample_sheet(path: Path, *, study: str | None = None) -> pl.DataFrame:
    """Read a sample sheet: sample_id, then the other columns, all String (blank and NA are null).

    Raises:
        DataFault: the table is empty or ragged, has no column sample_id, or a sample is blank, occurs twice or has a
            name that the warehouse uses itself.
    """
    text = split_table(path, source=name_of(path, study))
    text.require(["sample_id"])
    ids = text.frame()["sample_id"].str.strip_chars().replace("", None)
    sheet = text.frame(nulls=NULLS).with_columns(pl.all().str.strip_chars().replace("", None))
    sheet = sheet.with_columns(ids)
    blank = ids.is_null().arg_true()
    if len(blank):
        raise DataFault(
            "the sample has no name",
            subject=text.source,
            place=f"line {int(text.lines[blank[0]])}, column sample_id",
            remedy="Name the sample or remove the line",
        )
    check_distinct(ids, text, column="sample_id", what="sample", remedy="Keep one of the lines")
    reserved = ids.is_in(list(_RESERVED_SAMPLES)).arg_true()
    if len(reserved):
        raise DataFault(
            f"a sample may not be called {ids[reserved[0]]}, which is a column of the warehouse",
            subject=text.source,
            place=f"line {int(text.lines[reserved[0]])}, column sample_id",
            remedy="Rename the sample in both files",
        )
    return sheet.select("sample_id", pl.exclude("sample_id"))


def warn_of_levels(samples: pl.DataFrame, source: str, *, most_levels: int = 50) -> pl.DataFrame:
    """Warnings of levels of a column that differ by capitals, blanks or punctuation alone, with their samples."""
    found: list[tuple[str, str, str]] = []
    for column in samples.columns[1:]:
        values = samples[column]
        if values.n_unique() > most_levels:
            continue
        plain = values.str.to_lowercase().str.replace_all(r"[\s_\-.]+", "")
        frame = pl.DataFrame({"sample_id": samples["sample_id"], "level": values, "plain": plain}).drop_nulls()
        for _, group in frame.group_by("plain", maintain_order=True):
            if group["level"].n_unique() < 2:
                continue
            told = [
                f"{level[0]!r} ({_shorten(own['sample_id'].to_list())})"
                for level, own in group.group_by("level", maintain_order=True)
            ]
            warning = f"levels that differ by capitals or blanks alone are levels of their own: {' and '.join(told)}"
            found.append((source, f"column {column}", warning))
    return warnings(found)


def warn_of_unused_samples(
    samples: pl.DataFrame, factors: Sequence[tuple[str, Sequence[str]]], source: str
) -> pl.DataFrame:
    """A warning that names the samples that no contrast takes.

    Args:
        samples: the sheet.
        factors: of every contrast, its factor and the levels that it compares.
        source: the sheet's name.
    """
    if not factors or any(factor not in samples.columns for factor, _ in factors):
        return warnings()
    used = pl.any_horizontal([pl.col(factor).is_in(list(levels)).fill_null(False) for factor, levels in factors])
    unused = samples.filter(~used)
    if unused.is_empty():
        return warnings()
    columns = list(dict.fromkeys(factor for factor, _ in factors))
    told = []
    for row in unused.head(8).to_dicts():
        cells = [f"{name} = {row[name]!r}" if row[name] else f"{name} is blank" for name in columns]
        told.append(f"{row['sample_id']} ({', '.join(cells)})")
    more = f" and {unused.height - 8} more" if unused.height > 8 else ""
    number = "1 sample takes" if unused.height == 1 else f"{unused.height} samples take"
    warning = f"{number} no part in any contrast: {', '.join(told)}{more}"
    return warnings([(source, f"column {', '.join(columns)}", warning)])


def check_follow_up(samples: pl.DataFrame, survival: StudySurvival, *, source: str) -> None:
    """Refuse a sample sheet whose follow-up cannot be what study.toml says of it.

    A sample without a time or without an event is fine: its patient is left out of the analyses and counted.

    Args:
        samples: of `read_counts`.
        survival: the [survival] table of study.toml.
        source: name of the sheet, for errors.

    Raises:
        DataFault: a column is missing (the nearest name is told), a time is not a number of at least 0, an event is
            neither 0 nor 1, nobody had the event, no sample is of the subset, or times or ages cannot be in the unit
            that is declared. Each names the sample.
    """
    for name in survival.columns:
        if name not in samples.columns:
            raise missing_column(name, samples.columns, source=source)
    for column, values in survival.subset.items():
        samples = samples.filter(pl.col(column).is_in(values))
        if samples.is_empty():
            raise DataFault(
                f"no sample has {column} {' or '.join(values)}",
                subject=source,
                place=f"column {column}",
                remedy="Correct survival.subset in study.toml",
            )
    rules = (
        (survival.time_column, lambda n: n.is_finite() & (n >= 0), f"a number of {survival.unit}, at least 0"),
        (survival.event_column, lambda n: n.is_in([0.0, 1.0]), "1 = event, 0 = censored"),
    )
    for column, fits, expected in rules:
        numbers = read_numbers(samples[column])
        wrong = (samples[column].is_not_null() & ~fits(numbers).fill_null(False)).arg_true()
        if len(wrong):
            raise DataFault(
                f"{samples[column][wrong[0]]!r} is no {'event' if column == survival.event_column else 'time'}",
                subject=source,
                place=f"sample {samples['sample_id'][wrong[0]]}, column {column}",
                expected=expected,
                remedy="Correct the cell, or leave it blank if it is not known",
            )
    if not read_numbers(samples[survival.event_column]).sum():
        raise DataFault(
            f"none of {samples.height} samples has an event",
            subject=source,
            place=f"column {survival.event_column}",
            remedy="Leave [survival] out of study.toml until there are events",
        )
    _check_unit(samples, survival, source)
    _check_ages(samples, survival, source)


def _check_unit(samples: pl.DataFrame, survival: StudySurvival, source: str) -> None:
    times = read_numbers(samples[survival.time_column])
    longest = times.arg_max()
    if longest is None:
        return
    months = float(times[longest]) * survival.months_per_unit
    if months > LONGEST_FOLLOW_UP_MONTHS:
        others = {"years": "months or days", "months": "days", "days": "hours"}[survival.unit]
        raise DataFault(
            f"the longest follow-up is {times[longest]:,.10g} {survival.unit}, which are {months:,.0f} months",
            subject=source,
            place=f"sample {samples['sample_id'][longest]}, column {survival.time_column}",
            expected=f"at most {LONGEST_FOLLOW_UP_MONTHS} months",
            remedy=f"Correct survival.unit in study.toml: the times may be in {others}",
        )


def _check_ages(samples: pl.DataFrame, survival: StudySurvival, source: str) -> None:
    """Refuse ages of which most cannot be years; a single one that cannot is left blank and counted."""
    if survival.age_column is None:
        return
    ages = read_numbers(samples[survival.age_column])
    impossible = ages > LONGEST_LIFE_YEARS
    if impossible.sum() * 2 <= ages.count():
        return
    first = impossible.fill_null(False).arg_true()[0]
    raise DataFault(
        f"{impossible.sum()} of {ages.count()} ages are above {LONGEST_LIFE_YEARS} years, such as {ages[first]:,.10g}",
        subject=source,
        place=f"sample {samples['sample_id'][first]}, column {survival.age_column}",
        expected="ages in years",
        remedy="Write the ages in years (days / 365.25), or name another column as survival.age_column in study.toml",
    )


def reject_unread_follow_up(samples: pl.DataFrame, survival: StudySurvival, *, source: str) -> pl.DataFrame:
    """Rejected rows, one per clinical cell of the sheet that is left blank because it cannot be read."""
    columns: dict[str | None, Kind] = {
        survival.age_column: "age",
        survival.sex_column: "sex",
        survival.stage_column: "stage",
        survival.purity_column: "purity",
    }
    return reject_unread_cells(
        samples, {name: kind for name, kind in columns.items() if name}, source=source, key="sample_id"
    )


def warn_of_follow_up(samples: pl.DataFrame, survival: StudySurvival, *, source: str) -> pl.DataFrame:
    """Warnings of patients whose samples disagree, and of a follow-up that is too short for its unit."""
    for column, values in survival.subset.items():
        samples = samples.filter(pl.col(column).is_in(values))
    found: list[tuple[str, str, str]] = []
    times = read_numbers(samples[survival.time_column])
    longest = times.max()
    if isinstance(longest, float) and longest * survival.months_per_unit < SHORTEST_FOLLOW_UP_MONTHS:
        found.append(
            (
                source,
                f"column {survival.time_column}",
                f"the longest follow-up is {longest:,.10g} {survival.unit}, less than a month: is survival.unit right?",
            )
        )
    if survival.patient_column:
        told = (survival.time_column, survival.event_column, survival.age_column, survival.sex_column,
                survival.stage_column)  # fmt: skip
        columns = [name for name in told if name]
        differing = (
            samples.filter(pl.col(survival.patient_column).is_not_null())
            .group_by(survival.patient_column, maintain_order=True)
            .agg(
                pl.col("sample_id"),
                *[(pl.col(name).drop_nulls().n_unique() > 1).alias(name) for name in columns],
            )
            .filter(pl.any_horizontal(columns))
        )
        for row in differing.head(20).to_dicts():
            names = ", ".join(name for name in columns if row[name])
            found.append(
                (
                    source,
                    f"patient {row[survival.patient_column]}",
                    f"its samples {_shorten(row['sample_id'])} disagree in {names}; the first one is analysed",
                )
            )
        if differing.height > 20:
            found.append(
                (
                    source,
                    f"column {survival.patient_column}",
                    f"so do the samples of {differing.height - 20} patients more",
                )
            )
    return warnings(found)


def _shorten(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
