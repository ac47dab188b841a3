"""What all pages load: the style sheet with the palette that the figures use too, and the script that draws them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from resistance_assets.errors import DataFault
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


def plotly_script() -> Path:
    """plotly.js as the Python package carries it; found without importing the package, which takes a second."""
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise DataFault(
            "plotly is not installed", subject="report", remedy="Install the package with its dependencies."
        )
    return Path(found.origin).parent / "package_data" / "plotly.min.js"
