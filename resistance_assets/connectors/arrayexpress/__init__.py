"""Arrayexpress."""
