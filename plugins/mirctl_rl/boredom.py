"""When a user leaves: the one rule, and the two ways in which items can be alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

LARGEST = 127
"""Of a title's code."""
BLOCK = 64
"""Users whose slates of titles are compared at once."""


@dataclass(frozen=True)
class Rule:
    """The parameters of leaving."""

    window: int
    threshold: int


def leaves(alike: np.ndarray, rule: Rule) -> np.ndarray:
    """The quit rule: a user leaves after an item of whose kind at least `threshold` stood among the
    `window` items shown just before it in the same episode.

    `alike` counts these, of the most frequent kind where an item is of several. An episode's first
    items have fewer before them, never items of another episode or of the log.
    """
    return alike >= rule.threshold


class Kinds(Protocol):
    """What makes items alike. `recent` (n, window) are items, `n_items` where there is none."""

    def alike(self, recent: np.ndarray, item: np.ndarray) -> np.ndarray:
        """(n,) how many of the recent ones are like item (n,)."""
        ...

    def alike_each(self, recent: np.ndarray, items: np.ndarray | None) -> np.ndarray:
        """(n, items) for many items each: items (n, m), or None for all."""
        ...


class Genres:
    """Alike: of the same genre. Of several genres the one counts that was shown most.

    Counts of eight genres add up at once, in the bytes of a word; windows are of at most 100.
    """

    def __init__(self, table: np.ndarray) -> None:
        """`table` (items, genres) 0 or 1."""
        self.table = np.asarray(table, np.uint8)
        items, genres = self.table.shape
        padded = np.zeros((items + 1, -(-genres // 8) * 8), np.uint8)
        padded[:-1, :genres] = self.table
        self._words, self._lanes = padded.view(np.uint64), (padded * 255).view(np.uint64)
        self._transposed = np.ascontiguousarray(padded[:-1].T, np.float32)

    def _counts(self, recent: np.ndarray) -> np.ndarray:
        """(n, words) uint64, a byte a genre."""
        counts = self._words.take(recent[:, 0], axis=0)
        for place in range(1, recent.shape[1]):
            counts += self._words.take(recent[:, place], axis=0)
        return counts

    def alike(self, recent: np.ndarray, item: np.ndarray) -> np.ndarray:
        own = self._counts(recent) & self._lanes.take(item, axis=0)
        return np.ascontiguousarray(own.view(np.uint8).T).max(axis=0)

    def alike_each(self, recent: np.ndarray, items: np.ndarray | None) -> np.ndarray:
        counts = self._counts(recent).view(np.uint8)
        found = np.zeros((len(recent), len(self.table)), np.uint8)
        for least in range(1, recent.shape[1] + 1):
            reached = (counts >= least).astype(np.float32)
            if not reached.any():
                break
            found += reached @ self._transposed > 0
        return found if items is None else np.take_along_axis(found, items, axis=1)


class Titles:
    """Alike: titles whose codes' product is at least `cut`. Whole numbers make it exact."""

    def __init__(self, codes: np.ndarray, cut: int) -> None:
        """`codes` (items, width) int8: an embedding, turned to its main axes and rounded."""
        self.codes, self.cut = np.asarray(codes, np.int8), int(cut)
        none = np.zeros((1, self.codes.shape[1]), np.float32)
        # Products of int8 stay whole in float32 up to 1,024 of them, in whatever order they add up.
        self._padded = np.vstack([self.codes.astype(np.float32), none])

    def alike(self, recent: np.ndarray, item: np.ndarray) -> np.ndarray:
        before = self._padded.take(recent, axis=0)
        product = np.einsum("nwk,nk->nw", before, self._padded.take(item, axis=0))
        return ((product >= self.cut) & (recent < len(self.codes))).sum(axis=1)

    def alike_each(self, recent: np.ndarray, items: np.ndarray | None) -> np.ndarray:
        n, n_items = len(recent), len(self.codes)
        found = np.empty((n, n_items if items is None else items.shape[1]), np.uint8)
        for start in range(0, n, BLOCK):
            part = slice(start, start + BLOCK)
            before = self._padded[recent[part]].transpose(0, 2, 1)
            shown = self._padded[:-1] if items is None else self._padded[items[part]]
            near = (shown @ before >= self.cut) & (recent[part] < n_items)[:, None, :]
            found[part] = near.sum(axis=2)
        return found
