"""Reads labelled texts, predicts how they would be read, and asks what that is good for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, suggest
from mirctl.tables import open_stream
from mirctl.words import Predictor, Text
from mirctl_gaze.reading import benefit
from mirctl_gaze.reading.augmenting import Wish
from mirctl_gaze.reading.benefit import Labelled, Metrics
from mirctl_gaze.reading.frequency import core
from mirctl_gaze.reading.predicting import TEXTS, Asked


def run(table: Path | str, generator: Predictor, wish: Wish, label: str, seed: int) -> Metrics:
    """Compare classifiers of `label` with and without predicted reading."""
    asked = Asked.of(generator.measures, wish.measures, "")
    texts, labels = _read(table, wish.column, label)
    names = sorted(set(labels))
    if len(names) < 2:
        raise DataError(f"column {label!r} has one value alone: nothing to tell apart",
                        where=str(table))  # fmt: skip
    try:
        found = generator(texts)
    finally:
        generator.close()
    numbers = {name: n for n, name in enumerate(names)}
    console.say(f"{counted(len(texts), 'text')} of {counted(len(names), 'label')}")
    words = [[core(word).lower() or word for word in text.words] for text in texts]
    gaze = [own[:, asked.at].astype(float) for own in found]
    return benefit.compare(Labelled(words, np.array([numbers[n] for n in labels]), gaze), seed)


def _read(table: Path | str, column: str, label: str) -> tuple[list[Text], list[str]]:
    """Texts and their labels; rows without a label are left out, and told."""
    stream = open_stream(table)
    for name in (column, label):
        if name not in stream.columns:
            hint = suggest(name, stream.columns, f"its columns: {', '.join(stream.columns)}")
            raise DataError(f"has no column {name!r}{hint}", where=stream.name)
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
