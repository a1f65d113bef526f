"""What makes a word be looked at longer whatever a model thinks: its length and its frequency."""

from collections.abc import Sequence

import numpy as np

from mirctl_gaze.reading.frequency import zipf


class Controls:
    """Lengths and frequencies of a language's words."""

    def __init__(self, language: str) -> None:
        self.frequency = zipf(language)
        self.frequency("a")  # what a language's words need besides is told before the work

    def of(self, words: Sequence[str]) -> np.ndarray:
        """(words, 2): characters, and log10 of uses in a billion words, 0 where it is unknown."""
        return np.array([(len(word), self.frequency(word)) for word in words], float)
