"""Surprisal of words under a causal language model: bits that a reader of all before is told.

s(w) = sum over the tokens t of w of -log2 p(t | all tokens before t)

A token of several words counts for the first of them, one of blanks for the word that follows: the
surprisals of words add up to that of the text up to its last word. A word whose characters a token
before it brought along has 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mirctl import hub
from mirctl.encode import pretrained
from mirctl.encode.protocol import quoted
from mirctl.errors import UsageError
from mirctl.words import Generator, Text, needs_weights
from mirctl_gaze.reading import tokens
from mirctl_gaze.reading.tokens import Tokenizer, Tokens, Window

if TYPE_CHECKING:
    from transformers import PreTrainedModel

VERSION = 1
LONGEST = 512
"""Tokens in a window; of a longer text each token has at least half as many before it."""
LOGITS = 1 << 27
"""Numbers that a batch may give: tokens times vocabulary."""


class Surprisal:
    """The generator `surprisal:MODEL`."""

    measures = ("surprisal",)

    def __init__(self, name: str) -> None:
        self.model = hub.resolve(name)
        self.key = f"surprisal {VERSION} {self.model.sha256}"

    def load(self, device: torch.device) -> Generator:
        """Read the weights; a UsageError where the model is none that reads forward."""
        from transformers import AutoModelForCausalLM

        tokenizer = pretrained.tokenizer_of(self.model)
        network = pretrained.read(self.model, AutoModelForCausalLM, device, torch.float32)
        network.config.use_cache = False
        if _looks_ahead(network):
            told = "sees what comes after a word: surprisal needs a causal language model"
            raise UsageError(quoted(self.model, told))
        size = tokens.longest(network, tokenizer, LONGEST)
        vocabulary = len(network.get_input_embeddings().weight)
        return Reader(network, Tokenizer(self.model, tokenizer, vocabulary), size)


def source(name: str | None) -> Surprisal:
    """For the hook `mirctl_word_features`."""
    if name is None:
        raise needs_weights("surprisal", "MODEL, a causal language model such as gemma3-270m")
    return Surprisal(name)


@torch.no_grad()
def _looks_ahead(network: PreTrainedModel) -> bool:
    """Does what follows a token change what is said at it?"""
    ids = torch.tensor([[1, 2], [1, 3]], device=network.device)
    first = network(input_ids=ids).logits[:, 0]
    return not torch.allclose(first[0], first[1], atol=1e-4)


class Reader:
    """Texts -> of each (words, 1) float32, bits."""

    def __init__(self, network: PreTrainedModel, tokenizer: Tokenizer, size: int) -> None:
        self.network, self.tokenizer = network, tokenizer
        known = tokenizer.read.tokenizer
        start = known.bos_token_id if known.bos_token_id is not None else known.eos_token_id
        self.before = [] if start is None else [start]
        """What stands before a text in training; without it the first token is not predicted."""
        self.size = size - len(self.before)

    def __call__(self, texts: Sequence[Text]) -> list[np.ndarray]:
        read = self.tokenizer(texts)
        bits = self._bits(read)
        return [_to_words(own, of) for own, of in zip(read, bits, strict=True)]

    def _bits(self, read: Sequence[Tokens]) -> list[np.ndarray]:
        """Of each text -log2 p (tokens,); NaN of a first token that nothing stands before."""
        found = [np.full(len(own.ids), np.nan) for own in read]
        cut = [(n, window) for n, own in enumerate(read) if len(own.ids)
               for window in tokens.windows(len(own.ids), self.size, ahead=False)]  # fmt: skip
        rows = [[*self.before, *read[n].ids[w.start : w.stop].tolist()] for n, w in cut]
        most = LOGITS // self.tokenizer.read.vocabulary
        for some in tokens.batches(list(map(len, rows)), most):
            made = self._surprisals([rows[k] for k in some])
            for k, row in zip(some, made, strict=True):
                n, window = cut[k]
                self._place(found[n], window, row)
        return found

    @torch.no_grad()
    def _surprisals(self, rows: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """Of each row (tokens - 1,): the first is predicted by nothing."""
        batch = tokens.padded(rows, self.tokenizer.padding, self.network.device)
        logits = self.network(**batch).logits
        pairs = zip(logits, batch["input_ids"], map(len, rows), strict=True)
        return [_row(said[: n - 1], ids[1:n]) for said, ids, n in pairs]

    def _place(self, found: np.ndarray, window: Window, row: np.ndarray) -> None:
        """Put what a window says of its own tokens where they stand."""
        first = max(window.first, window.start + 1 - len(self.before))
        at = first - window.start - 1 + len(self.before)
        found[first : window.last] = row[at : at + window.last - first]


def _row(logits: Tensor, ids: Tensor) -> np.ndarray:
    """(tokens, vocabulary), (tokens,) -> (tokens,) bits."""
    logits = logits.float()
    said = logits.gather(1, ids[:, None])[:, 0]
    return ((logits.logsumexp(1) - said) / math.log(2)).cpu().numpy()


def _to_words(read: Tokens, bits: np.ndarray) -> np.ndarray:
    """(words, 1): the sum over the tokens towards each."""
    words = read.alignment.words
    found = np.zeros(words + 1)
    np.add.at(found, read.towards, bits)
    return found[:words].astype(np.float32)[:, None]
