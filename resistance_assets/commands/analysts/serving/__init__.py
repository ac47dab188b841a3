"""What `serve` does: the report with a live SQL box, genes on demand and JSON endpoints, read-only, over HTTP."""
