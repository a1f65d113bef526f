"""Reward models from preference pairs that may also use how people read."""
