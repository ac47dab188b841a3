"""How commands print for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resistance_assets.settings import Settings


def where_sources_come_from(settings: Settings) -> str:
    if settings.is_demo:
        return "the demo (synthetic)"
    return f"the mirror {settings.mirror}" if settings.mirror else "live hosts"


def say(quiet: bool, message: str) -> None:
    if not quiet:
        from rich.console import Console

        Console().print(message, highlight=False, soft_wrap=True)
