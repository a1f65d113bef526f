"""Who is asked by a check: a model, and how it scores texts in a batch.

A model of ours is asked as it scores, with made up gaze; any other the way people call it:
`model(**tokenizer(texts, padding=True)).logits`.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mirctl import files, hub, places
from mirctl.encode import pretrained
from mirctl_align import lora, saving
from mirctl_align.batch import Batch
from mirctl_align.injection import is_decoder
from mirctl_align.model import positions

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LIMIT, LEAST = 1e-4, 1e-5
"""Of differences, in units of the largest score, and at least."""
MOST_TOKENS = 256


class Subject(ABC):
    """A model under test, and the texts that it is asked about."""

    ends: int | None
    """The token that ends texts."""
    sides: tuple[str, ...] = ("left", "right")
    """Where its user may pad."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)

    @abstractmethod
    def scores(self, which: Sequence[int], side: str | None = None) -> Tensor:
        """(texts, labels) of some texts in one batch; `side` is where it is padded, else where it
        usually is."""

    @abstractmethod
    def padded_with_end(self) -> "Subject":
        """The same, whose padding token is the end token, and every other text ends with it."""

    @abstractmethod
    def ended(self) -> "Subject":
        """The same, and every other text ends with the end token."""

    @cached_property
    def alone(self) -> Tensor:
        """(texts, labels), each in a batch of its own."""
        return torch.cat([self.scores([n]) for n in range(len(self.texts))])

    @property
    def limit(self) -> float:
        return max(LEAST, LIMIT * float(self.alone.abs().max()))


def open_subject(name: str, texts: Sequence[str], device: torch.device) -> Subject:
    """An artifact of `align train`, or a classifier in a folder or on the hub."""
    if places.seen(Path(name) / files.MANIFEST).is_file():
        return Ours.read(Path(name), texts, device)
    return Theirs.read(name, texts, device)


class Theirs(Subject):
    """Any classifier of transformers, called as its users call it."""

    def __init__(
        self, network: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]
    ) -> None:
        super().__init__(texts)
        self.network, self.tokenizer = network, tokenizer
        self.ends = tokenizer.eos_token_id
        self.sides = (tokenizer.padding_side,)

    @classmethod
    def read(cls, name: str, texts: Sequence[str], device: torch.device) -> "Theirs":
        """A folder or a hub's name; its head must be among its weights."""
        from transformers import AutoModelForSequenceClassification

        model = hub.resolve(name)
        kind = AutoModelForSequenceClassification
        network = pretrained.read(model, kind, device, torch.float32)
        return cls(network, pretrained.tokenizer_of(model), texts)

    def scores(self, which: Sequence[int], side: str | None = None) -> Tensor:
        longest = min(MOST_TOKENS, positions(self.network))
        with pretrained.quiet():
            read = self.tokenizer(
                [self.texts[n] for n in which], padding=len(which) > 1, truncation=True,
                max_length=longest, return_tensors="pt", padding_side=side or self.sides[0],
            )  # fmt: skip
        return self.network(**read.to(self.network.device)).logits.float()

    def ended(self) -> "Theirs":
        end = self.tokenizer.eos_token
        texts = [text + end * (n % 2) for n, text in enumerate(self.texts)]
        # Alone nothing is padded, and a decoder that knows of no padding reads the last token.
        return self._told(None if is_decoder(self.network) else self.tokenizer.pad_token_id, texts)

    def padded_with_end(self) -> "Theirs":
        return self._told(self.ends, self.ended().texts)

    def _told(self, padding: int | None, texts: Sequence[str]) -> "Theirs":
        """The same weights, told of another padding token."""
        network, tokenizer = copy.copy(self.network), copy.deepcopy(self.tokenizer)
        network.config = copy.deepcopy(self.network.config)
        tokenizer.pad_token_id = padding
        for config in (network.config, network.config.get_text_config()):
            config.pad_token_id = padding
        return Theirs(network, tokenizer, texts)


class Ours(Subject):
    """A reward model of an artifact, with gaze that is drawn for each text."""

    def __init__(
        self, opened: saving.Opened, ids: Sequence[Sequence[int]], padding: int, folder: Path
    ) -> None:
        super().__init__([""] * len(ids))
        self.opened, self.ids, self.padding, self.folder = opened, ids, padding, folder
        self.ends = opened.base.tokenizer.eos_token_id

    @classmethod
    def read(cls, folder: Path, texts: Sequence[str], device: torch.device) -> "Ours":
        opened = saving.load(folder)
        opened.model.to(device)
        longest = min(MOST_TOKENS, opened.model.room(0, 0) // 2)  # a prefix has its place, too
        with pretrained.quiet():
            tokenizer = opened.base.tokenizer
            ids = tokenizer(list(texts), truncation=True, max_length=longest)["input_ids"]
        return cls(opened, ids, tokenizer.pad_token_id or 0, folder)

    def scores(self, which: Sequence[int], side: str | None = None) -> Tensor:
        model = self.opened.model
        batch = self._batch([self.ids[n] for n in which], side)
        return model(batch.to(model.mean.device))[:, None]

    def _batch(self, rows: Sequence[Sequence[int]], side: str | None) -> Batch:
        longest, k = max(map(len, rows)), len(self.opened.model.mean)
        ids = torch.full((len(rows), longest), self.padding)
        real, seen, first = torch.zeros(3, len(rows), longest, dtype=torch.bool)
        gaze = torch.full((len(rows), longest, k), torch.nan)
        mean, scale = self.opened.model.mean.cpu(), self.opened.model.scale.cpu()
        for n, row in enumerate(rows):
            at = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
            draw = np.random.default_rng(row)
            ids[n, at], real[n, at] = torch.tensor(row), True
            gaze[n, at] = mean + scale * torch.from_numpy(draw.normal(size=(len(row), k))).float()
            seen[n, at] = torch.from_numpy(draw.random(len(row)) < 0.8)
            first[n, at] = seen[n, at] & torch.from_numpy(draw.random(len(row)) < 0.8)
        return Batch(ids, real, gaze, seen, first)

    def ended(self) -> "Ours":
        ids = [[*row, *[self.ends] * (n % 2)] for n, row in enumerate(self.ids)]
        return Ours(self.opened, ids, self.padding, self.folder)

    def padded_with_end(self) -> "Ours":
        return Ours(self.opened, self.ended().ids, self.ends, self.folder)

    def again(self) -> "Ours":
        """The same, read from its folder a second time."""
        opened = saving.load(self.folder)
        opened.model.to(self.opened.model.mean.device)
        return Ours(opened, self.ids, self.padding, self.folder)

    def merge(self) -> None:
        """Put what lora learned into the weights."""
        lora.merge(self.opened.model.network)
