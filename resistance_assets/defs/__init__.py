"""The assets themselves, thin: load, one call, validate, return. Each module holds one `definitions` function."""
