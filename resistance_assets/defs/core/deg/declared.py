"""Declared contrasts as the science knows them: contrast, fold-change rule, parameters, thresholds."""

from __future__ import annotations

from typing import Any

from resistance_assets.catalog.models.contrast import CountsContrast, FoldChange, ListThresholds
from resistance_assets.catalog.registry import Registry
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.fold_change import FoldChangeRule


def contrast_of(declared: CountsContrast) -> Contrast:
    """A declared contrast as the science knows it."""
    return Contrast(
        contrast_id=declared.id,
        factor=declared.factor,
        numerator=declared.numerator,
        denominator=declared.denominator,
        covariates=tuple(declared.covariates),
        continuous=tuple(declared.continuous),
        categorical=tuple(declared.categorical),
        pairing=declared.pairing,
        subset={name: list(values) for name, values in declared.subset.items()},
        fit_all_levels=declared.fit_all_levels,
        within=declared.within,
    )


def rule_of(declared: FoldChange | None) -> FoldChangeRule:
    """A declared fold-change rule as the science knows it; the plain one where none is declared."""
    return FoldChangeRule(**declared.model_dump()) if declared else FoldChangeRule()


def parameters_of(declared: CountsContrast, method: str) -> dict[str, Any]:
    """What of a contrast decides its numbers."""
    irrelevant = ("methods", "fold_change") if method != "fold_change" else ("methods",)
    return {"contrast": declared.decisive(*irrelevant), "method": method}


def thresholds_of(registry: Registry) -> dict[str, ListThresholds]:
    """Contrast -> its thresholds."""
    return {contrast.id: contrast.thresholds for contrast in registry.contrasts()}
