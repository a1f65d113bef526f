"""Measures of the words of texts, through a cache: no text goes twice through a generator.

Kept by text, and of each word, so that any tokenizer can use them.
"""

from collections.abc import Sequence

import numpy as np
import torch

from mirctl.cache.kept import Kept
from mirctl.errors import RunError
from mirctl.words.sources import Generator, choose
from mirctl.words.text import Text


class Predictor:
    """Texts -> the measures of their words; the generator is loaded for the first unknown text."""

    def __init__(self, name: str, device: torch.device) -> None:
        self.chosen = choose(name)
        self.device = device
        self.kept = Kept("words", self.chosen.key, f"predictions of {name}")
        self.predicted = 0
        """Texts that went through the generator."""
        self._generator: Generator | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """What there is of each word, in this order."""
        return self.chosen.source.measures

    def __call__(self, texts: Sequence[Text]) -> list[np.ndarray]:
        """Of each text (words, measures) float32."""
        keys = [text.digest for text in texts]
        known = self.kept.find(keys)
        lacking = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if lacking:
            known |= self._predict(lacking)
        shape = (-1, len(self.measures))
        return [np.frombuffer(known[key], "<f4").reshape(shape) for key in keys]

    def _predict(self, lacking: dict[bytes, Text]) -> dict[bytes, bytes]:
        if self._generator is None:
            self._generator = self.chosen.source.load(self.device)
        texts = list(lacking.values())
        found = self._generator(texts)
        shapes = [(len(text), len(self.measures)) for text in texts]
        if [own.shape for own in found] != shapes:
            raise RunError(
                f"generator {self.chosen.name!r} does not give {len(self.measures)} measures of "
                "each word of each text: this is a bug in the plugin that has it"
            )
        self.predicted += len(lacking)
        new = {key: np.ascontiguousarray(values, "<f4").tobytes()
               for key, values in zip(lacking, found, strict=True)}  # fmt: skip
        self.kept.add(new)
        return new

    def close(self) -> None:
        """Write down what is new; call it also where the work was interrupted."""
        self.kept.commit()
        self.kept.compact()
