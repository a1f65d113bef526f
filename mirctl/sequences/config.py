"""Sections of recipes that train a recommender of sequences."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mirctl.errors import suggest
from mirctl.metrics import ranking
from mirctl.section import Section
from mirctl.training import TrainConfig

WIDEST = 65_536
WHOLE_CATALOGUE = 5000
"""Items up to which a softmax over all of them is cheap."""
Loss = Literal["auto", "catalogue", "batch"]


class UserConfig(Section):
    """The reader of histories, and what training hides of their items."""

    dim: int = Field(64, ge=1, le=WIDEST, description="Width of item and user embeddings")
    history: int = Field(
        50, ge=1, le=100_000, description="Items of a history that the user encoder reads"
    )
    user_layers: int = Field(2, ge=1, le=1_000)
    user_heads: int = Field(2, ge=1, le=1_024)
    dropout: float = Field(0.2, ge=0, lt=1)
    modality_dropout: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of items that a step hides from one of their towers, so "
        "that missing pictures or texts matter less later",
    )

    @model_validator(mode="after")
    def heads_share_the_width(self) -> Self:
        if self.dim % self.user_heads:
            raise ValueError(f"dim {self.dim} is no multiple of user_heads {self.user_heads}")
        return self


class SequenceTrain(TrainConfig):
    """The loop's settings, and which items a softmax is over."""

    loss: Loss = Field(
        "auto",
        description="Softmax over the whole catalogue, or over the batch's items minus log "
        "popularity; auto: catalogue up to 5,000 items",
    )

    @field_validator("metric")
    @classmethod
    def metric_is_measured(cls, value: str) -> str:
        known = ranking.names()
        if value not in known:
            hint = suggest(value, known, f"known: {', '.join(known)}")
            raise ValueError(f"{value!r} is no validation metric{hint}")
        return value


class EvalConfig(Section):
    """How the ranking is measured: leave-one-out, the whole catalogue ranked."""

    protocol: Literal["full", "iisan"] = Field(
        "full", description="iisan: only the last 13 interactions of users with 5 or more"
    )
    repeats: Literal["mask", "allow"] = Field(
        "mask",
        description="mask: items of the history cannot be recommended again, and a target that "
        "repeats one is a miss; allow: every item is a candidate",
    )
    cold_at_most: int = Field(
        5,
        ge=0,
        le=2**31 - 1,
        description="A target with at most so many training interactions is cold",
    )


class SaveConfig(Section):
    """What goes into the artifact beside the model."""

    histories: bool = Field(True, description="Keep user histories: `recommend --user` needs them")
