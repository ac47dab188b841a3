"""What a person looks at, made from the published warehouse alone."""
