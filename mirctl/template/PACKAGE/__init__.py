"""A plugin of mirctl."""
