"""What searching an index takes, measured now: many queries at once, and one after the other."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import console, costs
from mirctl.artifact import Artifact
from mirctl.console import counted
from mirctl.errors import MissingError
from mirctl.metrics.ranking import summarize
from mirctl_fuse.benching.reading import Made
from mirctl_fuse.building import APPROXIMATE, EXACT, WHOLE
from mirctl_fuse.index import saving
from mirctl_fuse.searching import Query, Search

K = 10
RECALL = f"recall@{K}"
MOST, SINGLE, WHOLE_QUERIES = 1000, 300, 100
"""Queries at once, by themselves, and with the model."""
RUNS = 3


@dataclass(frozen=True)
class Way:
    """One way to ask an index."""

    name: str
    recall: dict[str, Any] | None = None
    """Of the K that exact search finds, with its interval."""
    per_second: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    size_bytes: int | None = None
    build_seconds: float | None = None


@dataclass(frozen=True)
class Measured:
    """An index and each way to ask it."""

    made: Made
    ways: list[Way]
    queries: str
    """What was asked."""
    problems: list[str] = field(default_factory=list)
    """What could not be measured, and why."""


def measure(made: Made, place: torch.device) -> Measured:
    """Search with the model's users, or with the items' own vectors where there are none."""
    problems: list[str] = []
    search = _opened(made, place, problems)
    space = WHOLE if WHOLE in made.index.spaces else next(iter(made.index.spaces))
    vectors, queries = _queries(made, search, space)
    with console.aside():
        ways = [*_searches(made, space, vectors), *_whole(search, problems)]
    return Measured(made, ways, queries, problems)


def _opened(made: Made, place: torch.device, problems: list[str]) -> Search | None:
    if made.model is None:
        problems.append("its model is not there, so what a whole query takes is not known")
        return None
    return Search(made.art.folder, made.model.art.folder, str(place))


def _queries(made: Made, search: Search | None, space: str) -> tuple[Tensor, str]:
    """(queries, width), and what they are."""
    if search is not None and search.users and space == WHOLE:
        people = [search.query({"user": name}, "") for name in list(search.users)[:MOST]]
        read = search.vectors(people, apart=False)
        return torch.stack([own[WHOLE] for own in read]), counted(len(people), "user")
    held = made.index.space(space)
    there = held.vectors[held.everybody()]
    drawn = torch.randperm(len(there), generator=torch.Generator().manual_seed(0))[:MOST]
    return there[drawn.sort().values].cpu(), f"{counted(len(drawn), 'vector')} of items"


def _searches(made: Made, space: str, queries: Tensor) -> Iterator[Way]:
    """Exactly and, where there is one, approximately."""
    index, files = made.index, made.art.manifest.files
    built, size = _build(made.art), 0
    for approximate in (False, True)[: 2 if space in index.approximate else 1]:
        folder = saving.approximate_of("") if approximate else saving.vectors_of("")
        size += sum(file.size for name, file in files.items() if name.startswith(folder))
        yield Way(
            index.approximate[space].how.kind if approximate else "exact",
            recall=_recall(made, space, queries) if approximate else {"value": 1.0},
            per_second=len(queries) / min(_seconds(index.search, space, queries, approximate)),
            **_single(
                lambda query, how=approximate: index.search(space, query, K, approximate=how),
                queries[:SINGLE].split(1),
            ),
            size_bytes=size,
            build_seconds=built.get(APPROXIMATE if approximate else EXACT),
        )


def _recall(made: Made, space: str, queries: Tensor) -> dict[str, Any]:
    k = min(K, int(made.index.space(space).everybody().sum()))
    (told,) = summarize({RECALL: made.index.recall(space, k, queries)}, 0).values()
    return told


def _build(art: Artifact) -> dict[str, float]:
    """By phase the seconds until its end; what is not recorded is not there."""
    phases, told, total = costs.recorded(art).get("phases"), {}, 0.0
    for name in (EXACT, APPROXIMATE):
        phase = phases.get(name) if isinstance(phases, dict) else None
        seconds = phase.get("seconds") if isinstance(phase, dict) else None
        if type(seconds) not in (int, float):
            break
        total += seconds
        told[name] = total
    return told


def _whole(search: Search | None, problems: list[str]) -> Iterator[Way]:
    """What somebody waits for who asks for a user, or with a text: the model reads it, too."""
    if search is None:
        return
    for name, queries in (("a user", _people(search)), ("a text", _texts(search))):
        if not queries:
            continue
        try:
            told = _single(lambda query: _answer(search, query), queries)
        except MissingError as error:
            problems.append(f"{name} cannot be asked for: {error}")
            continue
        yield Way(name, **told)


def _people(search: Search) -> list[Query]:
    return [search.query({"user": name}, "") for name in list(search.users)[:WHOLE_QUERIES]]


def _texts(search: Search) -> list[Query]:
    """What items say in the first modality of texts."""
    name = next((name for name, kind in search.kinds.items() if kind == "text"), None)
    if name is None:
        return []
    column, items = search.column(name), search.index.items
    said = items[column].to_pylist() if column in items.column_names else []
    texts = [text for text in dict.fromkeys(said) if isinstance(text, str) and text.strip()]
    return [Query({name: text}) for text in texts[:WHOLE_QUERIES]]


def _answer(search: Search, query: Query) -> None:
    (own,) = search.vectors([query], apart=False)
    search.ranked(query, own, K, None, apart=False, approximate=False)


def _seconds(
    search: Callable[..., Any], space: str, queries: Tensor, approximate: bool
) -> Iterator[float]:
    for _ in range(RUNS):
        begin = time.perf_counter()
        search(space, queries, K, approximate=approximate)
        yield time.perf_counter() - begin


def _single(ask: Callable[[Any], Any], queries: Sequence[Any]) -> dict[str, float]:
    """One after the other; the first is asked twice, for it may load something."""
    ask(queries[0])
    took = []
    for query in queries:
        begin = time.perf_counter()
        ask(query)
        took.append(1000 * (time.perf_counter() - begin))
    p50, p99 = np.percentile(took, [50, 99])
    return {"p50_ms": float(p50), "p99_ms": float(p99)}
