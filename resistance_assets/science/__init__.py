"""How results are computed: pure functions from frames to frames. No Dagster, no files, no network."""
