"""A saved recommender: opens an artifact, scores histories, names the best items."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import artifact, console, device, tables
from mirctl.data.ids import read_ids
from mirctl.data.items import Items
from mirctl.efficiency import Meter
from mirctl.errors import DataError, UsageError, suggest
from mirctl.metrics import ranking
from mirctl.sequences.evaluation import Scorer, block_of_users
from mirctl.sequences.histories import Histories
from mirctl.sequences.scorer import NeuralScorer, embed_items
from mirctl.sequences.tables import read_items, read_users
from mirctl.sequences.users import Recommender
from mirctl_adapt import opening, saving, towers
from mirctl_adapt.config import AdaptConfig, ModelConfig


@dataclass(frozen=True)
class Saved:
    """An opened recommender."""

    folder: Path
    config: AdaptConfig
    item_ids: list[str]
    titles: list[str | None]
    popularity: Tensor
    """(n_items,) float32: training interactions."""
    scorer: Scorer
    model: Recommender | None
    towers: dict[str, dict[str, Any]]
    user_ids: list[str] | None
    histories: Histories | None

    @cached_property
    def item_index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.item_ids)}

    @cached_property
    def user_index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.user_ids or ())}


def load(folder: Path, place: torch.device | None = None) -> Saved:
    """Open an artifact of kind adapt/recommender."""
    place = place or torch.device("cpu")
    art = artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)
    config = opening.config(art)
    items = read_items(art)
    facts = opening.towers(art, config.model)
    scorer, model = _scorer(art, config.model, facts, len(items), place)
    users, histories = read_users(art, len(items)) or (None, None)
    return Saved(
        art.folder,
        config,
        items["item_id"].to_pylist(),
        items["title"].to_pylist(),
        torch.from_numpy(items["train_interactions"].to_numpy().astype(np.float32)),
        scorer,
        model,
        facts,
        users,
        histories,
    )


def _scorer(
    art: artifact.Artifact,
    config: ModelConfig,
    facts: dict[str, dict[str, Any]],
    n_items: int,
    place: torch.device,
) -> tuple[Scorer, Recommender | None]:
    if config.method == "pop":
        return opening.popularity(art, n_items), None
    if config.method == "markov":
        return opening.markov(art, n_items), None
    model, embeddings = opening.network(art, config, facts, n_items)
    model.to(place).eval()
    return NeuralScorer(model.users, embeddings.to(place)), model


def embed(saved: Saved, items: Items, place: torch.device, precision: str) -> Tensor:
    """(items, dim): what the model makes of items by their content, also of new ones.

    With precision `auto` the frozen encoders compute as they did for the training.
    """
    model = saved.config.model
    frozen = (
        facts.get("precision", "fp32") for n, facts in saved.towers.items() if n in model.cached
    )
    dtype = device.precision(next(frozen, "fp32") if precision == "auto" else precision, place)
    inputs = towers.inputs_for(model, items, place, dtype, Meter(), saved.towers)
    return embed_items(saved.model, inputs, [saved.item_index.get(n, -1) for n in items.ids])


def with_items(saved: Saved, items: Items, place: torch.device, precision: str) -> Saved:
    """The same recommender over another catalogue: new items by their content, gone ones gone."""
    if not saved.config.model.encoders:
        raise UsageError(
            f"method {saved.config.model.method!r} knows items by id alone: it has no other ones"
        )
    place_of = items.index
    moved = np.array([place_of.get(name, -1) for name in saved.item_ids], np.int64)
    popularity = torch.zeros(len(items.ids))
    popularity[moved[moved >= 0]] = saved.popularity[torch.from_numpy(moved >= 0)]
    embeddings = embed(saved, items, place, precision)
    return replace(
        saved,
        item_ids=items.ids,
        titles=items.titles,
        popularity=popularity,
        scorer=NeuralScorer(saved.model.users, embeddings),
        histories=saved.histories and saved.histories.renumbered(moved),
    )


@dataclass(frozen=True)
class Filter:
    """Which items may be recommended: (n_items,) bool."""

    allowed: Tensor

    @classmethod
    def read(cls, saved: Saved, allow: Path | None, deny: Path | None) -> "Filter":
        """From tables of items, or files with one id a line; unknown ids are counted and told."""
        n_items = len(saved.item_ids)
        allowed = torch.ones(n_items, dtype=torch.bool)
        if allow is not None:
            allowed[:] = False
            allowed[_ids_in(saved, allow)] = True
        if deny is not None:
            allowed[_ids_in(saved, deny)] = False
        if not allowed.any():
            raise DataError("--allow and --deny together leave no item to recommend")
        return cls(allowed)


def _ids_in(saved: Saved, path: Path) -> list[int]:
    names = _ids_of(path, saved.config.data.columns.in_items)
    known = [saved.item_index[name] for name in names if name in saved.item_index]
    if len(known) < len(names):
        console.warn(
            f"{path}: {len(names) - len(known)} of {len(names)} ids are not in the catalogue"
        )
    return known


def _ids_of(path: Path, column: str) -> list[str]:
    """Of a table with the items' id column, that column; else a line an id."""
    try:
        source = tables.open_source(path)  # opened once: a pipe cannot be read again
    except tables.EmptyError:
        return []
    if _is_table(source, column):
        table = tables.read_table(source, [column])
        return read_ids(table, column, source.name).distinct.to_pylist() if len(table) else []
    try:
        lines = source.open().read().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"cannot be read: {error}", where=source.name) from error
    return [line.rstrip("\r") for line in lines if line.strip()]


def _is_table(source: tables.Source, column: str) -> bool:
    if source.kind in ("jsonl", "parquet"):
        return True
    separator = "\t" if source.kind == "tsv" else ","
    return column in [name.strip('"') for name in source.first_lines(1)[0].split(separator)]


def history_of(saved: Saved, names: Sequence[str], who: str) -> list[int]:
    """Item indexes of a given history; one unknown id is an error that offers the closest."""
    unknown = [name for name in names if name not in saved.item_index]
    if unknown:
        hint = suggest(unknown[0], saved.item_ids)
        raise DataError(f"item {unknown[0]!r} is not in the catalogue{hint}", where=who)
    return [saved.item_index[name] for name in names]


def user_rows(saved: Saved, names: Sequence[str] | None) -> np.ndarray:
    """Rows of some users in the saved histories; None is everybody."""
    if saved.histories is None:
        raise UsageError(
            "this artifact keeps no histories (save.histories was false): use --history"
        )
    if names is None:
        return np.arange(len(saved.histories))
    for name in names:
        if name not in saved.user_index:
            hint = suggest(name, saved.user_ids or ())
            raise DataError(f"no such user{hint}", where=f"user {name!r}")
    return np.array([saved.user_index[name] for name in names])


def recommend(
    saved: Saved,
    users: Sequence[str],
    histories: Histories,
    k: int,
    keep: Filter,
    told: Counter[str],
) -> Iterator[dict[str, Any]]:
    """Rows (user_id, rank, item_id, title, score), best first, user after user.

    Items of the history are left out unless the recipe says `evaluation.repeats: allow`. Counts in
    `told["short"]` the users for whom fewer than k items are left, in `told["empty"]` those of whom
    nothing is known.
    """
    size = block_of_users(len(saved.item_ids))
    for start in range(0, len(histories), size):
        rows = np.arange(start, min(start + size, len(histories)))
        some = histories.of(rows)
        scores, items = best(saved, some, k, keep)
        told["empty"] += int((some.lengths == 0).sum())
        told["short"] += int(((scores > -torch.inf).sum(1) < k).sum())
        for row, row_scores, row_items in zip(rows, scores.tolist(), items.tolist(), strict=True):
            yield from _rows(saved, users[row], row_scores, row_items)


def best(saved: Saved, histories: Histories, k: int, keep: Filter) -> tuple[Tensor, Tensor]:
    """(scores, items), both (users, k), best first; -inf where fewer than k items are left.

    An empty history says nothing of its user: it gets the items with most training interactions.
    """
    scores = saved.scorer.scores(histories).cpu()
    empty = torch.from_numpy(histories.lengths == 0)
    if empty.any():
        scores[empty] = saved.popularity
    scores[:, ~keep.allowed] = -torch.inf
    if saved.config.evaluation.repeats == "mask":
        rows, items = histories.pairs()
        scores[torch.from_numpy(rows), torch.from_numpy(items)] = -torch.inf
    return ranking.best(scores, k)


def _rows(
    saved: Saved, user: str, scores: Iterable[float], items: Iterable[int]
) -> Iterator[dict[str, Any]]:
    for place, (score, item) in enumerate(zip(scores, items, strict=True), start=1):
        if score == -np.inf:
            return
        yield {
            "user_id": user,
            "rank": place,
            "item_id": saved.item_ids[item],
            "title": saved.titles[item],
            "score": round(score, 6),
        }
