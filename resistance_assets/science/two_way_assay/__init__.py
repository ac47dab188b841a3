"""Two-way assays: a drug with and without a ligand, over independent experiments."""
