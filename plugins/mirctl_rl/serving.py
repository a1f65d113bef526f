"""`rl recommend`: a saved policy's best items for histories that come with the request."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console, files, tables
from mirctl.errors import DataError
from mirctl_rl import agents
from mirctl_rl.agents import Agent, Mixture, Saved

COLUMNS = ("user_id", "rank", "item_id", "title", "score")
LINES_AT_ONCE = 256


def recommend(folder: Path, history: str, k: int, out: str, *, force: bool, json: bool) -> None:
    """Rows of the k likeliest items that are not in the history; `-` reads histories from stdin."""
    if out != "-":
        files.refuse_to_overwrite(Path(out), force=force, marker=None)
    saved, told = agents.load(folder), Counter[str]()
    index = {item: n for n, item in enumerate(saved.facts.items)}
    if history == "-":
        asked = _of_lines(index, tables.stdin_lines(), told)
    else:
        parts = [history] if history in index else [part.strip() for part in history.split(",")]
        asked = iter([("", _known(index, filter(None, parts), told))])
    rows = _rows(saved, asked, k, told)
    if json and out == "-":
        console.document({"recommendations": list(rows)})
    else:
        count = tables.write_rows(out, rows, COLUMNS)
        if json:
            console.document({"out": out, "rows": count})
    if told["unknown"]:
        count = console.counted(told["unknown"], "item")
        console.warn(f"left out, since not in the catalogue: {count} of the histories")
    if told["empty"]:
        users = console.counted(told["empty"], "user")
        console.warn(f"without a known item, so served as anybody would be: {users}")


def _of_lines(
    index: dict[str, int], lines: Iterable[bytes], told: Counter[str]
) -> Iterator[tuple[str, list[int]]]:
    """Each line is ["a", "b"] or {"user_id": "x", "history": ["a", "b"]}."""
    if sys.stdin.isatty():
        console.say('type lines like {"user_id": "x", "history": ["a", "b"]}; Ctrl-D ends them')
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"stdin, line {number}"
        value = tables.json_value(line, where)
        user, history = str(number), value
        if isinstance(value, dict):
            user, history = str(value.get("user_id", number)), value.get("history")
        if not isinstance(history, list) or not all(isinstance(i, str | int) for i in history):
            told_how = 'write ["a", "b"] or {"user_id": "x", "history": ["a", "b"]}'
            raise DataError(told_how, where=where)
        yield user, _known(index, map(str, history), told)


def _known(index: dict[str, int], names: Iterable[str], told: Counter[str]) -> list[int]:
    """Places of the items in the catalogue; others are counted."""
    names = list(names)
    found = [index[name] for name in names if name in index]
    told["unknown"] += len(names) - len(found)
    told["empty"] += not found
    return found


def _rows(
    saved: Saved, asked: Iterable[tuple[str, Sequence[int]]], k: int, told: Counter[str]
) -> Iterator[dict[str, Any]]:
    agent = agents.acting(saved, knows_users=False)
    block: list[tuple[str, Sequence[int]]] = []
    for one in asked:
        block.append(one)
        if len(block) == LINES_AT_ONCE:
            yield from _of_block(saved, agent, block, k)
            block = []
    if block:
        yield from _of_block(saved, agent, block, k)


def _of_block(
    saved: Saved, agent: Agent | Mixture, asked: Sequence[tuple[str, Sequence[int]]], k: int
) -> Iterator[dict[str, Any]]:
    """What was taken counts as liked: a history says no more."""
    facts, n = saved.facts, len(saved.facts.items)
    items = np.full((len(asked), saved.history), n, np.int32)
    mask = np.ones((len(asked), n), bool)
    for row, (_, history) in enumerate(asked):
        if own := list(history)[-saved.history :]:
            items[row, -len(own) :] = own
        mask[row, list(history)] = False
    feedback = (items < n).astype(np.float32)
    obs = {"items": items, "feedback": feedback, "turn": np.zeros(len(asked), np.int64)}
    odds = agent.odds(obs, mask).numpy()
    for row, (user, _) in enumerate(asked):
        best = np.argsort(-odds[row], kind="stable")[: min(k, int(mask[row].sum()))]
        for rank, item in enumerate(best.tolist(), start=1):
            yield {
                "user_id": user, "rank": rank, "item_id": facts.items[item],
                "title": facts.titles[item], "score": float(odds[row, item]),
            }  # fmt: skip
