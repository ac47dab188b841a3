"""Lists of genes and gene sets from files: one column of names, known lists of cancer genes, and GMT."""
