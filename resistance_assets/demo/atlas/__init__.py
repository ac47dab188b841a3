"""Series of the resistance atlas in the demo."""
