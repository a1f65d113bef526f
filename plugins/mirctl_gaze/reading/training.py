"""The task that the core's training loop runs: texts in, the error of their measures out."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import batching
from mirctl.training import step_seed
from mirctl_gaze.reading.config import ReadingTrain
from mirctl_gaze.reading.data import Reading
from mirctl_gaze.reading.network import ReadingNetwork

Batch = tuple[list[Any], Tensor]


class ReadingTask:
    """Every text once an epoch, in an order of the epoch's own."""

    def __init__(
        self, model: ReadingNetwork, reading: Reading, inputs: list[Any], config: ReadingTrain,
        seed: int, device: torch.device,
    ) -> None:  # fmt: skip
        self.model, self.reading, self.inputs = model, reading, inputs
        self.batch_size, self.seed, self.device = config.batch_size, seed, device
        faster = model.network.faster
        self.rates = {f"network.{part}": times * config.lr for part, times in faster.items()}

    def steps(self, epoch: int) -> int:
        return -(-len(self.inputs) // self.batch_size)

    def batch(self, epoch: int, step: int) -> Batch:
        """The inputs of some texts, and the measures of all their words (words, measures)."""
        chosen = self._order(epoch)[step * self.batch_size : (step + 1) * self.batch_size]
        values = np.concatenate([self.reading.values[n] for n in chosen])
        return [self.inputs[n] for n in chosen], torch.from_numpy(values).to(self.device)

    def _order(self, epoch: int) -> np.ndarray:
        """Texts at random; where batches are padded, in random batches of like length."""
        random = np.random.default_rng(step_seed(self.seed, epoch))
        if not self.model.network.padded:
            return random.permutation(len(self.inputs))
        lengths = np.array([len(text) for text in self.reading.texts])
        return batching.order(lengths, self.batch_size, random)

    def loss(self, batch: Batch) -> Tensor:
        return self.model.loss(*batch)

    def validate(self) -> dict[str, float]:
        """Nothing is chosen: see `ReadingTrain`."""
        return {}
