"""Any Hugging Face video model (VideoMAE, TimeSformer, ViViT ...): pooled hidden states.

`auto` is the mean over all patches of all frames, without the class token where there is one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mirctl.encode.films import Film
from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.preparation import FILES_OF_FILMS, Preparation
from mirctl.encode.pretrained import backbone
from mirctl.encode.protocol import quoted, tapped, weights_of
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import MissingError, UsageError
from mirctl.hub import Model, contents

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FRAMES = 16
"""Of models that do not say how many they were made for."""


def accepts(model: Model) -> bool:
    """Every Hugging Face model is worth a try."""
    return contents.is_transformers(model.folder)


def load(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "VideoEncoder":
    """Read the weights and how pictures are to be prepared."""
    preparation = Preparation.read(model, FILES_OF_FILMS)
    if not preparation.gives_one_shape:
        told = "its preprocessor_config.json crops nothing: films would differ in shape"
        raise MissingError(quoted(model, told), where=str(model.folder))
    return VideoEncoder(backbone(model, device, dtype), preparation, settings, model)


class VideoEncoder:
    """Films -> the pooled state of each tapped layer."""

    modality = "video"

    def __init__(
        self,
        network: "PreTrainedModel",
        preparation: Preparation,
        settings: EncoderSettings,
        model: Model,
    ) -> None:
        if settings.pool == "last":
            raise UsageError("pool 'last' is for texts: use auto, mean or cls", where="pool")
        self.network, self.preparation, self.model = network, preparation, model
        self.has_class = any(n.endswith("cls_token") for n, _ in network.named_parameters())
        if settings.pool == "cls" and not self.has_class:
            raise UsageError(f"{settings.model!r} has no class token: use pool mean", where="pool")
        self.pool = settings.pool
        made_for = getattr(network.config, "num_frames", None)  # V-JEPA calls it otherwise
        made_for = made_for or getattr(network.config, "frames_per_clip", None)
        self.frames = settings.frames or (made_for if isinstance(made_for, int) else FRAMES)
        self.seconds = settings.most_seconds
        self.side = preparation.short_side
        self.batch_size = settings.batch_size or 1
        self.parameters = weights_of(network)
        states = self._tried()
        self.taps = tapped(settings, len(states))
        self.widths = tuple(states[tap].shape[1] for tap in self.taps)
        self.layers = tuple("embeddings" if tap == 0 else str(tap) for tap in self.taps)

    def encode(self, items: Sequence[Film]) -> Tensor:
        """(films, sum of widths)."""
        rows = on_each(self._encode, chunks(items, self.batch_size), self.network.device)
        return torch.cat([torch.empty(0, sum(self.widths)), *rows])

    def _tried(self) -> list[Tensor]:
        """The states of a blank film; what the network does not take is told before the work."""
        from PIL.Image import new

        try:
            with torch.inference_mode():
                return self._states([Film([new("RGB", (64, 64))] * self.frames)])
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            told = f"is no video model, or none of {self.frames} frames: {error}"
            raise UsageError(quoted(self.model, told), where="model") from error

    def _encode(self, batch: Sequence[Film]) -> Tensor:
        states = self._states(batch)
        return torch.cat([states[tap] for tap in self.taps], 1).cpu()

    def _states(self, films: Sequence[Film]) -> list[Tensor]:
        """The pooled state of every layer, (films, width)."""
        pixels = torch.stack(
            [torch.stack([self.preparation(one) for one in film.pictures]) for film in films]
        ).to(self.network.device, self.network.dtype)
        output = self.network(**{self.network.main_input_name: pixels}, output_hidden_states=True)
        return [self._pooled(state.float()) for state in output.hidden_states]

    def _pooled(self, state: Tensor) -> Tensor:
        """(n, tokens, width) -> (n, width) float32."""
        if self.pool == "cls":
            return state[:, 0]
        return state[:, int(self.has_class) :].mean(1)
