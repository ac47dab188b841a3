"""How commands print for people: foreign text as it is, in one line, never as markup and never longer than a screen.

File names, gene names and messages of hosts may hold anything: rich's markup (`[red]`), emoji codes, escape sequences
of terminals, line breaks. Every command prints through `terminal` and `plain`.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from resistance_assets.settings import Settings

LONGEST_MESSAGE = 2_000
LONGEST_URL = 120
# Control characters, and marks that turn the direction of what follows.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_URL = re.compile(rf"\bhttps?://[^\s<>\"']{{{LONGEST_URL},}}")


def plain(message: object, longest: int = LONGEST_MESSAGE) -> str:
    """A message in one line: control characters written out, long addresses and long messages cut in the middle."""
    text = visible(" ".join(str(message).split()))
    text = _URL.sub(lambda found: cut(found.group(), LONGEST_URL), text)
    return cut(text, longest)


def visible(text: str) -> str:
    """Text whose control characters, but for line breaks and tabs, are written out (`\\x1b`)."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def cut(text: str, longest: int) -> str:
    """A text of at most ``longest`` characters: the beginning and the end of a longer one."""
    if len(text) <= longest:
        return text
    mark = f" … {len(text) - longest:,} characters left out … " if longest > 200 else "…"
    end = (longest - len(mark)) // 3
    return text[: longest - len(mark) - end] + mark + text[-end:]


def terminal(*, is_error: bool = False) -> Console:
    """Standard output or standard error, which takes text as it is: no markup, no emoji codes, no highlighting."""
    from rich.console import Console

    return Console(stderr=is_error, markup=False, emoji=False, highlight=False)


def tell(message: object, *, label: str = "", style: str = "", is_error: bool = False, width: int = 0) -> None:
    """Print one line: a word in colour, padded to ``width``, and a message."""
    from rich.text import Text

    line = Text()
    if label:
        line.append(label.ljust(width), style=style)
        line.append(" ")
    line.append(plain(message))
    terminal(is_error=is_error).print(line, soft_wrap=True)


def say(quiet: bool, message: object) -> None:
    """Print one line unless ``quiet``."""
    if not quiet:
        tell(message)


def where_sources_come_from(settings: Settings) -> str:
    """The demo, a mirror or live hosts, in words."""
    if settings.is_demo:
        return "the demo (synthetic)"
    if settings.is_from_lake:
        return f"the lake{f' and the mirror {settings.mirror}' if settings.mirror else ''}"
    return f"the mirror {settings.mirror}" if settings.mirror else "live hosts"


def show_next_steps(settings: Settings) -> None:
    """Where to look after the demo."""
    prefix = "" if shutil.which("resistance") else ".venv/bin/"
    message = (
        "\nThe demo's data are synthetic; their planted truth is in "
        f"{settings.demo_dir / 'truth.json'}.\nNow look around:\n\n"
        f"  {prefix}resistance sql \"SELECT * FROM marts.gene_evidence WHERE hgnc_symbol = 'CCL20'\"\n"
        f'  {prefix}resistance sql "SELECT * FROM marts.cohort_endpoints"\n'
        f"  {prefix}resistance explain CCL20 # one gene's whole story\n"
        f"  {settings.data_dir / 'report' / 'index.html'}  # the same as pages: open it in a browser\n"
        f"  {prefix}resistance ui            # the asset graph in a browser\n"
        f"  {prefix}resistance status        # fresh, stale and why\n"
        f"  {prefix}resistance sources       # what came from where, under which licence\n"
    )
    terminal().print(visible(message), soft_wrap=True)
