"""Expression."""
