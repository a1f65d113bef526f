"""Pairs with a row each: prompt, chosen and rejected, also hh-rlhf and RewardBench."""

from collections.abc import Iterable, Iterator
from itertools import product, takewhile

from mirctl.errors import DataError
from mirctl.tables import require_columns
from mirctl_align.config import PairsConfig
from mirctl_align.dialogue import RAW, Dialogue, Pair
from mirctl_align.pairs.gaze import GazeColumns
from mirctl_align.pairs.messages import BLANK_PROMPT, dialogues, is_blank, prompt
from mirctl_align.pairs.rows import Row, label, number


def pairs(
    rows: Iterable[tuple[str, Row]], config: PairsConfig, gaze: GazeColumns
) -> Iterator[Pair | str]:
    """Each pair, or why there is none; where several texts stand in a cell, all their pairs."""
    names = config.columns
    for where, row in rows:
        require_columns([names.chosen, names.rejected], list(row), where)
        before = prompt(row.get(names.prompt), names.prompt, where)
        if is_blank(before[0]):
            yield BLANK_PROMPT
            continue
        better = dialogues(before, row[names.chosen], names.chosen, where)
        worse = dialogues(before, row[names.rejected], names.rejected, where)
        facts = {
            "margin": number(row, names.margin, where, default=0.0),
            "weight": number(row, names.weight, where, default=1.0, low=0.0),
            "target": number(row, names.target, where, default=1.0, low=0.0, high=1.0),
            "subset": label(row, names.subset, where),
        }
        if len(better) * len(worse) > 1:
            gaze.refuse(row, where)
        for chosen, rejected in product(better, worse):
            shared = _shared(chosen, rejected, where)
            other = (*shared, *rejected[len(shared) :])  # one copy of a long prompt is enough
            yield Pair(chosen, other, where, **facts, gaze=gaze(row, chosen, rejected, where))


def _shared(chosen: Dialogue, rejected: Dialogue, where: str) -> Dialogue:
    """The messages with which both begin; dialogues without any are refused, texts are not."""
    both = zip(chosen, rejected, strict=False)
    shared = tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], both))
    is_raw = chosen[0].role == RAW and rejected[0].role == RAW
    is_asked = any(message.role != "system" for message in shared)
    is_all = bool(shared) and len(chosen) == len(rejected) == len(shared) + 1
    if not (is_raw or is_asked or is_all):
        told = "chosen and rejected answer different prompts: their first messages must be equal"
        raise DataError(told, where=where)
    return shared
