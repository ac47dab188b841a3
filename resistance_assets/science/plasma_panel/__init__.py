"""Plasma panels: values with detection limits, groups, pairs, survival and time-dependent discrimination of markers."""
