"""Partitions: the rows of one accession, contrast or cohort, kept in the lake alone."""
