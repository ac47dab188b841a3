"""Consequence of a mutation, and the residue that it changes.

Classes follow the vocabulary of MAF files (`Variant_Classification`,
https://docs.gdc.cancer.gov/Data/File_Formats/MAF_Format/); protein changes follow HGVS
(https://hgvs-nomenclature.org/stable/recommendations/protein/), in one- or three-letter codes.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Consequence = Literal["truncating", "missense", "in_frame", "splice", "other", "silent"]

CONSEQUENCES: dict[str, Consequence] = {
    "nonsense_mutation": "truncating",
    "frame_shift_del": "truncating",
    "frame_shift_ins": "truncating",
    "nonstop_mutation": "truncating",
    "translation_start_site": "truncating",
    "start_codon_snp": "truncating",
    "start_codon_del": "truncating",
    "missense_mutation": "missense",
    "missense": "missense",
    "in_frame_del": "in_frame",
    "in_frame_ins": "in_frame",
    "splice_site": "splice",
    "silent": "silent",
    "synonymous": "silent",
}
_SILENT = frozenset({"intron", "3'utr", "5'utr", "3'flank", "5'flank", "igr", "rna", "lincrna", "splice_region"})
_THREE = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G", "His": "H",
    "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W",
    "Tyr": "Y", "Val": "V", "Ter": "*", "Sec": "U",
}  # fmt: skip
_CHANGE = re.compile(
    r"p?\.?\(?(?P<before>[A-Z*]|[A-Z][a-z]{2})(?P<position>\d+)"
    r"(?:_(?:[A-Z*]|[A-Z][a-z]{2})?(?P<last>\d+))?(?P<after>.*?)\)?"
)


class ProteinChange(NamedTuple):
    """A protein change: residue before, its position, the last position of a range, and what comes after."""

    before: str
    position: int
    last: int
    after: str

    @property
    def residue(self) -> str:
        """The residue as hotspots are named, such as L858."""
        return f"{self.before}{self.position}"


def consequence_of(classification: str | None) -> Consequence:
    """What a mutation of that class does to the protein; a class that is not known is `other`, never silent."""
    name = (classification or "").strip().lower()
    if name in CONSEQUENCES:
        return CONSEQUENCES[name]
    return "silent" if name in _SILENT else "other"


def is_readable_change(classification: str | None, text: str) -> bool:
    """Whether a protein change can be read, or need not be because the mutation is silent."""
    return parse_protein_change(text) is not None or consequence_of(classification) == "silent"


def parse_protein_change(text: str | None) -> ProteinChange | None:
    """A protein change such as p.L858R, p.Leu858Arg, p.E746_A750del, p.T790M; None where it cannot be read."""
    stripped = (text or "").strip()
    found = _CHANGE.fullmatch(stripped) if stripped else None
    if found is None:
        return None
    before = _THREE.get(found["before"], found["before"])
    if len(before) != 1 or int(found["position"]) < 1:
        return None
    after = found["after"]
    for three, one in _THREE.items():
        after = after.replace(three, one)
    position = int(found["position"])
    return ProteinChange(before, position, int(found["last"] or position), after)
