"""Any Hugging Face model that turns pictures into text: BLIP, GIT, ViT-GPT2, LLaVA, Qwen-VL ...

Pictures that are prepared to one shape share a batch, so that nothing is padded, and a picture's
caption does not depend on those beside it. Decoding is greedy.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from mirctl import files, hub
from mirctl.console import counted
from mirctl.encode.parallel import chunks
from mirctl.encode.pretrained import UNREADABLE, quiet, read
from mirctl.encode.protocol import quoted
from mirctl.errors import MissingError, UsageError
from mirctl.hub import contents
from mirctl_adapt.captioning.preparing import Prepared, Preparer

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import PreTrainedModel

CODE = 1
"""Raised whenever the same model, picture and settings give another caption."""
FRAMES = 8
"""Pictures of a film that a model sees, unless it was made for another number."""


@dataclass(frozen=True)
class Settings:
    """How pictures are turned into text."""

    model: str
    prompt: str | None = None
    """What a model that chats is asked; of others the beginning of the caption."""
    max_tokens: int = 64
    batch_size: int = 8
    frames: int | None = None
    """Pictures of a film that the model sees at once."""


@dataclass(frozen=True)
class Source:
    """A model on disk that writes captions; nothing is loaded yet."""

    settings: Settings
    model: hub.Model
    config: Mapping[str, Any]
    dtype: torch.dtype
    films: bool

    @property
    def frames(self) -> int:
        """Pictures that the model sees for one caption."""
        return (self.settings.frames or self._made_for or FRAMES) if self.films else 1

    @property
    def key(self) -> str:
        """sha256 over everything but the picture that changes a caption."""
        facts = {
            "code": CODE,
            "weights": contents.digest(self.model.folder, speaking=True),
            "prompt": self.settings.prompt,
            "max_tokens": self.settings.max_tokens,
            "frames": self.frames if self.films else None,
            "dtype": str(self.dtype),
            # transformers prepares pictures with it where it is installed, and a little otherwise.
            "torchvision": find_spec("torchvision") is not None,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def load(self, device: torch.device) -> "Captioner":
        """Read the weights, and try them on a blank picture."""
        from transformers import AutoModelForImageTextToText

        limit = self._made_for
        if self.films and limit and self.frames > limit:
            told = f"sees at most {limit} frames of a film, not {self.frames}: use fewer"
            raise UsageError(quoted(self.model, told))
        prepare = Preparer.read(self.model, str(self.config["model_type"]), self.settings.prompt)
        if self.frames > 1 and not (prepare.chats or limit):
            told = "sees one picture at a time: --frames 1 shows it the middle of each film"
            raise UsageError(quoted(self.model, told))
        network = read(self.model, AutoModelForImageTextToText, device, self.dtype)
        return Captioner(network, prepare, self)

    @property
    def _made_for(self) -> int | None:
        """Frames that a GIT for films has learned places for."""
        found = self.config.get("num_image_with_embedding")
        return found if isinstance(found, int) and found > 0 else None


def choose(settings: Settings, dtype: torch.dtype, *, films: bool) -> Source:
    """Find the model, fetching it where need be; a UsageError for one that writes no captions."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN,
    )

    model = hub.resolve(settings.model)
    if not contents.is_transformers(model.folder):
        raise UsageError(quoted(model, "is no Hugging Face model: it writes no captions"))
    path = model.folder / "config.json"
    try:
        config = files.json_value(path.read_bytes())
        kind = str(config.get("model_type"))
    except (ValueError, AttributeError, OSError) as error:
        raise MissingError(quoted(model, f"config.json: {error}"), where=str(path)) from error
    if kind not in KNOWN:
        told = f"is of the type {kind!r}, which does not turn pictures into text"
        raise UsageError(quoted(model, f"{told}: name one that does, such as BLIP or Qwen-VL"))
    return Source(settings, model, config, dtype, films)


class Captioner:
    """Pictures -> captions."""

    def __init__(self, network: "PreTrainedModel", prepare: Preparer, source: Source) -> None:
        self.network, self.prepare, self.source = network, prepare, source
        self._try()

    def write(self, items: "Sequence[Sequence[Image]]") -> list[str | None]:
        """A caption for each item, which is one picture, or the frames of a film; None where the
        model's own preparation fails on it."""
        prepared = [self._prepared(pictures) for pictures in items]
        places: dict[tuple, list[int]] = {}
        for n, one in enumerate(prepared):
            if one is not None:
                shape = tuple((name, tuple(one[name].shape)) for name in sorted(one))
                places.setdefault(shape, []).append(n)
        captions: list[str | None] = [None] * len(items)
        for alike in places.values():
            for some in chunks(alike, self.source.settings.batch_size):
                texts = self._texts([prepared[n] for n in some], self.source.settings.max_tokens)
                for n, text in zip(some, texts, strict=True):
                    captions[n] = text
        return captions

    def _prepared(self, pictures: "Sequence[Image]") -> Prepared | None:
        try:
            return self.prepare(pictures)
        except UNREADABLE:  # such as a shape that it does not take
            return None

    def _try(self) -> None:
        """Tell what the model does not take before the work."""
        from PIL.Image import new

        blank = [new("RGB", (64, 64))] * self.source.frames
        try:
            self._texts([self.prepare(blank)], 1)
        except torch.OutOfMemoryError:
            raise
        except (*UNREADABLE, IndexError) as error:
            wants = (
                "" if self.prepare.chats or self.source.settings.prompt else " without a --prompt"
            )
            of = f"{counted(len(blank), 'picture')}{wants}: {error}"
            told = f"cannot be asked for the caption of {of}"
            raise UsageError(quoted(self.source.model, told)) from error

    def _texts(self, batch: Sequence[Prepared], most: int) -> list[str]:
        """What the model writes of items that are prepared to the same shapes."""
        device, dtype = self.network.device, self.network.dtype
        joined = {name: torch.cat([one[name] for one in batch]).to(device) for name in batch[0]}
        given = {n: t.to(dtype) if t.is_floating_point() else t for n, t in joined.items()}
        with quiet(), torch.inference_mode():
            tokens = self.network.generate(
                **given, max_new_tokens=most, do_sample=False, num_beams=1
            )
        return self.prepare.texts(tokens, given.get("input_ids"))
