"""Does a reward model give a text one score, whatever stands beside it, and however it is padded?

A model of ours is asked as it scores, with made up gaze; any other the way people call it:
`model(**tokenizer(texts, padding=True)).logits`.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mirctl import console, files, hub, places
from mirctl.encode import pretrained
from mirctl.errors import DataError, MissingError, RunError
from mirctl_align import lora, saving
from mirctl_align.batch import Batch
from mirctl_align.injection import is_decoder
from mirctl_align.model import positions

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LIMIT, LEAST = 1e-4, 1e-5
"""Of differences, in units of the largest score, and at least."""
MOST_TOKENS = 256
REFUSALS = (ValueError, RuntimeError, IndexError, TypeError, KeyError, AttributeError)
"""What a model may raise that cannot do what it is asked."""
TEXTS = (
    "Yes.",
    "The capital of France is Paris.",
    "I would not do that: bleach and ammonia make a gas that hurts the lungs.",
    "Boil the pasta for nine minutes, and keep a cup of its water for the sauce.",
    "No, why?",
    "There are three reasons. The first is the price, the second is the weather in May, and the "
    "third is that nobody will be there to open the door when you arrive with all your bags.",
    "def double(x): return 2 * x",
    "It depends on what you want to say with it, and to whom.",
)
"""What is asked where nobody names texts: of unlike lengths, none of them a prompt."""


@dataclass(frozen=True)
class Row:
    """One question and its answer."""

    test: str
    difference: float | None
    """Largest one of the scores; None where there are none."""
    limit: float | None
    """None: told, not judged."""
    note: str = ""

    @property
    def passed(self) -> bool | None:
        if self.limit is None:
            return None
        return self.difference is not None and self.difference <= self.limit


@dataclass(frozen=True)
class Report:
    """All answers about one model."""

    model: str
    rows: tuple[Row, ...]

    @property
    def failed(self) -> list[str]:
        return [row.test for row in self.rows if row.passed is False]

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """`difference.TEST` of each, and how many failed."""
        told = {f"difference.{row.test.replace(' ', '-')}": {"value": row.difference}
                for row in self.rows}  # fmt: skip
        return {**told, "failed": {"value": len(self.failed)}}

    def shown(self) -> str:
        """A table for people."""
        said = {None: "", True: "yes", False: "NO"}
        lines = [
            [row.test, _number(row.difference), _number(row.limit), said[row.passed], row.note]
            for row in self.rows
        ]
        columns = ["test", "largest difference", "limit", "passed", "note"]
        return console.table(columns, lines, left=(0, 3, 4))

    def require(self) -> None:
        """Raise a RunError that names what failed."""
        if self.failed:
            told = f"{len(self.failed)} of {len(self.rows)} checks failed"
            raise RunError(f"{told}: {', '.join(self.failed)}", where=self.model)


class _Subject(ABC):
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
    def padded_with_end(self) -> "_Subject":
        """The same, whose padding token is the end token, and every other text ends with it."""

    @abstractmethod
    def ended(self) -> "_Subject":
        """The same, and every other text ends with the end token."""

    def again(self) -> Iterator[Row]:
        """Further rows, of models that have more to ask."""
        yield from ()

    @cached_property
    def alone(self) -> Tensor:
        """(texts, labels), each in a batch of its own."""
        return torch.cat([self.scores([n]) for n in range(len(self.texts))])

    @property
    def limit(self) -> float:
        return max(LEAST, LIMIT * float(self.alone.abs().max()))

    def row(self, test: str, ask: Callable[[], Tensor], note: str = "") -> Row:
        """What is asked should give the scores that the texts have alone."""
        try:
            return Row(test, _difference(ask(), self.alone), self.limit, note)
        except REFUSALS as error:
            return Row(test, None, self.limit, str(error).strip().partition("\n")[0][:200])


def check(
    name: str, texts: Sequence[str] | None = None, device: torch.device | str = "cpu"
) -> Report:
    """All checks of an artifact of `align train`, or of a classifier in a folder or on the hub."""
    if texts is not None and (len(texts) < 2 or not all(text.strip() for text in texts)):
        raise DataError("a check wants at least two texts, and none of them empty")
    place = torch.device(device)
    with torch.no_grad():
        subject = _open(name, texts or TEXTS, place)
        try:
            _ = subject.alone
        except REFUSALS as error:
            raise MissingError(f"model {name!r} scores no text: {error}") from error
        return Report(name, tuple(_rows(subject, place)))


def _open(name: str, texts: Sequence[str], device: torch.device) -> _Subject:
    if places.seen(Path(name) / files.MANIFEST).is_file():
        return _Ours.read(Path(name), texts, device)
    return _Theirs.read(name, texts, device)


def _rows(subject: _Subject, device: torch.device) -> Iterator[Row]:
    every = range(len(subject.texts))
    backwards, pairs = every[::-1], [every[n : n + 2] for n in every[::2]]
    for side in ("right", "left"):
        found = subject.row(f"padded {side}", lambda side=side: subject.scores(every, side))
        if side in subject.sides:
            yield found
        else:
            yield replace(found, limit=None, note="its tokenizer pads at the other end")
    yield subject.row("other order", lambda: subject.scores(backwards).flip(0))
    yield subject.row("other company", lambda: torch.cat([subject.scores(p) for p in pairs]))
    if subject.ends is None:
        yield Row("padding is the end token", None, None, "the tokenizer has no end token")
    else:
        ended, padded = subject.ended(), subject.padded_with_end()
        yield ended.row("padding is the end token", lambda: padded.scores(every))
    yield from subject.again()
    with torch.autocast(device.type, torch.bfloat16):
        found = subject.row("in bf16", lambda: torch.cat([subject.scores([n]) for n in every]))
    yield replace(found, limit=None, note=found.note or "rounding, for information")


class _Theirs(_Subject):
    """Any classifier of transformers, called as its users call it."""

    def __init__(
        self, network: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]
    ) -> None:
        super().__init__(texts)
        self.network, self.tokenizer = network, tokenizer
        self.ends = tokenizer.eos_token_id
        self.sides = (tokenizer.padding_side,)

    @classmethod
    def read(cls, name: str, texts: Sequence[str], device: torch.device) -> "_Theirs":
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

    def ended(self) -> "_Theirs":
        end = self.tokenizer.eos_token
        texts = [text + end * (n % 2) for n, text in enumerate(self.texts)]
        # Alone nothing is padded, and a decoder that knows of no padding reads the last token.
        return self._told(None if is_decoder(self.network) else self.tokenizer.pad_token_id, texts)

    def padded_with_end(self) -> "_Theirs":
        return self._told(self.ends, self.ended().texts)

    def _told(self, padding: int | None, texts: Sequence[str]) -> "_Theirs":
        """The same weights, told of another padding token."""
        network, tokenizer = copy.copy(self.network), copy.deepcopy(self.tokenizer)
        network.config = copy.deepcopy(self.network.config)
        tokenizer.pad_token_id = padding
        for config in (network.config, network.config.get_text_config()):
            config.pad_token_id = padding
        return _Theirs(network, tokenizer, texts)


class _Ours(_Subject):
    """A reward model of an artifact, with gaze that is drawn for each text."""

    def __init__(
        self, opened: saving.Opened, ids: Sequence[Sequence[int]], padding: int, folder: Path
    ) -> None:
        super().__init__([""] * len(ids))
        self.opened, self.ids, self.padding, self.folder = opened, ids, padding, folder
        self.ends = opened.base.tokenizer.eos_token_id

    @classmethod
    def read(cls, folder: Path, texts: Sequence[str], device: torch.device) -> "_Ours":
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

    def ended(self) -> "_Ours":
        ids = [[*row, *[self.ends] * (n % 2)] for n, row in enumerate(self.ids)]
        return _Ours(self.opened, ids, self.padding, self.folder)

    def padded_with_end(self) -> "_Ours":
        return _Ours(self.opened, self.ended().ids, self.ends, self.folder)

    def again(self) -> Iterator[Row]:
        """Read a second time, and with the updates merged."""
        every, copied = range(len(self.texts)), saving.load(self.folder)
        copied.model.to(self.opened.model.mean.device)
        other = _Ours(copied, self.ids, self.padding, self.folder)
        yield Row("read again", _difference(other.scores(every), self.scores(every)), 0.0)
        if not copied.model.full:
            lora.merge(copied.model.network)
            yield self.row("updates merged", lambda: other.scores(every))


def _difference(found: Tensor, wanted: Tensor) -> float:
    largest = float((found - wanted).abs().max())
    return largest if np.isfinite(largest) else float("inf")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
