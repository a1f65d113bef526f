"""The base of every recipe section, and the field types that point outside the recipe."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Section(BaseModel):
    """Unknown keys are errors, and a config never changes once read.

    Every whole number has a largest value, so that none overflows where it is used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Relative:
    """Marks a field that is resolved against the recipe's folder (on the command line: the cwd)."""

    def __init__(
        self,
        *,
        model: bool = False,
        artifact: bool = False,
        hashed: bool = True,
        skip: tuple[str, ...] = (),
    ) -> None:
        self.model = model
        self.artifact = artifact
        """It names an artifact: in a pipeline, the result of a step that makes one."""
        self.hashed = hashed
        """False: whoever reads its files records what they are, with `Run.note_input`."""
        self.skip = skip
        """Words; a folder inside with one of them in its name is not read by the run."""


Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""How many of something."""

InputPath = Annotated[Path, Relative()]
"""A file or folder the run reads; its name, sha256 and path are recorded in the artifact."""

ModelName = Annotated[str, Relative(model=True)]
"""A frozen model: `org/name[@revision]`, a local folder, or `pip:PACKAGE[==VERSION]`."""

ArtifactName = Annotated[str, Relative(model=True, artifact=True)]
"""An artifact: a local folder, or `org/name[@revision]`."""


class JobConfig(Section):
    """What every job's recipe may say."""

    uses: str = Field(description="plugin/command")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of everything random in the run")
    device: str = Field("auto", description="auto, cpu, cuda[:N] or mps")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"

    @field_validator("device")
    @classmethod
    def device_has_a_known_name(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
            raise ValueError(f"device {value!r}: use auto, cpu, cuda[:N] or mps")
        return value
