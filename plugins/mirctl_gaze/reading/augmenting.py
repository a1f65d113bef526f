"""A data set of texts, as it was, with predicted reading measures for whoever trains on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.errors import Interrupted, UsageError
from mirctl.tables import Stream, open_stream
from mirctl.words import Predictor, Text
from mirctl_gaze.means import mean
from mirctl_gaze.output import plain
from mirctl_gaze.reading.predicting import DIGITS, TEXTS, Asked, Predicted, check_texts, numbers

PLACES = ("word_start", "word_end")
"""Columns of the characters that each word covers."""


@dataclass(frozen=True)
class Wish:
    """Which columns are added."""

    measures: Sequence[str] | None = None
    column: str = "text"
    """Where the texts are."""
    prefix: str = ""
    mean: bool = False
    """One number a text, not one for each of its words."""


def augment(table: Path | str, generator: Predictor, out: Path | str, wish: Wish) -> Predicted:
    """Write the table with a list a measure, a number a word; or with their means."""
    asked = Asked.of(generator.measures, wish.measures, wish.prefix)
    stream = open_stream(table)
    places = [] if wish.mean else [f"{wish.prefix}{name}" for name in PLACES]
    _check(stream, wish.column, [*places, *asked.columns])
    told = Predicted(asked.measures)
    kinds = dict.fromkeys([*places, *asked.columns], "double" if wish.mean else "numbers")
    try:
        with (
            console.progress("texts", 0, "rows") as advance,
            stream.writer(out, after=list(kinds), types=kinds) as writer,
        ):
            for block in stream.blocks(TEXTS):
                texts = [Text.of(cell or "") for cell in block.cells[wish.column]]
                found = [own[:, asked.at] for own in generator(texts)]
                told.add(found)
                cells = _means(found, asked) if wish.mean else _lists(texts, found, asked, places)
                writer.write(block, added=cells)
                advance(len(block))
    except KeyboardInterrupt as error:
        told_so = "stopped; what was predicted stays in the cache"
        raise Interrupted(told_so, where=str(out)) from error
    finally:
        generator.close()
        told.calls = generator.predicted
    return told


def _check(stream: Stream, column: str, new: Sequence[str]) -> None:
    """Raise where the texts are not there, or a new column is."""
    check_texts(stream, column)
    if there := [name for name in new if name in stream.columns]:
        todo = "--prefix puts something before the new names"
        raise UsageError(f"has a column {there[0]!r} already: {todo}", where=stream.name)


def _lists(
    texts: Sequence[Text], found: Sequence[np.ndarray], asked: Asked, places: Sequence[str]
) -> dict[str, Sequence[str | None]]:
    """Each cell a list in JSON."""
    cells: dict[str, Sequence[str | None]] = {}
    for n, name in enumerate(places):
        cells[name] = [_listed(text.spans[:, n], 0) for text in texts]
    for n, name in enumerate(asked.columns):
        cells[name] = [_listed(own[:, n], DIGITS) for own in found]
    return cells


def _listed(values: np.ndarray, digits: int) -> str:
    return f"[{', '.join(plain(v, digits) if v == v else 'null' for v in values.tolist())}]"


def _means(found: Sequence[np.ndarray], asked: Asked) -> dict[str, Sequence[str | None]]:
    """Each cell a number, over the words that have one; nothing for a text without any."""
    return numbers(np.stack([mean(own.astype(float)) for own in found]), asked)
