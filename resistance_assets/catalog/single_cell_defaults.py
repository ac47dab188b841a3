"""Ligand-receptor pairs and marker genes of cell types that hold where a single-cell study declares none."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SingleCellDefaults:
    """Built-in knowledge, in human symbols.

    Attributes:
        pairs: ligand and receptor.
        markers: cell type -> its genes.
        doubts: accession of a public sample -> why its label is in doubt.
        orthologs: human symbol -> mouse symbol, of these genes, where it has other letters.
    """

    pairs: tuple[tuple[str, str], ...]
    markers: dict[str, tuple[str, ...]]
    orthologs: dict[str, str]
    doubts: dict[str, str]


@functools.cache
def single_cell_defaults() -> SingleCellDefaults:
    """What `single_cell_defaults.toml` holds."""
    found = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    pairs = tuple((ligand, receptor) for ligand, receptor in found["pairs"])
    markers = {name: tuple(genes) for name, genes in found["markers"].items()}
    return SingleCellDefaults(pairs, markers, found["orthologs"], found["doubts"])
