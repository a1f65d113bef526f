"""What a word looks like to a reader: its length, frequency, form, and place in the text."""

import math
import re
from collections.abc import Sequence

import numpy as np

from mirctl_gaze.reading.frequency import core, zipf

UNKNOWN = 0
"""Number of a word that is not in the vocabulary."""
VOWELS = re.compile("[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüÿ]+")
PARTS = re.compile(r"[-/–—]+")
COUNT = 24
"""Features of a word."""


class Features:
    """Texts -> features; what a word alone decides is looked up once a word."""

    def __init__(self, language: str, vocabulary: Sequence[str]) -> None:
        self.frequency = zipf(language)
        self.numbers = {word: n for n, word in enumerate(vocabulary, start=1)}
        self._known: dict[str, tuple[tuple[float, ...], int]] = {}

    def __call__(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(words, COUNT) float32, and the word's numbers in the vocabulary (words,)."""
        looked = [self._known.get(word) or self._look(word) for word in words]
        own = np.array([form for form, _ in looked], np.float32).reshape(len(words), -1)
        numbers = np.array([number for _, number in looked], np.int64)
        return np.concatenate([own, _places(len(words))], axis=1), numbers

    def _look(self, word: str) -> tuple[tuple[float, ...], int]:
        inside = core(word)
        lower = inside.lower()
        parts = [part for part in PARTS.split(lower) if part]
        each = [self.frequency(part) for part in parts]
        common = self.frequency(lower) if lower else 8.0
        before, after = _around(word, inside)
        form = (
            len(word), len(inside), math.sqrt(len(inside)), common, min(each, default=common),
            common == 0, len(VOWELS.findall(lower)), inside[:1].isupper(),
            inside.isupper() and len(inside) > 1, any(map(str.isdigit, inside)), bool(before),
            any(c in ".!?…。！？" for c in after), any(c in ",;:、，；：" for c in after),
            any(c in ")]\"'”’»" for c in after), not inside, "-" in inside, len(parts),
            "'" in inside or "’" in inside,
        )  # fmt: skip
        found = tuple(map(float, form)), self.numbers.get(lower, UNKNOWN)
        self._known[word] = found
        return found


def _around(word: str, inside: str) -> tuple[str, str]:
    """The punctuation before and behind."""
    if not inside:
        return "", word
    at = word.index(inside)
    return word[:at], word[at + len(inside) :]


def _places(count: int) -> np.ndarray:
    """(words, 6): how far from either end, how long the text is."""
    place = np.arange(count)
    left = count - 1 - place
    columns = (
        np.minimum(place, 20) / 20, np.minimum(left, 20) / 20, place / max(count - 1, 1),
        np.full(count, math.log(max(count, 1))), place == 0, left == 0,
    )  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float32)
