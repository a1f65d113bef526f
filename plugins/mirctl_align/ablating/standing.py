"""What became of each contestant: accuracy over all pairs and seeds, beside the text alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import numpy as np
import torch

from mirctl import artifact, costs
from mirctl.artifact import Artifact
from mirctl.costs import Cost
from mirctl.steps import variants
from mirctl.steps.command import Made
from mirctl.steps.running import Failure
from mirctl_align import saving
from mirctl_align.ablating.statistics import mcnemar, ranged
from mirctl_align.ablating.variants import Contestant

Metrics = dict[str, dict[str, Any]]
ACCURACY, SHARES = "accuracy", "share_to_text"


@dataclass(frozen=True)
class Trial:
    """One run: what it was right about, and how it came there."""

    right: dict[tuple[int, int], float]
    """(name of the pair, its number among those of that name) -> 1, 0, or 1/2 for equal rewards."""
    prompts: dict[tuple[int, int], int]
    valid: list[float]
    """Accuracy on validation after each epoch."""
    epoch_steps: float


@dataclass
class Standing:
    """A contestant over its seeds and folds."""

    contestant: Contestant
    trials: dict[tuple[int, int], Trial] = field(default_factory=dict)
    """(seed, fold) -> what it did."""
    shorter: list[tuple[float, int]] = field(default_factory=list)
    """How often the shorter text is the better one, and of how many pairs."""
    cost: Cost = field(default_factory=Cost)
    failures: list[Failure] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.contestant.name

    @property
    def whole(self) -> Contestant:
        """The same with all there is to learn from."""
        return replace(self.contestant, share=1.0)

    def right(self, keys: Sequence[tuple[int, int]]) -> np.ndarray:
        """(pairs,) of these: how often it is right, as a mean over seeds."""
        sums, counts = dict.fromkeys(keys, 0.0), dict.fromkeys(keys, 0)
        for trial in self.trials.values():
            for key, value in trial.right.items():
                if key in sums:
                    sums[key] += value
                    counts[key] += 1
        return np.array([sums[key] / counts[key] for key in keys])

    def pairs(self) -> dict[tuple[int, int], int]:
        """All pairs that it was measured on, with their prompts."""
        return {key: p for trial in self.trials.values() for key, p in trial.prompts.items()}


def standings(made: Made, contestants: Sequence[Contestant], folds: int) -> list[Standing]:
    """All contestants, in order."""
    return [_standing(made, one, folds) for one in contestants]


def _standing(made: Made, one: Contestant, folds: int) -> Standing:
    standing, spent = Standing(one), []
    for fold, variant in enumerate(one.variants(folds)):
        for seed, name in variants.runs_of(made.plan.pipeline, variant.step).items():
            outcome = made.outcomes[name]
            if outcome.state not in ("done", "up to date"):
                standing.failures += [outcome.failure] if outcome.failure else []
                continue
            art = artifact.open_artifact(made.plan.steps[name].out, saving.KIND, saving.SCHEMA)
            standing.trials[seed, fold] = _trial(art)
            entry = art.metrics()["shorter"]
            standing.shorter.append((entry["value"] or 0.0, entry["n"]))
            spent.append(costs.cost(art))
    standing.cost = costs.over(spent)
    return standing


def _trial(art: Artifact) -> Trial:
    count = (art.metrics()[ACCURACY]["n"],)
    kinds = {"chosen": torch.float64, "rejected": torch.float64,
             "names": torch.int64, "prompts": torch.int64}  # fmt: skip
    found = art.expected_tensors(saving.SCORED, {k: (kind, count) for k, kind in kinds.items()})
    margin = (found["chosen"] - found["rejected"]).numpy()
    seen: dict[int, int] = {}
    keys = []
    for name in found["names"].tolist():
        seen[name] = seen.get(name, -1) + 1
        keys.append((name, seen[name]))
    right = np.where(margin == 0, 0.5, margin > 0).tolist()
    history = art.json("extra/history.json")
    spent = costs.recorded(art)
    steps = spent.get("steps", 0) / max(spent.get("epochs", 1), 1)
    return Trial(
        dict(zip(keys, right, strict=True)),
        dict(zip(keys, found["prompts"].tolist(), strict=True)),
        [entry[ACCURACY] for entry in history if ACCURACY in entry], steps,
    )  # fmt: skip


def metrics(found: Sequence[Standing]) -> Metrics:
    """`NAME.MEASURE`, for a document and `--require`."""
    told: Metrics = {}
    by_name = {s.name: s for s in found}
    for s in found:
        if s.trials:
            told |= _quality(s)
            told |= _beside(s, by_name)
        for key, unit in s.cost.units().items():
            told[f"{s.name}.{key}"] = {"value": s.cost.values[key], "unit": unit}
    for s in found:
        if s.trials and s.contestant.share == 1 and not s.contestant.shuffled:
            told |= _share(s, found, told)
    return told


def _quality(s: Standing) -> Metrics:
    pairs = s.pairs()
    found = ranged(s.right(list(pairs)), np.array(list(pairs.values())))
    seeds = len({seed for seed, _ in s.trials})
    return {f"{s.name}.{ACCURACY}": {**found, "seeds": seeds, "unit": "mean over pairs"}}


def _beside(s: Standing, by_name: Mapping[str, Standing]) -> Metrics:
    """What it is better than the text alone, and than its control, at the same pairs and seeds; and
    after how many steps it is as good as the text alone becomes."""
    told: Metrics = {}
    one = s.contestant
    others = {"text": one.text_only} | ({} if one.shuffled else {"shuffled": one.control})
    for label, wanted in others.items():
        other = by_name.get(wanted.name)
        if other is None or other is s or not other.trials or one.share < 1:
            continue
        pairs = {key: p for key, p in s.pairs().items() if key in other.pairs()}
        keys = list(pairs)
        ours, theirs = s.right(keys), other.right(keys)
        prompts = np.array(list(pairs.values()))
        told[f"{s.name}.{ACCURACY}-{label}"] = ranged(ours - theirs, prompts)
        told[f"{s.name}.mcnemar-{label}"] = {"value": mcnemar(ours, theirs), "n": len(keys),
                                             "unit": "p"}  # fmt: skip
    text = by_name.get(one.text_only.name)
    if text is not None and text.trials and one.share == 1:
        steps = [steps_to(trial, text.trials[key]) for key, trial in s.trials.items()
                 if key in text.trials and text.trials[key].valid]  # fmt: skip
        told |= {f"{s.name}.steps_to_text": _median(steps)} if steps else {}
    return told


def steps_to(trial: Trial, text: Trial) -> float:
    """Steps after which it is as good on validation as the text alone at its best; inf: never."""
    wanted = max(text.valid, default=math.inf)
    epochs = (n for n, value in enumerate(trial.valid, start=1) if value >= wanted)
    return next(epochs, math.inf) * trial.epoch_steps


def _median(steps: Sequence[float]) -> dict[str, Any]:
    """Of runs; none where most of them never came there."""
    middle = median(steps)
    reached = sum(map(math.isfinite, steps))
    value = float(middle) if math.isfinite(middle) else None
    return {"value": value, "n": len(steps), "reached": reached, "unit": "steps"}


def _share(s: Standing, found: Sequence[Standing], told: Metrics) -> Metrics:
    """The least share of the prompts at which it is as good as the text alone with all of them."""
    text = told.get(f"{s.contestant.text_only.name}.{ACCURACY}")
    if text is None:
        return {}
    same = [other for other in found if other.whole == s.contestant and other.trials]
    good = [other.contestant.share for other in same
            if told[f"{other.name}.{ACCURACY}"]["value"] >= text["value"]]  # fmt: skip
    entry = {"value": min(good, default=None), "n": len(same), "unit": "share of the prompts"}
    return {f"{s.name}.{SHARES}": entry} if len(same) > 1 else {}


def names(contestants: Sequence[Contestant]) -> list[str]:
    """All that `metrics` may hold."""
    beside = [f"{kind}-{other}" for kind in (ACCURACY, "mcnemar") for other in ("text", "shuffled")]
    keys = (ACCURACY, *beside, "steps_to_text", SHARES, *costs.UNITS)
    return [f"{one.name}.{key}" for one in contestants for key in keys]
