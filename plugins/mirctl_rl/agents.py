"""A learned policy as an artifact: written, opened, and let loose on a simulator's users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from mirctl import artifact, hub
from mirctl.artifact import Artifact
from mirctl.errors import ArtifactError
from mirctl.run import Run
from mirctl.section import Section
from mirctl_rl.curve import Curve
from mirctl_rl.network import Network, Shape, drawn, odds, tensors
from mirctl_rl.session import Obs
from mirctl_rl.world import World, digest

KIND, SCHEMA = "rl/policy", 1
FACTS, CURVE = "extra/policy.json", "extra/curve.json"
Size = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Facts(Section):
    """extra/policy.json: sizes, and whom and what the policy knows."""

    items: list[str]
    titles: list[str | None]
    users: str | None
    """Digest of the users' ids; null where it knows none."""
    features: Size
    known_users: Size
    history: Annotated[int, Field(ge=1, le=1000)]
    window: Annotated[int, Field(ge=1, le=100)]
    width: Annotated[int, Field(ge=1, le=4096)]


@dataclass(frozen=True, eq=False)
class Saved:
    """An opened policy."""

    folder: Path
    method: str
    catalogue: str
    """Digest of the items' ids, in order."""
    facts: Facts
    network: Network
    sha256: str


class Agent:
    """Draws items by the policy's odds: what was learned is these, not their largest."""

    name = "policy"

    def __init__(self, network: Network, *, knows_users: bool) -> None:
        self.network, self.knows_users = network, knows_users
        with torch.no_grad():
            self.tables = network.tables()

    @torch.no_grad()
    def odds(self, obs: Obs, mask: np.ndarray) -> torch.Tensor:
        """(n, actions)"""
        shape = self.network.shape
        seen = tensors(obs, self.tables.offered.device)
        seen |= {name: seen[name][:, -shape.history :] for name in ("items", "feedback")}
        if shape.users and not (self.knows_users and "user" in seen):
            seen["user"] = torch.full((len(mask),), shape.users)
        query, _ = self.network.encode(seen, self.tables)
        logits = self.network.logits(query, self.tables, seen.get("slate"))
        return odds(logits, torch.from_numpy(mask))

    def act(self, obs: Obs, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        uniform = torch.from_numpy(rng.random(len(mask), np.float32))
        return drawn(self.odds(obs, mask), uniform).numpy()


def save(
    run: Run, world: World, network: Network, method: str, curve: Curve,
    metrics: dict[str, dict[str, Any]], about: Sequence[str], **facts: Any,
) -> None:  # fmt: skip
    """Write the artifact in one rename."""
    known, shape = world.known, network.shape
    told = Facts(
        items=known.items, titles=known.titles, users=digest(known.users) if shape.users else None,
        features=shape.features, known_users=shape.users, history=shape.history,
        window=shape.window, width=shape.width,
    )  # fmt: skip
    own = {"catalogue": known.digest, "method": method, **facts}
    with run.artifact(KIND, metrics, schema=SCHEMA, **own) as draft:
        draft.tensors("model", {name: t.cpu() for name, t in network.state_dict().items()})
        draft.json(FACTS, told.model_dump())
        draft.json(CURVE, curve.rows)
        draft.card(artifact.Words(
            title=f"A policy by {method}",
            about="\n".join(about),
            quality="Rewards of whole episodes, as they ended while it learned; 95 % bootstrap "
            "intervals over episodes. `extra/curve.json` has them by 1,000 steps.",
            use="mirctl rl eval FOLDER USERS\nmirctl rl recommend FOLDER --history a,b,c\n",
        ))  # fmt: skip


def load(folder: Path) -> Saved:
    """Open an artifact of kind rl/policy."""
    return opened(artifact.open_artifact(folder, KIND, SCHEMA))


def opened(art: Artifact) -> Saved:
    facts = art.checked(FACTS, Facts)
    if not facts.items or len(set(facts.items)) < len(facts.items):
        raise _damaged(art, f"{FACTS}: each item stands there once")
    if len(facts.titles) != len(facts.items) or facts.window > facts.history:
        raise _damaged(art, f"{FACTS}: its parts do not fit together")
    catalogue, method = (str(art.manifest.facts.get(name)) for name in ("catalogue", "method"))
    if catalogue != digest(facts.items):
        raise _damaged(art, f"{FACTS}: its items are not those of the manifest")
    shape = Shape(
        len(facts.items), facts.features, facts.known_users, facts.history, facts.window,
        facts.width,
    )  # fmt: skip
    with torch.device("meta"):
        network = Network(shape, torch.empty(shape.items, shape.features))
    expected = {name: (t.dtype, tuple(t.shape)) for name, t in network.state_dict().items()}
    found = art.expected_tensors("model", expected)
    network.load_state_dict({name: t.clone() for name, t in found.items()}, assign=True)
    network.requires_grad_(True)
    network.features.requires_grad_(False)
    return Saved(art.folder, method, catalogue, facts, network.eval(), art.manifest.digest)


def for_world(art: Artifact, world: World) -> Agent:
    """A policy for these users; whom it does not know it serves as it would anybody."""
    return agent(opened(art), world)


def agent(saved: Saved, world: World) -> Agent:
    refuse_others(saved, world)
    return Agent(saved.network, knows_users=saved.facts.users == digest(world.known.users))


def named(name: str, world: World) -> Saved:
    """A policy by folder, or name on the hub, that fits this simulator."""
    saved = load(hub.artifact_folder(name))
    refuse_others(saved, world)
    return saved


def refuse_others(saved: Saved, world: World) -> None:
    """Raise where a policy cannot serve these users."""
    if saved.catalogue != world.known.digest:
        message = "was made for another catalogue than this simulator's: name the one it was for"
        raise ArtifactError(message, where=str(saved.folder))
    if saved.facts.history > world.history:
        message = f"looks at {saved.facts.history} items, this simulator shows {world.history}"
        raise ArtifactError(f"{message}: name the one it was for", where=str(saved.folder))


def _damaged(art: Artifact, problem: str) -> ArtifactError:
    return ArtifactError(problem, where=str(art.folder))
