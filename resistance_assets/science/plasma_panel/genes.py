"""Genes that the markers of a panel are products of: names of assays resolved through the symbols that HGNC knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

_GREEK = str.maketrans({"α": "A", "β": "B", "γ": "G", "δ": "D", "Α": "A", "Β": "B"})


def spellings(marker: str) -> tuple[str, ...]:
    """Names under which a marker is looked up, in capitals: as it is, Greek letters as Latin ones, no punctuation."""
    plain = marker.strip().upper()
    latin = re.sub(r"(?i)\b(alpha|beta|gamma)\b", lambda found: found.group(0)[0].upper(), plain.translate(_GREEK))
    return tuple(dict.fromkeys([plain, latin, re.sub(r"[\s\-_./()]+", "", latin)]))


def resolve_markers(markers: Sequence[str], declared: Mapping[str, str], symbols: pl.DataFrame) -> pl.DataFrame:
    """The gene of every marker.

    Args:
        markers: names in the file.
        declared: marker -> gene, where the study states it.
        symbols: symbol, hgnc_symbol (null where several genes share it), resolution, candidates: every symbol that is
            known.

    Returns:
        marker, hgnc_symbol (null where the name is not known or stands for several genes), symbol_note (how it was
        resolved, where it is not the approved symbol itself).
    """
    asked = {marker: spellings(declared.get(marker, marker)) for marker in markers}
    wanted = {name for names in asked.values() for name in names}
    known = {
        row["symbol"]: row
        for row in symbols.filter(pl.col("symbol").is_in(list(wanted)))
        .select("symbol", "hgnc_symbol", "resolution", "candidates")
        .iter_rows(named=True)
    }
    rows = []
    for marker, names in asked.items():
        found = next((known[name] for name in names if name in known), None)
        symbol = found["hgnc_symbol"] if found else None
        stated = f"study.toml says {declared[marker]}" if marker in declared else None
        if symbols.is_empty():
            note = "the symbols of HGNC are not loaded"
        elif found is None:
            note = "not a name that HGNC knows: state its gene in study.markers"
        elif symbol is None:
            note = f"stands for several genes ({found['candidates']}): state one in study.markers"
        elif found["resolution"] != "approved":
            note = f"{found['resolution']} symbol"
        else:
            note = None if symbol == marker else f"read as {found['symbol']}"
        rows.append((marker, symbol, "; ".join(part for part in (stated, note) if part) or None))
    schema = {"marker": pl.String, "hgnc_symbol": pl.String, "symbol_note": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
