"""Models of study kinds, one module per kind; each registers itself when it is imported."""
