"""Words and tokens of one text, matched by the characters that they cover.

No text is decoded or tokenized a second time, so any fast tokenizer and any script will do. A token
may lie in several words, a word in several tokens; special tokens cover nothing and match nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

How = Literal["sum", "mean", "max", "first"]


@dataclass(frozen=True)
class Alignment:
    """Pairs of a word and a token that share characters, in the order of the tokens."""

    word: np.ndarray
    """(pairs,) number of the word."""
    token: np.ndarray
    """(pairs,) number of the token."""
    words: int
    tokens: int

    def to_words(self, values: np.ndarray, how: How = "sum") -> np.ndarray:
        """(tokens, ...) -> (words, ...); NaN for a word without a token. A token of several words
        counts whole for each."""
        return _gathered(values[self.token], self.word, self.words, how)

    def to_tokens(self, values: np.ndarray, how: How = "mean") -> np.ndarray:
        """(words, ...) -> (tokens, ...); NaN for a token without a word. `first` gives a word's
        value to its first token alone, 0 to its others."""
        if how == "first":
            first = np.ones(len(self.word), bool)
            first[1:] = self.word[1:] != self.word[:-1]
            return self.to_tokens_of(values, first)
        return _gathered(values[self.word], self.token, self.tokens, how)

    def to_tokens_of(self, values: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """As to_tokens, where only the pairs (pairs,) bool that are kept count, others as 0."""
        shape = (-1,) + (1,) * (values.ndim - 1)
        pairs = np.where(kept.reshape(shape), values[self.word], 0.0)
        return _gathered(pairs, self.token, self.tokens, "sum")

    def shares(self) -> np.ndarray:
        """(pairs,) 1 over the number of tokens of the pair's word: values spread over tokens."""
        return 1.0 / np.bincount(self.word, minlength=self.words)[self.word]


def align(spans: np.ndarray, offsets: np.ndarray | Sequence[tuple[int, int]]) -> Alignment:
    """Spans (words, 2) of disjoint words in order; offsets (tokens, 2), from a fast tokenizer."""
    tokens = np.asarray(offsets, np.int64).reshape(-1, 2)
    start, end = tokens[:, 0], tokens[:, 1]
    first = np.searchsorted(spans[:, 1], start, side="right")
    last = np.searchsorted(spans[:, 0], end, side="left")
    counts = np.where(end > start, np.maximum(last - first, 0), 0)
    token = np.repeat(np.arange(len(tokens)), counts)
    within = np.arange(len(token)) - np.repeat(np.cumsum(counts) - counts, counts)
    return Alignment(first[token] + within, token, len(spans), len(tokens))


def _gathered(pairs: np.ndarray, to: np.ndarray, count: int, how: How) -> np.ndarray:
    """(pairs, ...) -> (count, ...) by the number `to` (pairs,) of where each goes."""
    found = np.bincount(to, minlength=count)
    shape = (count, *pairs.shape[1:])
    if how == "max":
        out = np.full(shape, -np.inf)
        np.maximum.at(out, to, pairs)
    elif how == "first":
        out = np.zeros(shape)
        out[to[::-1]] = pairs[::-1]
    else:
        out = np.zeros(shape)
        np.add.at(out, to, pairs)
        if how == "mean":
            out /= np.maximum(found, 1).reshape((-1,) + (1,) * (pairs.ndim - 1))
    out[found == 0] = np.nan
    return out
