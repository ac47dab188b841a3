"""Catalog: sources, studies, claims and tables. No I/O beyond the catalog's own TOML files, no Dagster."""
