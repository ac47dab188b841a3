"""Further layers of a laboratory's cohort (`study.toml`): mutations, fusions, copy number, methylation and protein."""

from __future__ import annotations

from pydantic import Field, model_validator

from resistance_assets.catalog.models.entry import Entry


class AlterationFile(Entry):
    """A table of one mutation or fusion per row.

    Attributes:
        file: MAF, a cBioPortal file, or a plain table.
        columns: our name (sample_id, hugo_symbol, ...) -> column of the file, where that has another name.
    """

    file: str
    columns: dict[str, str] = {}


class LayerMatrixFile(Entry):
    """A matrix of genes, probes or antibodies by samples.

    Attributes:
        file: first column the gene (probe, antibody), then one column per sample of the sample sheet.
        feature_column, gene_column: the columns of the feature and of its gene, where they are not the first one.
        ignored_columns: further columns that are no samples.
    """

    file: str
    feature_column: str | None = None
    gene_column: str | None = None
    ignored_columns: tuple[str, ...] = ()


class SequencedFiles(Entry):
    """Who was sequenced, and for which genes.

    Attributes:
        samples: a table with the column sample_id, and panel where samples were sequenced for several panels.
        genes: a table with the column hgnc_symbol, and panel likewise; without it all genes were sequenced.
        megabases: coding bases that were sequenced, for mutations per megabase.
    """

    samples: str | None = None
    genes: str | None = None
    megabases: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _says_something(self) -> SequencedFiles:
        if self.samples is None and self.genes is None and self.megabases is None:
            raise ValueError("sequenced needs samples, genes or megabases")
        return self


MATRIX_LAYERS = {
    "copy_number_calls": "copy_number",
    "copy_number_log2": "log2_copy_number",
    "methylation": "methylation",
    "protein": "protein",
}
"""Table of study.toml -> layer that its matrix is."""


class StudyLayers(Entry):
    """Tables of a study.toml that bring further layers of the samples of its sample sheet."""

    mutations: AlterationFile | None = None
    fusions: AlterationFile | None = None
    copy_number_calls: LayerMatrixFile | None = None
    copy_number_log2: LayerMatrixFile | None = None
    methylation: LayerMatrixFile | None = None
    protein: LayerMatrixFile | None = None
    sequenced: SequencedFiles | None = None

    @model_validator(mode="after")
    def _sequenced_what(self) -> StudyLayers:
        if self.sequenced is not None and self.mutations is None and self.fusions is None:
            raise ValueError("sequenced says who was looked at for mutations or fusions: name their file too")
        return self

    @property
    def declared_layers(self) -> dict[str, AlterationFile | LayerMatrixFile]:
        """Tables of layers that are there, by their names in study.toml."""
        named = {name: getattr(self, name) for name in ("mutations", "fusions", *MATRIX_LAYERS)}
        return {name: table for name, table in named.items() if table is not None}

    @property
    def layer_files(self) -> tuple[str, ...]:
        """Files of the layers, in a fixed order."""
        asked = self.sequenced
        told = (asked.samples, asked.genes) if asked is not None else ()
        return (*(table.file for table in self.declared_layers.values()), *(name for name in told if name))
