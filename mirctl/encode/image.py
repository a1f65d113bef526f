"""Any Hugging Face vision model (ViT, CLIP, DINO, ConvNeXt ...): pooled hidden states.

`auto` takes the class token where the model has one, as IISAN does, else the mean over patches.
Pictures that are prepared to one shape share a batch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from PIL.Image import Image
from torch import Tensor

from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.preparation import Preparation
from mirctl.encode.pretrained import backbone
from mirctl.encode.protocol import quoted, tapped, weights_of
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import MissingError, RunError, UsageError
from mirctl.hub import Model, contents

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def accepts(model: Model) -> bool:
    """Every Hugging Face model is worth a try."""
    return contents.is_transformers(model.folder)


def load(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "ImageEncoder":
    """Read the weights and how pictures are to be prepared."""
    preparation = Preparation.read(model)
    network = backbone(model, device, dtype)
    return ImageEncoder(getattr(network, "vision_model", network), preparation, settings, model)


class ImageEncoder:
    """Pictures -> the pooled state of each tapped layer."""

    modality = "image"

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
        has_class = any(
            n.endswith(("cls_token", "class_embedding")) for n, _ in network.named_parameters()
        )
        if settings.pool == "cls" and not has_class:
            raise UsageError(f"{settings.model!r} has no class token: use pool mean", where="pool")
        self.pool = ("cls" if has_class else "mean") if settings.pool == "auto" else settings.pool
        self.batch_size = settings.batch_size or 8
        self.parameters = weights_of(network)
        states = self._tried()
        self.taps = tapped(settings, len(states))
        self.widths = tuple(states[tap].shape[1] for tap in self.taps)
        self.layers = tuple("embeddings" if tap == 0 else str(tap) for tap in self.taps)

    def encode(self, items: Sequence[Image]) -> Tensor:
        """(pictures, sum of widths)."""
        rows = on_each(self._encode, chunks(items, self.batch_size), self.network.device)
        return torch.cat([torch.empty(0, sum(self.widths)), *rows])

    def _tried(self) -> list[Tensor]:
        """The states of a blank picture; what the network does not take is told before the work."""
        from PIL.Image import new

        try:
            states = self._states(self.preparation(new("RGB", (64, 64)))[None])
        except (RuntimeError, ValueError, TypeError) as error:
            raise UsageError(
                quoted(self.model, f"is no vision model: {error}"), where="model"
            ) from error
        if not self.preparation.gives_one_shape:
            try:
                self._states(self.preparation(new("RGB", (96, 64)))[None])
            except (RuntimeError, ValueError) as error:
                told = "its preprocessor_config.json crops nothing, and it takes one shape only"
                raise MissingError(
                    quoted(self.model, f"{told}: {error}"), where=str(self.model.folder)
                ) from error
        return states

    def _encode(self, batch: Sequence[Image]) -> Tensor:
        prepared = [self.preparation(picture) for picture in batch]
        places: dict[torch.Size, list[int]] = {}
        for n, pixels in enumerate(prepared):
            places.setdefault(pixels.shape, []).append(n)
        out = torch.empty(len(batch), sum(self.widths))
        for some in places.values():
            out[some] = self._of_one_shape(torch.stack([prepared[n] for n in some]))
        return out

    def _of_one_shape(self, pixels: Tensor) -> Tensor:
        """(pictures, 3, height, width) -> (pictures, sum of widths) on the CPU."""
        try:
            states = self._states(pixels)
        except (RuntimeError, ValueError) as error:
            if self.preparation.gives_one_shape:
                raise
            size = f"{pixels.shape[3]} x {pixels.shape[2]} pixels"
            told = f"fails on a picture of {size}, which its preparation does not crop: {error}"
            raise RunError(quoted(self.model, told)) from error
        return torch.cat([states[tap] for tap in self.taps], 1).cpu()

    def _states(self, pixels: Tensor) -> list[Tensor]:
        """(pictures, 3, height, width) -> the pooled state of every layer, (pictures, width)."""
        pixels = pixels.to(self.network.device, self.network.dtype)
        output = self.network(pixel_values=pixels, output_hidden_states=True)
        patches = _patches(self.network.config, pixels.shape[-2:])
        return [pooled(state, self.pool, patches) for state in output.hidden_states]


def _patches(config: Any, size: tuple[int, int]) -> int | None:
    """How many of the tokens are patches; they stand last. None where all are."""
    patch = getattr(config, "patch_size", None)
    return (size[0] // patch) * (size[1] // patch) if isinstance(patch, int) else None


def pooled(state: Tensor, pool: str, patches: int | None) -> Tensor:
    """(n, tokens, width) or (n, width, height, width of map) -> (n, width) float32."""
    state = state.float()
    if state.ndim == 4:
        return state.mean((2, 3))
    if pool == "cls":
        return state[:, 0]
    spare = state.shape[1] - patches if patches and state.shape[1] > patches else 0
    # Other tokens than patches are a class token and registers, up to a dozen, and stand first.
    return state[:, spare if spare < 16 else 0 :].mean(1)
