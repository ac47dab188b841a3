"""Processes that run steps for another one, and the lines in which they answer."""
