"""Reading measures from length and frequency alone, of the size that the literature reports.

No data are fitted. For a word of L letters and Zipf frequency z (5: a hundred times in a million
words), in milliseconds:

skipping        exp(-L / 5) + .02 (z - 5)     most of two letters, a sixth of nine; length decides,
                                              frequency adds little (Brysbaert and Vitu 1998)
FFD             225 - 15 (z - 5)              first fixations of 225 ms, and 20 to 40 ms between
                                              rare and common words (Rayner 1998, 2009)
refixation      .05 (L - 3), frequent words less: .05 for each unit of z
GD              FFD + refixation * 200        about 30 ms for a unit of z and 10 ms a letter
                                              (Rayner, Sereno and Raney 1996)
GPT, TRT        1.2 times what the first pass takes, for looks back
nFix            (1 - skipping)(1 + refixation) 1.2
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from mirctl.words import Generator, Text
from mirctl_gaze.reading.frequency import core, version, zipf

MEASURES = ("nFix", "FFD", "GD", "GPT", "TRT", "fixProp")
VERSION = 2
RAREST = 1.5
"""Zipf frequency that a word has at least, so that an unknown one is a rare one."""
AGAIN = 1.2
"""What looks back add to the first pass."""


class Formula:
    """The generator `formula`, or `formula:LANGUAGE`: whose word frequencies."""

    measures = MEASURES

    def __init__(self, language: str | None) -> None:
        self.language = language or "en"
        self.key = f"formula {VERSION} {self.language} {version()}"

    def load(self, device: torch.device) -> Generator:
        """There are no weights."""
        frequency = zipf(self.language)

        def measure(texts: Sequence[Text]) -> list[np.ndarray]:
            return [_measures(text.words, frequency) for text in texts]

        return measure


def _measures(words: Sequence[str], frequency: Callable[[str], float]) -> np.ndarray:
    cores = [core(word) for word in words]
    letters = np.array([max(len(word), 1) for word in cores], float)
    known = [max(frequency(word), RAREST) if word else 7.0 for word in cores]
    common = np.array(known) - 5
    fixated = 1 - np.clip(np.exp(-letters / 5) + 0.02 * common, 0.02, 0.95)
    again = np.clip(0.05 * (letters - 3) - 0.05 * common, 0, 2)
    first = 225 - 15 * common
    whole = first + again * 200
    columns = (
        fixated * (1 + again) * AGAIN, first, whole, whole * AGAIN, fixated * whole * AGAIN, fixated
    )  # fmt: skip
    return np.stack(columns, axis=1).reshape(-1, len(MEASURES)).astype(np.float32)


def source(language: str | None) -> Formula:
    """For the hook `mirctl_word_features`."""
    return Formula(language)
