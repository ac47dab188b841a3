"""Alterations: mutations by consequence, copy number, fusions: how often, their effect on their gene, and together."""
