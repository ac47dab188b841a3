"""Dagster plumbing: the lake, the cache of results, versions, checks, SQL models and publishing. No biology."""
