"""The model's view of a catalogue: kept layers of each tower, gathered by item, on the device."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mirctl.device import send
from mirctl_adapt.model import ItemBatch, TowerInput, TowerStates

STATISTICS_ROWS = 50_000
STATISTICS_BLOCK = 4096


class States(Protocol):
    """Cached hidden states of one tower (mirctl.encode gives them)."""

    widths: tuple[int, ...]

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
    def widths(self) -> list[int]:
        """Width of each kept layer."""
        return [self.states.widths[i] for i in self.layers]

    @property
    def columns(self) -> Tensor | None:
        """Places of the kept layers in a gathered row; None where all are kept."""
        if len(self.layers) == len(self.states.widths):
            return None
        ends = np.cumsum(self.states.widths)
        parts = [np.arange(ends[i] - self.states.widths[i], ends[i]) for i in self.layers]
        return torch.from_numpy(np.concatenate(parts))


class CatalogueInputs:
    """Gathers an ItemBatch for any item indexes from memory-mapped states."""

    def __init__(self, towers: dict[str, Tower], n_items: int, device: torch.device) -> None:
        self.towers, self.n_items, self.device = towers, n_items, device
        self._present = {n: torch.from_numpy(t.states.present()) for n, t in towers.items()}
        self._columns = {name: tower.columns for name, tower in towers.items()}

    def facts(self) -> dict[str, Any]:
        """What an artifact says of each tower: weights, cached widths, kept layers, precision."""
        return {
            name: {
                "weights": tower.weights,
                "widths": list(tower.states.widths),
                "layers": list(tower.layers),
                "precision": tower.precision,
            }
            for name, tower in self.towers.items()
        }

    def gather(self, ids: Tensor) -> ItemBatch:
        """What the towers know of items ids (n,), a CPU tensor."""
        towers = tuple(self._tower(name, ids) for name in self.towers)
        return ItemBatch(send(ids, self.device), towers)

    def _tower(self, name: str, ids: Tensor) -> TowerStates:
        states = self.towers[name].states.gather(ids.numpy())
        columns = self._columns[name]
        if columns is not None:
            states = states[:, columns]
        present = self._present[name][ids]
        whole = bool(present.all())
        return TowerStates(send(states, self.device), send(present, self.device), whole)

    def tower_inputs(self, *, normalize: bool) -> list[TowerInput]:
        """Fresh input modules; their statistics come from up to 50,000 items, evenly spaced."""
        return [self._tower_input(name, normalize) for name in self.towers]

    def _tower_input(self, name: str, normalize: bool) -> TowerInput:
        widths = self.towers[name].widths
        mean, scale = torch.zeros(sum(widths)), torch.ones(sum(widths))
        present = np.flatnonzero(self._present[name].numpy())
        if normalize and len(present):
            step = -(-len(present) // STATISTICS_ROWS)
            mean, spread = self._moments(name, torch.from_numpy(present[::step]))
            scale = 1 / spread.clamp_min(1e-4)
        return TowerInput(widths, mean.float(), scale.float())

    def _moments(self, name: str, items: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each state over some items, float64, a block at a time."""

        def mean_of(change: Callable[[Tensor], Tensor]) -> Tensor:
            blocks = items.split(STATISTICS_BLOCK)
            states = (self._tower(name, block).states.cpu().double() for block in blocks)
            return sum(change(block).sum(0) for block in states) / len(items)

        mean = mean_of(lambda states: states)
        return mean, mean_of(lambda states: (states - mean).square()).sqrt()
