"""The TOML of bench studies: what the documentation shows is what the models take, and what fits nothing is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from resistance_assets.catalog.models.study_kind import STUDY_KINDS, import_kinds
from resistance_assets.catalog.toml_files import parse
from resistance_assets.errors import CatalogFault

import_kinds()
DOCUMENT = Path(__file__).parents[3] / "docs" / "bench_studies.md"
HEAD = 'id = "a"\ntitle = "b"\norganism = "Homo sapiens"\n'
SHOWN = {
    re.search(r'kind = "(\w+)"', block).group(1): block  # pyright: ignore[reportOptionalMemberAccess]
    for block in re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
}


@pytest.mark.parametrize("kind", SHOWN)
def test_the_study_that_the_documentation_shows_is_taken(kind):
    text = SHOWN[kind] if "[study]" in SHOWN[kind] else f"[study]\n{HEAD}{SHOWN[kind]}"
    file = parse(STUDY_KINDS[kind].model, tomllib.loads(text), DOCUMENT)
    assert file.study.kind == kind
    assert file.files(Path())


WELLS = 'kind = "dose_response"\nwells = "w"\nresponse = "signal"\ndose_unit = "uM"\n'
PLATES = 'kind = "dose_response"\nformat = "plate_map"\nplate_map = "m"\nresponse = "signal"\ndose_unit = "uM"\n'
PLATE = '[[plate]]\nid = "1"\nfile = "f"\n'
EXPORT = 'kind = "qpcr"\nformat = "quantstudio"\nwells = "w"\nreference_gene = "GAPDH"\ncontrol = "c"\n'
FIELDS = 'kind = "two_way_assay"\nfields = "f"\n'
ASSAY = '[[assay]]\nid = "a"\nscale = "percent"\n'
REFUSED = {
    "plates without a map": (WELLS + PLATE, "plate_map"),
    "one plate twice": (PLATES + PLATE + PLATE, "plate 1 occurs twice"),
    "a map without plates": (PLATES, "needs one or more"),
    "knock-downs without lines": (WELLS + '[knock_down]\ncontrol = "siCtrl"\n', "comparison"),
    "doublings without a length": (WELLS + "doubling_hours = { A = 30 }\n", "assay_hours"),
    "a fit of others as signals": (WELLS + 'format = "gdsc_fitted"\n', "fitted"),
    "an export without samples": (EXPORT, "samples"),
    "one assay twice": (FIELDS + ASSAY + ASSAY, "assay a occurs twice"),
    "a wound with one width": (FIELDS + ASSAY + 'start = "w"\n', "start and end go together"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_keys_that_do_not_fit_together_are_refused(name):
    text, message = REFUSED[name]
    document = tomllib.loads(f"[study]\n{HEAD}{text}")
    with pytest.raises(CatalogFault, match=message):
        parse(STUDY_KINDS[document["study"]["kind"]].model, document, Path("study.toml"))


@pytest.mark.parametrize("kind", ["dose_response", "drug_combination", "qpcr", "two_way_assay"])
def test_an_unknown_key_names_the_nearest_one(kind):
    text = SHOWN[kind] if "[study]" in SHOWN[kind] else f"[study]\n{HEAD}{SHOWN[kind]}"
    document = tomllib.loads(text)
    document["study"]["replicate_units"] = "experiment"
    with pytest.raises(CatalogFault, match=r"study.replicate_units: the key is unknown. Did you mean replicate_unit"):
        parse(STUDY_KINDS[kind].model, document, Path("study.toml"))
