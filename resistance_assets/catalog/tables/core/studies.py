"""Models of core.studies__*: expression per sample of studies."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK


@table(
    "core.studies__gene_expression",
    grain="one row per microarray study, gene and sample",
    key=("study_id", "feature_id", "sample_id"),
    limitation="a gene that is absent was not silent: its probes are of several genes, or below the detection floor",
)
class StudyGeneExpression(TableModel):
    """Log2 expression of microarray studies by gene, after the study's declared rules."""

    study_id: pl.String = col("study", of="raw.studies__probe_intensities.study_id")
    feature_id: pl.String = col("gene symbol of the annotation", of="raw.studies__probe_genes.hgnc_symbol")
    probes: pl.Int64 = col("probes of the gene", unit="probes", of="raw.studies__probe_genes.probe_id", ge=1)
    sample_id: pl.String = col("sample", of="raw.studies__probe_intensities.sample_id")
    expression_log2: pl.Float64 = col("expression", unit="log2", of="raw.studies__probe_intensities.intensity")


_SHEET = "raw.studies__samples.value"
_MEASURED = ("raw.studies__gene_sample_counts.read_count", "core.studies__gene_expression.expression_log2")


@table(
    "core.studies__principal_components",
    grain="one row per study, principal component and column of its sample sheet",
    key=("study_id", "component", "attribute_id"),
    limitation="a component that goes with a column is not caused by it, and components are no evidence of any gene",
)
class StudyPrincipalComponents(TableModel):
    """The first five principal components of count and array studies, and what they go with."""

    study_id: pl.String = col("study", of="raw.studies__samples.study_id")
    component: pl.Int64 = col("number of the component, the largest first", of=_MEASURED, ge=1, le=5)
    share_of_variance: pl.Float64 = col(
        "of the 500 genes that vary most, on log2 CPM (TMM) or log2 intensities", of=_MEASURED, **P_CHECK
    )
    attribute_id: pl.String = col("column of the sample sheet", of="raw.studies__samples.attribute_id")
    attribute_kind: pl.String = col("continuous or categorical", of=_SHEET, isin=["continuous", "categorical"])
    is_factor: pl.Boolean = col("whether a contrast of the study compares this column", of="source")
    n_samples: pl.Int64 = col("samples that have a value", unit="samples", of=_SHEET, ge=1)
    n_values: pl.Int64 = col("different values", of=_SHEET, ge=1)
    r_squared: pl.Float64 = col(
        "share of the component's variance that the column explains (eta squared of categories); null without a test",
        null=True,
        of=(*_MEASURED, _SHEET),
        **P_CHECK,
    )
    p_value: pl.Float64 = col("F test, not corrected", null=True, of=(*_MEASURED, _SHEET), **P_CHECK)
    confounding: pl.String = col("how the column is tied to a factor of a contrast, in words", null=True, of=_SHEET)
