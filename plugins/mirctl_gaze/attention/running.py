"""`mirctl gaze correlate`: measures and texts in, a table of correlations out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl import console, device, hub
from mirctl.errors import DataError
from mirctl.tables import open_stream
from mirctl_gaze.attention import reading
from mirctl_gaze.attention.correlation import FEWEST, partial_spearman, spearman
from mirctl_gaze.attention.models import AttentionModel, Unreadable
from mirctl_gaze.attention.reading import Read, Reading, Texts
from mirctl_gaze.attention.summary import Found, summarize
from mirctl_gaze.reading.frequency import zipf


@dataclass(frozen=True)
class Asked:
    """What a command line or a recipe asks for."""

    gaze: str
    model: str
    text: str | None = None
    language: str = "en"
    heads: bool = False
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"


def correlate(asked: Asked, out: Path | str) -> Found:
    """Read each text once by the model; write a row for each measure and column of attention."""
    place = device.choose(asked.device)
    dtype = device.precision(asked.precision, place)
    frequency, gaze = zipf(asked.language), read(asked)
    source = hub.resolve(asked.model)
    model = AttentionModel.load(source, place, dtype, heads=asked.heads)
    console.say(f"attention of {asked.model}: {device.describe(place, dtype)}")
    left_out = gaze.left_out
    rho = []
    for trial, words in _attended(model, gaze.texts, left_out):
        held = np.array([(len(word), frequency(word)) for word in trial.text.words], float)
        rho.append(_correlations(trial.values, words, held))
    if not rho:
        raise DataError(
            f"has no trial that can be used: {_first(left_out)}", where=gaze.unusable.table
        )
    plain, partial = np.stack(rho, 1)
    rows = summarize(plain, partial, gaze.measures, model.columns, asked.seed)
    found = Found(asked.model, source.sha256, len(rho), left_out, gaze.unusable, rows)
    found.write(out, gaze.kind)
    return found


def read(asked: Asked) -> Reading:
    """The tables that are asked for."""
    texts = None if asked.text is None else Texts.read(open_stream(asked.text))
    return reading.read(open_stream(asked.gaze), texts)


def _first(left_out: dict[str, str]) -> str:
    trial, why = next(iter(left_out.items()))
    return f"trial {trial!r}: {why}"


def _attended(
    model: AttentionModel, texts: Sequence[Read], left_out: dict[str, str]
) -> Iterator[tuple[Read, np.ndarray]]:
    """Each trial with the attention (words, columns) that its words get."""
    with console.progress("attention", len(texts), "texts") as advance:
        for trial in texts:
            if len(trial.text) < FEWEST:
                left_out[trial.trial] = f"has fewer than {FEWEST} words"
            else:
                try:
                    yield trial, model.read(trial.text)
                except Unreadable as error:
                    left_out[trial.trial] = str(error)
            advance(1)


def _correlations(values: np.ndarray, words: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(2, measures, columns): plain, and with `held` (words, controls) fixed, over the words that
    have both. Measures of the same words are done at once."""
    read = ~np.isnan(words).any(1)
    found = np.full((2, values.shape[1], words.shape[1]), np.nan)
    patterns, which = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for pattern, known in enumerate(patterns.T):
        both, measures = read & known, which.reshape(-1) == pattern
        x, y = words[both], values[np.ix_(both, measures)]
        found[0, measures] = spearman(x, y)
        found[1, measures] = partial_spearman(x, y, held[both])
    return found
