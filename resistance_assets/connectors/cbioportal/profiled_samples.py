"""Which samples of a cBioPortal study were looked at, and for which genes.

Here belong case lists (`case_lists/cases_sequenced.txt`), the gene panel matrix and the gene panels of the archive
(https://docs.cbioportal.org/file-formats/#gene-panel-data); where neither speaks of mutations, the line
`#sequenced_samples:` of the mutation file does. A sample without a mutation has no row in the mutation
file; these files tell it from a sample that was never sequenced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import polars as pl

from resistance_assets.connectors.formats.delimited import rejected_rows, split_text
from resistance_assets.errors import DataFault

# Layer -> suffix of its case list, and columns of the panel matrix (stable ids of its profiles).
LAYERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "mutations": ("_sequenced", ("mutations",)),
    "copy_number": ("_cna", ("cna", "gistic")),
    "fusions": ("_sv", ("structural_variants", "fusion")),
}
NOT_PROFILED = ("", "NA", "na", "N/A", "NaN")
_WHOLE = re.compile(r"(?i)(wes|wxs|wgs|exome|genome|whole[ _-]?(exome|genome).*)$")

SAMPLE_SCHEMA: dict[str, type[pl.DataType]] = {"layer": pl.String, "sample_id": pl.String, "gene_panel_id": pl.String}
PANEL_SCHEMA: dict[str, type[pl.DataType]] = {"gene_panel_id": pl.String, "hugo_symbol": pl.String}


@dataclass(frozen=True)
class ProfiledSamples:
    """Samples that were looked at.

    Attributes:
        samples: layer (mutations, copy_number, fusions), sample_id, gene_panel_id (null: all genes); a layer that no
            file speaks of has no row.
        panels: gene_panel_id, hugo_symbol.
        rejected: source, line, reason, row.
    """

    samples: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SAMPLE_SCHEMA))
    panels: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PANEL_SCHEMA))
    rejected: pl.DataFrame = field(default_factory=rejected_rows)

    def tells(self, layer: str) -> bool:
        """Whether some file says who was looked at for the layer."""
        return not self.samples.filter(pl.col("layer") == layer).is_empty()

    def with_listed(self, layer: str, samples: Sequence[str]) -> ProfiledSamples:
        """The same with samples that were looked at for all genes of a layer that no other file speaks of."""
        rows = pl.DataFrame({"sample_id": list(samples)}, schema={"sample_id": pl.String}).select(
            pl.lit(layer).alias("layer"), "sample_id", pl.lit(None, pl.String).alias("gene_panel_id")
        )
        return replace(
            self,
            samples=pl.concat([self.samples, rows]).unique(["layer", "sample_id"], keep="first", maintain_order=True),
        )

    def panel_genes(self, layer: str) -> dict[str, frozenset[str]]:
        """Sample -> genes (in capitals) of its panel, for the samples of a layer that have a panel."""
        genes = {
            str(panel): frozenset(own["hugo_symbol"].str.to_uppercase())
            for (panel,), own in self.panels.group_by("gene_panel_id")
        }
        own = self.samples.filter((pl.col("layer") == layer) & pl.col("gene_panel_id").is_not_null())
        return {row["sample_id"]: genes[row["gene_panel_id"]] for row in own.iter_rows(named=True)}


def is_gene_panel(name: str) -> bool:
    """Whether a member of an archive is the gene panel matrix or a gene panel of the study."""
    parts = PurePosixPath(name).parts
    return len(parts) == 2 and parts[1].startswith(("data_gene_panel", "gene_panel_")) and parts[1].endswith(".txt")


def read_profiled_samples(
    members: Mapping[str, bytes], case_lists: pl.DataFrame, *, archive: str, profiles: Mapping[str, str]
) -> ProfiledSamples:
    """Samples that were looked at, by layer: from the panel matrix where it has the layer, else from the case list.

    Args:
        members: gene panel files of the archive, by path.
        case_lists: case_list_id, sample_id.
        archive: what messages call the archive.
        profiles: layer -> stable id of its profile, which a column of the panel matrix may be named after.

    Raises:
        DataFault: the panel matrix has no column of samples, or a panel has no name.
    """
    panels: dict[str, list[str]] = {}
    matrix, matrix_source = None, ""
    for path, data in sorted(members.items()):
        file = PurePosixPath(path).name
        source = f"{archive}:{file}"
        if "matrix" in file:
            matrix, matrix_source = data, source
        else:
            panels |= _read_panel(data, source)
    listed = pl.concat([_from_case_lists(case_lists), pl.DataFrame(schema=SAMPLE_SCHEMA)])
    rejected = rejected_rows()
    if matrix is not None:
        told, rejected = _from_matrix(matrix, matrix_source, panels, profiles)
        listed = pl.concat([told, listed.join(told.select("layer").unique(), on="layer", how="anti")])
        # "NA" in the matrix says that a sample was not looked at.
        listed = listed.filter(pl.col("gene_panel_id").ne_missing("NA"))
    rows = [(panel, gene) for panel, genes in panels.items() for gene in dict.fromkeys(genes)]
    return ProfiledSamples(
        listed.unique(["layer", "sample_id"], keep="first", maintain_order=True),
        pl.DataFrame(rows, schema=PANEL_SCHEMA, orient="row"),
        rejected,
    )


def _from_case_lists(case_lists: pl.DataFrame) -> pl.DataFrame:
    frames = [
        case_lists.filter(pl.col("case_list_id").str.ends_with(suffix)).select(
            pl.lit(layer).alias("layer"), "sample_id", pl.lit(None, pl.String).alias("gene_panel_id")
        )
        for layer, (suffix, _) in LAYERS.items()
    ]
    return pl.concat(frames)


def _read_panel(data: bytes, source: str) -> dict[str, list[str]]:
    entries: dict[str, str] = {}
    for line in data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        entries[key.strip().lower()] = value.strip()
    if not entries.get("stable_id") or not entries.get("gene_list"):
        raise DataFault(
            "the gene panel has no stable_id or no gene_list",
            subject=source,
            expected="lines stable_id:, description: and gene_list: with symbols between tabs",
            remedy="Correct the panel, or take it out of the archive",
        )
    return {entries["stable_id"]: [gene for gene in re.split(r"[\t ,]+", entries["gene_list"]) if gene]}


def _from_matrix(
    data: bytes, source: str, panels: Mapping[str, list[str]], profiles: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `SAMPLE_SCHEMA` ("NA" where a sample was not looked at), and the rows that name an unknown panel."""
    text = split_text(data, source=source)
    text.require(["SAMPLE_ID"])
    cells = text.frame().with_columns(pl.all().str.strip_chars().fill_null(""))
    frames, bad, reasons = [pl.DataFrame(schema=SAMPLE_SCHEMA)], [], []
    for layer, (_, columns) in LAYERS.items():
        column = next((name for name in (profiles.get(layer), *columns) if name in cells.columns), None)
        if column is None:
            continue
        panel = pl.col("panel")
        own = cells.select(sample_id="SAMPLE_ID", panel=column).with_row_index("row")
        known = [name for name in own["panel"].unique() if name in panels or _WHOLE.match(name)]
        unknown = own.filter(~panel.is_in([*known, *NOT_PROFILED]))
        bad += unknown["row"].to_list()
        reasons += [
            f"{layer}: the archive does not say which genes panel {name} holds, so its samples take no part"
            for name in unknown["panel"]
        ]
        is_whole = panel.is_in([name for name in known if name not in panels])
        frames.append(
            own.filter(pl.col("sample_id") != "").select(
                pl.lit(layer).alias("layer"),
                "sample_id",
                pl.when(is_whole).then(None).when(panel.is_in(list(panels))).then(panel).otherwise(pl.lit("NA"))
                .alias("gene_panel_id"),
            )
        )  # fmt: skip
    return pl.concat(frames), text.reject(bad, reasons)
