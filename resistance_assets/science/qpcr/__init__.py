"""Quantitative PCR: from cycle thresholds of wells to fold changes between conditions."""
