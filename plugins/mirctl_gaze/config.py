"""What a gaze recipe may say. Each field can stand in a recipe or be given as `key=value`."""

from typing import Literal

from pydantic import Field

from mirctl.section import InputPath, JobConfig, Section


class Detection(Section):
    """How fixations are told from saccades."""

    method: Literal["ivt", "idt"] = "ivt"
    hz: float | None = Field(
        None, gt=0, le=1e6, description="Samples a second; else the usual step of `time`"
    )
    ppd: float = Field(gt=0, le=1e6, description="Pixels of a degree; 1 where x and y are degrees")
    speed: float = Field(30.0, gt=0, description="ivt: a fixation is slower, in degrees a second")
    window: float = Field(10.0, gt=0, le=1e4, description="Speed is the slope over so many ms")
    merge_gap: float = Field(75.0, ge=0, description="ivt: longest gap inside a fixation, ms")
    merge_angle: float = Field(0.5, ge=0, description="ivt: widest such gap, in degrees")
    dispersion: float = Field(1.0, gt=0, description="idt: width plus height, in degrees")
    min_duration: float | None = Field(
        None, gt=0, le=1e9, description="Shortest fixation, ms; 60 for ivt, 100 for idt"
    )

    @property
    def shortest(self) -> float:
        """The shortest fixation, in ms."""
        if self.min_duration is not None:
            return self.min_duration
        return 60.0 if self.method == "ivt" else 100.0


class DetectConfig(JobConfig, Detection):
    """A recipe with `uses: gaze/detect`."""

    uses: Literal["gaze/detect"]
    samples: InputPath = Field(description="Table of reader, trial, time, x, y, pupil")
    screen: str | None = Field(None, description="WIDTHxHEIGHT; what is off it is lost")


class AssignConfig(JobConfig):
    """A recipe with `uses: gaze/assign`."""

    uses: Literal["gaze/assign"]
    fixations: InputPath = Field(description="Table of reader, trial, x, y")
    words: InputPath = Field(description="Table of trial, word, text, x0, y0, x1, y1")
    by: Literal["lines", "box"] = Field("lines", description="What a fixation goes to first")
    max_distance: float | None = Field(None, ge=0, description="Pixels from a word, at most")


class MeasuresConfig(JobConfig):
    """A recipe with `uses: gaze/measures`."""

    uses: Literal["gaze/measures"]
    fixations: InputPath = Field(description="Table of reader, trial, word, duration")
    words: InputPath = Field(description="Table of trial, word, text")
    mean: bool = Field(False, description="The mean over readers, not a row for each")


class AoiConfig(JobConfig):
    """A recipe with `uses: gaze/aoi`."""

    uses: Literal["gaze/aoi"]
    fixations: InputPath = Field(description="Table of reader, trial, start, duration, x, y")
    areas: InputPath = Field(description="Table of trial, area, x0, y0, x1, y1")
