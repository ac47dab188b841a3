"""The first page: the answer, what stands behind it, what it cannot say, and then what the release holds."""
