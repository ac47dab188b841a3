"""Two-way assays: wells, fields and counts of a drug with and without a ligand, from one long table."""
