"""Measures that several plugins share, vectorised, each user's value apart before any mean."""
