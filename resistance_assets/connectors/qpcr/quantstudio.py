"""The text export of a QuantStudio or ViiA 7: lines `* key = value`, then blocks such as `[Results]`, tab-separated."""

from __future__ import annotations

from pathlib import Path

from resistance_assets.connectors.formats.delimited import DelimitedText, read_bytes, split_text
from resistance_assets.connectors.formats.kinds import text_of_bytes
from resistance_assets.errors import DataFault

BLOCK = "[Results]"


def read_results(path: Path, *, source: str) -> DelimitedText:
    """The block `[Results]` as a table whose lines are those of the file.

    Raises:
        DataFault: there is no such block, or it has no Ct (an experiment of presence and absence).
    """
    data = text_of_bytes(read_bytes(path, source=source), source=source)
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = [number for number, line in enumerate(lines) if line.strip() == BLOCK]
    if not starts:
        raise DataFault(
            f"there is no block {BLOCK}",
            subject=source,
            expected="the text export of a QuantStudio with its results",
            remedy="Export the results as text, or give a table with a row a well",
        )
    start = starts[0] + 1
    ends = [number for number in range(start, len(lines)) if not lines[number].strip() or lines[number].startswith("[")]
    end = ends[0] if ends else len(lines)
    header = lines[start].split("\t")
    if not any(name.strip().lower() in ("ct", "cq", "c\u0442") for name in header):
        raise DataFault(
            "the block [Results] has no column CT",
            subject=source,
            place=f"line {start + 1}",
            expected="an experiment of comparative Ct",
            remedy="Export the results of a quantitative experiment",
        )
    width = len(header)
    # Empty wells end early: their missing cells are blank.
    rows = [row.split("\t")[:width] for row in lines[start + 1 : end]]
    padded = ["\t".join([*row, *[""] * (width - len(row))]) for row in rows]
    body = "\n".join(["\t".join(header), *padded]) + "\n"
    found = split_text(body.encode(), source=source, quoted=True)
    return DelimitedText(
        found.source, found.leading, found.header, found.body, found.lines + start, found.separator, found.quoted
    )
