"""Dialogues as the tokens of a model, and which words they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mirctl.encode import pretrained
from mirctl.encode.tokens import Places
from mirctl.errors import DataError, UsageError
from mirctl.words import Alignment, Text, align
from mirctl_align.config import TextConfig
from mirctl_align.dialogue import Dialogue
from mirctl_align.rendering import Rendered, Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from mirctl.hub import Model
    from mirctl_align.base import Base
    from mirctl_align.model import RewardModel

BLOCK = 1024
"""Texts that are cut into tokens in one call."""


@dataclass(frozen=True)
class Encoded:
    """What the model reads of a dialogue."""

    ids: np.ndarray
    """(tokens,) int64, with the special tokens at both ends."""
    alignment: Alignment
    """Of all words to these tokens; words that were cut off have none."""
    texts: tuple[Text, ...]
    """The words of each message, in the order of the text."""
    cut: int
    """Tokens that were cut off."""


class Tokens:
    """Dialogues -> tokens, no more than a recipe allows, and a model has room for."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, model: Model, template: Template,
        config: TextConfig, room: int, *, prefix: bool = False, end: int | None = None,
        vocabulary: int | None = None,
    ) -> None:  # fmt: skip
        """`room`: positions of the model for a text; with `prefix` each word takes one more. `end`:
        the token behind a text where the tokenizer puts none. `vocabulary`: tokens that the
        weights know."""
        self.read, self.template = Places(model, tokenizer, vocabulary), template
        self.longest, self.too_long = min(config.length, room), config.too_long
        self.room, self.prefix = room, prefix
        self.before, self.behind = self.read.before, self.read.behind
        if end is not None and not self.behind:
            self.behind = [end]
        self._starts = {tokenizer.bos_token_id, tokenizer.cls_token_id, *self.before}
        self._ends = {tokenizer.eos_token_id, tokenizer.sep_token_id, *self.behind}

    @classmethod
    def of(cls, text: TextConfig, start: Base, model: RewardModel) -> Tokens:
        """What a reward model reads. A decoder's reward is read at one and the same token, the end
        of a text, unless its chat template ends as it likes."""
        template = Template.of(text, start.tokenizer)
        ends = model.decodes and template.kind != "chat"
        return cls(
            start.tokenizer, start.model, template, text, model.room(0, 0),
            prefix=model.inject == "concat", end=start.tokenizer.eos_token_id if ends else None,
            vocabulary=pretrained.vocabulary(start.network),
        )  # fmt: skip

    def __call__(
        self, dialogues: Sequence[Dialogue], places: Sequence[str] = ()
    ) -> list[Encoded | None]:
        """Each one's tokens; None where it is too long and `drop` is asked for. `places` tell
        where they come from, for errors."""
        wheres = places or [None] * len(dialogues)
        found: list[Encoded | None] = []
        for start in range(0, len(dialogues), BLOCK):
            some = slice(start, start + BLOCK)
            found += self._block(dialogues[some], wheres[some])
        return found

    def _block(
        self, dialogues: Sequence[Dialogue], wheres: Sequence[str | None]
    ) -> list[Encoded | None]:
        rendered = [self.template(*of) for of in zip(dialogues, wheres, strict=True)]
        rows = zip(rendered, self.read([one.text for one in rendered]), wheres, strict=True)
        return [self._encoded(one, ids.tolist(), places, at) for one, (ids, places), at in rows]

    def _encoded(
        self, rendered: Rendered, ids: list[int], places: np.ndarray, where: str | None
    ) -> Encoded | None:
        head = _run(ids, self._starts)
        behind = int((places[:, 0] >= len(rendered.text.rstrip())).sum())  # a template's line end
        tail = _run(ids[head : len(ids) - behind][::-1], self._ends)
        tail += behind if tail else 0
        before = ids[:head] or self.before
        after = ids[len(ids) - tail :] if tail else self.behind
        start, stop = head, len(ids) - tail
        if start == stop:
            raise DataError("the tokenizer finds no tokens in the text", where=where)
        around = len(before) + len(after)
        fits = self._fitting(places[start:stop], rendered.spans, around)
        if fits < 1:
            told = f"{self.longest} tokens have no room for a text between the special tokens"
            raise UsageError(told, where="text.length")
        cut = stop - start - fits
        if cut and self.too_long == "drop":
            return None
        start, stop = (start + cut, stop) if self.too_long == "left" else (start, stop - cut)
        kept = np.array([*before, *ids[start:stop], *after], np.int64)
        spans = np.zeros((len(kept), 2), np.int64)  # special tokens cover nothing
        spans[len(before) : len(kept) - len(after)] = places[start:stop]
        return Encoded(kept, align(rendered.spans, spans), rendered.texts, cut)

    def _fitting(self, places: np.ndarray, spans: np.ndarray, around: int) -> int:
        """How many of the tokens at these places (tokens, 2) are kept."""
        most = min(len(places), self.longest - around)
        if not self.prefix:
            return most
        words = align(spans, places)
        inside, begins = np.zeros((2, len(places)), bool)
        inside[words.token] = True
        begins[words.token[np.diff(words.word, prepend=-1) > 0]] = True
        if self.too_long == "left":  # a word that is cut in two begins with its first token left
            taken = np.cumsum(1 + begins[::-1]) + (inside & ~begins)[::-1]
        else:
            taken = np.cumsum(1 + begins)
        return min(most, int(np.searchsorted(taken, self.room - around, side="right")))


def _run(ids: Sequence[int], wanted: set[int | None]) -> int:
    """How many of them stand at the beginning."""
    return next((n for n, token in enumerate(ids) if token not in wanted), len(ids))
