"""What an encoder is, which one runs a model, and the key under which its states are cached."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch

from mirctl import hub, plugins
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import MissingError, UsageError, suggest
from mirctl.hookspecs import EncoderSpec

if TYPE_CHECKING:
    from PIL.Image import Image

    from mirctl.encode.films import Film
    from mirctl.encode.sounds import Sound

CODE = 1
"""Raised whenever a built-in encoder computes something else; old states are then not found.
Those of other plugins' encoders are kept apart by the version of the plugin."""

Item: TypeAlias = "str | Image | Sound | Film"
"""What an encoder gets, each of its modality."""


class Encoder(Protocol):
    """A frozen network that gives the pooled state of each tapped layer. It may also have
    `parameters`, how many weights it computes with."""

    modality: str
    widths: tuple[int, ...]
    layers: tuple[str, ...]
    batch_size: int

    def encode(self, items: "Sequence[Item]") -> torch.Tensor:
        """(items, sum of widths) float32 on the CPU, the tapped layers side by side."""
        ...


class SoundEncoder(Encoder, Protocol):
    """One of audio, which says how it wants to hear it."""

    rate: int
    """Samples a second."""
    seconds: float
    """So much of the beginning of a sound is read."""


class FilmEncoder(Encoder, Protocol):
    """One of video, which says what it wants to see."""

    frames: int
    """Pictures, evenly over the film."""
    seconds: float
    """So much of the beginning of a film is looked at."""
    side: int
    """Pixels that the short side of a picture has at least, where the film has so many."""


@dataclass(frozen=True)
class Choice:
    """A model on disk and the encoder that runs it; nothing is loaded yet."""

    spec: EncoderSpec
    settings: EncoderSettings
    model: hub.Model
    dtype: torch.dtype

    @property
    def weights(self) -> str:
        """sha256 of the model's files."""
        return self.model.sha256

    @property
    def key(self) -> str:
        """sha256 over everything that changes the states."""
        modality = self.settings.modality
        named = {"modality", "pool", "layers", *({"max_tokens"} if modality == "text" else ())}
        chosen = self.settings.model_dump(mode="json", include=named)
        if modality in ("audio", "video"):
            chosen["seconds"] = self.settings.most_seconds
        if modality == "video":
            chosen["frames"] = self.settings.frames
        facts = {"encoder": self.spec.name, "code": CODE, "weights": self.model.sha256}
        if plugin := plugins.version_of_giver("mirctl_encoders", self.spec):
            facts["plugin"] = plugin
        text = json.dumps({**facts, **chosen, "dtype": str(self.dtype)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def load(self, device: torch.device) -> Encoder:
        """Read the weights."""
        load = plugins.import_function(self.spec.load)
        return load(self.settings, self.model, device, self.dtype)


def specs_for(settings: EncoderSettings) -> list[EncoderSpec]:
    """The installed encoders that may run the model: the named one, or all of the modality."""
    specs = {
        spec.name: spec
        for spec in plugins.results("mirctl_encoders")
        if spec.modality == settings.modality
    }
    if settings.encoder is None:
        return list(specs.values())
    if settings.encoder not in specs:
        hint = suggest(settings.encoder, specs, f"known: {', '.join(specs)}")
        raise UsageError(
            f"no {settings.modality} encoder {settings.encoder!r}{hint}", where="encoder"
        )
    return [specs[settings.encoder]]


def choose(settings: EncoderSettings, dtype: torch.dtype) -> Choice:
    """The encoder that the settings name, or the first of the modality that accepts the model."""
    specs = specs_for(settings)
    if settings.encoder is not None and specs[0].resolve:
        resolve = plugins.import_function(specs[0].resolve)
        return Choice(specs[0], settings, resolve(settings.model), dtype)
    model = hub.resolve(settings.model)
    for spec in specs:
        if plugins.import_function(spec.accepts)(model):
            return Choice(spec, settings, model, dtype)
    names = ", ".join(spec.name for spec in specs) or "none is installed"
    raise MissingError(
        f"model {settings.model!r}: no {settings.modality} encoder takes it ({names})"
    )


def load_encoder(settings: EncoderSettings, device: torch.device, dtype: torch.dtype) -> Encoder:
    """Resolve a model, pick its encoder and read the weights."""
    return choose(settings, dtype).load(device)


def tapped(settings: EncoderSettings, count: int) -> tuple[int, ...]:
    """Numbers of the tapped layers of a model that has `count` of them."""
    if settings.layers == "all":
        return tuple(range(count))
    if absent := [layer for layer in settings.layers if layer >= count]:
        has = f"{settings.model!r} has layers 0 to {count - 1}"
        raise UsageError(f"layer {absent[0]} does not exist: {has}", where="layers")
    return tuple(settings.layers)


def weights_of(network: torch.nn.Module) -> int:
    """How many weights a network computes with; those that two parts share count once."""
    return sum(weight.numel() for weight in network.parameters())


def quoted(model: hub.Model, problem: Any) -> str:
    """A model's name and the first line of what is wrong with it."""
    return f"model {model.name!r}: {str(problem).strip().partition(chr(10))[0]}"
