"""How often the chosen text has the higher reward, how sure a model is, and where it errs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mirctl import console
from mirctl.metrics import resampling

if TYPE_CHECKING:
    from mirctl_align.dialogue import Pair

Metrics = dict[str, dict[str, Any]]
BINS = 10
"""Of confidence, from 1/2 to 1."""
EDGES = (-49, -9, 10, 50)
"""Where the differences in words, chosen minus rejected, are cut into groups."""
LENGTHS = ("50+ shorter", "10-49 shorter", "alike", "10-49 longer", "50+ longer")
"""What is said of the chosen text in these groups: 50 words shorter or more, and so on."""
MEASURES = ("accuracy", "log_loss", "brier", "ece", "margin", "shorter")


@dataclass(frozen=True)
class Scored:
    """Rewards of pairs (pairs,) and what they are measured by; pairs that people call equal are not
    among them."""

    chosen: np.ndarray
    rejected: np.ndarray
    words: np.ndarray
    """(pairs,) words of the chosen response minus those of the rejected one."""
    subsets: np.ndarray
    """(pairs,) the group of each."""
    prompts: np.ndarray
    """(pairs,) int64 that tells the prompts apart: pairs of one prompt are drawn together."""
    names: np.ndarray
    """(pairs,) int64 that tells the pairs apart, also in other runs."""

    @classmethod
    def of(cls, chosen: np.ndarray, rejected: np.ndarray, pairs: "Sequence[Pair]") -> "Scored":
        """Of all pairs that are no ties; a target below 1/2 turns a pair around."""
        kept = np.array([not pair.tie for pair in pairs], bool)
        turned = np.array([pair.target < 0.5 for pair in pairs], bool)
        better, worse = np.where(turned, rejected, chosen), np.where(turned, chosen, rejected)
        words = [_words(pair.chosen) - _words(pair.rejected) for pair in pairs]
        longer = np.where(turned, -1, 1) * np.array(words, np.int64)
        prompts = [_digest(pair.chosen[:-1] or (pair.chosen, pair.rejected)) for pair in pairs]
        names = [_digest((pair.chosen, pair.rejected)) for pair in pairs]
        subsets = np.array([pair.subset for pair in pairs], object)
        numbers = [np.array(some, np.int64) for some in (prompts, names)]
        return cls(*(a[kept] for a in (better, worse, longer, subsets, *numbers)))

    def __len__(self) -> int:
        return len(self.chosen)

    def where(self, kept: np.ndarray) -> "Scored":
        """Some of the pairs."""
        return Scored(*(a[kept] for a in vars(self).values()))

    @property
    def margin(self) -> np.ndarray:
        """(pairs,) reward of the better text minus that of the other."""
        return self.chosen - self.rejected

    def tensors(self) -> dict[str, torch.Tensor]:
        """For an artifact: rewards, float64, and which pair and prompt each is of."""
        parts = ("chosen", "rejected", "names", "prompts")
        return {name: torch.from_numpy(getattr(self, name)) for name in parts}

    @property
    def lengths(self) -> np.ndarray:
        """(pairs,) number of the group in LENGTHS."""
        return np.searchsorted(EDGES, self.words, side="right")


def _digest(what: object) -> int:
    """What tells one dialogue, or several, from others."""
    found = hashlib.sha256(repr(what).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(found[:8], "little", signed=True)


def _words(dialogue: Any) -> int:
    return len(dialogue[-1].content.split())


def means(chosen: np.ndarray, rejected: np.ndarray, pairs: "Sequence[Pair]") -> dict[str, float]:
    """Accuracy and log loss, in which more is better (validation picks the largest)."""
    scored = Scored.of(chosen, rejected, pairs)
    if not len(scored):
        return {"accuracy": 0.5, "log_likelihood": 0.0}
    columns = _columns(scored)
    return {"accuracy": float(columns[:, 0].mean()), "log_likelihood": -float(columns[:, 1].mean())}


def _columns(scored: Scored) -> np.ndarray:
    """(pairs, ...) whose sums give all measures: accuracy, log loss, Brier, margin, the shorter
    one wins, and the confidence and hits of each bin."""
    margin = scored.margin
    right = np.where(margin == 0, 0.5, margin > 0)
    probability = 1 / (1 + np.exp(-np.clip(margin, -700, 700)))
    shorter = np.where(scored.words == 0, 0.5, scored.words < 0)
    plain = [right, np.logaddexp(0, -margin), (1 - probability) ** 2, margin, shorter]
    sure = np.maximum(probability, 1 - probability)
    place = np.minimum(((sure - 0.5) * 2 * BINS).astype(int), BINS - 1)
    inside = place[:, None] == np.arange(BINS)
    return np.column_stack([*plain, inside * sure[:, None], inside * right[:, None]])


def _values(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums (..., columns) over so many pairs (...) -> (..., measures), as MEASURES has them."""
    accuracy, log_loss, brier, margin, shorter = np.moveaxis(sums[..., :5], -1, 0) / counts
    sure, hits = sums[..., 5 : 5 + BINS], sums[..., 5 + BINS :]
    ece = np.abs(sure - hits).sum(-1) / counts
    return np.stack([accuracy, log_loss, brier, ece, margin, shorter], -1)


def summarize(scored: Scored, seed: int) -> Metrics:
    """Each measure with a 95 % bootstrap interval over prompts."""
    if not len(scored):
        return {name: _entry(name, None, None, None, 0) for name in MEASURES}
    columns = _columns(scored)
    _, prompts = np.unique(scored.prompts, return_inverse=True)
    by_prompt = np.zeros((prompts.max() + 1, columns.shape[1] + 1))
    np.add.at(by_prompt, prompts, np.column_stack([columns, np.ones(len(scored))]))
    value = _values(columns.sum(0), np.array(float(len(scored))))
    drawn = resampling.sums(by_prompt, seed)
    low, high = resampling.interval(_values(drawn[:, :-1], drawn[:, -1]))
    return {
        name: _entry(name, value[n], low[n], high[n], len(scored))
        for n, name in enumerate(MEASURES)
    }


def _entry(name: str, value: Any, low: Any, high: Any, n: int) -> dict[str, Any]:
    told = {"margin": "units of reward", "shorter": "share of pairs whose shorter text is better"}
    numbers = {"value": value, "low": low, "high": high}
    shown = {key: None if number is None else float(number) for key, number in numbers.items()}
    return {**shown, "n": n, "unit": told.get(name, "mean over pairs")}


def evaluate(scored: Scored, by: Sequence[str], seed: int) -> Metrics:
    """All measures over all pairs, then apart by `subset` or `length`."""
    metrics = summarize(scored, seed)
    metrics["equal_rewards"] = {
        "value": int((scored.margin == 0).sum()), "n": len(scored), "unit": "pairs",
    }  # fmt: skip
    for name, chosen in _groups(scored, by):
        part = summarize(scored.where(chosen), seed)
        metrics |= {f"{name}/{key}": entry for key, entry in part.items()}
    return metrics


def _groups(scored: Scored, by: Sequence[str]) -> list[tuple[str, np.ndarray]]:
    """Name and members (pairs,) of each group."""
    found = []
    if "subset" in by:
        names = sorted(set(scored.subsets.tolist()))
        found += [(f"subset={name or 'none'}", scored.subsets == name) for name in names]
    if "length" in by:
        found += [(f"length={name}", scored.lengths == n) for n, name in enumerate(LENGTHS)]
    return found


def report(metrics: Metrics, scored: Scored) -> str:
    """A row for all pairs and one for each group; then how the margins are spread."""
    groups = ["", *dict.fromkeys(k.rpartition("/")[0] + "/" for k in metrics if "/" in k)]
    rows = [[group.removesuffix("/") or "all", *_row(metrics, group)] for group in groups]
    head = ["pairs", "n", "accuracy [95 %]", "log loss", "Brier", "ECE", "shorter wins"]
    return console.table(head, rows) + "\n" + histogram(scored)


def _row(metrics: Metrics, group: str) -> list[str]:
    accuracy = metrics[f"{group}accuracy"]
    if accuracy["value"] is None:
        return ["0", *["-"] * 5]
    cells = [f"{metrics[group + name]['value']:.3f}"
             for name in ("log_loss", "brier", "ece", "shorter")]  # fmt: skip
    told = f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"
    return [f"{accuracy['n']:,}", told, *cells]


def histogram(scored: Scored, bars: int = 9, width: int = 30) -> str:
    """How many pairs have which difference of rewards, as lines of text."""
    if not len(scored):
        return "no pairs: no margins"
    largest = max(float(np.abs(scored.margin).max()), 1e-9)
    counts, edges = np.histogram(scored.margin, bars, (-largest, largest))
    longest = counts.max()
    lines = [
        f"{low:+10.3g} to {high:+10.3g}  {count:6,} {'#' * round(width * count / longest)}"
        for low, high, count in zip(edges[:-1], edges[1:], counts.tolist(), strict=True)
    ]
    return "\n".join(["margins, reward of the chosen text minus that of the rejected one:", *lines])


def measured(by: Sequence[str] = ()) -> list[str]:
    """Names of the metrics; those of subsets depend on the data."""
    names = [*MEASURES, "equal_rewards"]
    if "length" in by:
        names += [f"length={group}/{name}" for group in LENGTHS for name in MEASURES]
    return names
