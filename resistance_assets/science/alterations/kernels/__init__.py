"""Compiled sums over pairs of genes."""
