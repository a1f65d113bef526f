"""What recommenders of sequences share."""
