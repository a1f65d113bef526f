"""Every item is a candidate for every query, and every query for every item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mirctl import console
from mirctl.encode.towers import CatalogueInputs
from mirctl.errors import RunError
from mirctl.metrics import answers, ranking
from mirctl.metrics.answers import Answers
from mirctl.sequences.evaluation import block_of_users
from mirctl.sequences.scorer import LEAST_ROWS
from mirctl_fuse.retrieval import model as models
from mirctl_fuse.retrieval.config import REVERSE
from mirctl_fuse.retrieval.model import Retriever
from mirctl_fuse.retrieval.pairs import Pairs

Values = dict[str, np.ndarray]
"""Every measure by its name, a value a query, or an item that is asked with."""


@dataclass(frozen=True)
class Embedded:
    """Both sides of a catalogue in one space."""

    queries: Tensor
    """(queries, dim) of length one"""
    items: Tensor
    """(items, dim) of length one"""
    known_queries: np.ndarray
    """(queries,) bool: something is known of it, so it may be found."""
    known_items: np.ndarray
    """(items,) bool"""


def known(inputs: CatalogueInputs) -> np.ndarray:
    """(things,) bool: of which some modality is there."""
    return np.any([tower.present for tower in inputs.towers.values()], axis=0)


def embedded(model: Retriever, queries: CatalogueInputs, items: CatalogueInputs) -> Embedded:
    """What a model makes of both sides."""
    read = (models.embed(model.queries, queries)[0], models.embed(model.items, items)[0])
    return Embedded(*read, known(queries), known(items))


def measured(
    model: Retriever, queries: CatalogueInputs, items: CatalogueInputs, pairs: Pairs,
    parts: Sequence[str],
) -> dict[str, Values]:  # fmt: skip
    """Of each part of the pairs every measure, both ways."""
    both = embedded(model, queries, items)
    return {part: values(both, pairs, part) for part in parts}


def values(both: Embedded, pairs: Pairs, part: str) -> Values:
    """Every measure both ways. An item's right answers are the queries of this part; those of other
    parts are no candidates for it."""
    own, others = pairs.of(part), pairs.outside(part)
    there = _Asked(both.queries, both.items, both.known_items, part)
    back = _Asked(both.items, both.queries, both.known_queries, f"{part}, reverse")
    found = answers.per_query(there.ranked(own.query, own.item, others.query, others.item))
    found_back = answers.per_query(back.ranked(own.item, own.query, others.item, others.query))
    return {**found, **{REVERSE + name: value for name, value in found_back.items()}}


@dataclass(frozen=True)
class _Asked:
    """Vectors to ask with, (n, dim), and to be found, (m, dim)."""

    asked: Tensor
    candidates: Tensor
    able: np.ndarray
    """(m,) bool: who may be found."""
    label: str

    def ranked(
        self, who: np.ndarray, what: np.ndarray, who_else: np.ndarray, what_else: np.ndarray
    ) -> Answers:
        """Where the right answers `what` of `who` land, (pairs,) each; `what_else` of `who_else`,
        right too, are left out."""
        asked, query = np.unique(who, return_inverse=True)
        order = np.argsort(query, kind="stable")
        query, what = query[order], what[order]
        above, ties = [], []
        blocks = -(-len(asked) // block_of_users(len(self.able)))
        with console.progress(f"ranking ({self.label})", len(asked), "queries") as advance:
            for block in np.array_split(np.arange(len(asked)), blocks) if blocks else ():
                scores = self._scores(asked[block])
                self._hide(scores, asked[block], who_else, what_else)
                start, stop = np.searchsorted(query, [block[0], block[-1] + 1])
                size = len(block)
                for first in range(start, stop, size):
                    some = slice(first, min(first + size, stop))
                    rows = torch.from_numpy(query[some] - block[0]).to(scores.device)
                    answer = torch.from_numpy(what[some]).to(scores.device)
                    higher, same = ranking.rank(scores[rows], answer)
                    above.append(higher)
                    ties.append(same)
                advance(size)
        return Answers(ranking.as_ranks(above, ties, int(self.able.sum())), query, len(asked))

    def _scores(self, asked: np.ndarray) -> Tensor:
        """(asked, m)"""
        vectors = self.asked[torch.from_numpy(asked).to(self.asked.device)]
        # Products of a few rows may give equal items other last bits, and so break their ties.
        padded = F.pad(vectors, (0, 0, 0, max(0, LEAST_ROWS - len(vectors))))
        scores = (padded @ self.candidates.T)[: len(vectors)]
        if not all(end.isfinite() for end in scores.aminmax()):
            told = "the model gives scores that are no finite numbers, so its training diverged"
            raise RunError(f"{told}: try a lower train.lr")
        scores[:, torch.from_numpy(~self.able).to(scores.device)] = -torch.inf
        return scores

    def _hide(
        self, scores: Tensor, asked: np.ndarray, who_else: np.ndarray, what_else: np.ndarray
    ) -> None:
        place = np.searchsorted(asked, who_else).clip(max=len(asked) - 1)
        here = asked[place] == who_else
        rows, columns = (torch.from_numpy(own[here]).to(scores.device)
                         for own in (place, what_else))  # fmt: skip
        scores[rows, columns] = -torch.inf


def names() -> list[str]:
    """Every key of `summarize`."""
    return [part + way + name for part in ("", "valid/") for way in ("", REVERSE)
            for name in answers.names()]  # fmt: skip


def summarize(found: Mapping[str, Values], seed: int) -> dict[str, Any]:
    """Means with intervals, of the test, and of validation by names that begin so."""
    metrics: dict[str, Any] = {}
    for part, prefix in (("test", ""), ("valid", "valid/")):
        for way, over in (("", "queries"), (REVERSE, "items")):
            own = {name: found[part][name] for name in (way + key for key in answers.names())}
            told = ranking.summarize(own, seed, over)
            metrics |= {prefix + name: entry for name, entry in told.items()}
    return metrics


def report(metrics: Mapping[str, Any]) -> str:
    """The test metrics as a table."""
    rows = []
    for name in answers.names():
        both = (metrics[name], metrics[REVERSE + name])
        rows.append(
            [name, *(f"{own['value']:.4f} [{own['low']:.4f}, {own['high']:.4f}]" for own in both)]
        )
    there, back = (metrics[way + "mrr"]["n"] for way in ("", REVERSE))
    title = ["test", f"{there:,} queries ask for items [95 %]", f"{back:,} items ask for queries"]
    return console.table(title, rows)
