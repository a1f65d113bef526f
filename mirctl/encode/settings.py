"""What a recipe says about one frozen encoder."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mirctl.section import ModelName, Section


class EncoderSettings(Section):
    """A frozen model, its tapped layers and how their states are pooled.

    A plain string stands for `{model: ...}`.
    """

    modality: Literal["text", "image"] = "text"
    model: ModelName = Field(description="org/name[@revision], a folder, or pip:PACKAGE[==VERSION]")
    encoder: str | None = Field(
        None, description="Installed encoder that runs it; default: the first that can"
    )
    pool: Literal["auto", "mean", "cls", "last"] = Field(
        "auto",
        description="auto: the mean over real tokens for text; for pictures the class token where "
        "the model has one, else the mean over patches",
    )
    layers: Literal["all"] | tuple[Annotated[int, Field(le=10_000)], ...] = Field(
        "all", description="all, or numbers of hidden states, rising; 0 is the embeddings"
    )
    max_tokens: int = Field(
        64, ge=1, le=1_000_000, description="Longer texts are cut; no meaning for pictures"
    )
    batch_size: int | None = Field(
        None, ge=1, le=1_000_000, description="Default: 64 texts, or 8 pictures"
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


class ImageSettings(EncoderSettings):
    """The same for pictures."""

    modality: Literal["text", "image"] = "image"
