"""Cells as dialogues: texts, lists of messages, and texts in which turns are marked."""

from __future__ import annotations

import re

from mirctl.errors import DataError
from mirctl_align.dialogue import RAW, ROLES, Dialogue, Message
from mirctl_align.pairs.rows import shown

MARK = re.compile(r"(?:\A[\r\n]*|(?:\r?\n){2})(Human|Assistant): ?")
"""Of hh-rlhf, before each turn; some programs write its lines with CR, too."""
ROLE = {"Human": "user", "Assistant": "assistant"}

BLANK_PROMPT = "the prompt is blank"
"""Why there is no pair."""


def marked(text: str) -> Dialogue:
    """The turns of a text in which Human: and Assistant: are marked as in hh-rlhf; () of others."""
    marks = list(MARK.finditer(text))
    if len(marks) < 2 or marks[0].start() or marks[0][1] != "Human":
        return ()
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    turns = zip(marks, ends, strict=True)
    return tuple(Message(ROLE[mark[1]], text[mark.end() : end]) for mark, end in turns)


def messages(value: object, name: str, where: str) -> Dialogue:
    """A list of {role, content}."""
    if not isinstance(value, list) or not value:
        told = f"{name} is {shown(value)}: it must be a list of messages with role and content"
        raise DataError(told, where=where)
    return tuple(_message(one, f"{name}: message {n}", where) for n, one in enumerate(value, 1))


def _message(value: object, name: str, where: str) -> Message:
    if not isinstance(value, dict):
        told = f"{name} is {shown(value)}: it must be an object with role and content"
        raise DataError(told, where=where)
    role, content = value.get("role"), value.get("content")
    if role not in ROLES:
        known = ", ".join(ROLES)
        raise DataError(f"{name} has role {shown(role)}: it must be one of {known}", where=where)
    if not isinstance(content, str):
        raise DataError(f"{name} has content {shown(content)}: it must be a text", where=where)
    return Message(role, content)


def prompt(value: object, name: str, where: str) -> tuple[Dialogue, bool]:
    """The messages of a prompt, none where nothing is given; and whether it ends with the mark
    behind which an answer is expected."""
    if value is None:
        return (), False
    if not isinstance(value, str):
        return messages(value, name, where), False
    turns = marked(value)
    if turns and turns[-1] == Message("assistant", ""):
        return turns[:-1], True
    return turns or (Message("user", value),), False


def is_blank(opening: Dialogue) -> bool:
    """Is there a prompt, and does it say nothing?"""
    return bool(opening) and not any(message.content.strip() for message in opening)


def dialogues(
    before: tuple[Dialogue, bool], value: object, name: str, where: str
) -> list[Dialogue]:
    """A prompt with each of the answers in a cell: a text, its messages, or a list of texts."""
    several = isinstance(value, list) and value and isinstance(value[0], str)
    return [dialogue(before, one, name, where) for one in (value if several else [value])]


def dialogue(before: tuple[Dialogue, bool], value: object, name: str, where: str) -> Dialogue:
    """A prompt with an answer: a text or messages, which may have the prompt's before them."""
    opening, is_open = before
    if isinstance(value, list):
        return _joined(opening, messages(value, name, where), name, where)
    if not isinstance(value, str):
        told = f"{name} is {shown(value)}: it must be a text or a list of messages"
        raise DataError(told, where=where)
    if turns := marked(value):
        return _joined(opening, turns, name, where)
    if not opening:
        return (Message(RAW, value),)
    return (*opening, Message("assistant", value.removeprefix(" ") if is_open else value))


def _joined(opening: Dialogue, answer: Dialogue, name: str, where: str) -> Dialogue:
    """The answer's messages may have the prompt's before them, and a system's before those."""
    if answer[-1].role != "assistant":
        told = f"{name} ends with a message of role {answer[-1].role}: it must be the assistant's"
        raise DataError(told, where=where)
    for skipped in (0, 1) if answer[0].role == "system" else (0,):
        behind = skipped + len(opening)
        if answer[skipped:behind] == opening and len(answer) > behind:
            return answer
    if answer[0].role != "assistant":
        told = f"{name} begins neither with the messages of the prompt nor with the assistant's"
        raise DataError(told, where=where)
    return opening + answer
