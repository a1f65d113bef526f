"""The model's view of a catalogue: kept layers of each tower, gathered by item, on the device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from mirctl.device import send
from mirctl_adapt.model import ItemBatch, TowerInput, TowerStates
from mirctl_adapt.tuning import TextTower

STATISTICS_ROWS = 50_000
STATISTICS_BLOCK = 4096


class States(Protocol):
    """Cached hidden states of one tower (mirctl.encode gives them)."""

    widths: tuple[int, ...]
    content: str

    def gather(self, items: np.ndarray) -> Tensor: ...

    def present(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Tower:
    """One tower's cached states and the layers that are kept of them."""

    states: States
    layers: tuple[int, ...]
    weights: str = ""
    """sha256 of the frozen model's files."""
    precision: str = "fp32"
    """In which the frozen model computed."""

    @property
    def content(self) -> str:
        """sha256 of what the items are, as it was read."""
        return self.states.content

    @property
    def widths(self) -> list[int]:
        """Width of each kept layer."""
        return [self.states.widths[i] for i in self.layers]

    @cached_property
    def present(self) -> np.ndarray:
        """(items,) bool: has the item states?"""
        return self.states.present()

    @cached_property
    def columns(self) -> Tensor | None:
        """Places of the kept layers in a gathered row; None where all are kept."""
        if len(self.layers) == len(self.states.widths):
            return None
        ends = np.cumsum(self.states.widths)
        parts = [np.arange(ends[i] - self.states.widths[i], ends[i]) for i in self.layers]
        return torch.from_numpy(np.concatenate(parts))

    def gather(self, items: Tensor, device: torch.device) -> TowerStates:
        """Of items (n,), a CPU tensor."""
        states = self.states.gather(items.numpy())
        if self.columns is not None:
            states = states[:, self.columns]
        present = torch.from_numpy(self.present[items.numpy()])
        whole = bool(present.all())
        return TowerStates(send(states, device), send(present, device), whole)

    def facts(self) -> dict[str, Any]:
        """What an artifact says of it: weights, cached widths, kept layers, precision."""
        return {
            "weights": self.weights,
            "widths": list(self.states.widths),
            "layers": list(self.layers),
            "precision": self.precision,
        }

    def module(self, *, normalize: bool) -> TowerInput:
        """What reads the states; its statistics come from up to 50,000 items, evenly spaced."""
        mean, scale = torch.zeros(sum(self.widths)), torch.ones(sum(self.widths))
        present = np.flatnonzero(self.present)
        if normalize and len(present):
            step = -(-len(present) // STATISTICS_ROWS)
            mean, spread = self._moments(torch.from_numpy(present[::step]))
            scale = 1 / spread.clamp_min(1e-4)
        return TowerInput(self.widths, mean.float(), scale.float())

    def _moments(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each state over some items, float64, a block at a time."""

        def mean_of(change: Callable[[Tensor], Tensor]) -> Tensor:
            cpu = torch.device("cpu")
            blocks = items.split(STATISTICS_BLOCK)
            states = (self.gather(block, cpu).states.double() for block in blocks)
            return sum(change(block).sum(0) for block in states) / len(items)

        mean = mean_of(lambda states: states)
        return mean, mean_of(lambda states: (states - mean).square()).sqrt()


class CatalogueInputs:
    """Gathers an ItemBatch for any item indexes, from cached states or texts as tokens."""

    def __init__(
        self, towers: Mapping[str, Tower | TextTower], n_items: int, device: torch.device
    ) -> None:
        self.towers, self.n_items, self.device = towers, n_items, device

    def facts(self) -> dict[str, Any]:
        """What an artifact says of each tower."""
        return {name: tower.facts() for name, tower in self.towers.items()}

    def gather(self, ids: Tensor) -> ItemBatch:
        """What the towers know of items ids (n,), a CPU tensor."""
        towers = tuple(tower.gather(ids, self.device) for tower in self.towers.values())
        return ItemBatch(send(ids, self.device), towers)

    def tower_inputs(self, *, normalize: bool) -> list[nn.Module]:
        """What reads each tower, before any training."""
        return [tower.module(normalize=normalize) for tower in self.towers.values()]
