"""`impute compare`: methods beside each other on one table."""
