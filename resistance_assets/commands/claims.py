"""The claims report as a person reads it, from the published warehouse.

Here belong the selection of claims and their print. Verdicts are made when the warehouse is built; nothing here
recomputes one, and nothing needs Dagster.
"""

from __future__ import annotations

import difflib
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resistance_assets.errors import DataFault, UsageFault

if TYPE_CHECKING:
    from rich.text import Text

MOST_OF_A_PART = 600
STYLES = {
    "reproduced": "green",
    "near": "yellow",
    "inconclusive": "yellow",
    "contradicted": "red",
    "not_reproduced": "red",
    "synthetic": "dim",
    "data_not_loaded": "cyan",
    "data_not_public": "dim",
}


def read_claims(data_dir: Path, paper: str | None = None) -> list[dict[str, Any]]:
    """Rows of `marts.published_claims`, all or those of one paper.

    Args:
        data_dir: holds the warehouse.
        paper: id of a paper, or the beginning of one.

    Raises:
        UsageFault: no paper or several begin so.
        DataFault: nothing was published yet, or by a version without claims.
    """
    from resistance_assets.warehouse.reader import open_warehouse, run_query

    with closing(open_warehouse(data_dir)) as connection:
        held = run_query(
            connection,
            "SELECT count(*) FROM information_schema.tables"
            " WHERE table_schema = 'marts' AND table_name = 'published_claims'",
        ).item()
        if not held:
            raise DataFault(
                "the warehouse holds no claims report",
                subject=str(data_dir),
                remedy="Run `resistance run`: this version publishes it.",
            )
        rows = run_query(connection, "SELECT * FROM marts.published_claims ORDER BY paper_id, claim_id").to_dicts()
    for row in rows:
        # A release of an earlier version has the column by its old name alone.
        row.setdefault("assessment", row.get("worth"))
    if paper is None:
        return rows
    papers = sorted({row["paper_id"] for row in rows})
    chosen = [name for name in papers if name == paper] or [name for name in papers if name.startswith(paper.lower())]
    if len(chosen) != 1:
        near = difflib.get_close_matches(paper, papers, n=1)
        raise UsageFault(
            "is several papers" if chosen else "is no paper of the claims report",
            subject=f"--paper {paper}",
            expected=", ".join(chosen or papers),
            remedy=f"Did you mean {near[0]}?" if near else "Name one of these.",
        )
    return [row for row in rows if row["paper_id"] == chosen[0]]


def show_claims(rows: list[dict[str, Any]]) -> None:
    """Print the claims report, paper by paper: verdict, claim, expected and recomputed value, and an assessment."""
    from rich.text import Text

    from resistance_assets.commands.output.printing import plain, terminal

    console = terminal()
    paper = None
    for row in rows:
        if row["paper_id"] != paper:
            paper = row["paper_id"]
            console.print(Text(f"\n{plain(paper)}", style="bold"))
        console.print(claim_line(row), soft_wrap=True)
        for text in (row["assessment"], row["note"]):
            if text:
                console.print(Text(f"{'':18}{plain(text)}", style="dim"), soft_wrap=True)
    for stated_by, name in (("paper", "stated by the papers"), ("check", "checks of our own")):
        counts = Counter(row["verdict"] for row in rows if row["stated_by"] == stated_by)
        told = [Text(f"{counts[one]} {one}", style=style) for one, style in STYLES.items() if counts[one]]
        counted = Text(", ").join(told) if told else Text("none")
        console.print(Text(f"\n{counts.total()} {name}: ").append_text(counted), soft_wrap=True, end="")
    console.print()


def claim_line(row: dict[str, Any]) -> Text:
    """One claim: `verdict  statement: quantity expected, found value (p, n; since release)`."""
    from rich.text import Text

    from resistance_assets.commands.output.printing import plain

    line = Text()
    line.append(f"{row['verdict']:<18}", style=STYLES[row["verdict"]])
    line.append(f"{plain(row['claim_id'], MOST_OF_A_PART)}  ", style="bold")
    line.append(plain(f"{row['statement']}: {row['quantity']} {_expectation(row)}", MOST_OF_A_PART))
    if row["value"] is None:
        line.append(f"; {plain(row['verdict_reason'], MOST_OF_A_PART)}", style="dim")
    else:
        facts = [f"found {row['value']:.4g}"]
        if row["p_value"] is not None:
            facts.append(f"p = {row['p_value']:.3g}")
        if row["n"] is not None:
            facts.append(f"n = {row['n']:.0f}")
        line.append(f"; {', '.join(facts)}", style=STYLES[row["verdict"]])
    if row["first_release_with_verdict"] is not None:
        line.append(f"  (since release {row['first_release_with_verdict']})", style="dim")
    return line


def _expectation(row: dict[str, Any]) -> str:
    if row["expected"] is not None:
        return f"{row['expected']:g}"
    return f"{row['direction']} {row['reference']:g}"
