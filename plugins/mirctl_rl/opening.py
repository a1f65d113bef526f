"""A saved simulator, read and checked: what passes here fails nowhere later."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pydantic import Field

from mirctl import artifact
from mirctl.artifact import Artifact
from mirctl.errors import ArtifactError
from mirctl.section import Section
from mirctl_rl import saving
from mirctl_rl.boredom import Genres, Kinds, Rule, Titles
from mirctl_rl.config import REWARDS
from mirctl_rl.factors import Factors
from mirctl_rl.rewards import Rewards
from mirctl_rl.world import Hidden, Known, World

Size = Annotated[int, Field(ge=1, le=2**31 - 1)]


class _Quit(Section):
    window: int = Field(ge=1, le=100)
    threshold: int = Field(ge=1, le=100)


class _Reward(Section):
    rule: REWARDS
    low: float
    high: float


class Facts(Section):
    """extra/simulator.json."""

    env: str
    quit: _Quit
    kinds: Literal["genres", "titles"]
    cut: int | None
    reward: _Reward
    moves: bool
    names_users: bool
    horizon: Size
    history: Size
    slate: Size | None
    repeats: bool
    seed: int = Field(ge=0)
    report: dict[str, int]


def load(folder: Path) -> World:
    """Open an artifact of kind rl/simulator."""
    art = artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)
    facts = art.checked(saving.FACTS, Facts)
    items = _table(art, saving.ITEMS, saving.ITEMS_COLUMNS, may_lack=("title",))
    users = _table(art, saving.USERS, saving.USERS_COLUMNS)
    known = _known(art, facts, items, users)
    hidden = _hidden(art, facts, known)
    _fit_together(art, facts, known)
    return World(
        facts.env, known, hidden, facts.moves, facts.horizon, facts.history, facts.slate,
        facts.repeats, facts.seed, dict(facts.report),
    )  # fmt: skip


def _known(art: Artifact, facts: Facts, items: pa.Table, users: pa.Table) -> Known:
    n_items, n_users = len(items), len(users)
    found = art.tensors("known")
    n, rank, width = (_length(art, found, name, axis)
                      for name, axis in (("item", 0), ("rows", 1), ("kinds", 1)))  # fmt: skip
    n_rows = n_items if facts.moves else n_users
    kind = torch.uint8 if facts.kinds == "genres" else torch.int8
    tensors = art.expected_tensors("known", {
        "item": (torch.int32, (n,)), "value": (torch.float32, (n,)),
        "feedback": (torch.float32, (n,)), "rows": (torch.float32, (n_rows, rank)),
        "columns": (torch.float32, (n_items, rank)), "kinds": (kind, (n_items, width)),
    })  # fmt: skip
    own = {name: tensor.numpy() for name, tensor in tensors.items()}
    offsets = np.append(users["begins"].to_numpy(), n)
    if offsets[0] != 0 or (np.diff(offsets) < 1).any():
        raise _damaged(art, f"{saving.USERS}: each user has a part of the early half")
    if own["item"].min() < 0 or own["item"].max() >= n_items:
        raise _damaged(art, f"known: an interaction names an item beyond the {n_items} there")
    if np.abs(own["feedback"]).max() > 1:
        raise _damaged(art, "known: feedback lies between -1 and 1")
    rule = Rule(facts.quit.window, facts.quit.threshold)
    return Known(
        users["user_id"].to_pylist(), items["item_id"].to_pylist(), items["title"].to_pylist(),
        items["genres"].to_pylist(), offsets, own["item"].astype(np.int64), own["value"],
        own["feedback"], _factors(own), _kinds(art, facts, own["kinds"]), rule, facts.names_users,
    )  # fmt: skip


def _kinds(art: Artifact, facts: Facts, own: np.ndarray) -> Kinds:
    if facts.kinds == "genres":
        if own.max(initial=0) > 1:
            raise _damaged(art, "known: kinds are 0 or 1")
        return Genres(own)
    if facts.cut is None:
        raise _damaged(art, f"{saving.FACTS}: titles have a cut")
    return Titles(own, facts.cut)


def _hidden(art: Artifact, facts: Facts, known: Known) -> Hidden:
    found = art.tensors("hidden")
    rank, pairs = _length(art, found, "rows", 1), _length(art, found, "observed", 0)
    n_rows = known.n_items if facts.moves else known.n_users
    own = {name: tensor.numpy() for name, tensor in art.expected_tensors("hidden", {
        "rows": (torch.float32, (n_rows, rank)), "columns": (torch.float32, (known.n_items, rank)),
        "threshold": (torch.float64, (n_rows,)), "observed": (torch.int64, (pairs,)),
    }).items()}  # fmt: skip
    observed = own["observed"]
    inside = observed.min() >= 0 and observed.max() < n_rows * known.n_items
    if not inside or (np.diff(observed) < 1).any():
        raise _damaged(art, "hidden: observed pairs rise and lie inside")
    if facts.reward.high <= facts.reward.low:
        raise _damaged(art, f"{saving.FACTS}: reward.high lies above reward.low")
    told = (facts.reward.rule, facts.reward.low, facts.reward.high, own["threshold"])
    return Hidden(Rewards(_factors(own), *told), observed)


def _factors(own: dict[str, np.ndarray]) -> Factors:
    return Factors(own["rows"].astype(np.float64), own["columns"].astype(np.float64))


def _fit_together(art: Artifact, facts: Facts, known: Known) -> None:
    if not known.n_users or len(set(known.items)) < known.n_items:
        raise _damaged(art, f"{saving.ITEMS}: each item stands there once")
    if facts.history < facts.quit.window:
        raise _damaged(art, f"{saving.FACTS}: history is no shorter than quit.window")
    most = facts.slate or known.n_items
    if most > known.n_items or (not facts.repeats and facts.horizon > most):
        raise _damaged(art, f"{saving.FACTS}: {known.n_items} items are fewer than it needs")
    if not (facts.moves or facts.names_users):
        raise _damaged(art, f"{saving.FACTS}: rewards of users whom nobody names")


def _length(art: Artifact, found: object, name: str, axis: int) -> int:
    try:
        shape = found.spec(name).shape  # type: ignore[attr-defined]
        return int(shape[axis])
    except (KeyError, IndexError) as error:
        raise _damaged(art, f"tensor {name!r} is missing, or of another shape") from error


def _table(
    art: Artifact, name: str, columns: pa.Schema, may_lack: tuple[str, ...] = ()
) -> pa.Table:
    try:
        with pa.OSFile(os.fsencode(art.path(name))) as file:
            table = pq.read_table(file)
        table.validate(full=True)
        table = table.select(columns.names).cast(columns)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise _damaged(art, f"{name} cannot be read: {error}") from error
    for column in columns.names:
        if column not in may_lack and table[column].null_count:
            raise _damaged(art, f"{name}: column {column!r} has empty cells")
    if not len(table):
        raise _damaged(art, f"{name} has no rows")
    return table


def _damaged(art: Artifact, problem: str) -> ArtifactError:
    return ArtifactError(problem, where=str(art.folder))
