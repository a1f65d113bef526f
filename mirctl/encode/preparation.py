"""How a vision model wants its pictures: resized, cropped, scaled, as its own files say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import torch
from PIL.Image import Image, Resampling
from pydantic import BaseModel, Field, FiniteFloat, ValidationError
from torch import Tensor

from mirctl import files
from mirctl.encode.pretrained import UNREADABLE
from mirctl.encode.protocol import quoted
from mirctl.errors import MissingError
from mirctl.hub import Model

FILES = {"preprocessor_config.json": None, "processor_config.json": "image_processor"}
"""Where a model says it, and in which part of the file."""
FILES_OF_FILMS = {
    "video_preprocessor_config.json": None,
    "preprocessor_config.json": None,
    "processor_config.json": "video_processor",
}
Pixels = Annotated[int, Field(ge=1, le=8192)]
Size = Pixels | dict[str, Pixels | None] | None
Divisor = Annotated[FiniteFloat, Field(gt=0)]


class Processor(BaseModel):
    """The settings of a Hugging Face image processor that are followed here; null is unset."""

    do_resize: bool | None = True
    size: Size = None
    resample: Resampling | None = Resampling.BILINEAR
    do_center_crop: bool | None = False
    crop_size: Size = None
    crop_pct: Annotated[float, Field(gt=0.01, le=1)] | None = None
    do_rescale: bool | None = True
    rescale_factor: FiniteFloat | None = 1 / 255
    offset: bool | None = False
    do_normalize: bool | None = True
    image_mean: tuple[FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    image_std: tuple[Divisor, Divisor, Divisor] | None = None

    def needed(self, name: str) -> Any:
        """A setting without which a step that is asked for cannot be done."""
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"{name} is missing")
        return value


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
    def read(cls, model: Model, told: Mapping[str, str | None] = FILES) -> Self:
        """From preprocessor_config.json, or the image part of processor_config.json."""
        for name, part in told.items():
            path = model.folder / name
            try:
                raw = files.json_value(path.read_bytes()) if path.is_file() else {}
                if raw != {} and (part is None or part in raw):
                    return cls.of(raw[part] if part else raw)
            except UNREADABLE as error:
                told = f"{name} does not say how pictures are prepared: {_reason(error)}"
                raise MissingError(quoted(model, told), where=str(path)) from error
        needs = "preprocessor_config.json is missing: it says how pictures are prepared"
        raise MissingError(quoted(model, needs), where=str(model.folder))

    @classmethod
    def of(cls, raw: Any) -> Self:
        """From the settings of a Hugging Face image processor; a ValueError for damaged ones."""
        told = Processor.model_validate(raw)
        crops, resizes, normal = told.do_center_crop, told.do_resize, told.do_normalize
        size = _size(told.needed("size"), square=not crops) if resizes else None
        crop = _size(told.needed("crop_size"), square=True) if crops else None
        if "crop_pct" in told.model_fields_set and isinstance(size, int):
            size, crop = _convnext(size, told.crop_pct or 224 / 256)
        mean = told.needed("image_mean") if normal else (0.0,) * 3
        if told.offset and told.do_rescale:  # ViViT's: from -1 on, before the mean is taken off
            mean = tuple(value + 1 for value in mean)
        return cls(
            size,
            crop if isinstance(crop, tuple) else None,
            told.needed("resample") if resizes else Resampling.BILINEAR,
            told.needed("rescale_factor") if told.do_rescale else 1.0,
            mean,
            told.needed("image_std") if normal else (1.0,) * 3,
        )

    @property
    def gives_one_shape(self) -> bool:
        """Do all pictures become alike, whatever their shape?"""
        return self.crop is not None or isinstance(self.size, tuple)

    @property
    def short_side(self) -> int:
        """Pixels that are needed of the short side of a picture; more are resized away."""
        return min(self.size) if isinstance(self.size, tuple) else self.size or 8192

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


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _size(raw: Size, *, square: bool) -> tuple[int, int] | int:
    """The forms that processors write: 224, {height, width}, {shortest_edge}."""
    if isinstance(raw, int):
        return (raw, raw) if square else raw
    sides = {name: length for name, length in raw.items() if length is not None}
    if sides.keys() == {"shortest_edge"}:
        return sides["shortest_edge"]
    if {"height", "width"} <= sides.keys():
        return sides["height"], sides["width"]
    raise ValueError(f"size {raw!r} is not supported")


def _convnext(size: int, share: float) -> tuple[tuple[int, int] | int, tuple[int, int] | None]:
    """ConvNeXt's rule: below 384 the middle `share` of the picture, else the whole, squeezed."""
    return (int(size / share), (size, size)) if size < 384 else ((size, size), None)


def _centre(picture: Image, height: int, width: int) -> Image:
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))
