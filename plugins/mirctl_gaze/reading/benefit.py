"""Does gaze help to tell texts apart? A classifier with and without it, and with shuffled gaze.

The classifier is a logistic regression on tf-idf of the words. With gaze it also sees the tf-idf in
which each use of a word counts as much as it is looked at (its measure over the mean of its text),
and the mean, spread and largest value of each measure in the text. `shuffled` sees the same of
measures that were dealt out anew among all words of the data: what then helps is not the gaze.
Each text is tested once, in the fold that holds it out; words, their weights and the strength of
the penalty come from the rest alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mirctl import console
from mirctl.errors import MissingError
from mirctl.metrics import resampling

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SHARES = (0.1, 0.3, 1.0)
CONDITIONS = ("text", "gaze", "shuffled")
FOLDS, INNER = 5, 3
PENALTIES = (0.1, 1.0, 10.0)
Metrics = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Labelled:
    """Texts with a label, the words of each, and how they would be read."""

    words: list[list[str]]
    labels: np.ndarray
    """(texts,) numbers of classes."""
    gaze: list[np.ndarray]
    """Of each text (words, measures)."""

    def __len__(self) -> int:
        return len(self.words)

    def shuffled(self, rng: np.random.Generator) -> Labelled:
        """The same texts; the measures of all words are dealt out anew."""
        ends = np.cumsum([len(own) for own in self.gaze])[:-1]
        every = np.concatenate(self.gaze)
        return Labelled(self.words, self.labels, np.split(rng.permutation(every), ends))


def require() -> None:
    """Raise a MissingError without scikit-learn."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        told = "gaze augment --task needs scikit-learn: pip install 'mirctl[gaze]'"
        raise MissingError(told) from error


def compare(data: Labelled, seed: int) -> Metrics:
    """`CONDITION.accuracy@SHARE`, in per cent of the training texts, and the paired differences
    `CONDITION-text.accuracy@SHARE`; intervals over texts. Each label has FOLDS texts or more."""
    from sklearn.model_selection import StratifiedKFold

    rng = np.random.default_rng(seed)
    sets = {"text": data, "gaze": data, "shuffled": data.shuffled(rng)}
    right = {(name, share): np.zeros(len(data)) for name in CONDITIONS for share in SHARES}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    steps = FOLDS * len(right)
    with console.progress("classifiers", steps, "fits") as advance:
        for train, test in folds.split(np.zeros(len(data)), data.labels):
            train = rng.permutation(train)
            for name, share in right:
                some = _some(train, data.labels, share)
                right[name, share][test] = _tested(sets[name], some, test, name != "text", seed)
                advance(1)
    return _metrics(right)


def _some(train: np.ndarray, labels: np.ndarray, share: float) -> np.ndarray:
    """The first texts of each label, a share of them: a smaller share is a part of a larger one."""
    each = [train[labels[train] == label] for label in np.unique(labels)]
    return np.concatenate([of[: max(round(share * len(of)), INNER)] for of in each])


def _tested(
    data: Labelled, train: np.ndarray, test: np.ndarray, gaze: bool, seed: int
) -> np.ndarray:
    """(test,) 1 where the classifier is right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    read = reader(data, train, gaze=gaze)
    search = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": PENALTIES},
        cv=StratifiedKFold(INNER, shuffle=True, random_state=seed),
    )  # fmt: skip
    search.fit(read(train), data.labels[train])
    return (search.predict(read(test)) == data.labels[test]).astype(float)


def reader(data: Labelled, train: np.ndarray, *, gaze: bool) -> Callable[[np.ndarray], csr_matrix]:
    """Texts -> features, with the words, their rarity and the scale of measures of `train`."""
    from scipy.sparse import csr_matrix, hstack

    seen = sorted({word for n in train for word in data.words[n]})
    numbers = {word: n for n, word in enumerate(seen)}
    uses = np.bincount(
        [numbers[word] for n in train for word in set(data.words[n])], minlength=len(seen)
    )
    rarity = np.log((1 + len(train)) / (1 + uses)) + 1
    centre, spread = _scale([_summary(data.gaze[n]) for n in train])

    def features(texts: np.ndarray) -> csr_matrix:
        blocks = [_counted(data, texts, numbers, rarity, gaze=False)]
        if gaze:
            blocks.append(_counted(data, texts, numbers, rarity, gaze=True))
            summaries = np.stack([_summary(data.gaze[n]) for n in texts])
            blocks.append(csr_matrix((summaries - centre) / spread / len(centre)))
        return hstack(blocks, format="csr")

    return features


def _counted(
    data: Labelled, texts: np.ndarray, numbers: dict[str, int], rarity: np.ndarray, *, gaze: bool
) -> csr_matrix:
    """(texts, words) tf-idf of length 1, each use weighted by how it is looked at or by 1."""
    from scipy.sparse import csr_matrix
    from sklearn.preprocessing import normalize

    rows, columns, weights = [], [], []
    for row, n in enumerate(texts):
        looks = _looks(data.gaze[n]) if gaze else np.ones(len(data.words[n]))
        for word, look in zip(data.words[n], looks.tolist(), strict=True):
            if (number := numbers.get(word)) is not None:
                rows.append(row)
                columns.append(number)
                weights.append(look * rarity[number])
    shape = (len(texts), len(numbers))
    return normalize(csr_matrix((weights, (rows, columns)), shape=shape))


def _looks(own: np.ndarray) -> np.ndarray:
    """(words,) the mean over measures of a word's measure over that of its text."""
    means = np.abs(own).mean(0)
    return (own / np.where(means > 0, means, 1.0)).mean(1)


def _summary(own: np.ndarray) -> np.ndarray:
    """(3 measures,) mean, spread and largest value of each."""
    if not len(own):
        return np.zeros(3 * own.shape[1])
    return np.concatenate([own.mean(0), own.std(0), own.max(0)])


def _scale(summaries: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    every = np.stack(summaries)
    spread = every.std(0)
    return every.mean(0), np.where(spread > 0, spread, 1.0)


def _metrics(right: dict[tuple[str, float], np.ndarray]) -> Metrics:
    found = {}
    for (name, share), own in right.items():
        found[_key(name, share)] = _entry(own)
        if name != "text":
            found[_key(f"{name}-text", share)] = _entry(own - right["text", share])
    return found


def _key(name: str, share: float) -> str:
    return f"{name}.accuracy@{100 * share:.0f}"


def measured() -> list[str]:
    """Names of the metrics."""
    differences = [f"{name}-text" for name in CONDITIONS[1:]]
    return [_key(name, share) for name in (*CONDITIONS, *differences) for share in SHARES]


def _entry(values: np.ndarray) -> dict[str, Any]:
    low, high = resampling.interval(resampling.sums(values[:, None], 0)[:, 0] / len(values))
    return {"value": float(values.mean()), "low": float(low), "high": float(high),
            "n": len(values), "unit": "share of texts"}  # fmt: skip


def table(metrics: Metrics) -> list[dict[str, object]]:
    """A row a condition and share of the data."""
    rows = []
    for name in CONDITIONS:
        for share in SHARES:
            own = metrics[_key(name, share)]
            paired = metrics.get(_key(f"{name}-text", share), {})
            rows.append(
                {
                    "condition": name,
                    "share": share,
                    **{end: own[end] for end in ("value", "low", "high")},
                    **{f"minus_text_{end}": paired.get(end) for end in ("value", "low", "high")},
                }
            )
    return rows


def report(metrics: Metrics) -> str:
    """For people."""
    head = ["condition", *(f"{share:.0%} of the data" for share in SHARES)]
    lines = []
    for name in (*CONDITIONS, "gaze-text", "shuffled-text"):
        sign = "+" if "-" in name else ""
        cells = []
        for share in SHARES:
            entry = metrics[_key(name, share)]
            value, low, high = (f"{entry[end]:{sign}.3f}" for end in ("value", "low", "high"))
            cells.append(f"{value} [{low}, {high}]")
        lines.append([name.replace("-", " minus "), *cells])
    return console.table(head, lines)
