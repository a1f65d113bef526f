"""A small network from what words look like to how they are read.

h_i = gelu(W [gelu(U x_i); e_i])       x features, e embedding of a word that training saw often
c_i = gelu(sum_d K_d h_(i+d))          |d| <= 2: the neighbours
y_i = V gelu(T [h_i; c_i])             the measures, standardised

Members of an ensemble share the batches and differ in their first weights and their dropout; each
learns by itself, and their mean is the prediction.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl.words import Predictor, Text
from mirctl_gaze.reading.config import LexicalConfig
from mirctl_gaze.reading.features import COUNT, Features

EMBEDDED = 16
FARTHEST = 10.0
"""Spreads from the centre beyond which a feature counts no more."""
STILL = 1e-5
"""Spread up to which a feature varies by rounding alone."""
Input = tuple[np.ndarray, np.ndarray]
"""Features (words, features) and numbers in the vocabulary (words,) of a text."""


class Member(nn.Module):
    """One network: features (1, n, features), numbers (1, n), real (1, n, 1) -> (n, measures)."""

    def __init__(self, features: int, words: int, measures: int, config: LexicalConfig) -> None:
        super().__init__()
        width, drop = config.width, config.dropout
        self.read = nn.Linear(features, width)
        self.embed = nn.Embedding(words + 1, EMBEDDED)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.mix = nn.Linear(width + EMBEDDED, width)
        self.near = nn.Conv1d(width, width, config.kernel, padding=config.kernel // 2)
        self.join = nn.Linear(2 * width, width)
        self.out = nn.Linear(width, measures)
        self.drop = nn.Dropout(drop)

    def forward(self, features: Tensor, numbers: Tensor, real: Tensor) -> Tensor:
        seen = self.drop(F.gelu(self.read(features)))
        word = self.drop(F.gelu(self.mix(torch.cat([seen, self.embed(numbers)], -1)))) * real
        near = F.gelu(self.near(word.transpose(1, 2)).transpose(1, 2))
        joined = self.drop(F.gelu(self.join(torch.cat([word, self.drop(near)], -1))))
        return self.out(joined)[0]


class Lexical(nn.Module):
    """The ensemble: texts' inputs -> (members, words of all, measures), standardised."""

    padded = False
    faster: Mapping[str, float] = {}
    forgotten = 0.2
    """Share of known words that training takes for unknown ones, so that those are learned."""

    def __init__(
        self, config: LexicalConfig, language: str, vocabulary: Sequence[str], measures: int
    ) -> None:
        super().__init__()
        self.looked = Features(language, vocabulary)
        self.gap = config.kernel // 2
        self.surprisal: Predictor | None = None
        """Set by whoever wants predictions of a network that reads surprisal."""
        count = COUNT + (config.surprisal is not None)
        self.members = nn.ModuleList(
            Member(count, len(vocabulary), measures, config) for _ in range(config.members)
        )
        self.register_buffer("centre", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))

    def inputs(self, texts: Sequence[Text]) -> list[Input]:
        """What the network reads of each text."""
        looked = [self.looked(text.words) for text in texts]
        if self.surprisal is None:
            return looked
        try:
            bits = self.surprisal(texts)
        finally:
            self.surprisal.close()
        return [(np.hstack([features, more]), numbers)
                for (features, numbers), more in zip(looked, bits, strict=True)]  # fmt: skip

    def standardise(self, inputs: Sequence[Input]) -> None:
        """Learn centre and spread of the features; one that never varied says nothing later."""
        features = np.concatenate([features for features, _ in inputs])
        self.centre.copy_(torch.from_numpy(np.nanmean(features, 0)))
        spread = np.nanstd(features, 0)
        self.spread.copy_(torch.from_numpy(np.where(spread > STILL, spread, 1 / STILL)))

    def forward(self, inputs: Sequence[Input]) -> Tensor:
        """Texts stand one behind the other with as many empty places between as a convolution sees,
        so that none reads what belongs to another, and nothing is padded."""
        device = self.centre.device
        features, numbers, real = self._laid_out(inputs)
        scaled = (torch.from_numpy(features).to(device) - self.centre) / self.spread
        # A first word may have no surprisal; an address of 300 letters would drown its neighbours.
        scaled = scaled.nan_to_num(0.0).clamp(-FARTHEST, FARTHEST)
        known = torch.from_numpy(numbers).to(device)
        if self.training:
            known = known * (torch.rand(known.shape, device=device) > self.forgotten)
        there = torch.from_numpy(real).to(device)
        at = (scaled[None], known[None], there[None, :, None].float())
        return torch.stack([member(*at)[there] for member in self.members])

    def _laid_out(self, inputs: Sequence[Input]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, numbers, and which places hold a word, over all texts."""
        lengths = np.array([len(numbers) for _, numbers in inputs])
        starts = np.cumsum(lengths + self.gap) - lengths - self.gap
        size = int(lengths.sum()) + self.gap * len(inputs)
        real = np.zeros(size, bool)
        features = np.zeros((size, len(self.centre)), np.float32)
        numbers = np.zeros(size, np.int64)
        for start, length, (own, words) in zip(starts, lengths, inputs, strict=True):
            part = slice(start, start + length)
            features[part], numbers[part], real[part] = own, words, True
        return features, numbers, real
