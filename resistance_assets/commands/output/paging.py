"""Long texts on a terminal."""

from __future__ import annotations

import os
import shutil
import sys

from resistance_assets import interruption


def page(text: str) -> None:
    """Show a text that does not fit the terminal in the person's pager, or in `less` with wide lines kept whole."""
    import click

    width, height = shutil.get_terminal_size()
    lines = text.splitlines()
    if len(lines) < height and all(len(line) <= width for line in lines):
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # Less: end at once where it fits after all, leave the text on the screen, and scroll sideways.
    os.environ.setdefault("LESS", "-FSX")
    with interruption.left_to_others():
        click.echo_via_pager(text)
