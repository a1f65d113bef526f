"""`adapt compare`: methods beside each other on one recipe."""
