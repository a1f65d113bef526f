"""HelpSteer2: answers with scores; those to the same prompt make pairs."""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from mirctl.errors import DataError
from mirctl.tables import require_columns
from mirctl_align.config import PairsConfig
from mirctl_align.dialogue import Dialogue, Message, Pair
from mirctl_align.pairs.messages import BLANK_PROMPT, dialogues, is_blank, prompt
from mirctl_align.pairs.rows import Row, label, number

RESPONSE = "response"
TURN = re.compile(r"\r?\n<extra_id_1>(User|Assistant)\r?\n")
"""Between the turns of a prompt that has several; the first is the user's."""


class Answer(NamedTuple):
    dialogue: Dialogue
    score: float
    where: str
    subset: str


def pairs(rows: Iterable[tuple[str, Row]], config: PairsConfig) -> Iterator[Pair | str]:
    """Each two answers to a prompt, or why they make no pair."""
    groups: dict[Dialogue, list[Answer]] = {}
    for where, row in rows:
        require_columns([config.columns.prompt, RESPONSE, config.score], list(row), where)
        before = _prompt(row, config.columns.prompt, where)
        if is_blank(before[0]):
            yield BLANK_PROMPT
            continue
        score = number(row, config.score, where)
        subset = label(row, config.columns.subset, where)
        for dialogue in dialogues(before, row[RESPONSE], RESPONSE, where):
            groups.setdefault(before[0], []).append(Answer(dialogue, score, where, subset))
    for answers in groups.values():
        if len(answers) == 1:
            yield "the only answer to its prompt"
        for first, second in combinations(answers, 2):
            better, worse = (second, first) if second.score > first.score else (first, second)
            yield Pair(
                better.dialogue, worse.dialogue, f"{better.where} and {worse.where}",
                margin=better.score - worse.score, subset=better.subset,
                target=0.5 if better.score == worse.score else 1.0,
            )  # fmt: skip


def _prompt(row: Row, name: str, where: str) -> tuple[Dialogue, bool]:
    value = row[name]
    if value is None:
        raise DataError(f"has no {name} to its {RESPONSE}", where=where)
    parts = TURN.split(value) if isinstance(value, str) else ()
    if len(parts) < 3:
        return prompt(value, name, where)
    roles = ["user", *(role.lower() for role in parts[1::2])]
    return tuple(map(Message, roles, parts[::2])), False
