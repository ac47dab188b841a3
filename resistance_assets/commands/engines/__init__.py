"""Commands that an engine calls, rather than a person."""
