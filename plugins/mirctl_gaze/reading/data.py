"""Recorded reading as what a network learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl.errors import DataError
from mirctl.tables import open_stream
from mirctl.words import Text
from mirctl_gaze import measured


@dataclass(frozen=True)
class Reading:
    """Texts and how they were read."""

    measures: tuple[str, ...]
    texts: list[Text]
    values: list[np.ndarray]
    """Of each text (words, measures) float32; NaN where there is no value."""

    @property
    def words(self) -> int:
        return sum(map(len, self.texts))


def read(path: Path | str, measures: Sequence[str] | None) -> Reading:
    """A table of words with these measures, or all reading measures that it has; texts without a
    word are left out."""
    found = measured.read(open_stream(path), measures)
    found.unusable.tell()
    texts = [of for of in found.texts if of.words]
    if not any(np.isfinite(of.values).any() for of in texts):
        raise DataError("has no word with a measure", where=str(path))
    return Reading(
        found.measures,
        [Text.joined(of.words) for of in texts],
        [of.values.astype(np.float32) for of in texts],
    )
