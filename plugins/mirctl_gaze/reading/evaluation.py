"""How far predicted measures are from those that were read, beside what needs no model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mirctl.metrics import resampling
from mirctl_gaze.reading import formula
from mirctl_gaze.reading.data import Reading

Metrics = dict[str, dict[str, Any]]
OTHERS = ("formula", "median")


def measured() -> list[str]:
    """Names that --require may ask for, of any measure."""
    return ["mae", "mae.*", "rho.*", *(f"{other}/mae" for other in OTHERS)]


def evaluate(
    predicted: Sequence[np.ndarray], valid: Reading, train: Reading, language: str
) -> Metrics:
    """Mean absolute errors over words, with intervals over texts; `mae` is their mean over the
    measures. `formula` is put on the scale of the training data by least squares, `median` is
    theirs."""
    from scipy.stats import spearmanr

    every, real = np.concatenate(predicted), np.concatenate(valid.values)
    found = _mae("mae", predicted, valid, whole=True)
    for n, name in enumerate(valid.measures):
        known = ~np.isnan(real[:, n])
        rho = float(spearmanr(every[known, n], real[known, n]).statistic) if known.any() else None
        found[f"rho.{name}"] = {"value": rho if rho == rho else None, "n": int(known.sum()),
                                "unit": "Spearman over words"}  # fmt: skip
    middle = np.nanmedian(np.concatenate(train.values), axis=0)
    rivals = {"formula": _formula(valid, train, language)}
    rivals["median"] = [np.tile(middle, (len(text), 1)) for text in valid.texts]
    for name, made in rivals.items():
        found |= _mae(f"{name}/mae", made, valid, whole=False)
    return found


def _mae(key: str, predicted: Sequence[np.ndarray], valid: Reading, *, whole: bool) -> Metrics:
    """The mean over measures under `key`; with `whole` each measure's under `key.MEASURE`."""
    pairs = zip(predicted, valid.values, strict=True)
    errors = [np.abs(made - real) for made, real in pairs]
    sums = np.stack([np.nansum(error, axis=0) for error in errors])
    counts = np.stack([(~np.isnan(error)).sum(0) for error in errors])
    with np.errstate(invalid="ignore", divide="ignore"):
        point = sums.sum(0) / counts.sum(0)
        errors_drawn, counts_drawn = np.split(resampling.sums(np.hstack([sums, counts]), 0), 2, 1)
        drawn = errors_drawn / counts_drawn
    named = {f"{key}.{name}": n for n, name in enumerate(valid.measures)} if whole else {}
    found = {key: _entry(point.mean(), drawn.mean(1), counts.sum())}
    return found | {k: _entry(point[n], drawn[:, n], counts[:, n].sum()) for k, n in named.items()}


def _entry(value: float, drawn: np.ndarray, count: int) -> dict[str, Any]:
    if value != value:
        return {"value": None, "n": int(count), "unit": "as the measure"}
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return {"value": float(value), "low": float(low), "high": float(high), "n": int(count),
            "unit": "as the measure"}  # fmt: skip


def _formula(valid: Reading, train: Reading, language: str) -> list[np.ndarray]:
    """Of each text (words, measures); a measure that the formula does not know has TRT's."""
    import torch

    measure = formula.source(language).load(torch.device("cpu"))
    at = [formula.MEASURES.index(m if m in formula.MEASURES else "TRT") for m in valid.measures]
    known, wanted = (np.concatenate(part) for part in (measure(train.texts), train.values))
    lines = []
    for column, real in zip(known[:, at].T, wanted.T, strict=True):
        there = ~np.isnan(real)
        slope = np.polyfit(column[there], real[there], 1) if np.ptp(column[there]) else (0.0, 0.0)
        lines.append(slope)
    slopes, bases = np.array(lines).T
    return [own[:, at] * slopes + bases for own in measure(valid.texts)]
