"""Synthetic studies with planted truth, written as a mirror in each host's own format."""
