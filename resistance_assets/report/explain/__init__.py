"""One gene's whole story: gathered from the release (evidence), and set for a terminal (text)."""
