"""One page as one file: style, script and figures stand in it, and links that need the other pages are text.

The same page of the site is smaller, because all pages share what is written into this one.
"""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

from resistance_assets.errors import DataFault
from resistance_assets.report.html import Page, fill, frame_of_release
from resistance_assets.report.pages.genes import gene_page
from resistance_assets.report.published import Published
from resistance_assets.report.style import ASSETS, plotly_script, style_sheet

# A link to another page of the site; those within the page and into the web stay.
_TO_A_PAGE = re.compile(r'<a href="(?!https?:|#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


def write_gene_page(published: Published, gene: str, file: Path) -> Path:
    """Write the page of a gene as one file.

    Args:
        gene: approved symbol.

    Raises:
        DataFault: the file cannot be written.
    """
    text = standalone(gene_page(published, gene), published)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataFault(
            f"cannot be written: {error.strerror or error}", subject=str(file), remedy="Choose another place with -o."
        ) from error
    return file


def standalone(page: Page, published: Published) -> str:
    """The page as HTML that opens from anywhere, without a network and without the site."""
    page.parts = [Markup(_TO_A_PAGE.sub(r"\1", part)) if isinstance(part, Markup) else part for part in page.parts]
    scripts = [ASSETS / "report.js"]
    if page.has_figures:
        scripts.insert(0, plotly_script())
    inline = {
        "style": Markup(style_sheet()),
        # Inside a script element, `</script` would end it.
        "scripts": [Markup(path.read_text(encoding="utf-8").replace("</script", "<\\/script")) for path in scripts],
    }
    return str(fill("page.html", page=page, frame=frame_of_release(published), navigation=(), inline=inline)) + "\n"
