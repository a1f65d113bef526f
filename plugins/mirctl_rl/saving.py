"""The artifact of a simulator: what it holds, how it is written."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mirctl import artifact
from mirctl.artifact import Draft
from mirctl.run import Run
from mirctl_rl.boredom import Genres, Titles
from mirctl_rl.config import SimulateConfig
from mirctl_rl.world import World

KIND, SCHEMA = "rl/simulator", 1
ITEMS, USERS, FACTS = "extra/items.parquet", "extra/users.parquet", "extra/simulator.json"
ITEMS_COLUMNS = pa.schema(
    {"item_id": pa.string(), "title": pa.string(), "genres": pa.list_(pa.string())}
)
USERS_COLUMNS = pa.schema({"user_id": pa.string(), "begins": pa.int64()})


def save(
    config: SimulateConfig, run: Run, world: World, metrics: dict[str, dict[str, Any]]
) -> None:
    """Write the artifact in one rename."""
    with run.artifact(KIND, metrics, schema=SCHEMA, env=config.env, reward=config.reward) as draft:
        draft.tensors("known", known_tensors(world))
        draft.tensors("hidden", hidden_tensors(world))
        draft.json(FACTS, facts(world))
        _tables(draft, world)
        draft.card(_card(config, world))


def known_tensors(world: World) -> dict[str, np.ndarray]:
    """What an agent may see, but for names and titles."""
    known = world.known
    kinds = known.kinds
    own = kinds.table if isinstance(kinds, Genres) else kinds.codes
    return {
        "item": known.item.astype(np.int32),
        "value": known.value,
        "feedback": known.feedback,
        "rows": known.factors.rows.astype(np.float32),
        "columns": known.factors.columns.astype(np.float32),
        "kinds": own,
    }


def hidden_tensors(world: World) -> dict[str, np.ndarray]:
    """What pays."""
    rewards = world.hidden.rewards
    return {
        "rows": rewards.factors.rows.astype(np.float32),
        "columns": rewards.factors.columns.astype(np.float32),
        "threshold": rewards.threshold,
        "observed": world.hidden.observed,
    }


def facts(world: World) -> dict[str, Any]:
    """The rest: rules and numbers."""
    rewards, kinds, rule = world.hidden.rewards, world.known.kinds, world.known.rule
    return {
        "env": world.env,
        "quit": {"window": rule.window, "threshold": rule.threshold},
        "kinds": "titles" if isinstance(kinds, Titles) else "genres",
        "cut": kinds.cut if isinstance(kinds, Titles) else None,
        "reward": {"rule": rewards.rule, "low": rewards.low, "high": rewards.high},
        "moves": world.moves,
        "names_users": world.known.names_users,
        "horizon": world.horizon,
        "history": world.history,
        "slate": world.slate,
        "repeats": world.repeats,
        "seed": world.seed,
        "report": world.report,
    }


def _tables(draft: Draft, world: World) -> None:
    known = world.known
    items = {"item_id": known.items, "title": known.titles, "genres": known.genres}
    users = {"user_id": known.users, "begins": known.offsets[:-1]}
    for name, told, columns in ((ITEMS, items, ITEMS_COLUMNS), (USERS, users, USERS_COLUMNS)):
        with pa.OSFile(os.fsencode(draft.file(name)), "wb") as file:
            pq.write_table(pa.table(told, columns), file)


def _card(config: SimulateConfig, world: World) -> artifact.Words:
    rule = world.known.rule
    counts = [f"- {name.replace('_', ' ')}: {n:,}" for name, n in world.report.items()]
    about = [
        "Made by `mirctl rl simulate`; the whole recipe is in `recipe.yaml`.",
        "",
        f"Rewards: {config.reward}, completed from the late half of each user's log alone. A user "
        f"leaves after an item of whose kind {rule.threshold} stood among the {rule.window} before "
        f"it; an episode ends after {world.horizon}.",
        "",
        *counts,
    ]
    return artifact.Words(
        title=f"Simulated users: {config.env}",
        about="\n".join(about),
        quality="Reference policies before these users; 95 % bootstrap intervals over episodes.",
        use="mirctl rl eval mf FOLDER --episodes 1000\n",
    )
