"""What the measures mean, in plain words: what is good, what is not, what to do."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from mirctl_impute.criteria.judging import Judgement
from mirctl_impute.criteria.part import Metrics
from mirctl_impute.evaluating import Filled
from mirctl_impute.table import Table

Level = Literal["good", "fair", "poor"]
Said = tuple[Level, str]

EXPLAINED = {
    "nrmse": "error of filled numbers in standard deviations; filling in the mean gives about 1",
    "accuracy": "share of the filled categories that are right",
    "wd": "how far filled numbers are spread from the true ones, in standard deviations",
    "js": "how far filled categories are spread from the true ones, 0 to 1",
    "coverage": "share of numbers inside the 90 % interval of their draws; .90 is right",
    "ml.boosting": "boosted trees trained on the table, tested on real rows; higher is better",
    "ml.linear": "a linear model trained on the table, tested on real rows; higher is better",
    "ml_efficiency": "ml.boosting of the table over that of real rows; 1 is as good as real",
    "column_wd": "distance of each number column from the real one, in standard deviations; "
    "lower is better",
    "column_js": "distance of each category column from the real one, 0 to 1; lower is better",
    "association": "how far the strength of ties between columns is off; lower is better",
    "correlation": "how far correlations between numbers are off; lower is better",
    "detection": "how well boosted trees tell the table from real rows; .5 is not at all",
    "sdmetrics.shapes": "sdmetrics' likeness of single columns; 1 is best",
    "sdmetrics.trends": "sdmetrics' likeness of pairs of columns; 1 is best",
    "dcr5": "distance of the nearest 5 % of rows to real ones, over that of unseen real rows; "
    "under .85 is near",
    "nndr": "distance to the nearest real row over that to the second nearest; near 0, single "
    "rows were copied",
    "mia": "how well an attacker tells rows that were learned from, by distance; .5 is not at all",
    "mia_density": "the same by density; .5 is not at all",
    "copies": "share of rows that are rows of the real table",
}


def verdict(
    table: Table, metrics: Metrics, judgement: Judgement, filled: Filled | None = None
) -> list[Said]:
    """A sentence or two for each criterion that was measured, what is poor first."""
    said = [*_filled(metrics, filled), *_use(metrics), *_likeness(table, metrics, judgement)]
    said += _privacy(metrics, judgement)
    return sorted(said, key=lambda one: ("poor", "fair", "good").index(one[0]))


def _graded(value: float, good: float, fair: float) -> Level:
    """Of a value that is the better the lower."""
    return "good" if value <= good else "fair" if value <= fair else "poor"


def _filled(metrics: Metrics, cells: Filled | None) -> Iterator[Said]:
    if "nrmse" in metrics:
        value = metrics["nrmse"]["value"]
        yield (
            _graded(value, 0.9, 2**0.5),
            f"Filled numbers are {value:.2f} standard deviations off; filling in the mean gives "
            "about 1, any value of the column 1.41. Draws are further off than --point, and spread "
            "as they should be.",
        )
    if "accuracy" in metrics and cells is not None:
        value, (mode, chance) = metrics["accuracy"]["value"], _blind(cells)
        level: Level = "good" if value >= mode else "fair" if value >= chance else "poor"
        yield (
            level,
            f"{value:.0%} of the filled categories are right; always the most frequent one would "
            f"give {mode:.0%}, any value of the column {chance:.0%}.",
        )
    if "coverage" in metrics:
        value = metrics["coverage"]["value"]
        level = "good" if 0.85 <= value <= 0.95 else "fair" if value >= 0.75 else "poor"
        yield level, f"90 % intervals of the draws hold {value:.0%} of the true numbers."


def _blind(cells: Filled) -> tuple[float, float]:
    """Accuracy of filling in the most frequent category, and any by its share."""
    shares = [
        np.bincount(cells.truth[cells.mask[:, i], i].astype(int))
        for i, categories in enumerate(cells.table.categories)
        if categories and cells.mask[:, i].any()
    ]
    total = sum(counts.sum() for counts in shares)
    mode = sum(counts.max() for counts in shares) / total
    return float(mode), float(sum((counts**2).sum() / counts.sum() for counts in shares) / total)


def _use(metrics: Metrics) -> Iterator[Said]:
    value = metrics.get("ml_efficiency", {}).get("value")
    if value is None:
        return
    text = f"A model trained on this table reaches {value:.0%} of what real rows give"
    level = _graded(1 - value, 0.03, 0.1)
    advice = {
        "good": ": it can stand in for them.",
        "fair": ": it can stand in for them where that loss is bearable.",
        "poor": ": the target hangs on other columns in a way that the table lost. Learn longer or "
        "from more rows, or look at the pairs of columns below.",
    }
    yield level, text + advice[level]


def _likeness(table: Table, metrics: Metrics, judgement: Judgement) -> Iterator[Said]:
    if judgement.similar is None:
        return
    off = [
        (gap, table.columns[i].name)
        for i, gap, beside in judgement.similar.gaps
        if gap > max(2 * beside, 0.05)
    ]
    if off:
        worst = ", ".join(name for _, name in sorted(off, reverse=True)[:3])
        level: Level = "poor" if max(off)[0] > 0.3 else "fair"
        yield (
            level,
            f"{len(off)} of {len(judgement.similar.gaps)} columns are further from the real ones "
            f"than chance explains, the furthest first: {worst}.",
        )
    else:
        yield "good", "Every column by itself is spread as in the real table."
    if "association" in metrics:
        m = metrics["association"]
        level = _graded(m["value"], 1.5 * m["real"] + 0.005, 3 * m["real"] + 0.02)
        yield (
            level,
            f"Ties between columns are off by {m['value']:.3f} on average; chance alone gives "
            f"{m['real']:.3f}.",
        )
    value = metrics["detection"]["value"]
    if value < 0.4:
        yield (
            "poor",
            f"A detector is misled (AUC {value:.2f}, under .5): the table shares rows with the "
            "real one.",
        )
        return
    level = _graded(value, 0.62, 0.8)
    advice = {
        "good": "can hardly tell the table from real rows",
        "fair": "tells some rows from real ones",
        "poor": "tells the table from real rows: rounding and rare values are seen first, so "
        "compare them column by column",
    }
    yield level, f"A detector {advice[level]} (AUC {value:.2f}; .5 is not at all)."


def _privacy(metrics: Metrics, judgement: Judgement) -> Iterator[Said]:
    for warning in judgement.warnings:
        yield "poor", warning[0].upper() + warning[1:] + "."
    private = judgement.private
    if private is not None and not private.warnings:
        yield (
            "good",
            f"No attack told which rows were learned from (mia {metrics['mia']['value']:.3f}; .5 "
            "is chance), and rows lie no nearer to real ones than unseen rows do. That is no proof "
            "of privacy: other attacks exist.",
        )
