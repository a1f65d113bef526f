"""What an adapt recipe may say. Each field can stand in a recipe or be given as `key=value`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from mirctl.data.config import DataConfig
from mirctl.encode.settings import EncoderSettings, ImageSettings
from mirctl.section import ArtifactName, Count, InputPath, JobConfig, ModelName, Relative, Section
from mirctl.sequences.config import (
    WIDEST,
    EvalConfig,
    Loss,
    SaveConfig,
    SequenceTrain,
    UserConfig,
)

CACHED = ("iisan-versa", "iisan", "frozen")
TUNED = ("fft", "lora", "adapter", "bitfit")
CONTENT = (*CACHED, *TUNED)
COUNTED = ("markov", "pop")
Groups = Annotated[int, Field(ge=1, le=10_000)]


class ItemConfig(Section):
    """What an item is made of."""

    method: Literal[
        "iisan-versa", "iisan", "frozen", "fft", "lora", "adapter", "bitfit", "id", "markov", "pop"
    ] = "iisan-versa"
    text: EncoderSettings | None = Field(None, description="Encoder of the items' titles")
    image: ImageSettings | None = Field(None, description="Encoder of the items' pictures")
    columns: dict[str, EncoderSettings | None] = Field(
        {}, description="Encoders of further text columns, such as captions; null: without it"
    )
    layers: Literal["group", "every-second", "last", "all"] | None = Field(
        None, description="Which cached layers a tower keeps; iisan: every-second, else group"
    )
    groups: Groups | dict[str, Groups] = Field(
        6, description="Groups of layers, for all towers or by tower; a group keeps its last layer"
    )
    normalize: bool | None = Field(None, description="Standardise states; iisan: no, else yes")
    head: Literal["linear", "gelu"] | None = Field(None, description="iisan: linear, else gelu")
    bottleneck: int = Field(
        64, ge=1, le=WIDEST, description="Inner width of an adapter, rank of lora"
    )
    dim: int  # it is UserConfig's; named here, a recipe that is shown has it in this place
    intra: bool = Field(True, description="Keep the intra-modal towers")
    inter: bool = Field(True, description="Keep the inter-modal tower")
    gate: bool = Field(True, description="Learn the gates; without, they stay at equal weights")
    ids: bool = Field(False, description="Add a learned embedding of the item id to its content")

    @model_validator(mode="after")
    def content_methods_have_content(self) -> Self:
        if self.method in CONTENT and not self.encoders:
            raise ValueError(
                f"method {self.method!r} reads content: set model.text, .image or .columns"
            )
        if taken := {"text", "image"} & set(self.columns):
            raise ValueError(f"columns: {min(taken)!r} is a tower's name: rename that column")
        if self.method in TUNED and not self.tuned:
            raise ValueError(
                f"method {self.method!r} tunes text encoders: set model.text or .columns"
            )
        side = self.method in ("iisan", "iisan-versa")
        if side and not self.intra and (not self.inter or len(self.encoders) == 1):
            raise ValueError("without intra, and without an inter tower of two, nothing is left")
        return self

    @property
    def encoders(self) -> dict[str, EncoderSettings]:
        """Tower name -> its encoder: "text", "image", and each further text column by its name.

        None where the method reads no content, whatever the recipe names.
        """
        if self.method not in CONTENT:
            return {}
        named = {"text": self.text, "image": self.image, **self.columns}
        return {name: settings for name, settings in named.items() if settings is not None}

    @property
    def tuned(self) -> dict[str, EncoderSettings]:
        """The encoders that learn: those of text, where the method is one of TUNED."""
        if self.method not in TUNED:
            return {}
        return {name: one for name, one in self.encoders.items() if one.modality == "text"}

    @property
    def cached(self) -> dict[str, EncoderSettings]:
        """The encoders that stay frozen."""
        return {name: one for name, one in self.encoders.items() if name not in self.tuned}

    @property
    def keeps(self) -> str:
        """The layer choice in force."""
        return self.layers or ("every-second" if self.method == "iisan" else "group")

    @property
    def normalizes(self) -> bool:
        """Are states standardised?"""
        return self.method != "iisan" if self.normalize is None else self.normalize

    @property
    def head_kind(self) -> str:
        """The head in force."""
        return self.head or ("linear" if self.method == "iisan" else "gelu")


class ModelConfig(UserConfig, ItemConfig):
    """The recommender: what an item is made of, and who reads a history."""


class AdaptTrain(SequenceTrain):
    """The shared loop's settings and this plugin's loss."""

    loss: Loss = Field(
        "auto",
        description="Softmax over the whole catalogue, or over the batch's items minus log "
        "popularity; auto: catalogue up to 5,000 items, and for method id; batch for fft, lora, "
        "adapter and bitfit, whose every step encodes its items",
    )
    encoder_lr: PositiveFloat | None = Field(
        None,
        description="Rate of what learns inside encoders; fft: 1e-4, lora, adapter, bitfit: 1e-3",
    )


class AdaptConfig(JobConfig):
    """A recipe with `uses: adapt/run`."""

    uses: Literal["adapt/run"]
    data: DataConfig
    model: ModelConfig = Field(default_factory=ModelConfig, validate_default=True)
    train: AdaptTrain = AdaptTrain()
    evaluation: EvalConfig = EvalConfig()
    save: SaveConfig = SaveConfig()


Pictures = Annotated[Path, Relative(hashed=False)]


class MeasureConfig(JobConfig):
    """A recipe with `uses: adapt/eval`; its result is a table of metrics."""

    uses: Literal["adapt/eval"]
    model: ArtifactName = Field(description="A trained recommender")
    data: DataConfig | None = Field(None, description="Other data than what it was trained on")
    evaluation: EvalConfig | None = None


class RecommendConfig(JobConfig):
    """A recipe with `uses: adapt/recommend`."""

    uses: Literal["adapt/recommend"]
    model: ArtifactName = Field(description="A trained recommender")
    users: tuple[str, ...] | None = Field(None, description="Users of its data; all if not given")
    k: Count = Field(10, description="Items for each user")
    allow: InputPath | None = Field(None, description="The only items: a table, or an id a line")
    deny: InputPath | None = Field(None, description="Items never to recommend")
    items: InputPath | None = Field(None, description="Table of today's items, new ones included")
    images: Pictures | None = Field(None, description="Folder of their pictures, by item id")


class CaptionConfig(JobConfig):
    """A recipe with `uses: adapt/caption`; its result is the table with one column more."""

    uses: Literal["adapt/caption"]
    items: InputPath = Field(description="Table of items")
    images: Pictures | None = Field(None, description="Folder of their pictures, by item id")
    videos: Pictures | None = Field(None, description="Folder of their films instead")
    model: ModelName = Field(description="A Hugging Face model that turns pictures into text")
    column: str = Field("caption", min_length=1, description="Where the captions go")
    prompt: str | None = Field(
        None, description="The question to a model that chats, the first words for any other"
    )
    max_tokens: int = Field(64, ge=1, le=100_000, description="Longer captions are cut")
    batch_size: int = Field(8, ge=1, le=1_000_000, description="Pictures or films at once")
    frames: int | None = Field(
        None, ge=1, le=1_000, description="Pictures of a film; what the model was made for, else 8"
    )
    id: str = Field("item_id", description="Column of the item ids")
    file: str | None = Field(
        None, description="Column of file names in the folder, where ids do not name them"
    )


class EmbedConfig(JobConfig):
    """A recipe with `uses: adapt/embed`."""

    uses: Literal["adapt/embed"]
    model: ArtifactName = Field(description="A trained recommender")
    items: InputPath = Field(description="Table of items")
    images: Pictures | None = Field(None, description="Folder of their pictures, by item id")
