"""What a recipe may say of comparing scanpaths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from mirctl.errors import UsageError
from mirctl.section import InputPath, JobConfig

if TYPE_CHECKING:
    from mirctl_gaze.scanpaths.asking import Asked


class CompareConfig(JobConfig):
    """A recipe with `uses: gaze/compare`."""

    uses: Literal["gaze/compare"]
    a: InputPath | None = Field(None, description="Table of reader, trial, x, y, duration")
    b: InputPath | None = Field(None, description="Another; else the readers of each trial in a")
    matrix: InputPath | None = Field(None, description="Folder or table: every two of all")
    metrics: tuple[str, ...] | None = Field(None, description="Families of measures; else all")
    screen: str | None = Field(None, description="WIDTHxHEIGHT in pixels")
    simplify: str | None = Field(None, description="multimatch: DEGREES,PIXELS,MS")
    grid: str = Field("12x8", description="COLUMNSxROWS of letters on the screen")
    letters: str | None = Field(None, description="A column of areas instead of the grid")
    bin: float = Field(50.0, ge=0, allow_inf_nan=False, description="ms a letter; 0: a fixation")
    radius: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="recurrence: pixels; else 5 % of the diagonal"
    )
    compat: bool = Field(False, description="recurrence: by the published formula")

    @model_validator(mode="after")
    def it_is_clear_what_is_asked(self) -> Self:
        try:
            self.asked(None)
        except UsageError as error:
            raise ValueError(error.message) from error
        return self

    def asked(self, out: Path | None) -> Asked:
        """What the command line would ask."""
        from mirctl_gaze.scanpaths import asking

        a, b, to = (None if path is None else str(path) for path in (self.a, self.b, out))
        return asking.asked(
            a, b, self.matrix, to,
            metrics=None if self.metrics is None else ",".join(self.metrics), screen=self.screen,
            simplify=self.simplify, grid=self.grid, letters=self.letters, stretch=self.bin,
            radius=self.radius, compat=self.compat,
        )  # fmt: skip
