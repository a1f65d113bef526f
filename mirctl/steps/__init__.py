"""Pipelines: recipes with `steps:`, `sweep:` or both, run as one graph of jobs."""

from mirctl.steps.command import Ways, check, read, resolved, run
from mirctl.steps.reading import is_pipeline

__all__ = ["Ways", "check", "is_pipeline", "read", "resolved", "run"]
