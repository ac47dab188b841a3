"""Tumour against normal tissue, gene by gene, by rank sum.

Here belong the comparison of two groups of samples and the ways to it from counts, from a cohort's profile and from a
project's files. The rank-sum test itself belongs in `statistics.rank_sum`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from resistance_assets.errors import DesignFault
from resistance_assets.science.correlation.correlation import compare_groups_rank_sum
from resistance_assets.science.expression.matrices import expression_matrix
from resistance_assets.science.expression.normalisation import effective_library_sizes, log2_cpm

TUMOUR_NORMAL_SCHEMA = {
    "hgnc_symbol": pl.String,
    "n_tumour": pl.Int64,
    "n_normal": pl.Int64,
    "statistic_w": pl.Float64,
    "probability_of_superiority": pl.Float64,
    "p_value": pl.Float64,
    "p_value_method": pl.String,
    "q_value_bh": pl.Float64,
    "mean_tumour": pl.Float64,
    "mean_normal": pl.Float64,
    "difference": pl.Float64,
    "expression_scale": pl.String,
}


def compare_tissues(
    expression: ArrayLike,
    genes: Sequence[str] | pl.Series,
    is_tumour: ArrayLike,
    patients: Sequence[str],
) -> pl.DataFrame:
    """Tumour against normal tissue, gene by gene, by rank sum.

    Several samples of one patient in one group are averaged first: aliquots of a tumour are not patients.

    Args:
        expression: (genes, samples) on a log scale, NaN missing.
        genes: their symbols.
        is_tumour: (samples,) True for tumour, False for normal tissue.
        patients: (samples,) whose sample it is.

    Returns:
        Per gene, in the order given: `hgnc_symbol`, `n_tumour`, `n_normal` (patients with a value), `mean_tumour`,
        `mean_normal`, `difference` (tumour - normal), and of `compare_groups_rank_sum` the `statistic_w`,
        `probability_of_superiority`, `p_value`, `p_value_method`, `q_value_bh`.

    Raises:
        DesignFault: one of the two has no sample.
    """
    x = np.asarray(expression, dtype=np.float64)
    tumour = np.asarray(is_tumour, dtype=bool)
    if not tumour.any() or tumour.all():
        raise DesignFault(
            f"all {tumour.size} samples are {'tumour' if tumour.any() else 'normal tissue'}",
            subject="tumour against normal",
            remedy="Add samples of the other, or leave the comparison out.",
        )
    labels = np.array([f"{int(group)} {patient}" for group, patient in zip(tumour, patients, strict=True)])
    names, place = np.unique(labels, return_inverse=True)
    if names.size < labels.size:
        with warnings.catch_warnings():
            # A patient may have no value of a gene in any of its samples.
            warnings.simplefilter("ignore", RuntimeWarning)
            x = np.column_stack([np.nanmean(x[:, place == k], axis=1) for k in range(names.size)])
        tumour = np.array([name.startswith("1 ") for name in names])
    found = compare_groups_rank_sum(x, genes, tumour)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        means = np.nanmean(x[:, tumour], axis=1), np.nanmean(x[:, ~tumour], axis=1)
    return found.rename({"n_group": "n_tumour", "n_rest": "n_normal"}).with_columns(
        mean_tumour=pl.Series(means[0], nan_to_null=True),
        mean_normal=pl.Series(means[1], nan_to_null=True),
        difference=pl.Series(means[0] - means[1], nan_to_null=True),
    )


def compare_counts(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    symbols: Mapping[str, str],
    *,
    factor: str,
    tumour: str,
    normal: str,
    subset: Mapping[str, tuple[str, ...]],
) -> pl.DataFrame:
    """Rank sums of log2 CPM (TMM) between two groups of a count study.

    Args:
        counts: feature and one column per sample, as `counts_matrix` makes it.
        samples: sample_id and a column per factor; a column patient_id says whose sample it is, else each is its own.
        symbols: feature -> approved symbol.
    """
    chosen = samples.filter(pl.col(factor).is_in([tumour, normal]))
    for column, values in subset.items():
        chosen = chosen.filter(pl.col(column).is_in(values))
    chosen = chosen.filter(pl.col("sample_id").is_in(counts.columns[1:]))
    matrix = counts.select(chosen["sample_id"].to_list()).to_numpy().astype(np.float64)
    logs = log2_cpm(matrix, effective_library_sizes(matrix))
    owner = chosen["patient_id" if "patient_id" in chosen.columns else "sample_id"]
    features = counts.to_series(0).to_list()
    return compare_tissues(
        logs,
        [symbols.get(feature, feature) for feature in features],
        (chosen[factor] == tumour).to_numpy(),
        [str(who) for who in pl.select(pl.coalesce(owner, chosen["sample_id"])).to_series()],
    ).with_columns(expression_scale=pl.lit("log2 CPM (TMM)"))


def compare_cohort(
    values: pl.LazyFrame, expression: pl.DataFrame, measured: pl.DataFrame, scale: str, codes: tuple[str, ...]
) -> pl.DataFrame:
    """Rank sums between the analysed tumours of a cohort and the normal samples of the same profile.

    Args:
        values: the cohort's share of `raw.cbioportal__mrna_values` or `raw.xena__expression_values`.
        expression: its slice of tumours.
        measured: its genes: profile_id, source_row, hgnc_symbol.
        scale: of the tumours.
        codes: TCGA sample type codes of normal tissue.

    Returns:
        No row where the profile holds no normal sample.
    """
    normal = (
        values.filter(pl.col("sample_id").str.extract(r"-(\d{2})[A-Z]?$", 1).is_in(codes))
        .select("stable_id", "gene_row", "sample_id", "value")
        .collect()
        .join(measured, left_on=["stable_id", "gene_row"], right_on=["profile_id", "source_row"])
    )
    if normal.is_empty() or expression.is_empty():
        return pl.DataFrame(schema=TUMOUR_NORMAL_SCHEMA)
    if scale == "log2(RSEM + 1)":
        # As staging.cohorts__gene_expression does with the tumours.
        normal = normal.with_columns(value=(pl.col("value").clip(lower_bound=0) + 1).log(2))
    long = normal.select("hgnc_symbol", pl.col("sample_id").alias("patient_id"), expression_value=pl.col("value"))
    tumours, genes, patients = expression_matrix(expression)
    normals, normal_genes, samples = expression_matrix(long)
    row = {gene: at for at, gene in enumerate(normal_genes)}
    shared = [at for at, gene in enumerate(genes) if gene in row]
    both = np.hstack([tumours[shared], normals[[row[genes[at]] for at in shared]]])
    owners = [*patients, *(sample.rsplit("-", 1)[0] for sample in samples)]
    is_tumour = np.arange(len(owners)) < len(patients)
    return compare_tissues(both, [genes[at] for at in shared], is_tumour, owners).with_columns(
        expression_scale=pl.lit(scale)
    )


def compare_project(counts: pl.LazyFrame, samples: pl.DataFrame, symbols: Mapping[str, str]) -> pl.DataFrame:
    """Rank sums of log2 CPM (TMM) between tumours and normal tissue of a project of the Genomic Data Commons.

    Args:
        counts: gene_id, file_id, read_count: rows of `raw.gdc__gene_counts` of one project.
        samples: file_id, patient_id, tissue (tumour or normal): the files to compare.
        symbols: gene_id -> approved symbol.

    Returns:
        No row where one of the tissues is absent.
    """
    if samples["tissue"].n_unique() < 2:
        return pl.DataFrame(schema=TUMOUR_NORMAL_SCHEMA)
    placed = (
        counts.join(samples.select("file_id").with_row_index("column").lazy(), on="file_id")
        .select("gene_id", "column", "read_count")
        .collect()
        .sort("gene_id")
    )
    genes = placed["gene_id"].unique(maintain_order=True).to_list()
    matrix = np.zeros((len(genes), samples.height))
    row = placed.select(pl.col("gene_id").rle_id()).to_series().to_numpy()
    matrix[row, placed["column"].to_numpy()] = placed["read_count"].to_numpy()
    logs = log2_cpm(matrix, effective_library_sizes(matrix))
    return compare_tissues(
        logs,
        [symbols.get(gene, gene) for gene in genes],
        (samples["tissue"] == "tumour").to_numpy(),
        samples["patient_id"].to_list(),
    ).with_columns(expression_scale=pl.lit("log2 CPM (TMM)"))
