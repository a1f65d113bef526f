"""A model's view of a catalogue: kept layers of each tower, gathered by item, on the device."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from mirctl.device import send

STATISTICS_ROWS = 50_000
STATISTICS_BLOCK = 4096
ITEM_BLOCK = 4096
"""Items of a catalogue whose cached states are read at once."""


class Gathered(Protocol):
    """What a tower knows of n items; present (n,) bool."""

    present: Tensor

    def without(self, lost: Tensor) -> Self: ...


@dataclass(frozen=True)
class TowerStates:
    """One tower's input: states (n, sum of kept widths) and present (n,) bool."""

    states: Tensor
    present: Tensor
    whole: bool = False
    """Known to have no absent item: then nothing need be put in its place."""

    def without(self, lost: Tensor) -> "TowerStates":
        """As if the items `lost` (n,) bool were absent."""
        return replace(self, present=self.present & ~lost, whole=False)


@dataclass(frozen=True)
class ItemBatch:
    """n items: their indexes (n,) and what each tower knows of them."""

    ids: Tensor
    towers: tuple[Gathered, ...]

    def hide(self, rate: float) -> "ItemBatch":
        """Modality dropout: a share of the items that several towers know is lost to one of them,
        each of those as likely (ModDrop, Neverova et al., 2015)."""
        if rate == 0 or len(self.towers) < 2:
            return self
        known = torch.stack([tower.present for tower in self.towers], dim=1)
        drawn = torch.rand(known.shape, device=known.device).masked_fill(~known, -1).argmax(1)
        several = known.sum(1) > 1
        lost = several & (torch.rand(len(known), device=known.device) < rate)
        towers = [t.without(lost & (drawn == n)) for n, t in enumerate(self.towers)]
        return replace(self, towers=tuple(towers))


class TowerInput(nn.Module):
    """Standardises a tower's states and puts a learned state where an item has none."""

    def __init__(self, widths: Sequence[int], mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.widths = list(widths)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.absent = nn.Parameter(torch.zeros(sum(widths)))

    def forward(self, tower: TowerStates) -> list[Tensor]:
        """One (n, width) tensor a kept layer."""
        states = tower.states.to(self.mean.dtype, copy=True).sub_(self.mean).mul_(self.scale)
        if not tower.whole:
            states = torch.where(tower.present[:, None], states, self.absent)
        return list(states.split(self.widths, dim=1))


class States(Protocol):
    """Cached hidden states of one tower (mirctl.encode.states gives them)."""

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
    def block(self) -> int:
        """Items to read at once."""
        return ITEM_BLOCK

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


class Source(Protocol):
    """What can stand for a tower: cached states, or what an encoder that learns reads."""

    content: str
    weights: str
    present: np.ndarray
    block: int
    """Items that it can read at once."""

    def gather(self, items: Tensor, device: torch.device) -> Gathered: ...

    def facts(self) -> dict[str, Any]: ...

    def module(self, *, normalize: bool) -> nn.Module: ...


class CatalogueInputs:
    """Gathers an ItemBatch for any item indexes, from any sources."""

    def __init__(self, towers: Mapping[str, Source], n_items: int, device: torch.device) -> None:
        self.towers, self.n_items, self.device = towers, n_items, device

    @property
    def block(self) -> int:
        """Items of a whole catalogue that are read at once."""
        return min((tower.block for tower in self.towers.values()), default=ITEM_BLOCK)

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
