"""How the words of dialogues are read, on the tokens of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mirctl import console, distributed
from mirctl.console import counted
from mirctl.errors import UsageError, suggest
from mirctl.words import Predictor
from mirctl_align.config import MEASURED, GazeConfig

if TYPE_CHECKING:
    from mirctl.words.text import Text
    from mirctl_align.dialogue import Pair
    from mirctl_align.tokens import Encoded

TEXTS = 512
"""Messages that a generator is given at once."""


@dataclass(frozen=True)
class TokenGaze:
    """Measures of a dialogue's words, on its tokens."""

    values: np.ndarray
    """(tokens, measures) float32; NaN where nothing is known."""
    first: np.ndarray
    """(tokens,) bool: the first token of a word of which something is known."""

    @property
    def seen(self) -> np.ndarray:
        """(tokens,) bool: tokens of which something is known."""
        return ~np.isnan(self.values).all(1)


class Measures:
    """Gives dialogues the measures that a recipe wants of their words."""

    def __init__(
        self, config: GazeConfig, device: torch.device, measured: Sequence[str] = ()
    ) -> None:
        """`measured` are the measures that the pairs bring along, for generator `data`."""
        self.config, self.generator = config, None
        if config.generator == MEASURED:
            given = tuple(measured)
            if not given:
                told = "these have no columns chosen_gaze and rejected_gaze"
                raise UsageError(f"gaze.generator data means measures beside the pairs: {told}")
        else:
            self.generator = Predictor(config.generator, device)
            given = self.generator.measures
        self.names = config.measures or given
        for name in self.names:
            if name not in given:
                hint = suggest(name, given, f"there are: {', '.join(given)}")
                raise UsageError(
                    f"gaze.measures: generator {config.generator!r} gives no {name!r}{hint}"
                )
        self.at = [given.index(name) for name in self.names]

    def of_texts(self, encoded: Sequence[Encoded]) -> list[np.ndarray]:
        """Predicted: of each dialogue (words, measures)."""
        distinct = {text.digest: text for own in encoded for text in own.texts}
        for number, count in distributed.shares():  # by and by, each process finds the others'
            with console.aside():
                self._predict(list(distinct.values())[number::count])
            distributed.wait()
        values = self._predict(list(distinct.values()))
        found = dict(zip(distinct, values, strict=True))
        none = np.zeros((0, len(self.names)), np.float32)
        return [np.concatenate([none, *(found[text.digest] for text in own.texts)])
                for own in encoded]  # fmt: skip

    def _predict(self, texts: Sequence[Text]) -> list[np.ndarray]:
        """Of each text (words, measures); what is new is kept."""
        found: list[np.ndarray] = []
        try:
            with console.progress("predicting reading", len(texts), "texts") as advance:
                for start in range(0, len(texts), TEXTS):
                    some = self.generator(texts[start : start + TEXTS])
                    found += [values[:, self.at] for values in some]
                    advance(len(some))
        finally:
            self.generator.close()
        return found

    def of_pairs(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """Measured: of the answers of all pairs (words, measures), the chosen ones first; nothing
        where a pair has none."""
        none = np.zeros((0, len(self.at)), np.float32)
        return [pair.gaze[side][:, self.at] if pair.gaze else none
                for side in (0, 1) for pair in pairs]  # fmt: skip

    def tell(self) -> None:
        """Say what was predicted."""
        if self.generator:
            (new,) = distributed.summed(self.generator.predicted)
            console.say(
                f"reading by {self.config.generator}: {', '.join(self.names)}; "
                f"{counted(int(new), 'text')} predicted now"
            )


def on_tokens(own: Encoded, given: np.ndarray) -> TokenGaze:
    """Measures (words, measures) of the last words of a dialogue, on the tokens that share
    characters with them; a token of several words has the mean of what is known."""
    words = np.full((own.alignment.words, given.shape[1]), np.nan, np.float32)
    words[len(words) - len(given) :] = given
    known = ~np.isnan(words)
    sums = own.alignment.to_tokens(np.where(known, words, 0.0), "sum")
    counts = own.alignment.to_tokens(known.astype(float), "sum")
    values = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    first = np.zeros(own.alignment.tokens, bool)
    word, token = own.alignment.word, own.alignment.token
    begins = np.ones(len(word), bool)
    begins[1:] = word[1:] != word[:-1]
    first[token[begins & known.any(1)[word]]] = True
    return TokenGaze(values.astype(np.float32), first)


def shuffled(words: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """The control: every dialogue gets the measures of another, again from the start where that has
    fewer words. What is left is what any numbers of this kind would give."""
    order = np.random.default_rng((seed, 0x6A2E)).permutation(len(words))
    donors = np.roll(order, 1)
    found: list[np.ndarray] = [np.zeros(0)] * len(words)
    for taker, giver in zip(order.tolist(), donors.tolist(), strict=True):
        own, other = words[taker], words[giver]
        rows = np.arange(len(own)) % max(len(other), 1)
        found[taker] = other[rows] if len(other) else np.full_like(own, np.nan)
    return found
