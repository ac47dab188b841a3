"""Compiled passes over sparse counts."""
