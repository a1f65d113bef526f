"""`mirctl fuse search`: items that suit a text, a picture, both, or a user."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import artifact, console, device, tables
from mirctl.efficiency import Meter
from mirctl.errors import DataError, MissingError, suggest
from mirctl.sequences import tables as saved_tables
from mirctl.sequences.histories import pack
from mirctl.sequences.scorer import NeuralScorer
from mirctl_fuse import experts, index, inputs, measuring, opening
from mirctl_fuse.building import WHOLE
from mirctl_fuse.index import Found, Index, rrf
from mirctl_fuse.inputs import Raw
from mirctl_fuse.opening import Saved

AT_ONCE = 256
"""Queries that are answered together."""
DEPTH = 100
"""Places of each ranking that a fusion of rankings looks at."""
USER, HISTORY = "user", "history"


@dataclass(frozen=True)
class Query:
    """What is asked: by modality a text or a picture's file; or a user, or items taken before."""

    given: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[int] | None = None
    """Item numbers of the trained catalogue."""


class Search:
    """An index and the model that made it."""

    def __init__(self, folder: Path, model: Path | None, place: str | None) -> None:
        self.index = index.open_index(folder)
        found = model or self.index.model.folder
        if found is None or not Path(found).is_dir():
            told = f"its model is not at {found}" if found else "it does not say where its model is"
            raise MissingError(f"{told}: name it with --model", where=str(folder))
        index.open_index(folder, artifact.open_artifact(Path(found)))  # another one is refused
        self.saved: Saved = opening.load(Path(found), device.choose(place or "auto"))
        self.kinds = {name: own.modality for name, own in self.saved.config.model.encoders.items()}
        self.places = {name: n for n, name in enumerate(self.saved.item_ids)}
        kept = saved_tables.read_users(self.saved.art, len(self.places))
        names, self.histories = kept or ([], None)
        self.users = {name: n for n, name in enumerate(names)}

    def named(self, word: str, where: str) -> str:
        """The modality that a query's word means: its name, or the first of that kind."""
        if word in self.kinds:
            return word
        first = next((name for name, kind in self.kinds.items() if kind == word), None)
        if first is None:
            known = [*self.kinds, USER, HISTORY]
            hint = suggest(word, known, f"there are {', '.join(known)}")
            raise DataError(f"this model has no {word!r}{hint}", where=where)
        return first

    def query(self, asked: Mapping[str, Any], where: str) -> Query:
        """Of what a line, or a command line, says."""
        people = [word for word in (USER, HISTORY) if word in asked]
        if len(people) + (len(asked) > len(people)) != 1:
            raise DataError("ask by modalities, or for one user, or by one history", where=where)
        if people:
            return Query(history=self._history(people[0], asked[people[0]], where))
        given = {}
        for word, value in asked.items():
            if not isinstance(value, str) or not value.strip():
                raise DataError(f"{word!r} is not a text, or the name of a file", where=where)
            name = self.named(word, where)
            if self.kinds[name] != "text" and not os.path.isfile(value):
                raise DataError(f"{word}: {value} is no file", where=where)
            given[name] = value
        return Query(given)

    def _history(self, word: str, value: Any, where: str) -> list[int]:
        if word == HISTORY:
            if not isinstance(value, list):
                raise DataError('history: write items as in ["a", "b"]', where=where)
            return [self.places[str(name)] for name in value if str(name) in self.places]
        if self.histories is None:
            raise DataError("the model keeps no histories: ask by history", where=where)
        if str(value) not in self.users:
            raise DataError(f"no user {value!r}{suggest(str(value), self.users)}", where=where)
        _, items = self.histories.of(np.array([self.users[str(value)]])).pairs()
        return items.tolist()

    def answer(
        self, queries: Sequence[Query], k: int, allowed: Tensor | None, *, apart: bool,
        approximate: bool,
    ) -> Iterator[list[tuple[int, float]]]:  # fmt: skip
        """Of each query the k best items, as (place in the index, score)."""
        for query, own in zip(queries, self._vectors(queries), strict=True):
            kept = self._unseen(query, allowed)
            if apart and query.given:
                names = list(query.given)
                parts = [self._found(name, own[name], max(k, DEPTH), kept, approximate).items
                         for name in names]  # fmt: skip
                found = rrf(parts)
            else:
                found = self._found(WHOLE, own[WHOLE], k, kept, approximate)
            pairs = zip(found.items[0, :k].tolist(), found.scores[0, :k].tolist(), strict=True)
            yield [(item, score) for item, score in pairs if item >= 0]

    def _found(
        self, space: str, query: Tensor, k: int, allowed: Tensor | None, approximate: bool
    ) -> Found:
        return self.index.search(space, query[None], k, allowed, approximate=approximate)

    def _unseen(self, query: Query, allowed: Tensor | None) -> Tensor | None:
        """Nobody is told of what they took, unless the recipe lets items repeat."""
        if not query.history or self.saved.config.evaluation.repeats == "allow":
            return allowed
        kept = torch.ones(len(self.index), dtype=torch.bool) if allowed is None else allowed.clone()
        names = (self.saved.item_ids[item] for item in query.history)
        kept[[self.index.place[name] for name in names if name in self.index.place]] = False
        return kept

    def _vectors(self, queries: Sequence[Query]) -> list[dict[str, Tensor]]:
        """Of each query a vector for each space that it may be asked in."""
        found: list[dict[str, Tensor]] = [{} for _ in queries]
        people = [n for n, query in enumerate(queries) if query.history is not None]
        if people:
            scorer = NeuralScorer(self.saved.model.users, self.saved.embeddings)
            read = scorer.queries(pack([queries[n].history for n in people])).cpu()
            for n, vector in zip(people, read, strict=True):
                found[n][WHOLE] = vector
        things = [n for n, query in enumerate(queries) if query.history is None]
        if things:
            for n, own in zip(things, self._of_items([queries[n] for n in things]), strict=True):
                found[n] = own
        return found

    def _of_items(self, queries: Sequence[Query]) -> list[dict[str, Tensor]]:
        """What the model makes of things that have only what the queries give."""
        config, place = self.saved.config, self.saved.embeddings.device
        dtype = device.precision(self.saved.precision, place)
        with console.aside():
            raw = Raw.asked([query.given for query in queries], config, self.saved.facts)
            read = inputs.inputs_for(config, raw, place, dtype, Meter(), self.saved.facts)
            names = list(read.towers)
            whole, _ = experts.embed(self.saved.model, read)
            apart = {name: experts.embed(self.saved.model, read, measuring.only(n))[0]
                     for n, name in enumerate(names)}  # fmt: skip
        for n, query in enumerate(queries):
            for name in query.given:
                if not read.towers[name].present[n]:
                    raise DataError(f"{name}: {query.given[name]} cannot be read")
        return [{WHOLE: whole[n].cpu(), **{name: apart[name][n].cpu() for name in query.given}}
                for n, query in enumerate(queries)]  # fmt: skip


def rows(
    search: Search, asked: Iterable[tuple[Mapping[str, Any], str]], k: int,
    conditions: Sequence[str], *, apart: bool, approximate: bool,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Answers to queries (what is asked, where it stands): query, rank, item_id, title, score."""
    made: Index = search.index
    allowed = made.allowed(conditions) if conditions else None
    title = search.saved.config.data.columns.title
    titles = made.items[title].to_pylist() if title in made.items.column_names else None
    numbered = iter(enumerate(asked, start=1))
    while block := list(islice(numbered, AT_ONCE)):
        queries = [search.query(what, where) for _, (what, where) in block]
        answers = search.answer(queries, k, allowed, apart=apart, approximate=approximate)
        for (number, _), found in zip(block, answers, strict=True):
            for rank, (item, score) in enumerate(found, start=1):
                told = {} if titles is None else {"title": titles[item]}
                yield {"query": number, "rank": rank, "item_id": made.ids[item], **told,
                       "score": round(score, 6)}  # fmt: skip


def from_stdin() -> Iterator[tuple[Mapping[str, Any], str]]:
    """Queries, a line each."""
    if sys.stdin.isatty():
        console.say('type lines like {"text": "..."} or {"user": "x"}; Ctrl-D ends them')
    for number, line in enumerate(tables.stdin_lines(), start=1):
        where = f"stdin, line {number}"
        if line.strip():
            value = tables.json_value(line, where)
            if not isinstance(value, dict) or not value:
                raise DataError('write {"text": "..."} or {"user": "x"}', where=where)
            yield value, where
