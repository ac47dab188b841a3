"""What `resistance add` proposes for hosts that need more than a sample sheet."""
