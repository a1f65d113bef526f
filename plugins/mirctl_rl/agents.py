"""A learned policy as an artifact: written, opened, and let loose on a simulator's users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from mirctl_rl.learner import Learner
from mirctl_rl.network import Network, Shape, drawn, odds, tensors
from mirctl_rl.policies import Policy
from mirctl_rl.session import Obs
from mirctl_rl.world import World, digest

KIND, SCHEMA = "rl/policy", 1
FACTS, CURVE = "extra/policy.json", "extra/curve.json"
Size = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Sizes(Section):
    """Of a network; `network.Shape` without the items."""

    features: Size
    users: Size
    history: Annotated[int, Field(ge=1, le=1000)]
    window: Annotated[int, Field(ge=1, le=100)]
    width: Annotated[int, Field(ge=1, le=4096)]


class Facts(Section):
    """extra/policy.json: whom and what the policy knows, and the sizes of its networks."""

    items: list[str]
    titles: list[str | None]
    users: str | None
    """Digest of the users' ids; null where it knows none."""
    model: Sizes
    frozen: Sizes | None
    weight: float | None = Field(ge=0, le=1)
    """Share of episodes that the frozen network serves; null where there is none."""


@dataclass(frozen=True, eq=False)
class Saved:
    """An opened policy."""

    folder: Path
    method: str
    catalogue: str
    """Digest of the items' ids, in order."""
    facts: Facts
    network: Network
    frozen: Network | None
    sha256: str

    @property
    def history(self) -> int:
        """The last items that it looks at."""
        return max(n.shape.history for n in (self.network, self.frozen) if n is not None)


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


class Mixture:
    """Two agents; each episode goes to the frozen one by its weight, and stays there."""

    name = "policy"

    def __init__(self, own: Agent, frozen: Agent, weight: float) -> None:
        self.own, self.frozen, self.weight = own, frozen, weight
        self._whose = np.zeros(0, bool)

    def odds(self, obs: Obs, mask: np.ndarray) -> torch.Tensor:
        """(n, actions) at the first turn, where nobody has been assigned yet."""
        parts = self.weight * self.frozen.odds(obs, mask)
        return parts + (1 - self.weight) * self.own.odds(obs, mask)

    def act(self, obs: Obs, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        new = obs["turn"] == 0
        if len(self._whose) != len(new):
            self._whose = np.zeros(len(new), bool)
        self._whose[new] = rng.random(len(new))[new] < self.weight
        served = (agent.act(obs, mask, rng) for agent in (self.frozen, self.own))
        return np.where(self._whose, *served)


def save(
    run: Run, world: World, learner: Learner, method: str, metrics: dict[str, dict[str, Any]],
    about: Sequence[str], **facts: Any,
) -> None:  # fmt: skip
    """Write the artifact in one rename."""
    known, network, frozen = world.known, learner.network, learner.roller.frozen
    mixing = learner.mixing
    told = Facts(
        items=known.items, titles=known.titles,
        users=digest(known.users) if network.shape.users else None,
        model=_sizes(network), frozen=None if frozen is None else _sizes(frozen),
        weight=None if mixing is None else mixing.weight,
    )  # fmt: skip
    own = {"catalogue": known.digest, "method": method, **facts}
    with run.artifact(KIND, metrics, schema=SCHEMA, **own) as draft:
        for group, one in (("model", network), ("frozen", frozen)):
            if one is not None:
                draft.tensors(group, {name: t.cpu() for name, t in one.state_dict().items()})
        draft.json(FACTS, told.model_dump())
        draft.json(CURVE, learner.curve.rows)
        draft.card(artifact.Words(
            title=f"A policy by {method}",
            about="\n".join(about),
            quality="Rewards of whole episodes, as they ended while it learned; 95 % bootstrap "
            "intervals over episodes. `extra/curve.json` has them by 1,000 steps.",
            use="mirctl rl eval FOLDER USERS\nmirctl rl recommend FOLDER --history a,b,c\n",
        ))  # fmt: skip


def _sizes(network: Network) -> Sizes:
    told = asdict(network.shape)
    return Sizes(**{name: told[name] for name in Sizes.model_fields})


def load(folder: Path) -> Saved:
    """Open an artifact of kind rl/policy."""
    return opened(artifact.open_artifact(folder, KIND, SCHEMA))


def opened(art: Artifact) -> Saved:
    """A policy that passes here fails nowhere later."""
    facts = art.checked(FACTS, Facts)
    if not facts.items or len(set(facts.items)) < len(facts.items):
        raise _damaged(art, f"{FACTS}: each item stands there once")
    if len(facts.titles) != len(facts.items) or (facts.frozen is None) != (facts.weight is None):
        raise _damaged(art, f"{FACTS}: its parts do not fit together")
    catalogue, method = (str(art.manifest.facts.get(name)) for name in ("catalogue", "method"))
    if catalogue != digest(facts.items):
        raise _damaged(art, f"{FACTS}: its items are not those of the manifest")
    network = _network(art, "model", facts.model)
    frozen = None if facts.frozen is None else _network(art, "frozen", facts.frozen)
    return Saved(art.folder, method, catalogue, facts, network, frozen, art.manifest.digest)


def _network(art: Artifact, group: str, sizes: Sizes) -> Network:
    if sizes.window > sizes.history:
        raise _damaged(art, f"{FACTS}: a window is no longer than the history")
    n_items = len(art.checked(FACTS, Facts).items)
    with torch.device("meta"):
        shape = Shape(n_items, **sizes.model_dump())
        network = Network(shape, torch.empty(n_items, shape.features))
    expected = {name: (t.dtype, tuple(t.shape)) for name, t in network.state_dict().items()}
    found = art.expected_tensors(group, expected)
    network.load_state_dict({name: t.clone() for name, t in found.items()}, assign=True)
    return network.eval()


def for_world(art: Artifact, world: World) -> Policy:
    """A policy for these users; whom it does not know it serves as it would anybody."""
    return agent(opened(art), world)


def agent(saved: Saved, world: World) -> Policy:
    refuse_others(saved, world)
    return acting(saved, knows_users=saved.facts.users == digest(world.known.users))


def acting(saved: Saved, *, knows_users: bool) -> Agent | Mixture:
    """The policy at work."""
    own = Agent(saved.network, knows_users=knows_users)
    if saved.frozen is None or saved.facts.weight is None:
        return own
    return Mixture(own, Agent(saved.frozen, knows_users=knows_users), saved.facts.weight)


def named(name: str, world: World) -> Saved:
    """A policy by folder, or name on the hub, that can be adapted to this simulator's users."""
    saved = load(hub.artifact_folder(name))
    refuse_others(saved, world)
    here = digest(world.known.users) if world.known.names_users else None
    if saved.facts.users not in (None, here):
        told = "knows users of another simulator: it can be measured here, and not adapted"
        raise ArtifactError(told, where=str(saved.folder))
    if saved.frozen is not None:
        told = "is two policies (mode ap): adapt the one that it was adapted from"
        raise ArtifactError(told, where=str(saved.folder))
    return saved


def refuse_others(saved: Saved, world: World) -> None:
    """Raise where a policy cannot serve these users."""
    if saved.catalogue != world.known.digest:
        message = "was made for another catalogue than this simulator's: name the one it was for"
        raise ArtifactError(message, where=str(saved.folder))
    if saved.history > world.history:
        message = f"looks at {saved.history} items, this simulator shows {world.history}"
        raise ArtifactError(f"{message}: name the one it was for", where=str(saved.folder))


def _damaged(art: Artifact, problem: str) -> ArtifactError:
    return ArtifactError(problem, where=str(art.folder))
