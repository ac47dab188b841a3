"""Cbioportal."""
