"""Tables that only one kind of study has: a file per kind."""
