"""What a recipe that measures a model again may say."""

from typing import Literal

from pydantic import Field

from mirctl.section import ArtifactName, JobConfig
from mirctl.sequences.config import EvalConfig
from mirctl_fuse.config import FuseData
from mirctl_fuse.retrieval.config import PairData


class MeasureConfig(JobConfig):
    """A recipe with `uses: fuse/eval`; its result is a table of metrics."""

    uses: Literal["fuse/eval"]
    model: ArtifactName = Field(description="A trained model")
    data: FuseData | PairData | None = Field(
        None, description="Other data than what it was trained on"
    )
    evaluation: EvalConfig | None = Field(None, description="Of a recommender")
    apart: bool = Field(False, description="Also by each modality alone")
    missing: bool = Field(False, description="Also with modalities taken away")
