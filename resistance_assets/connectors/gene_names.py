"""What stands in a gene column and is no gene: summary rows, missing names, spreadsheet dates, row numbers.

Here belongs telling it from the name alone, the same way for every reader of counts, matrices and published results.
Which gene a name stands for is `staging.genes__measured`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText

SUMMARY_ROWS: dict[str, str] = {
    **dict.fromkeys(
        ("__no_feature", "__ambiguous", "__too_low_aQual", "__not_aligned", "__alignment_not_unique"), "htseq-count"
    ),
    **dict.fromkeys(("no_feature", "ambiguous", "too_low_aQual", "not_aligned", "alignment_not_unique"), "htseq-count"),
    **dict.fromkeys(("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"), "STAR"),
    **dict.fromkeys(
        (
            "Assigned",
            "Unassigned_Unmapped",
            "Unassigned_Read_Type",
            "Unassigned_Singleton",
            "Unassigned_MappingQuality",
            "Unassigned_Chimera",
            "Unassigned_FragmentLength",
            "Unassigned_Duplicate",
            "Unassigned_MultiMapping",
            "Unassigned_Secondary",
            "Unassigned_NonSplit",
            "Unassigned_NoFeatures",
            "Unassigned_Overlapping_Length",
            "Unassigned_Ambiguity",
        ),
        "featureCounts",
    ),
}
"""Rows in which counting programs report reads of no gene -> the program. Old htseq-count wrote no underscores."""

MISSING_NAMES = (
    "", "na", "nan", "n/a", "n.a.", "n.a", "#n/a", "null", "none", "-", "--", "---", ".", "?", "<na>",
    "#name?", "#ref!", "#value!", "#null!", "#num!", "#div/0!",
)  # fmt: skip
"""Cells of a gene column that name nothing, in lower case; the last ones are errors of spreadsheets."""
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"

_PROGRAM_OF = {name.lower(): program for name, program in SUMMARY_ROWS.items()}
# R's make.names puts an X before a name that starts with an underscore.
_PROGRAM_OF |= {f"x{name.lower()}": program for name, program in SUMMARY_ROWS.items() if name.startswith("__")}

_MONTHS = {
    1: "jan january januar janv janvier ene enero gen gennaio",
    2: "feb february februar févr fév février fevrier febrero febbraio",
    3: "mar march mrz mär mrz. märz maerz mars marzo mrt maart",
    4: "apr april avr avril abr abril aprile",
    5: "may mai mayo mag maggio mei maj",
    6: "jun june juni juin junio giu giugno",
    7: "jul july juli juil juillet julio lug luglio",
    8: "aug august août aout ago agosto",
    9: "sep sept september septembre septiembre set settembre",
    10: "oct october okt oktober octobre octubre ott ottobre",
    11: "nov november novembre noviembre",
    12: "dec december dez dezember déc décembre decembre dic diciembre dicembre",
}
_MONTH_OF = {word: month for month, words in _MONTHS.items() for word in words.split()}
_WORD = "|".join(sorted((re.escape(word) for word in _MONTH_OF), key=len, reverse=True))
_YEAR = r"(?:1[89]\d\d|20\d\d|\d\d)"
_TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?)?"
_DAY_FIRST = re.compile(rf"(?P<day>\d{{1,2}})[-./ ]+(?P<month>{_WORD})\.?(?:[-./, ]+{_YEAR})?{_TIME}", re.IGNORECASE)
_MONTH_FIRST = re.compile(
    rf"(?P<month>{_WORD})\.?[-/ ]+(?P<day>\d{{1,2}}|(?:1[89]|20)\d\d)(?:[-/, ]+{_YEAR})?{_TIME}", re.IGNORECASE
)
_ISO = re.compile(rf"(?P<year>(?:1[89]|20)\d\d)[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_TIME}")
_NUMERIC = re.compile(rf"(?P<one>\d{{1,2}})([/.-])(?P<two>\d{{1,2}})\2{_YEAR}{_TIME}")
_SERIAL = re.compile(r"\d{5}(?:\.0+)?")
# Spreadsheets count days from here; serials of the years 2000 to 2049, those in which names were typed.
_EPOCH = datetime.date(1899, 12, 30)
_FIRST_SERIAL, _LAST_SERIAL = 36526, 54788
# Aliases of HGNC are written so (OCT-4, APR-1, MAG-2); spreadsheets write Oct-04.
_ALIAS = re.compile(r"[A-Z]{3,4}-[1-9]")

_GENES_OF_MONTH: dict[int, tuple[tuple[str, int, int], ...]] = {
    3: (("MARCHF", 1, 11), ("MTARC", 1, 2)),
    9: (("SEPTIN", 1, 14), ("SELENOF (SEP15)", 15, 15)),
    10: (("POU2F1 (OCT1)", 1, 1), ("POU2F2 (OCT2)", 2, 2), ("POU5F1 (OCT3, OCT4)", 3, 4), ("POU3F1 (OCT6)", 6, 6)),
    12: (("DELEC1 (DEC1)", 1, 1), ("BHLHE40 (DEC1)", 1, 1), ("BHLHE41 (DEC2)", 2, 2)),
    4: (("MAGEH1 (APR-1)", 1, 1), ("PMAIP1 (APR)", 1, 31)),
    11: (("CCN3 (NOV)", 1, 31),),
    6: (("JUN", 1, 31),),
    2: (("FEB", 1, 31),),
}


def _candidates(month: int, day: int) -> list[str]:
    """Genes whose old symbol a spreadsheet turns into this day, such as MARCH1 and MARC1 into 1 March."""
    found = []
    for name, first, last in _GENES_OF_MONTH.get(month, ()):
        if first <= day <= last:
            found.append(f"{name}{day}" if name in ("MARCHF", "MTARC", "SEPTIN", "FEB") else name)
    return found


def date_genes(name: str, *, among_symbols: bool = True) -> list[str] | None:
    """Genes that a spreadsheet may have turned into the date `name`; None where it is no date, [] where none is known.

    Args:
        name: a cell of a gene column.
        among_symbols: whether the other names are symbols; five digits are then a date's serial number, and an NCBI
            Gene id otherwise.
    """
    text = name.strip()
    if len(text) > 32 or _ALIAS.fullmatch(text):
        return None
    if among_symbols and _SERIAL.fullmatch(text) and _FIRST_SERIAL <= float(text) <= _LAST_SERIAL:
        date = _EPOCH + datetime.timedelta(days=int(float(text)))
        return _candidates(date.month, date.day)
    for pattern in (_DAY_FIRST, _MONTH_FIRST):
        if found := pattern.fullmatch(text):
            month, day = _MONTH_OF[found["month"].lower()], int(found["day"])
            # `Mar-2001` is how MARCH1 of some spreadsheet versions looks: the first of the month in 2001.
            day = day % 100 if day > 31 else day
            return _candidates(month, day) if 1 <= day <= 31 else None
    if found := _ISO.fullmatch(text):
        month, day = int(found["month"]), int(found["day"])
        return _of_numbers([(month, day)])
    if found := _NUMERIC.fullmatch(text):
        one, two = int(found["one"]), int(found["two"])
        return _of_numbers([(one, two), (two, one)])
    return None


def _of_numbers(readings: Sequence[tuple[int, int]]) -> list[str] | None:
    valid = [(month, day) for month, day in readings if 1 <= month <= 12 and 1 <= day <= 31]
    if not valid:
        return None
    return list(dict.fromkeys(gene for month, day in valid for gene in _candidates(month, day)))


_MAY_BE_DATE = r"^\s*(?:\d{1,4}[-./ ]|\d{5}(?:\.0+)?\s*$|(?i:[a-zäéûô]{3,10})\.?[-/ ]+\d)"


def spreadsheet_dates(names: pl.Series) -> dict[int, list[str]]:
    """Row -> genes that it may have been, for the names that a spreadsheet has turned into dates."""
    text = names.cast(pl.String)
    told = text.drop_nulls()
    digits = int(told.str.contains(r"^\s*\d+(\.0+)?\s*$").sum())
    among_symbols = digits * 2 < len(told)
    found: dict[int, list[str]] = {}
    for row in text.str.contains(_MAY_BE_DATE).fill_null(False).arg_true():
        genes = date_genes(text[row], among_symbols=among_symbols)
        if genes is not None:
            found[int(row)] = genes
    return found


def describe_date(name: str, genes: Sequence[str]) -> str:
    """One clause about a name that is a date."""
    if not genes:
        return f"{name[:40]!r} is a date of a spreadsheet, no gene"
    return f"{name[:40]!r} is a date that a spreadsheet made of a gene's name, such as {' or '.join(genes[:4])}"


def reasons_of_no_gene(names: pl.Series) -> pl.Series:
    """Why a name is no gene, or null where it may be one: a missing name, or a summary row of a counting program.

    Args:
        names: the gene column as text, before anything is taken for a null.

    Returns:
        String, one per name.
    """
    plain = names.cast(pl.String).str.strip_chars(_INVISIBLE).str.strip_chars().str.to_lowercase()
    program = plain.replace_strict(_PROGRAM_OF, default=None, return_dtype=pl.String)
    missing = plain.is_null() | plain.is_in(MISSING_NAMES)
    frame = pl.DataFrame({"missing": missing, "program": program, "name": names.cast(pl.String).fill_null("")})
    return frame.select(
        pl.when("missing")
        .then(pl.concat_str(pl.lit("the gene has no name: '"), pl.col("name").str.slice(0, 20), pl.lit("'")))
        .when(pl.col("program").is_not_null())
        .then(pl.concat_str(pl.lit("summary row of "), "program", pl.lit(", no gene")))
        .alias("reason")
    ).to_series()


def odd_names(names: pl.Series) -> dict[int, str]:
    """Row -> why its name is no gene: summary rows and spreadsheet dates; names that are null are passed over."""
    reasons = reasons_of_no_gene(names)
    odd = {int(row): str(reasons[row]) for row in (reasons.is_not_null() & names.is_not_null()).arg_true()}
    return odd | {row: describe_date(names[row], genes) for row, genes in spreadsheet_dates(names).items()}


def split_gene_rows(text: DelimitedText, frame: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a matrix that are genes, each once, and the others, rejected.

    Args:
        text: the file.
        frame: one row per row of it.
        key: the column of names, null where blank.
    """
    odd = odd_names(frame[key])
    if not odd:
        return text.first_of_each(frame, key)
    rows = pl.int_range(frame.height, eager=True).is_in(list(odd))
    kept, rejected = text.first_of_each(
        frame.with_columns(pl.select(pl.when(~rows).then(frame[key])).to_series().alias(key)), key
    )
    reasons = {int(text.lines[row]): reason for row, reason in odd.items()}
    told = rejected["line"].replace_strict(reasons, default=None, return_dtype=pl.String)
    return kept, rejected.with_columns(reason=pl.coalesce(told, pl.col("reason")))


def are_row_numbers(names: pl.Series) -> bool:
    """Whether the names count the rows, from 0 or 1: R and pandas write them where there are no names. Ids of NCBI Gene
    never follow one another through a whole table."""
    if len(names) < 20:
        return False
    numbers = names.cast(pl.Int64, strict=False)
    if numbers.null_count():
        return False
    first = int(numbers[0])
    return first in (0, 1) and bool((numbers.to_numpy() == np.arange(first, first + len(numbers))).all())
