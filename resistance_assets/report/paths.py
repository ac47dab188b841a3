"""Paths of the pages. No foreign text enters a path: a name with anything but letters, digits, `.`, `_` and `-` becomes
a slug with a hash of the whole name."""

from __future__ import annotations

import hashlib
import re

LONGEST_NAME = 100
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,99}(?<!\.)")


def slug(name: str) -> str:
    """A name as part of a path: itself where it is plain, else its letters and digits and eight digits of a hash."""
    if len(name) <= LONGEST_NAME and _PLAIN.fullmatch(name):
        return name
    letters = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{letters}-{digest}" if letters else digest


def gene_path(gene: str) -> str:
    return f"genes/{slug(gene)}.html"


def contrast_path(contrast_id: str, method: str) -> str:
    return f"contrasts/{slug(f'{contrast_id}__{method}')}.html"


def endpoint_path(cohort_id: str, endpoint: str) -> str:
    return f"cohorts/{slug(f'{cohort_id}_{endpoint.lower()}')}.html"


def paper_path(paper_id: str) -> str:
    return f"claims/{slug(paper_id)}.html"


def multiverse_path(multiverse_id: str, dataset_id: str) -> str:
    return f"claims/{slug(f'multiverse_{multiverse_id}__{dataset_id}')}.html"


def alterations_path(cohort_id: str) -> str:
    return f"cohorts/{slug(f'{cohort_id}__alterations')}.html"
