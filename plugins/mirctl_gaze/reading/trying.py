"""Reads labelled texts, predicts how they would be read, and asks what that is good for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import open_stream
from mirctl.words import Predictor, Text
from mirctl_gaze.means import mean
from mirctl_gaze.reading import benefit
from mirctl_gaze.reading.augmenting import Wish
from mirctl_gaze.reading.benefit import Labelled, Metrics
from mirctl_gaze.reading.frequency import core
from mirctl_gaze.reading.predicting import TEXTS, Asked, check_texts


def run(table: Path | str, generator: Predictor, wish: Wish, label: str, seed: int) -> Metrics:
    """Compare classifiers of `label` with and without predicted reading."""
    asked = Asked.of(generator.measures, wish.measures, "")
    texts, labels = _read(table, wish.column, label)
    names = sorted(set(labels))
    if len(names) < 2:
        raise DataError(f"column {label!r} has one value alone: nothing to tell apart",
                        where=str(table))  # fmt: skip
    rarest, count = min(Counter(labels).items(), key=lambda item: item[1])
    if count < benefit.FOLDS:
        told = f"{counted(count, 'text')}: {benefit.FOLDS} at least are wanted of each label"
        raise DataError(f"{label} {rarest!r} has {told}", where=str(table))
    if not any(map(len, texts)):
        raise DataError(f"column {wish.column!r} has no word", where=str(table))
    gaze = [_whole(own[:, asked.at].astype(float)) for own in _found(texts, generator)]
    numbers = {name: n for n, name in enumerate(names)}
    console.say(f"{counted(len(texts), 'text')} of {counted(len(names), 'label')}")
    words = [[core(word).lower() or word for word in text.words] for text in texts]
    return benefit.compare(Labelled(words, np.array([numbers[n] for n in labels]), gaze), seed)


def _found(texts: Sequence[Text], generator: Predictor) -> list[np.ndarray]:
    """Of each text (words, measures); some at a time, so that a stopped run keeps what it has."""
    found: list[np.ndarray] = []
    try:
        with console.progress("texts", len(texts), "texts") as advance:
            for start in range(0, len(texts), TEXTS):
                some = texts[start : start + TEXTS]
                found += generator(some)
                advance(len(some))
    finally:
        generator.close()
    return found


def _whole(own: np.ndarray) -> np.ndarray:
    """(words, measures), where a word without a value has the mean of its text."""
    return np.nan_to_num(np.where(np.isnan(own), mean(own), own))


def _read(table: Path | str, column: str, label: str) -> tuple[list[Text], list[str]]:
    """Texts and their labels; rows without a label are left out, and told."""
    stream = open_stream(table)
    for name in (column, label):
        check_texts(stream, name)
    texts, labels, without = [], [], 0
    for block in stream.blocks(TEXTS):
        for text, name in zip(block.cells[column], block.cells[label], strict=True):
            if not name:
                without += 1
                continue
            texts.append(Text.of(text or ""))
            labels.append(name)
    if without:
        console.warn(f"{stream.name}: {counted(without, 'row')} without {label!r}: left out")
    return texts, labels
