"""Dagster plumbing: the lake, the memo, versions, checks, SQL models and publishing. No biology."""
