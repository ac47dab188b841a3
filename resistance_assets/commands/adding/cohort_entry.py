"""A study archive of cBioPortal as a proposed cohort: profiles, endpoints and attributes that were found in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets.catalog.toml_files import toml_string
from resistance_assets.commands.adding.entry_file import entry_path, transport_of, write_entry_file
from resistance_assets.errors import UsageFault

if TYPE_CHECKING:
    from resistance_assets.connectors.cbioportal.archive import CbioportalStudy
    from resistance_assets.settings import Settings

PREFIX = "cbioportal:"
DATAHUB = "https://datahub.assets.cbioportal.org"
ENDPOINTS = {
    "OS": "overall survival",
    "DSS": "disease-specific survival",
    "DFS": "disease-free survival",
    "PFS": "progression-free survival",
    "RFS": "relapse-free survival",
    "EFS": "event-free survival",
}
LEAST_EVENTS = 10
# Expression profiles in the order of choice; counts before z-scores, which tell no difference between genes.
_EXPRESSION = (
    r"^rna_seq_v2_mrna$", r"^rna_seq_mrna$", r"^mrna$", r"^rna_seq.*(?<!zscores)$", r"all_sample_zscores$", r"zscores$",
)  # fmt: skip
_CODE = re.compile(r"-\d{2}[A-Z]?$")
_NO_PRIMARY = re.compile(r"normal|metasta|recurren|relapse|xenograft|organoid|cell ?line", re.IGNORECASE)


@dataclass(frozen=True)
class ProposedCohort:
    """A file of the user's catalog that may be written.

    Attributes:
        told: what was found, a line each.
        unsure: what a person must decide.
        is_sure: whether there is expression and an endpoint with events; else the file is a draft.
        known_as: the cohort of the catalog in use that reads this archive already.
    """

    path: Path
    text: str
    told: tuple[str, ...]
    unsure: tuple[str, ...]
    is_sure: bool
    known_as: str | None


def propose_cohort(settings: Settings, name: str) -> ProposedCohort:
    """The cohort that is proposed for a study of cBioPortal, from its archive in the mirror or at the host.

    Raises:
        UsageFault: it is no name of a study.
        SourceUnavailable, TransportFault, DataFault: the archive cannot be had, or is not what it must be.
    """
    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.connectors.cbioportal.archive import read_study
    from resistance_assets.connectors.transport.resource import Resource

    study_id = name.removeprefix(PREFIX).strip().lower()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", study_id):
        raise UsageFault(
            "is no study of cBioPortal",
            subject=name,
            expected="cbioportal:STUDY, such as cbioportal:luad_oncosg_2020",
            remedy="Take the id from the address of the study's page.",
        )
    url = f"{DATAHUB}/{study_id}.tar.gz"
    transport = transport_of(settings)
    archive = transport.fetch(Resource(url, content="tar.gz", name=f"archive of {study_id}")).path
    study = read_study(archive, stable_ids=())
    registry = load_registry(own_catalogs=settings.catalog_dirs, sets=settings.sets)
    sources = {source.id for source in registry.sources.values() if source.url == url}
    known = [cohort.id for cohort in registry.cohorts.values() if cohort.source in sources]
    text, told, unsure, is_sure = cohort_text(study, url)
    return ProposedCohort(
        entry_path(settings, study_id, is_sure=is_sure),
        text,
        tuple(told),
        tuple(unsure),
        is_sure,
        next(iter(known), None),
    )


def write_cohort(settings: Settings, proposal: ProposedCohort) -> str:
    """Write the file and say whether the catalog with it is good; what was there is kept.

    Raises:
        UsageFault: the file exists, or the catalog reads the archive already.
        DataFault: it cannot be written.
    """
    known_as = None if proposal.known_as is None else f"cohort {proposal.known_as}"
    return write_entry_file(
        settings,
        proposal.path,
        proposal.text,
        is_sure=proposal.is_sure,
        known_as=known_as,
        counted="cohort of the same patients",
        to_do="complete it",
    )


def cohort_text(study: CbioportalStudy, url: str) -> tuple[str, list[str], list[str], bool]:
    """The TOML file, what was found, what is unsure, and whether the cohort can be analysed."""
    profiles = _profiles(study)
    endpoints, doubts = _endpoints(study)
    types, more = _sample_types(study)
    doubts += more
    if not profiles["expression"]:
        doubts.append("no expression profile was found: nothing can be analysed per gene")
    if not endpoints:
        doubts.append(f"no endpoint was found among the attributes {', '.join(_attributes(study)[:12])}")
    if any(re.match(r"TCGA-\w\w-\w{4}", one) for one in study.patients["patient_id"].head(50)):
        doubts.append("its patients are TCGA's: where another cohort holds them too, write patients_of = that cohort")
    told = [
        f"{study.study_id}: {study.meta.get('name', study.study_id)}",
        f"{study.patients.height} patients, {study.samples.height} samples",
        *(f"profiles, {kind}: {', '.join(names)}" for kind, names in profiles.items() if names),
        *(f"endpoint {key}: {n} patients, {events} events" for key, (n, events) in endpoints.items()),
        f"attributes: {', '.join(_attributes(study))}",
    ]
    source = f"cbioportal_{study.study_id}"
    lines = [
        f"# {study.study_id}, proposed from its archive. Look at each line before you trust it.",
        *(f"# UNSURE: {' '.join(doubt.split())}" for doubt in doubts),
        "",
        f"[source.{source}]",
        f"title = {toml_string(study.meta.get('name', study.study_id) + ', study archive of cBioPortal')}",
        f"url = {toml_string(url)}",
        'connector = "cbioportal"',
        'content = "tar.gz"',
        'change = ["etag", "last_modified", "sha256"]',
        'licence = "ODbL 1.0 (cBioPortal datahub); see the study\'s own licence"',
        'licence_url = "https://github.com/cBioPortal/datahub#license"',
        f"citation = {toml_string(study.meta.get('citation') or study.study_id)}",
        "",
        "[[cohort]]",
        f"id = {toml_string(study.study_id)}",
        f"title = {toml_string(study.meta.get('name', study.study_id))}",
        f"source = {toml_string(source)}",
        f"expression_profiles = {_list(profiles['expression'])}",
        *(f"copy_number_profile = {toml_string(one)}" for one in profiles["copy number"][:1]),
        *_key("z_score_profiles", profiles["z-scores"]),
        *_key("log2_copy_number_profiles", profiles["log2 copy number"]),
        *_key("protein_profiles", profiles["protein"]),
        *_key("methylation_profiles", profiles["methylation"]),
        *types,
        *_attribute_keys(study),
    ]
    for key, (n, events) in endpoints.items():
        lines += [
            "",
            f"# {n} patients, {events} events",
            "[[cohort.endpoint]]",
            f"id = {toml_string(key)}",
            f"title = {toml_string(ENDPOINTS.get(key, key))}",
            f"status_attribute = {toml_string(f'{key}_STATUS')}",
            f"months_attribute = {toml_string(f'{key}_MONTHS')}",
        ]
    return "\n".join(lines) + "\n", told, doubts, bool(profiles["expression"] and endpoints)


def _profiles(study: CbioportalStudy) -> dict[str, list[str]]:
    """Stable ids by what a cohort uses them for; expression in the order of choice."""
    found: dict[str, list[str]] = {
        name: [] for name in ("expression", "copy number", "z-scores", "log2 copy number", "protein", "methylation")
    }
    expression = []
    columns = ("stable_id", "genetic_alteration_type", "datatype")
    for stable_id, kind, datatype in study.profiles.select(columns).iter_rows():
        if kind == "MRNA_EXPRESSION" and "normal" not in stable_id.lower() and "mirna" not in stable_id.lower():
            expression.append(stable_id)
            if datatype == "Z-SCORE":
                found["z-scores"].append(stable_id)
        elif kind == "COPY_NUMBER_ALTERATION" and datatype in ("DISCRETE", "LOG2-VALUE"):
            found["copy number" if datatype == "DISCRETE" else "log2 copy number"].append(stable_id)
        elif kind == "PROTEIN_LEVEL" and datatype != "Z-SCORE":
            found["protein"].append(stable_id)
        elif kind == "METHYLATION":
            found["methylation"].append(stable_id)

    def place(stable_id: str) -> int:
        return next((at for at, one in enumerate(_EXPRESSION) if re.search(one, stable_id, re.I)), len(_EXPRESSION))

    found["expression"] = sorted(expression, key=lambda one: (place(one), one))
    return found


def _attributes(study: CbioportalStudy) -> list[str]:
    return study.attributes["attribute_id"].unique(maintain_order=True).to_list()


def _endpoints(study: CbioportalStudy) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Endpoint -> patients with status and time, and events; and the doubts about them."""
    values: dict[str, dict[str, str]] = {}
    for patient, attribute, value in study.patient_attributes.iter_rows():
        values.setdefault(attribute, {})[patient] = value
    found, doubts = {}, []
    for name in sorted(one.removesuffix("_STATUS") for one in values if one.endswith("_STATUS")):
        status, months = values[f"{name}_STATUS"], values.get(f"{name}_MONTHS")
        if months is None or not re.fullmatch(r"[A-Z]{2,4}", name):
            continue
        told = [status[patient] for patient in status if patient in months]
        coded = [one for one in told if re.match(r"[01](:|$)", one)]
        if len(coded) < len(told) / 2:
            doubts.append(f"{name}_STATUS holds {', '.join(sorted(set(told))[:3])} instead of 0 and 1: left out")
            continue
        events = sum(one.startswith("1") for one in coded)
        if events < LEAST_EVENTS:
            doubts.append(f"{name} has {events} events in {len(coded)} patients, too few to analyse: left out")
            continue
        found[name] = (len(coded), events)
    return found, doubts


def _sample_types(study: CbioportalStudy) -> tuple[list[str], list[str]]:
    """Keys of the samples that are analysed, and what is unsure of them."""
    if any(_CODE.search(one) for one in study.samples["sample_id"]):
        return ['sample_type_codes = ["01"]     # of TCGA: primary tumour'], []
    typed = study.sample_attributes.filter(study.sample_attributes["attribute_id"] == "SAMPLE_TYPE")["value"]
    types = sorted(set(typed))
    if not types:
        return ["sample_type_codes = []"], ["no SAMPLE_TYPE: every sample is taken for a primary tumour"]
    primary = [one for one in types if not _NO_PRIMARY.search(one)]
    doubts = [f"SAMPLE_TYPE holds {', '.join(types)}; analysed: {', '.join(primary)}"] if len(types) > 1 else []
    return ["sample_type_codes = []", f"sample_types = {_list(primary)}"], doubts


_ATTRIBUTES = {
    "age_attribute": ("AGE", "AGE_AT_DIAGNOSIS", "DIAGNOSIS_AGE"),
    "sex_attribute": ("SEX", "GENDER"),
    "stage_attribute": ("AJCC_PATHOLOGIC_TUMOR_STAGE", "PATH_STAGE", "STAGE", "TUMOR_STAGE", "CLINICAL_STAGE"),
    "purity_attribute": ("TUMOR_PURITY", "PURITY", "TUMOR_PURITY_BYESTIMATE_RNASEQ"),
}


def _attribute_keys(study: CbioportalStudy) -> list[str]:
    there = set(_attributes(study))
    chosen = {key: next((one for one in names if one in there), None) for key, names in _ATTRIBUTES.items()}
    return [f"{key} = {toml_string(one)}" for key, one in chosen.items() if one]


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(toml_string, values))}]"


def _key(name: str, values: Sequence[str]) -> list[str]:
    return [f"{name} = {_list(values)}"] if values else []
