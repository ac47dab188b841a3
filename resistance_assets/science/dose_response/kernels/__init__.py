"""Compiled loops of the curve fits."""
