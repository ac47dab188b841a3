"""What `doctor` checks in rooms of their own."""
