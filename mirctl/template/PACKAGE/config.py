"""What a recipe of this plugin says."""

from mirctl.section import InputPath, JobConfig
from pydantic import Field


class Config(JobConfig):
    """A column of a table."""

    table: InputPath = Field(description="CSV, TSV, JSONL or Parquet")
    column: str = Field(description="A column of numbers")
    held_out: float = Field(0.2, gt=0, lt=1, description="Share of the rows that judge")


def metrics() -> list[str]:
    """What a run measures: `--require` takes these names."""
    return ["mae"]
