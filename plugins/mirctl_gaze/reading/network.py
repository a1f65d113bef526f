"""What every network of reading shares: the scale of its measures, its loss, its predictions."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from mirctl.words import Text

BATCH_WORDS = 4096


class Architecture(Protocol):
    """A module from the inputs of texts to (members, words of all, measures), standardised."""

    padded: bool
    """Texts are padded to the longest of a batch: those of like length should share one."""
    faster: Mapping[str, float]
    """Parts that learn at so many times the rate."""

    def inputs(self, texts: Sequence[Text]) -> list[Any]:
        """What it reads of each text."""
        ...

    def standardise(self, inputs: Sequence[Any]) -> None:
        """Learn the scale of the inputs, if they have one."""
        ...

    def __call__(self, inputs: Sequence[Any]) -> Tensor: ...


class ReadingNetwork(nn.Module):
    """A network and the scale of what it predicts."""

    def __init__(self, network: nn.Module, measures: int) -> None:
        super().__init__()
        self.network = network
        for name in ("centre", "spread", "lowest", "highest"):
            self.register_buffer(name, torch.ones(measures))

    def scale(self, values: np.ndarray) -> None:
        """Learn the scale of the measures (words, measures), NaN where there is none."""
        centre = np.nanmedian(values, axis=0)
        spread = np.nanmean(np.abs(values - centre), axis=0)
        of = {"centre": centre, "spread": np.where(spread > 0, spread, 1.0)}
        of |= {"lowest": np.nanmin(values, axis=0), "highest": np.nanmax(values, axis=0)}
        for name, found in of.items():
            getattr(self, name).copy_(torch.from_numpy(found))

    def loss(self, inputs: Sequence[Any], values: Tensor) -> Tensor:
        """Mean absolute error in mean absolute deviations, where values (words, measures) are
        known; each member's own."""
        known = ~values.isnan()
        wanted = torch.where(known, (values - self.centre) / self.spread, 0.0)
        error = (self.network(inputs) - wanted).abs() * known
        return error.sum() / known.sum().clamp(min=1) / len(error)

    @torch.no_grad()
    def predict(self, inputs: Sequence[Any]) -> Tensor:
        """(words of all, measures) in their own units, never beyond what training saw."""
        found = self.network(inputs).mean(0) * self.spread + self.centre
        return found.clamp(self.lowest, self.highest)

    def measure(self, texts: Sequence[Text]) -> list[np.ndarray]:
        """Of each text (words, measures) float32."""
        found: list[np.ndarray] = [np.zeros((0, len(self.centre)), np.float32)] * len(texts)
        full = [n for n, text in enumerate(texts) if len(text)]
        start = 0
        while start < len(full):
            stop, words = start, 0
            while stop < len(full) and (stop == start or words < BATCH_WORDS):
                words += len(texts[full[stop]])
                stop += 1
            part = full[start:stop]
            made = self.predict(self.network.inputs([texts[n] for n in part])).cpu().numpy()
            ends = np.cumsum([len(texts[n]) for n in part])[:-1]
            for n, own in zip(part, np.split(made, ends), strict=True):
                found[n] = own
            start = stop
        return found
