"""Where data come from: download, verify and parse to a frame. No Dagster, no statistics."""
