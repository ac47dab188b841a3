"""Every fault of a contrast's design at once, for whoever prepares a sample sheet."""

from __future__ import annotations

import difflib
from dataclasses import replace

import polars as pl

from resistance_assets.errors import DesignFault, Fault
from resistance_assets.science.deg.designs import (
    Contrast,
    build_design,
    report_design,
    require_column,
    require_level,
)


def faults_of_design(samples: pl.DataFrame, contrast: Contrast) -> list[Fault]:
    """Each column and level of a contrast that the sheet lacks; where it lacks none, why its design is refused.

    Args:
        samples: `sample_id` and one column per factor or covariate.
        contrast: what is compared.
    """
    found: list[Fault] = []
    for name in dict.fromkeys((contrast.factor, *contrast.model_covariates, *contrast.subset)):
        try:
            require_column(samples, name, contrast)
        except DesignFault as fault:
            found.append(fault)
    # Levels of a misspelt factor are looked for in the column that was meant.
    near = difflib.get_close_matches(contrast.factor, samples.columns[1:], n=1)
    asked = contrast if contrast.factor in samples.columns or not near else replace(contrast, factor=near[0])
    if asked.factor in samples.columns:
        present = samples[asked.factor].cast(pl.String).drop_nulls().unique(maintain_order=True).to_list()
        for role, level in (("numerator", contrast.numerator), ("denominator", contrast.denominator)):
            try:
                require_level(samples, asked, role, level, present)
            except DesignFault as fault:
                found.append(fault)
    if not found:
        try:
            report_design(build_design(samples, contrast), contrast)
        except Fault as fault:
            found.append(fault)
    return found


def faults_of_interaction(
    samples: pl.DataFrame, interaction_id: str, factor: str, levels: tuple[str, str, str, str]
) -> list[Fault]:
    """The factor, or each of the four levels of an interaction, that the sheet lacks.

    Args:
        samples: `sample_id` and one column per factor or covariate.
        interaction_id, factor, levels: what is compared.
    """
    asked = Contrast(interaction_id, factor, levels[0], levels[1])
    try:
        require_column(samples, factor, asked)
    except DesignFault as fault:
        return [fault]
    present = samples[factor].cast(pl.String).drop_nulls().unique(maintain_order=True).to_list()
    found: list[Fault] = []
    for level in levels:
        try:
            require_level(samples, asked, "level", level, present)
        except DesignFault as fault:
            found.append(fault)
    return found
