"""Raw tables: parsed, the vendor's names."""
