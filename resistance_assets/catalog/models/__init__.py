"""Models of the entries of the catalog's TOML files, by what they describe."""
