"""Preferences as an artifact: what a teacher thinks users would like."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mirctl import artifact
from mirctl.errors import ArtifactError
from mirctl.run import Run
from mirctl_rl.distilling import Distilled
from mirctl_rl.states import State
from mirctl_rl.world import Known

KIND, SCHEMA = "rl/preferences", 1
FILE, PROMPT = "preferences.parquet", "extra/prompt.txt"
COLUMNS = pa.schema({
    "user": pa.string(), "history": pa.list_(pa.string()), "item": pa.string(),
    "like": pa.float32(),
})  # fmt: skip
"""A row an item on offer; `history` is oldest first, `user` null where nobody knows who it is."""


@dataclass(frozen=True, eq=False)
class Preferences:
    """What was read of an artifact."""

    table: pa.Table
    """Of `COLUMNS`."""
    facts: dict[str, Any]
    """`catalogue`, `teacher`, `precision` and `chance` among them."""
    digest: str
    """Of the artifact."""


def table(known: Known, states: Sequence[State], likes: Sequence[np.ndarray]) -> pa.Table:
    """`COLUMNS` of some states and of how much each item on offer is liked."""
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS.names}
    for state, like in zip(states, likes, strict=True):
        user = known.users[state.user] if known.names_users else None
        history = [known.items[n] for n in state.history]
        rows["user"] += [user] * len(state.offer)
        rows["history"] += [history] * len(state.offer)
        rows["item"] += [known.items[n] for n in state.offer]
        rows["like"] += like.tolist()
    return pa.table(rows, COLUMNS)


def save(run: Run, found: Distilled, known: Known, simulator: Path) -> None:
    """Write the artifact in one rename."""
    digest = artifact.open_artifact(simulator).manifest.digest
    place = os.path.relpath(simulator, run.out)
    with run.artifact(KIND, found.metrics, schema=SCHEMA, **found.facts) as draft:
        with pa.OSFile(os.fsencode(draft.file(FILE)), "wb") as file:
            pq.write_table(table(known, found.states, found.likes), file)
        if found.template:
            draft.text(PROMPT, found.template.text)
        draft.describe(parents=[{"name": "simulator", "sha256": digest, "path": place}])
        draft.card(_card(found))


def _card(found: Distilled) -> artifact.Words:
    facts = found.facts
    about = (
        f"What {facts['teacher']} thinks users would like, of {facts['states']:,} moments drawn "
        f"from the early half of a log. `{FILE}` has a row an item on offer: `user`, `history` "
        "(oldest first), `item`, `like` (0 to 1). Made by `mirctl rl distill`; the whole recipe is "
        "in `recipe.yaml`."
    )
    return artifact.Words(
        title=f"Preferences imagined by {facts['teacher']}",
        about=about,
        quality="On interactions of the early half that no prompt shows; 95 % bootstrap intervals "
        "over states.",
        use="mirctl rl pretrain ENV FOLDER --out policy\n",
    )


def load(folder: Path) -> Preferences:
    """Open an artifact of kind rl/preferences."""
    art = artifact.open_artifact(folder, KIND, SCHEMA)
    try:
        with pa.OSFile(os.fsencode(art.path(FILE))) as file:
            found = pq.read_table(file)
        found.validate(full=True)
        found = found.select(COLUMNS.names).cast(COLUMNS)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise ArtifactError(f"{FILE} cannot be read: {error}", where=str(art.folder)) from error
    if problem := _problem(found):
        raise ArtifactError(f"{FILE}: {problem}", where=str(art.folder))
    return Preferences(found, dict(art.manifest.facts), art.manifest.digest)


def _problem(found: pa.Table) -> str | None:
    """What is wrong with a table of the right columns."""
    if not len(found):
        return "has no rows"
    for name in COLUMNS.names[1:]:
        if found[name].null_count:
            return f"column {name!r} has empty cells"
    if pc.list_flatten(found["history"]).null_count:
        return "a history has empty cells"
    like = found["like"].to_numpy()
    return None if ((like >= 0) & (like <= 1)).all() else "likes lie between 0 and 1"
