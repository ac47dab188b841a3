"""Dagster: assets of steps, automation, runs and their records. Nothing else of orchestration imports it."""
