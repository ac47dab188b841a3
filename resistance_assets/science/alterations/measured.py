"""Who was looked at for which class of alteration, and for which genes: absent is not unaltered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

LAYER_OF: Mapping[str, str] = {
    "mutation": "mutations",
    "amplification": "copy_number",
    "deep_loss": "copy_number",
    "fusion": "fusions",
}
"""Class of alteration -> layer that it is looked for in."""


@dataclass(frozen=True)
class Measured:
    """Patients by layer, and what their gene panels hold.

    Attributes:
        patients: layer -> patients that were looked at, sorted; a layer that is not here was not measured.
        panel_of: layer -> patient -> panel, of the patients who were not looked at for all genes.
        genes_of: panel -> its genes.
    """

    patients: Mapping[str, Sequence[str]]
    panel_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    genes_of: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of_class(self, alteration_class: str) -> Sequence[str]:
        """Patients in whom the class was looked for, in any gene."""
        return self.patients.get(LAYER_OF[alteration_class], ())

    def looked_for(self, gene: str, alteration_class: str) -> set[str]:
        """Patients in whom that alteration of the gene would have been seen."""
        layer = LAYER_OF[alteration_class]
        panels = self.panel_of.get(layer, {})
        without = {panel for panel in set(panels.values()) if gene not in self.genes_of.get(panel, frozenset())}
        return {one for one in self.patients.get(layer, ()) if panels.get(one) not in without}

    def unseen(
        self, genes: Iterable[str], alteration_class: str, patients: Sequence[str]
    ) -> dict[str, NDArray[np.bool_]]:
        """Gene -> mask of the patients in whom it was not looked for; genes that everybody was looked at for are not
        here."""
        panels = self.panel_of.get(LAYER_OF[alteration_class], {})
        if not panels:
            return {}
        own = np.array([panels.get(one, "") for one in patients], dtype=object)
        held = {panel: self.genes_of.get(panel, frozenset()) for panel in set(panels.values())}
        masks: dict[frozenset[str], NDArray[np.bool_]] = {}
        found = {}
        for gene in genes:
            without = frozenset(panel for panel, inside in held.items() if gene not in inside)
            if without:
                if without not in masks:
                    masks[without] = np.isin(own, list(without))
                found[gene] = masks[without]
        return found

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Classes that somebody was looked at for."""
        return tuple(name for name in LAYER_OF if self.of_class(name))


def measured_patients(
    profiled: pl.DataFrame,
    panel_genes: pl.DataFrame,
    *,
    mutated: Iterable[str],
    called: Iterable[str],
    fused: Iterable[str],
) -> Measured:
    """Who was looked at, from what the archive says, and from the alterations where it says nothing.

    Args:
        profiled: patient_id, layer, gene_panel_id (null: all genes).
        panel_genes: gene_panel_id, hgnc_symbol.
        mutated, called, fused: patients with a row of mutations, of copy-number calls and of fusions; a layer without
            any was not measured, whatever the archive says.
    """
    found = {"mutations": set(mutated), "copy_number": set(called), "fusions": set(fused)}
    told = {
        str(layer): dict(own.select("patient_id", "gene_panel_id").iter_rows())
        for (layer,), own in profiled.group_by("layer")
    }
    # Calls are a matrix: a patient without a column has none. Fusions are called in sequenced tumours.
    patients = {
        "mutations": found["mutations"] | set(told.get("mutations", {})) if found["mutations"] else set(),
        "copy_number": found["copy_number"],
    }
    patients["fusions"] = (
        found["fusions"] | (set(told["fusions"]) if "fusions" in told else patients["mutations"])
        if found["fusions"]
        else set()
    )
    panels = {layer: {one: panel for one, panel in own.items() if panel is not None} for layer, own in told.items()}
    if "fusions" not in told and "mutations" in panels:
        panels["fusions"] = panels["mutations"]
    genes = {str(panel): frozenset(own["hgnc_symbol"]) for (panel,), own in panel_genes.group_by("gene_panel_id")}
    return Measured({layer: sorted(own) for layer, own in patients.items() if own}, panels, genes)
