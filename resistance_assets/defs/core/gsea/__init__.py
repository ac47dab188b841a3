"""Gsea."""
