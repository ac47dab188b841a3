"""Lab study."""
