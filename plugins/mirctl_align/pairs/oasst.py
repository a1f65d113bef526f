"""OASST1: trees of messages, whose replies people ranked; rank 0 is the best.

Rows are messages that name their parents, or whole trees in which replies stand.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

from mirctl.errors import DataError
from mirctl_align.config import PairsConfig
from mirctl_align.dialogue import Dialogue, Message, Pair
from mirctl_align.pairs.rows import Row, label, number, shown

ROLE = {"prompter": "user", "assistant": "assistant"}


@dataclass
class Node:
    """A message and the replies to it."""

    message: Message
    rank: int | None
    language: str
    deleted: bool
    where: str
    replies: list[Node] = field(default_factory=list)


def pairs(rows: Iterable[tuple[str, Row]], config: PairsConfig) -> Iterator[Pair | str]:
    """All pairs of replies of different rank to a message, each with the thread before; or why a
    reply makes none."""
    roots, count = _trees(rows)
    todo: list[tuple[Node, Dialogue, bool]] = [(root, (), False) for root in reversed(roots)]
    seen = 0
    while todo:
        node, before, deleted = todo.pop()
        seen += 1
        deleted = deleted or node.deleted
        thread = (*before, node.message)
        if node.message.role == "user" and not deleted:
            yield from _compared(node, thread, config)
        elif deleted:
            yield "a message that is deleted, or below one"
        todo += [(reply, thread, deleted) for reply in reversed(node.replies)]
    for _ in range(count - seen):
        yield "a message whose thread is not all in the file"


def _compared(node: Node, thread: Dialogue, config: PairsConfig) -> Iterator[Pair | str]:
    ranked: list[Node] = []
    for reply in node.replies:
        if reply.message.role != "assistant" or reply.deleted:
            continue
        if config.language is not None and reply.language != config.language:
            yield "a reply in another language"
        elif reply.rank is None:
            yield "a reply without a rank"
        else:
            ranked.append(reply)
    if len(ranked) == 1:
        yield "the only ranked reply to its message"
    for better, worse in combinations(sorted(ranked, key=lambda reply: reply.rank), 2):
        yield Pair(
            (*thread, better.message), (*thread, worse.message),
            better.where if better.where == worse.where else f"{better.where} and {worse.where}",
            target=0.5 if better.rank == worse.rank else 1.0,
        )  # fmt: skip


def _trees(rows: Iterable[tuple[str, Row]]) -> tuple[list[Node], int]:
    """The messages that begin a thread, and how many messages there are."""
    roots: list[Node] = []
    flat: dict[str, tuple[Node, str]] = {}
    count = 0
    for where, row in rows:
        if isinstance(row.get("prompt"), dict):
            root, found = _nested(row["prompt"], where)
            roots.append(root)
            count += found
            continue
        name, node = label(row, "message_id", where), _node(row, where)
        if not name or name in flat:
            told = "is there a second time" if name else "is missing"
            raise DataError(f"message_id {shown(name)} {told}: each has its own", where=where)
        flat[name] = node, label(row, "parent_id", where)
    for node, parent in flat.values():
        if not parent:
            roots.append(node)
        elif parent in flat:
            flat[parent][0].replies.append(node)
    return roots, count + len(flat)


def _nested(row: Row, where: str) -> tuple[Node, int]:
    root, count = _node(row, where), 0
    todo = [(row, root)]
    while todo:
        of, node = todo.pop()
        count += 1
        for reply in _replies(of, where):
            node.replies.append(_node(reply, where))
            todo.append((reply, node.replies[-1]))
    return root, count


def _replies(row: Row, where: str) -> list[Row]:
    replies = row.get("replies") or []
    if isinstance(replies, list) and all(isinstance(reply, dict) for reply in replies):
        return replies
    raise DataError(f"replies is {shown(replies)}: it must be a list of messages", where=where)


def _node(row: Row, where: str) -> Node:
    role, text, deleted = row.get("role"), row.get("text"), row.get("deleted")
    if not isinstance(role, str) or role not in ROLE:
        told = f"role is {shown(role)}: it must be one of {', '.join(ROLE)}"
        raise DataError(told, where=where)
    if not isinstance(text, str):
        raise DataError(f"text is {shown(text)}: it must be a text", where=where)
    if str(deleted).lower() not in ("true", "false", "none", ""):
        raise DataError(f"deleted is {shown(deleted)}: it must be true or false", where=where)
    is_deleted = str(deleted).lower() == "true"
    language = label(row, "lang", where)
    return Node(Message(ROLE[role], text), _rank(row, where), language, is_deleted, where)


def _rank(row: Row, where: str) -> int | None:
    """Tables of floats write a rank that is missing as NaN."""
    value = row.get("rank")
    if value in (None, "") or (isinstance(value, float) and math.isnan(value)):
        return None
    rank = number(row, "rank", where, low=0)
    if rank % 1:
        raise DataError(f"rank is {shown(value)}: it must be a whole number", where=where)
    return int(rank)
