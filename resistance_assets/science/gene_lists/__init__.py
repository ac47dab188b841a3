"""Gene lists."""
