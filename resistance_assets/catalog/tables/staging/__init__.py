"""Staging tables: SQL, our names, units and keys (lineage is read from the SQL)."""
