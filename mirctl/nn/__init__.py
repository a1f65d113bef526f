"""Modules that two plugins use."""
