"""Full-ranking evaluation: every item of the catalogue is a candidate, in blocks of users."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mirctl import console
from mirctl.metrics import ranking
from mirctl.metrics.ranking import Ranks
from mirctl.sequences.config import EvalConfig
from mirctl.sequences.histories import Histories, Split

BLOCK_BYTES = 64 * 2**20
USERS_AT_ONCE = 512
RANKS = "ranks"
"""The file of an artifact that holds what `Tested.tensors` gives."""


class Scorer(Protocol):
    """Anything that scores every item for a block of histories: (users, n_items)."""

    def scores(self, histories: Histories) -> Tensor: ...


def block_of_users(n_items: int) -> int:
    """Users whose scores fit into 64 MB."""
    return max(1, min(USERS_AT_ONCE, BLOCK_BYTES // (4 * n_items)))


def rank_all(scorer: Scorer, split: Split, part: str, repeats: str) -> Ranks:
    """The rank of every evaluated user's target of "valid" or "test"."""
    histories, targets = split.histories(part), split.targets(part)
    above, ties = [], []
    blocks = -(-len(targets) // block_of_users(split.n_items))
    with console.progress(f"ranking ({part})", len(targets), "users") as advance:
        for block in np.array_split(np.arange(len(targets)), blocks):
            higher, same = _rank_block(scorer, histories.of(block), targets[block], repeats)
            above.append(higher)
            ties.append(same)
            advance(len(block))
    return ranking.as_ranks(above, ties, split.n_items)


def _rank_block(
    scorer: Scorer, histories: Histories, targets: np.ndarray, repeats: str
) -> tuple[Tensor, Tensor]:
    """(above, ties) of some users, each (users,); a target that cannot be reached is below all."""
    scores = scorer.scores(histories)
    target = torch.from_numpy(targets).to(scores.device)
    missed = torch.zeros(len(targets), dtype=torch.bool, device=scores.device)
    if repeats == "mask":
        rows, items = (torch.from_numpy(a).to(scores.device) for a in histories.pairs())
        missed[rows[items == target[rows]]] = True
        own = scores.gather(1, target[:, None])
        scores[rows, items] = -torch.inf
        scores.scatter_(1, target[:, None], own)
    higher, same = ranking.rank(scores, target)
    return torch.where(missed, scores.shape[1], higher), torch.where(missed, 0, same)


def count_repeats(split: Split, part: str) -> int:
    """Evaluated users whose target already stands in their history."""
    rows, items = split.histories(part).pairs()
    return len(np.unique(rows[items == split.targets(part)[rows]]))


def names() -> list[str]:
    """Every key of `evaluate`."""
    parts = ("", "cold/", "warm/", "valid/")
    return [part + name for part in parts for name in ranking.names()]


@dataclass(frozen=True)
class Tested:
    """Metrics, and what they are made of: every evaluated user's rank, and is its target cold."""

    metrics: dict[str, Any]
    ranks: Ranks
    cold: np.ndarray

    def tensors(self) -> dict[str, Tensor]:
        """`above`, `ties` (users,) int32 and `cold` (users,) bool, for an artifact."""
        parts = {"above": self.ranks.above, "ties": self.ranks.ties}
        told = {name: torch.from_numpy(part).int() for name, part in parts.items()}
        return {**told, "cold": torch.from_numpy(self.cold)}


def evaluate(scorer: Scorer, split: Split, config: EvalConfig, seed: int) -> Tested:
    """Test metrics over all users, and apart over cold and warm targets; then validation's."""
    ranks = rank_all(scorer, split, "test", config.repeats)
    cold = split.train_counts()[split.targets("test")] <= config.cold_at_most
    metrics = ranking.summarize(ranking.per_user(ranks), seed)
    for name, chosen in (("cold", cold), ("warm", ~cold)):
        part = ranking.summarize(ranking.per_user(ranks.of(chosen)), seed)
        metrics |= {f"{name}/{key}": value for key, value in part.items()}
    valid = ranking.per_user(rank_all(scorer, split, "valid", config.repeats))
    metrics |= {f"valid/{k}": v for k, v in ranking.summarize(valid, seed).items()}
    repeats = count_repeats(split, "test")
    if repeats:
        rule = "a miss each" if config.repeats == "mask" else "candidates like any item"
        share = repeats / len(ranks)
        console.say(f"{repeats} test targets ({share:.1%}) repeat an item of the history: {rule}")
    return Tested(metrics, ranks, cold)


def report(metrics: dict[str, Any], config: EvalConfig) -> str:
    """The test metrics as a table: all users, cold targets, warm targets."""
    names = [name for name in metrics if "/" not in name]
    rows = []
    for name in names:
        row = [name]
        for prefix in ("", "cold/", "warm/"):
            entry = metrics[prefix + name]
            shown = "-" if entry["value"] is None else f"{entry['value']:.4f}"
            interval = (
                "" if entry["value"] is None else f" [{entry['low']:.4f}, {entry['high']:.4f}]"
            )
            row.append(shown + (interval if prefix == "" else ""))
        rows.append(row)
    n, cold, warm = (metrics[p + names[0]]["n"] for p in ("", "cold/", "warm/"))
    title = ["test", f"all {n} users [95 %]", f"{cold} cold", f"{warm} warm"]
    note = f"cold: the target has at most {config.cold_at_most} training interactions"
    return console.table(title, rows) + "\n" + note
