"""Dialogues as the text that is tokenised, and where the words of their messages are in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import TemplateError

from mirctl import console
from mirctl.errors import DataError, UsageError
from mirctl.words import Text
from mirctl_align.config import TextConfig
from mirctl_align.dialogue import RAW, Dialogue

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MARKS = {"system": "System", "user": "Human", "assistant": "Assistant", "tool": "Tool"}
"""Of `dialogue`, before each turn; as hh-rlhf has them."""
STAND_IN = re.compile("\ue000(\\d+)\ue001")
"""What stands in a chat template for a message, to see where it goes."""
REFUSALS = (TemplateError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What a chat template may raise."""

words_of = lru_cache(8192)(Text.of)
"""The answers of a pair share the texts of their prompt."""


@dataclass(frozen=True)
class Rendered:
    """A dialogue as one text."""

    text: str
    texts: tuple[Text, ...]
    """Of each message, in the order in which they stand in the text."""
    spans: np.ndarray
    """(words, 2) int64 of all their words in the text."""


@dataclass(frozen=True)
class Frame:
    """What a chat template writes around the messages of some roles."""

    order: tuple[int, ...]
    """Numbers of the messages as they come: some templates move the system's."""
    pieces: tuple[str, ...]
    """Before the first of them, between, and behind the last."""

    def places(self, text: str, contents: Sequence[str]) -> list[int]:
        """Where the contents begin in a text, in its order, up to the first that is not there;
        blanks around one may be left out."""
        found: list[int] = []
        at = len(self.pieces[0])
        if not text.startswith(self.pieces[0]):
            return found
        for n, behind in zip(self.order, self.pieces[1:], strict=True):
            is_last = len(found) == len(contents) - 1
            content = contents[n]
            for shown in (content, content.rstrip(), content.lstrip(), content.strip()):
                stop = at + len(shown) + len(behind)
                if text.startswith(shown + behind, at) and (stop == len(text) or not is_last):
                    break
            else:
                return found
            found.append(at - content.find(shown))
            at = stop
        return found


class Template:
    """Writes dialogues as `kind` wants: chat, dialogue or plain."""

    def __init__(self, kind: str, tokenizer: PreTrainedTokenizerBase) -> None:
        self.kind, self.tokenizer = kind, tokenizer
        self._frames: dict[tuple[str, ...], Frame] = {}

    @classmethod
    def of(cls, config: TextConfig, tokenizer: PreTrainedTokenizerBase) -> Template:
        """What a recipe asks for; `auto` says what it takes."""
        has_chat = bool(getattr(tokenizer, "chat_template", None))
        if config.template == "auto":
            kind = "chat" if has_chat else "dialogue"
            told = "the tokenizer's own" if has_chat else "the tokenizer has no chat template"
            console.say(f"text.template: {kind} ({told})")
            return cls(kind, tokenizer)
        if config.template == "chat" and not has_chat:
            told = "the tokenizer has no chat template: set text.template=dialogue"
            raise UsageError(told, where="text.template")
        return cls(config.template, tokenizer)

    def __call__(self, dialogue: Dialogue, where: str | None = None) -> Rendered:
        """`where` is the place of the dialogue, for errors."""
        contents = [message.content for message in dialogue]
        if dialogue[0].role == RAW:
            return _assembled([""], contents)
        if self.kind == "plain":
            return _assembled(["", *["\n\n"] * (len(dialogue) - 1)], contents)
        if self.kind == "dialogue":
            return _assembled([f"\n\n{MARKS[turn.role]}: " for turn in dialogue], contents)
        return self._chat(dialogue, where)

    def _chat(self, dialogue: Dialogue, where: str | None) -> Rendered:
        contents = [message.content for message in dialogue]
        roles = tuple(message.role for message in dialogue)
        text = self._applied(roles, contents, where)
        if roles not in self._frames:
            self._frames[roles] = self._frame(roles, where)
        frame = self._frames[roles]
        places = frame.places(text, contents)
        if len(places) < len(contents):
            changed = _named(roles, frame.order[len(places)])
            told = f"the chat template changes the content of {changed}: set text.template=dialogue"
            raise DataError(told, where=where)
        texts = [words_of(contents[n]) for n in frame.order]
        spans = [text.spans + place for text, place in zip(texts, places, strict=True)]
        return Rendered(text, tuple(texts), _rows(spans))

    def _frame(self, roles: tuple[str, ...], where: str | None) -> Frame:
        marked = self._applied(roles, [f"\ue000{n}\ue001" for n in range(len(roles))], where)
        pieces = STAND_IN.split(marked)
        order = tuple(map(int, pieces[1::2]))
        for n in range(len(roles)):
            if order.count(n) != 1:
                told = "leaves out" if n not in order else "repeats"
                told = f"the chat template {told} {_named(roles, n)}: set text.template=dialogue"
                raise DataError(told, where=where)
        return Frame(order, tuple(pieces[::2]))

    def _applied(self, roles: Sequence[str], contents: Sequence[str], where: str | None) -> str:
        turns = [
            {"role": role, "content": content}
            for role, content in zip(roles, contents, strict=True)
        ]
        try:
            return self.tokenizer.apply_chat_template(turns, tokenize=False)
        except REFUSALS as error:
            told = f"the chat template fails: {error}; set text.template=dialogue"
            raise DataError(told, where=where) from error


def _named(roles: Sequence[str], n: int) -> str:
    return f"message {n + 1} ({roles[n]})"


def _assembled(before: Sequence[str], contents: Sequence[str]) -> Rendered:
    """Each content with what stands before it."""
    texts, parts, at = [], [], 0
    for mark, content in zip(before, contents, strict=True):
        texts.append(words_of(content))
        parts.append(texts[-1].spans + at + len(mark))
        at += len(mark) + len(content)
    whole = "".join(map("".join, zip(before, contents, strict=True)))
    return Rendered(whole, tuple(texts), _rows(parts))


def _rows(spans: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([*spans, np.empty((0, 2), np.int64)])
