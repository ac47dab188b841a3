"""The demo folder: a mirror of the hosts, the laboratory studies and the truth, written once and kept.

Here belong the folder's layout, the mirror's index and the replacement of an older demo. What goes into a file belongs
in the module named after it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from resistance_assets.catalog.registry import Registry, load_registry
from resistance_assets.demo.annotation_files import (
    annotations_gaf,
    gencode_gtf,
    kegg_genes,
    kegg_names,
    ontology_obo,
    panther_classification,
    string_links,
    string_proteins,
)
from resistance_assets.demo.atlas.series import atlas_documents, atlas_entries
from resistance_assets.demo.cbioportal_archive import write_archive
from resistance_assets.demo.cohort import N_EXPRESSED, N_PATIENTS, draw_cohort
from resistance_assets.demo.gdc_files import bundle, bundle_url, cases_answer, files_answer, star_files
from resistance_assets.demo.geo_series import array_documents
from resistance_assets.demo.packing import FIXED_HTTP_DATE
from resistance_assets.demo.perturbation_files import perturbation_files
from resistance_assets.demo.plan import DemoTruth, Plan, make_plan
from resistance_assets.demo.reference_files import (
    allonco_list,
    biogrid_zip,
    civic_evidence,
    enrichr_library,
    gmt_file,
    hgnc_complete_set,
    reactome_zip,
)
from resistance_assets.demo.sequenced_cells import Document, accession_documents, transcripts_fasta
from resistance_assets.demo.study_folders import study_files
from resistance_assets.demo.xena_files import hiseqv2, survival
from resistance_assets.errors import UsageFault

DEFAULT_SEED = 20260101
STAMP = "demo.json"
_ENTRIES = frozenset({"mirror", "studies", "catalog", "truth.json", "README.md", STAMP})

# Source id of the catalog to the content type that its host sends.
SOURCES = {
    "cbioportal_luad_tcga_pan_can_atlas_2018": "application/gzip",
    "allonco_may2018": "text/tab-separated-values",
    "allonco_june2021": "text/tab-separated-values",
    "allonco_feb2017": "text/tab-separated-values",
    "enrichr_go_bp_2021": "text/plain;charset=UTF-8",
    "enrichr_kegg_2016": "text/plain;charset=UTF-8",
    "msigdb_hallmark": "text/plain",
    "msigdb_kegg": "text/plain",
    "reactome_pathways": "application/zip",
    "civic_evidence": "text/tab-separated-values",
    "hgnc_complete_set": "text/plain",
    "biogrid_human": "application/download",
    "xena_tcga_luad_hiseqv2": "application/gzip",
    "xena_tcga_luad_survival": "text/plain",
    "gdc_tcga_luad_star_counts": "application/json",
    "gdc_tcga_luad_clinical": "application/json",
    "go_basic_obo": "text/plain",
    "goa_human": "application/gzip",
    "panther_pathways": "text/plain",
    "kegg_pathways": "text/plain",
    "kegg_pathway_genes": "text/plain",
    "string_human_links": "application/gzip",
    "string_human_proteins": "application/gzip",
    "gencode_v36_annotation": "application/gzip",
    "gencode_v36_transcripts": "application/gzip",
    "enrichr_lincs_chem_up": "text/plain;charset=UTF-8",
    "enrichr_lincs_chem_down": "text/plain;charset=UTF-8",
    "enrichr_dsigdb": "text/plain;charset=UTF-8",
    "dgidb_interactions": "text/tab-separated-values",
}
_LONGEST_NAME = 120
_HUB_PANEL = "wang_2022_cytokines"

_README = """\
# Synthetic demo

Everything below this folder was made by `resistance_assets.demo`. No value was measured: patients, counts, gene sets,
lists and interactions are drawn at random around the effects that `truth.json` states. Gene symbols and identifiers of
known genes are real (HGNC, CC0), their values are not. SYN genes do not exist.

`mirror/` stands in for the hosts of the catalog, `studies/` holds laboratory studies, `catalog/` two entries of the set
`atlas`. CC0 1.0.
The folder is replaced when the generator changes: keep nothing of your own in it.
"""


def write_demo(folder: Path, *, seed: int = DEFAULT_SEED) -> DemoTruth:
    """Write the demo, unless ``folder`` already holds that of the same generator and seed.

    The new demo is written beside the old one and then takes its place, so that a folder is never half one and half
    the other. Equal generator and seed give equal bytes on every machine.

    Args:
        folder: becomes `mirror/index.jsonl` and its files, `studies/<study>/`, `catalog/`, `truth.json`, `README.md`,
            `demo.json`.
        seed: of all random numbers.

    Returns:
        What was planted.

    Raises:
        UsageFault: the folder holds something that is not a demo.
    """
    folder = Path(folder)
    registry = load_registry()
    generator = generator_version(registry)
    if (present := _current_truth(folder, generator, seed)) is not None:
        return present
    _refuse_foreign(folder)
    plan = make_plan(seed, generator, n_patients=N_PATIENTS, n_samples_expressed=N_EXPRESSED)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        _write_all(fresh, _demo_files(plan, registry))
        _take_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return plan.truth


def generator_version(registry: Registry) -> str:
    """Hash of the generator's own files and of what it takes from the catalog; never set by hand."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".tsv"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    catalog = [[registry.sources[source].url for source in SOURCES], registry.genes.panels[_HUB_PANEL], atlas_entries()]
    digest.update(json.dumps(catalog).encode())
    return digest.hexdigest()[:16]


def _current_truth(folder: Path, generator: str, seed: int) -> DemoTruth | None:
    try:
        stamp = json.loads((folder / STAMP).read_text("utf-8"))
        if stamp != {"generator": generator, "seed": seed}:
            return None
        return DemoTruth.from_json(json.loads((folder / "truth.json").read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    # Hidden files are those of file managers and backups.
    names = {e.name for e in folder.iterdir() if not e.name.startswith(".")} if folder.is_dir() else {folder.name}
    foreign = sorted(names - _ENTRIES) if STAMP in names else sorted(names)
    if foreign:
        raise UsageFault(
            f"the folder for the demo holds {foreign[0]}, which the demo did not write",
            subject=str(folder),
            expected="a folder that is absent, empty or an older demo",
            remedy="Move it elsewhere or name another folder.",
        )


def _demo_files(plan: Plan, registry: Registry) -> dict[str, bytes]:
    sets, cohort = plan.collections, draw_cohort(plan)
    star = star_files(plan, cohort)
    contents = {
        "cbioportal_luad_tcga_pan_can_atlas_2018": write_archive(plan, cohort),
        "xena_tcga_luad_hiseqv2": hiseqv2(plan, cohort),
        "xena_tcga_luad_survival": survival(plan, cohort),
        "gdc_tcga_luad_star_counts": files_answer(star),
        "gdc_tcga_luad_clinical": cases_answer(cohort),
        "enrichr_go_bp_2021": enrichr_library(sets["enrichr_go_bp_2021"]),
        "enrichr_kegg_2016": enrichr_library(sets["enrichr_kegg_2016"]),
        "msigdb_hallmark": gmt_file(sets["msigdb_hallmark"]),
        "msigdb_kegg": gmt_file(sets["msigdb_kegg"]),
        "reactome_pathways": reactome_zip(sets["reactome_pathways"]),
        "hgnc_complete_set": hgnc_complete_set(),
        "civic_evidence": civic_evidence(),
        "biogrid_human": biogrid_zip(plan, registry.genes.panels[_HUB_PANEL]),
    }
    contents |= {
        "go_basic_obo": ontology_obo(plan.annotation),
        "goa_human": annotations_gaf(plan.annotation),
        "panther_pathways": panther_classification(plan.annotation, plan.genes),
        "kegg_pathways": kegg_names(plan.annotation),
        "kegg_pathway_genes": kegg_genes(plan.annotation),
        "string_human_links": string_links(plan.annotation),
        "string_human_proteins": string_proteins(plan.annotation),
        "gencode_v36_annotation": gencode_gtf(plan),
        "gencode_v36_transcripts": transcripts_fasta(plan),
    }
    contents |= perturbation_files(plan)
    contents |= {source: allonco_list(symbols) for source, symbols in plan.cancer_lists.items()}
    documents = {registry.sources[source].url: (contents[source], kind) for source, kind in SOURCES.items()}
    # Sources that are crawled from document to document.
    documents |= accession_documents(plan) | array_documents(plan) | atlas_documents(plan)
    documents[bundle_url(star)] = bundle(star), "application/gzip"
    files = mirror_files(plan, documents)
    files |= {f"studies/{name}": data for name, data in study_files(plan).items()}
    files["catalog/atlas.toml"] = atlas_entries().encode()
    files["README.md"] = _README.encode()
    files["truth.json"] = _json(plan.truth.to_json())
    files[STAMP] = _json({"generator": plan.truth.generator, "seed": plan.seed})
    return files


def mirror_files(plan: Plan, documents: Mapping[str, Document]) -> dict[str, bytes]:
    """Files of the demo's mirror, its index among them: name to content.

    Args:
        plan: names the generator in the index.
        documents: URL to body and content type.
    """
    files: dict[str, bytes] = {}
    index: list[str] = []
    taken: set[str] = set()
    for url, (data, content_type) in documents.items():
        name = _file_name(url, taken)
        taken.add(name)
        name = f"files/{name}"
        sha256 = hashlib.sha256(data).hexdigest()
        entry = {
            "method": "GET",
            "url": url,
            "file": name,
            "sha256": sha256,
            "bytes": len(data),
            "content_type": content_type,
            "etag": f'"{sha256[:32]}"',
            "last_modified": FIXED_HTTP_DATE,
            "provenance": f"synthetic: written by resistance_assets.demo {plan.truth.generator}, seed {plan.seed}",
            "licence": "CC0 1.0 (synthetic data)",
        }
        files[f"mirror/{name}"] = data
        index.append(json.dumps(entry) + "\n")
    files["mirror/index.jsonl"] = "".join(index).encode()
    return files


def _file_name(url: str, taken: Collection[str]) -> str:
    """Host and last part of a URL as a path; the values of a query stand where it names the file. A name that is long,
    or that another URL has, is told by the hash of the URL."""
    parts = urlsplit(url)
    stem = parts.path.rpartition("/")[2]
    values = [value for _, value in parse_qsl(parts.query)]
    name = f"{parts.netloc}/{'_'.join([stem, *values])}"
    if len(name) > _LONGEST_NAME or name in taken:
        name = f"{parts.netloc}/{hashlib.sha256(url.encode()).hexdigest()[:8]}_{stem[:40]}"
    return name


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _take_place(fresh: Path, folder: Path) -> None:
    """Put ``fresh`` where ``folder`` is. If another process was quicker with the same demo, its folder stays."""
    stamp = (fresh / STAMP).read_bytes()

    def is_there() -> bool:
        try:
            return (folder / STAMP).read_bytes() == stamp and (folder / "truth.json").is_file()
        except OSError:
            return False

    if is_there():
        return
    retired = fresh.with_name(f"{fresh.name}.old")
    # Absent, or moved by another process a moment ago.
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, retired)
    try:
        os.rename(fresh, folder)
    except OSError:
        if not is_there():
            raise
    finally:
        shutil.rmtree(retired, ignore_errors=True)
