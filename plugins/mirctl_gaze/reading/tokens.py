"""Texts as the tokens of a Hugging Face model, and the windows in which a network reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mirctl.encode.tokens import Places
from mirctl.words import Alignment, Text, align

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from mirctl.hub import Model


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text, without marks of the model before and behind."""

    ids: np.ndarray
    """(tokens,) int64."""
    alignment: Alignment
    towards: np.ndarray
    """(tokens,) the first word that ends behind where a token starts: it is in that word, or in
    blanks before it; behind the last word it is the number of words."""


class Tokenizer:
    """Texts -> tokens, with the places of their characters."""

    def __init__(
        self, model: Model, tokenizer: PreTrainedTokenizerBase, vocabulary: int, *,
        blank: bool = False,
    ) -> None:  # fmt: skip
        """`vocabulary`: tokens that the weights know. With `blank` the first word has a blank
        before it as all others: byte-level tokenizers tell the two apart."""
        self.read, self.blank = Places(model, tokenizer, vocabulary), blank
        self.padding = tokenizer.pad_token_id or 0
        self.before, self.behind = self.read.before, self.read.behind

    def __call__(self, texts: Sequence[Text]) -> list[Tokens]:
        """The tokens of each text, all of them."""
        shifts = [int(self.blank and not text.text[:1].isspace()) for text in texts]
        shifted = [" " * shift + own.text for shift, own in zip(shifts, texts, strict=True)]
        found = zip(self.read(shifted), shifts, texts, strict=True)
        return [_tokens(ids, places, shift, text) for (ids, places), shift, text in found]


def _tokens(ids: np.ndarray, places: np.ndarray, shift: int, text: Text) -> Tokens:
    places = np.maximum(places - shift, 0)
    towards = np.searchsorted(text.spans[:, 1], places[:, 0], side="right")
    return Tokens(ids, align(text.spans, places), towards)


@dataclass(frozen=True)
class Window:
    """Tokens start to stop are read, and those from `first` to `last` are told of."""

    start: int
    stop: int
    first: int
    last: int


def windows(count: int, size: int, *, ahead: bool) -> list[Window]:
    """Windows of `size` tokens that share half with the next. Of those they share, the one tells
    that has more beside it: with `ahead` what follows counts, too, without it the earlier one."""
    if count <= size:
        return [Window(0, count, 0, count)]
    step = max(size - size // 2, 1)
    starts = [*range(0, count - size, step), count - size]
    stops = [start + size for start in starts]
    pairs = zip(starts[1:], stops[:-1], strict=True)
    cuts = [(start + stop) // 2 if ahead else stop for start, stop in pairs]
    edges = [0, *cuts, count]
    return [Window(*of) for of in zip(starts, stops, edges[:-1], edges[1:], strict=True)]


def longest(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, most: int) -> int:
    """Tokens that a network reads at once, its marks included: `most`, or its own limit."""
    config = network.config.get_text_config()
    places = getattr(config, "max_position_embeddings", None)
    limits = [most, tokenizer.model_max_length]
    if isinstance(places, int) and places > 0:  # -1: no limit
        embeddings = getattr(network, "embeddings", None)
        table = getattr(embeddings, "position_embeddings", None)
        skipped = getattr(table, "padding_idx", None)  # RoBERTa counts from behind it
        limits.append(places if skipped is None else places - skipped - 1)
    return min(limits)


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Numbers of rows in groups of like length, padded to at most so many tokens."""
    some: list[int] = []
    for n in sorted(range(len(lengths)), key=lambda n: -lengths[n]):
        if some and (len(some) + 1) * lengths[some[0]] > most:
            yield some
            some = []
        some.append(n)
    if some:
        yield some


def padded(rows: Sequence[Sequence[int]], padding: int, device: torch.device) -> dict[str, Tensor]:
    """Ids and mask (rows, tokens); padding stands right."""
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), padding)
    mask = torch.zeros(len(rows), length, dtype=torch.long)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = torch.as_tensor(np.asarray(row, np.int64))
        mask[n, : len(row)] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
