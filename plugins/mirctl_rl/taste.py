"""A reward learned from feedback: what a teacher would like, from the last items and an item."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl.errors import RunError
from mirctl_rl.likes import Likes
from mirctl_rl.network import item_features
from mirctl_rl.world import World

HELD_OUT = 0.15
"""Share of the states by which the best epoch is chosen."""
EPOCHS, PATIENCE, BATCH, WIDTH = 60, 6, 512, 32
LR, DECAY = 3e-3, 1e-2


class Taste(nn.Module):
    """log-odds(state, item) = q(state) . v(item) + b(item), of what an agent knows of the items.

    v and b are learned maps of the items' features, plus vectors of their own, which decay; q is a
    small net of the mean vector of the state's items, each place of its own weight.
    """

    def __init__(self, features: Tensor, history: int) -> None:
        super().__init__()
        items, width = features.shape
        self.register_buffer("features", features)
        self.own = nn.Parameter(torch.randn(items, WIDTH) * 0.01)
        self.own_bias = nn.Parameter(torch.zeros(items))
        self.taken = nn.Linear(width, WIDTH)
        self.offered = nn.Linear(width, WIDTH)
        self.bias = nn.Linear(width, 1)
        self.places = nn.Parameter(torch.full((history,), 1.0 / history))
        self.query = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))

    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors of taken items (items + 1, width), of those on offer, and their biases."""
        taken = self.taken(self.features) + self.own
        nothing = taken.new_zeros(1, WIDTH)
        bias = self.bias(self.features)[:, 0] + self.own_bias
        return torch.cat([taken, nothing]), self.offered(self.features) + self.own, bias

    def log_odds(
        self, tables: tuple[Tensor, Tensor, Tensor], history: Tensor, item: Tensor
    ) -> Tensor:
        """(n,) of histories (n, length) and items (n,)."""
        taken, offered, bias = tables
        state = (self.places[None, None, :] @ F.embedding(history, taken))[:, 0]
        product = (self.query(state) * F.embedding(item, offered)).sum(dim=1)
        return product + F.embedding(item, bias[:, None])[:, 0]


@dataclass(frozen=True, eq=False)
class Learned:
    """A reward model in use, and how it did on states that were held out."""

    model: Taste
    auc: float | None
    loss: float
    judged: int

    def __post_init__(self) -> None:
        with torch.no_grad():
            object.__setattr__(self, "_tables", self.model.tables())

    @torch.no_grad()
    def reward(self, history: np.ndarray, item: np.ndarray) -> np.ndarray:
        """(n,) float32 between 0 and 1."""
        pair = torch.from_numpy(history.astype(np.int64)), torch.from_numpy(item)
        return torch.sigmoid(self.model.log_odds(self._tables, *pair)).numpy()


def features(world: World) -> Tensor:
    """(items, features) all that the early half tells of an item: its kinds, how often it was
    taken, and its place in the completed early half."""
    known = world.known
    taken = np.log1p(known.popularity.astype(np.float64))[:, None]
    columns = np.hstack([taken, known.factors.columns])
    spread = columns.std(axis=0)
    columns = (columns - columns.mean(axis=0))[:, spread > 1e-9] / spread[spread > 1e-9]
    return torch.cat([item_features(world), torch.from_numpy(columns.astype(np.float32))], dim=1)


def learn(likes: Likes, world: World, seed: int) -> Learned:
    """Fit the likes; keep the epoch that does best on held-out states."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Taste(features(world), likes.history.shape[1])
    rng = np.random.default_rng(seed)
    held = rng.random(len(likes.history)) < HELD_OUT
    test, train = np.flatnonzero(held[likes.state]), np.flatnonzero(~held[likes.state])
    if not len(test) or not len(train):
        test = train = np.arange(len(likes.item))
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=DECAY)
    best, kept, waited = math.inf, model.state_dict(), 0
    for _ in range(EPOCHS):
        for rows in np.array_split(rng.permutation(train), max(len(train) // BATCH, 1)):
            optimizer.zero_grad(set_to_none=True)
            _loss(model, likes, rows).backward()
            optimizer.step()
        with torch.no_grad():
            loss = _loss(model, likes, test).item()
        if not math.isfinite(loss):
            raise RunError(f"the loss of the reward model is {loss}: the likes cannot be fitted")
        waited += 1
        if loss < best:
            best, waited = loss, 0
            kept = {name: t.clone() for name, t in model.state_dict().items()}
        elif waited >= PATIENCE:
            break
    model.load_state_dict(kept)
    model.eval()
    with torch.no_grad():
        score = _log_odds(model, likes, test).numpy()
    return Learned(model, auc(score, likes.like[test]), best, len(test))


def _log_odds(model: Taste, likes: Likes, rows: np.ndarray) -> Tensor:
    history = torch.from_numpy(likes.history[likes.state[rows]].astype(np.int64))
    return model.log_odds(model.tables(), history, torch.from_numpy(likes.item[rows]))


def _loss(model: Taste, likes: Likes, rows: np.ndarray) -> Tensor:
    target = torch.from_numpy(likes.like[rows])
    return F.binary_cross_entropy_with_logits(_log_odds(model, likes, rows), target)


def auc(score: np.ndarray, like: np.ndarray) -> float | None:
    """The chance that what is liked (.5 and more) scores above what is not; ties count half."""
    liked = like >= 0.5
    right, wrong = int(liked.sum()), int((~liked).sum())
    if not right or not wrong:
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[liked].sum() - right * (right + 1) / 2) / (right * wrong))
