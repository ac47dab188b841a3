"""Two nights with a web page in place of a list and a cut archive: the list that did change is published both times.

The whole graph is brought up to date three times, which takes minutes, so it is run by hand:

    python -m pytest resistance_assets_tests/soak/two_nights.py
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from resistance_assets.catalog.registry import load_registry
from resistance_assets.commands.refresh import refresh
from resistance_assets.settings import load_settings
from resistance_assets_tests.small_world import write_small_world
from resistance_assets_tests.warehouse_runs import ask, environment, run_warehouse

GOOD, PAGE, CUT = "allonco_june2021", "allonco_may2018", "cbioportal_luad_tcga_pan_can_atlas_2018"
WEB_PAGE = b"<!DOCTYPE html><html><body>Down for maintenance</body></html>\n"
# The first bytes of a gzip file, and no more.
CUT_ARCHIVE = bytes.fromhex("1f8b08000000000000ff") + b"\x4b\x4c\x4a" * 20


def allonco(*symbols: str) -> bytes:
    rows = [f'"{at}"\t"{name}"\t""\t""\t"a gene"\t"NM_{at}"' for at, name in enumerate(symbols, 1)]
    return "\n".join(['"symbol"\t"prevSymbols"\t"synonyms"\t"name"\t"refSeqName"', *rows, ""]).encode()


def serve(mirror: Path, files: dict[str, bytes]) -> None:
    """A mirror that answers for these sources with these bytes, whatever they are."""
    sources = load_registry().sources
    lines = []
    for name, data in files.items():
        (mirror / name).write_bytes(data)
        entry = {"method": "GET", "url": sources[name].url, "file": name, "bytes": len(data),
                 "sha256": hashlib.sha256(data).hexdigest()}  # fmt: skip
        lines.append(json.dumps(entry))
    (mirror / "index.jsonl").write_text("\n".join(lines) + "\n")


def published(data_dir: Path, source: str) -> set[str]:
    query = f"SELECT symbol FROM raw.gene_lists__members WHERE list_id = '{source}'"
    return set(ask(data_dir, query)["symbol"])


def test_a_web_page_and_a_cut_archive_do_not_keep_a_good_update_from_being_published(tmp_path):
    mirror, _ = write_small_world(tmp_path)
    data_dir = tmp_path / "data"
    serve(mirror, {GOOD: allonco("EGFR"), PAGE: allonco("MET")})
    run_warehouse(data_dir, mirror=mirror, select="raw.gene_lists__members")

    serve(mirror, {GOOD: allonco("EGFR", "KRAS"), PAGE: WEB_PAGE, CUT: CUT_ARCHIVE})
    first = run_warehouse(data_dir, mirror=mirror)
    assert published(data_dir, GOOD) == {"EGFR", "KRAS"}

    serve(mirror, {GOOD: allonco("EGFR", "KRAS", "ALK"), PAGE: WEB_PAGE, CUT: CUT_ARCHIVE})
    with environment(data_dir, mirror=mirror):
        second = refresh(load_settings(), quiet=True).summary
    assert published(data_dir, GOOD) == {"EGFR", "KRAS", "ALK"}

    # What was loaded before stays.
    assert published(data_dir, PAGE) == {"MET"}
    assert second is not None
    for summary in (first, second):
        assert "DagsterInvalidSubsetError" not in json.dumps(summary.as_document(), default=str)
