"""The running mean of a model's weights: what is validated and kept, where there is one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mirctl.collectives import local


class Average:
    """Follows the weights with a decay; with a decay of 0 there is no mean, and nothing is done."""

    def __init__(self, weights: Sequence[nn.Parameter], decay: float) -> None:
        self.weights, self.decay = weights, decay
        self.means = [w.detach().clone() for w in weights] if decay else []

    def follow(self, age: int) -> None:
        """After step `age`; while the mean is young it forgets its random start sooner."""
        decay = min(self.decay, (age + 1) / (age + 10))
        for mean, weight in zip(self.means, self.weights, strict=False):
            mean.lerp_(weight.detach(), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the model's weights are their running mean."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for weight, mean in zip(self.weights, self.means, strict=False):
            one, other = local(weight), local(mean)
            before = one.clone()
            one.copy_(other)
            other.copy_(before)

    def take_up(self, saved: Sequence[Tensor]) -> None:
        """The means of a checkpoint; a ValueError where they are of other weights."""
        if [mean.shape for mean in saved] != [mean.shape for mean in self.means]:
            raise ValueError("its running mean is of other weights")
        for mean, value in zip(self.means, saved, strict=True):
            mean.copy_(value)  # wherever the run's device is; a checkpoint is read on the CPU
