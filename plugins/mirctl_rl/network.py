"""The actor and critic: what was shown last, and how it went, to odds over the items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl_rl.boredom import LARGEST, Genres
from mirctl_rl.session import Obs
from mirctl_rl.world import World


@dataclass(frozen=True)
class Shape:
    """All that decides the sizes of the weights."""

    items: int
    features: int
    users: int
    """0 where nobody says who a user is."""
    history: int
    window: int
    """Items shown last whose features decide about leaving."""
    width: int


def shape_of(world: World, features: Tensor, width: int) -> Shape:
    """The shape for a simulator's users, of item features (items, features)."""
    known = world.known
    users = known.n_users if known.names_users else 0
    return Shape(known.n_items, features.shape[1], users, world.history, known.rule.window, width)


@dataclass(frozen=True, eq=False)
class Tables:
    """The items' vectors: of what was taken (items + 1, width), the last one of nothing; and of
    what is on offer (items, width)."""

    taken: Tensor
    offered: Tensor


class Network(nn.Module):
    """State -> (query (n, width), value (n,)); logits are inner products with the items' vectors.

    An item's vector is learned, plus a learned map of its features: its genres, or its title's
    code. What was shown in this episode and what stands in the log before weigh differently, each
    place by itself and by what it earned. A state has no clock: its value is the same at every
    turn, which makes bootstrapping at the horizon right (Pardo et al., 2018).
    """

    def __init__(self, shape: Shape, features: Tensor) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.register_buffer("features", features)
        self.taken = nn.Parameter(torch.randn(shape.items, width) * 0.1)
        self.taken_features = nn.Parameter(torch.randn(shape.features, width) * 0.1)
        self.offered = nn.Parameter(torch.randn(shape.items, width) * 0.02)
        self.offered_features = nn.Parameter(torch.randn(shape.features, width) * 0.02)
        self.bias = nn.Parameter(torch.zeros(shape.items))
        age = torch.arange(shape.history, 0, -1, dtype=torch.float32)
        self.places = nn.Parameter((age**-0.5).repeat(2, 2, 1) * 0.5)
        self.users = nn.Parameter(torch.zeros(shape.users + 1, width)) if shape.users else None
        self.first = nn.Linear(width + shape.features, width)
        self.second = nn.Linear(width, width)
        self.query = nn.Linear(width, width)
        self.value = nn.Linear(width, 1)

    def tables(self) -> Tables:
        """All items' vectors, the same for every state until the weights change."""
        taken = self.taken + self.features @ self.taken_features
        nothing = taken.new_zeros(1, self.shape.width)
        return Tables(
            torch.cat([taken, nothing]), self.offered + self.features @ self.offered_features
        )

    def encode(self, obs: dict[str, Tensor], tables: Tables) -> tuple[Tensor, Tensor]:
        """(query, value) of n observations, as `tensors` gives them."""
        items, shape = obs["items"], self.shape
        age = torch.arange(shape.history, 0, -1, device=items.device)
        shown = age <= obs["turn"][:, None]
        plain, earned = torch.where(shown, self.places[0, :, None], self.places[1, :, None])
        weight = plain + earned * obs["feedback"]
        # Not `taken[items]`: several threads add up its gradient in any order.
        state = (weight[:, None, :] @ F.embedding(items, tables.taken))[:, 0]
        recent = torch.where(shown, items, shape.items)[:, -shape.window :]
        padded = torch.cat([self.features, self.features.new_zeros(1, shape.features)])
        hidden = self.first(torch.cat([state, padded[recent].sum(dim=1)], dim=1))
        if self.users is not None:
            hidden = hidden + F.embedding(obs["user"], self.users)
        hidden = torch.relu(self.second(torch.tanh(hidden)))
        return self.query(hidden), self.value(hidden)[:, 0]

    def logits(self, query: Tensor, tables: Tables, slate: Tensor | None) -> Tensor:
        """(n, actions)"""
        every = torch.addmm(self.bias, query, tables.offered.T)
        return every if slate is None else every.gather(1, slate)

    def backward(
        self, obs: dict[str, Tensor], by_logit: Tensor, by_value: Callable[[Tensor], Tensor]
    ) -> None:
        """Gradients of all weights, from those by the logits (n, actions) and, given the values
        (n,), by the values."""
        tables = self.tables()
        query, value = self.encode(obs, tables)
        if (slate := obs.get("slate")) is not None:
            whole = by_logit.new_zeros(len(by_logit), self.shape.items)
            by_logit = whole.scatter_(1, slate, by_logit)
        by_query, by_vector = by_logit @ tables.offered.detach(), by_logit.T @ query.detach()
        self.bias.grad = by_logit.sum(dim=0)
        torch.autograd.backward(
            [query, value, tables.offered], [by_query, by_value(value.detach()), by_vector]
        )


def tensors(obs: Obs, device: torch.device) -> dict[str, Tensor]:
    """An observation's arrays as tensors, whole numbers as indices."""
    found = {}
    for name, array in obs.items():
        whole = array.dtype.kind in "iu"
        found[name] = torch.from_numpy(np.asarray(array, np.int64 if whole else np.float32))
    return {name: tensor.to(device) for name, tensor in found.items()}


def odds(logits: Tensor, mask: Tensor) -> Tensor:
    """(n, actions) probabilities; 0 for what the mask (n, actions) excludes."""
    return torch.softmax(logits.masked_fill(~mask, -torch.inf), dim=1)


def drawn(odds: Tensor, uniform: Tensor) -> Tensor:
    """(n,) actions by their odds (n, actions), of uniform numbers (n,) in [0, 1).

    The running sum rises only where the odds are not 0: nothing else can be drawn.
    """
    running = odds.cumsum(dim=1)
    total = running[:, -1]
    below = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(running, below[:, None], right=True)[:, 0]


def item_features(world: World) -> Tensor:
    """(items, features) what an agent knows of the items' kinds: genres, or titles' codes."""
    kinds = world.known.kinds
    if isinstance(kinds, Genres):
        return torch.from_numpy(kinds.table.astype(np.float32))
    return torch.from_numpy(kinds.codes.astype(np.float32) / LARGEST)
