"""The task that the core's training loop runs: hide random cells of random rows, predict them.

Dynamic masking: a row keeps each observed cell with a probability of its own, anywhere in [0, 1]
and rather high (density 2s), as most tables miss fewer cells than they have; a share of the rows
keeps none, which is generation. Before either, a share is paired with other rows of the table, and
hides just the cells that the other one misses, if it misses any: so the table's own patterns of
holes are trained on (CACTI, 2025). A truly missing cell is neither known nor asked for; in a last
share of the rows random other cells are not either, since a table to be filled may lack columns,
and hold unseen categories.
"""

import math

import numpy as np
import torch
from torch import Tensor

from mirctl.device import send
from mirctl.errors import RunError
from mirctl.training import step_seed
from mirctl_impute import diffusion
from mirctl_impute.cells import Cells
from mirctl_impute.config import ImputeTrain
from mirctl_impute.denoiser import Denoiser
from mirctl_impute.held import HeldOut
from mirctl_impute.table import Table

MOST_ROWS = 100_000
EARLIEST = 1e-3
"""Times below it ask for nothing: the cell is there to be read."""

Batch = tuple[Cells, Cells, Tensor, Tensor, Tensor, Tensor]


class MaskTask:
    """Rows in, mean loss of their hidden cells out; validates on cells that are never shown."""

    shares = True

    def __init__(
        self, model: Denoiser, table: Table, values: np.ndarray, held: HeldOut,
        config: ImputeTrain, seed: int, device: torch.device,
    ) -> None:  # fmt: skip
        self.model, self.table, self.values, self.held = model, table, values, held
        self.config, self.seed, self.device = config, seed, device

    def steps(self, epoch: int) -> int:
        rows = min(max(len(self.values), self.config.epoch_rows), MOST_ROWS)
        return max(rows // self.config.batch_size, 1)

    def batch(self, epoch: int, step: int) -> Batch:
        """Cells as they are read and as they are learned, standardised numbers, known and hidden
        cells (rows, columns), times (rows,)."""
        rng = np.random.default_rng(step_seed(self.seed, epoch * self.steps(epoch) + step))
        rows = np.sort(rng.integers(0, len(self.values), self.config.batch_size))
        values = self.held.without(rows, self.values[rows])
        there = ~np.isnan(values) & self._taking_part(rng, len(rows))
        kept = there & self._kept(rng, len(rows))
        parts = (
            self.table.standard(values),
            torch.from_numpy(kept),
            torch.from_numpy(there & ~kept),
            torch.from_numpy(self._times(rng, len(rows))),
        )
        read, learned = self.table.encode(values), self.table.encode(values, rng)
        cells = (read.to(self.device), learned.to(self.device))
        return *cells, *(send(part, self.device) for part in parts)

    def _kept(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """Which cells (rows, columns) the encoder may read, were they all observed."""
        if self.config.hidden is not None:
            return rng.random((rows, self.values.shape[1])) >= self.config.hidden
        share = np.sqrt(rng.random((rows, 1)))
        share[rng.random(rows) < self.config.all_hidden] = 0
        kept = rng.random((rows, self.values.shape[1])) < share
        others = ~np.isnan(self.values[rng.integers(0, len(self.values), rows)])
        copies = (rng.random(rows) < self.config.copied) & ~others.all(1)
        kept[copies] = others[copies]
        return kept

    def _taking_part(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """Which cells (rows, columns) are in play: of most rows all, of some a random part."""
        share = np.where(rng.random((rows, 1)) < self.config.apart, rng.random((rows, 1)), 1.0)
        return rng.random((rows, self.values.shape[1])) < share

    def _times(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """One time a row, spread evenly over the batch."""
        times = (rng.permutation(rows) + rng.random(rows)) / rows
        times[rng.random(rows) < self.config.at_end] = 1
        return times.clip(EARLIEST, 1).astype(np.float32)

    def loss(self, batch: Batch) -> Tensor:
        return diffusion.loss(self.model, *batch).total

    def validate(self) -> dict[str, float]:
        """Point estimates of the held-out cells; a score is better the higher it is."""
        found = self.held.measure(self.model, self.table, self.device).means()
        if not math.isfinite(found["score"]):
            told = "what the model says of held-out cells is no finite number"
            raise RunError(f"{told}: try a lower train.lr")
        return found
