"""Single cells: quality, species, sources of a gene, markers, pseudobulk, composition, ligands and signatures.

Counts are sparse integers, cells x genes. Inference is over samples (mice, patients); cells are never replicates.
"""
