"""Core tables: computed in Python."""
