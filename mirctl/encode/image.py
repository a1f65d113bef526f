"""Any Hugging Face vision model (ViT, CLIP, DINO, ConvNeXt ...): pooled hidden states.

`auto` takes the class token where the model has one, as IISAN does, else the mean over patches.
Pictures are prepared with Pillow as the model's preprocessor_config.json says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from PIL.Image import Image, Resampling
from torch import Tensor

from mirctl import files
from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.pretrained import backbone
from mirctl.encode.protocol import quoted, tapped
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import MissingError, UsageError
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
    preparation = Preparation.read(model.folder)
    network = backbone(model, device, dtype)
    return ImageEncoder(getattr(network, "vision_model", network), preparation, settings, model)


@dataclass(frozen=True)
class Preparation:
    """Resize, crop, scale: a picture -> (3, height, width) float32."""

    size: tuple[int, int] | int | None
    """Height and width, or the length of the short side."""
    crop: tuple[int, int] | None
    filter: Resampling
    factor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From preprocessor_config.json, or the image part of processor_config.json."""
        for name, part in (
            ("preprocessor_config.json", None),
            ("processor_config.json", "image_processor"),
        ):
            if (folder / name).is_file():
                raw = _object(folder / name)
                if part is None or part in raw:
                    return cls._checked(raw[part] if part else raw, folder / name)
        needs = "preprocessor_config.json is missing: it says how pictures are prepared"
        raise MissingError(needs, where=str(folder))

    @classmethod
    def _checked(cls, raw: Mapping[str, Any], path: Path) -> Self:
        try:
            return cls.of(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"does not say how pictures are prepared ({error!r}): fetch the model again"
            raise MissingError(problem, where=str(path)) from error

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """From the settings of a Hugging Face image processor."""
        crops = raw.get("do_center_crop", False)
        size = _size(raw.get("size"), square=not crops) if raw.get("do_resize", True) else None
        crop = _size(raw.get("crop_size"), square=True) if crops else None
        if "crop_pct" in raw and isinstance(size, int):
            size, crop = _convnext(size, raw["crop_pct"] or 224 / 256)
        scales, normal = raw.get("do_rescale", True), raw.get("do_normalize", True)
        return cls(
            size,
            crop if isinstance(crop, tuple) else None,
            Resampling(raw.get("resample", Resampling.BILINEAR)),
            raw.get("rescale_factor", 1 / 255) if scales else 1.0,
            tuple(raw["image_mean"]) if normal else (0.0,) * 3,
            tuple(raw["image_std"]) if normal else (1.0,) * 3,
        )

    def __call__(self, picture: Image) -> Tensor:
        if self.size is not None:
            height, width = self._target(picture)
            picture = picture.resize((width, height), self.filter)
        if self.crop is not None:
            picture = _centre(picture, *self.crop)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (self.mean, self.std))
        return (pixels * self.factor - mean) / std

    def _target(self, picture: Image) -> tuple[int, int]:
        if isinstance(self.size, tuple):
            return self.size
        short, long = sorted(picture.size)
        longer = int(self.size * long / short)
        return (self.size, longer) if picture.width >= picture.height else (longer, self.size)


def _object(path: Path) -> dict[str, Any]:
    try:
        return dict(files.json_value(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise MissingError("is no JSON object: fetch the model again", where=str(path)) from error


def _size(raw: Any, *, square: bool) -> tuple[int, int] | int | None:
    """The forms that processors write: 224, {height, width}, {shortest_edge}."""
    if isinstance(raw, int):
        return (raw, raw) if square else raw
    if isinstance(raw, dict) and "shortest_edge" in raw and len(raw) == 1:
        return raw["shortest_edge"]
    if isinstance(raw, dict) and {"height", "width"} <= raw.keys():
        return raw["height"], raw["width"]
    raise UsageError(f"size {raw!r} in preprocessor_config.json is not supported", where="model")


def _convnext(size: int, share: float) -> tuple[tuple[int, int] | int, tuple[int, int] | None]:
    """ConvNeXt's rule: below 384 the middle `share` of the picture, else the whole, squeezed."""
    return (int(size / share), (size, size)) if size < 384 else ((size, size), None)


def _centre(picture: Image, height: int, width: int) -> Image:
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


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
        self.network, self.preparation = network, preparation
        has_class = any(
            n.endswith(("cls_token", "class_embedding")) for n, _ in network.named_parameters()
        )
        if settings.pool == "cls" and not has_class:
            raise UsageError(f"{settings.model!r} has no class token: use pool mean", where="pool")
        self.pool = ("cls" if has_class else "mean") if settings.pool == "auto" else settings.pool
        self.batch_size = settings.batch_size or 8
        from PIL.Image import new

        try:
            states = self._states([new("RGB", (64, 64))])
        except (RuntimeError, ValueError, TypeError) as error:
            raise UsageError(
                quoted(model, f"is no vision model: {error}"), where="model"
            ) from error
        self.taps = tapped(settings, len(states))
        self.widths = tuple(states[tap].shape[1] for tap in self.taps)
        self.layers = tuple("embeddings" if tap == 0 else str(tap) for tap in self.taps)

    def encode(self, items: Sequence[Image]) -> Tensor:
        """(pictures, sum of widths)."""
        rows = on_each(self._encode, chunks(items, self.batch_size), self.network.device)
        return torch.cat([torch.empty(0, sum(self.widths)), *rows])

    def _encode(self, batch: Sequence[Image]) -> Tensor:
        states = self._states(batch)
        return torch.cat([states[tap] for tap in self.taps], 1).cpu()

    def _states(self, pictures: Sequence[Image]) -> list[Tensor]:
        """The pooled state of every layer, each (pictures, width)."""
        pixels = torch.stack([self.preparation(picture) for picture in pictures])
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
