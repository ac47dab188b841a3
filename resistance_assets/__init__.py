"""A Dagster asset-based multi-omics warehouse for drug resistance in lung cancer."""
