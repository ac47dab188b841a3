"""Single-cell counts as laboratories and GEO keep them: 10x folders, and labels of cells."""
