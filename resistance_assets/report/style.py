"""The style sheet: layout from `assets/style.css`, colours from the palette that the figures use too."""

from __future__ import annotations

from pathlib import Path

from resistance_assets.report.figures import PALETTE

ASSETS = Path(__file__).parent / "assets"


def style_sheet() -> str:
    """CSS with the palette as custom properties: light, dark by preference, light again on paper."""
    light, dark = (
        "".join(f"--{role}:{value};" for role, value in PALETTE[ground].items()) for ground in ("light", "dark")
    )
    return (
        f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
        f":root.printing{{{light}}}\n@media print{{:root{{{light}}}}}\n"
        + (ASSETS / "style.css").read_text(encoding="utf-8")
    )
