"""What a recipe says about one frozen encoder."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mirctl.section import ModelName, Section

MODALITIES = Literal["text", "image", "audio", "video"]
SECONDS = {"audio": 30.0, "video": 3600.0}
"""So much is read where a recipe does not say: of a sound all goes through the network, of a film
some pictures."""


class EncoderSettings(Section):
    """A frozen model, its tapped layers and how their states are pooled.

    A plain string stands for `{model: ...}`.
    """

    modality: MODALITIES = "text"
    model: ModelName = Field(description="org/name[@revision], a folder, or pip:PACKAGE[==VERSION]")
    encoder: str | None = Field(
        None, description="Installed encoder that runs it; default: the first that can"
    )
    pool: Literal["auto", "mean", "cls", "last"] = Field(
        "auto",
        description="auto: the mean over real tokens for text; for pictures the class token where "
        "the model has one, else the mean over patches; for sounds and films the mean",
    )
    layers: Literal["all"] | tuple[Annotated[int, Field(le=10_000)], ...] = Field(
        "all", description="all, or numbers of hidden states, rising; 0 is the embeddings"
    )
    max_tokens: int = Field(
        64, ge=1, le=1_000_000, description="Longer texts are cut; no meaning for other items"
    )
    seconds: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="Sounds and films are read up to here; default: 30 of a sound, 3600 of a film",
    )
    frames: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Pictures of a film; default: those it is made for",
    )
    batch_size: int | None = Field(
        None, ge=1, le=1_000_000, description="Default: 64 texts, 8 pictures, 2 sounds, or 1 film"
    )

    @model_validator(mode="before")
    @classmethod
    def short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"model": value}
        if isinstance(value, dict) and isinstance(value.get("layers"), list):
            # A before-validator gets JSON arrays as lists, and a strict tuple takes no list.
            return {**value, "layers": tuple(value["layers"])}
        return value

    @model_validator(mode="after")
    def layers_rise(self) -> Self:
        if self.layers != "all":
            if not self.layers:
                raise ValueError("layers: name at least one")
            if list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
                raise ValueError(
                    f"layers {list(self.layers)}: numbers from 0 on, each larger than the last"
                )
        return self

    @property
    def most_seconds(self) -> float:
        """Of a sound or a film."""
        return self.seconds or SECONDS[self.modality]


class ImageSettings(EncoderSettings):
    """The same for pictures."""

    modality: MODALITIES = "image"


class AudioSettings(EncoderSettings):
    """The same for sounds."""

    modality: MODALITIES = "audio"


class VideoSettings(EncoderSettings):
    """The same for films."""

    modality: MODALITIES = "video"
