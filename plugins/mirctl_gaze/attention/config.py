"""What a recipe may say of correlating measures with attention."""

from typing import Literal

from pydantic import Field

from mirctl.section import InputPath, JobConfig, ModelName


class CorrelateConfig(JobConfig):
    """A recipe with `uses: gaze/correlate`."""

    uses: Literal["gaze/correlate"]
    gaze: InputPath = Field(description="Table of trial, word, text and measures; reader")
    model: ModelName = Field(description="org/name[@revision], a folder, or pip:PACKAGE[==VERSION]")
    text: InputPath | None = Field(None, description="Table of trial, text; else the words of gaze")
    language: str = Field("en", description="Whose frequencies of words are held fixed")
    heads: bool = Field(False, description="Also each head alone")
