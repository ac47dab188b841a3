"""What is printed after the demo: where to look."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resistance_assets.settings import Settings


def show_next_steps(settings: Settings) -> None:
    """Where to look after the demo."""
    from resistance_assets.commands.printing import terminal, visible

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
