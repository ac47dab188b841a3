"""Quantitative PCR: Ct of wells from a long table or the text export of a QuantStudio."""
