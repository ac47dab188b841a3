"""Multiverse."""
