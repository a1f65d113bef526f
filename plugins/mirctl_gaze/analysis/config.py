"""What a recipe may say of an analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from mirctl.errors import UsageError
from mirctl.section import InputPath, JobConfig

if TYPE_CHECKING:
    from mirctl_gaze.analysis.asking import Asked


class AnalyseConfig(JobConfig):
    """A recipe with `uses: gaze/analyse`."""

    uses: Literal["gaze/analyse"]
    table: InputPath | None = Field(None, description="Measures of both: T.1 chosen, T.2 rejected")
    chosen: InputPath | None = Field(None, description="Measures of the chosen texts")
    rejected: InputPath | None = Field(None, description="Measures of the rejected texts")
    synthetic: tuple[InputPath, ...] = Field(
        (), description="Predicted measures of both, or of chosen and of rejected texts"
    )
    measures: tuple[str, ...] | None = Field(None, description="Columns; else all known ones")
    correction: Literal["holm", "bh", "none"] = Field("holm", description="Over the measures")

    @model_validator(mode="after")
    def it_is_clear_what_is_asked(self) -> Self:
        try:
            self.asked(None)
        except UsageError as error:
            raise ValueError(error.message) from error
        return self

    def asked(self, out: Path | None) -> Asked:
        """What the command line would ask."""
        from mirctl_gaze.analysis import asking

        names = (self.table, self.chosen, self.rejected, out)
        table, chosen, rejected, to = (None if name is None else str(name) for name in names)
        return asking.asked(
            table, chosen, rejected, [str(path) for path in self.synthetic], to,
            measures=None if self.measures is None else ",".join(self.measures),
            correction=self.correction, seed=self.seed,
        )  # fmt: skip
