"""Dialogues -> rows, as one model sees them: rendered, cut into tokens, with how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl_align.gaze import Measures, TokenGaze, on_tokens, shuffled
from mirctl_align.rows import Rows
from mirctl_align.training import Preferences

if TYPE_CHECKING:
    from mirctl_align.dialogue import Dialogue, Pair
    from mirctl_align.tokens import Encoded, Tokens


@dataclass
class Reader:
    """What a model is given of dialogues."""

    tokens: Tokens
    measures: Measures | None
    """None where the model takes no gaze."""
    shuffle: bool = False
    seed: int = 0
    cut: int = field(default=0, init=False)
    """Dialogues that lost tokens."""

    def pairs(self, pairs: Sequence[Pair], where: str) -> Preferences:
        """All but those of which a text is too long to be kept."""
        places = [pair.where for pair in pairs]
        sides = [self.tokens([pair.chosen for pair in pairs], places),
                 self.tokens([pair.rejected for pair in pairs], places)]  # fmt: skip
        kept = [n for n, both in enumerate(zip(*sides, strict=True)) if None not in both]
        if not kept:
            told = "every pair is longer than text.length, and text.too_long drops them"
            raise DataError(told, where=where)
        if dropped := len(pairs) - len(kept):
            console.say(f"{where}: {counted(dropped, 'pair')} dropped: too long")
        chosen, rejected = ([side[n] for n in kept] for side in sides)
        left = [pairs[n] for n in kept]
        self.tell_cut([*chosen, *rejected], where)
        gaze = self._gaze(chosen, rejected, left)
        return Preferences(
            left, Rows.made(chosen, gaze and gaze[: len(left)]),
            Rows.made(rejected, gaze and gaze[len(left) :]),
        )  # fmt: skip

    def dialogues(
        self, dialogues: Sequence[Dialogue], places: Sequence[str]
    ) -> tuple[np.ndarray, Rows]:
        """Numbers of those that are kept, and their rows."""
        found = self.tokens(dialogues, places)
        kept = [n for n, own in enumerate(found) if own is not None]
        encoded = [found[n] for n in kept]
        self.cut += sum(own.cut > 0 for own in encoded)
        words = self.measures.of_texts(encoded) if self.measures else None
        gaze = words and [on_tokens(own, w) for own, w in zip(encoded, words, strict=True)]
        return np.array(kept, np.int64), Rows.made(encoded, gaze)

    def tell_cut(self, encoded: Sequence[Encoded], where: str) -> None:
        """Say how many texts lost tokens."""
        cut = [own.cut for own in encoded if own.cut]
        if cut:
            self.cut += len(cut)
            side = self.tokens.too_long
            texts = f"{len(cut)} of {counted(len(encoded), 'text')}"
            console.say(f"{where}: {texts} cut at the {side}, {np.mean(cut):.0f} tokens each")

    def _gaze(
        self, chosen: list[Encoded], rejected: list[Encoded], pairs: list[Pair]
    ) -> list[TokenGaze] | None:
        if self.measures is None:
            return None
        both = [*chosen, *rejected]
        if self.measures.generator is None:
            given = self.measures.of_pairs(pairs)
        else:
            given = self.measures.of_texts(both)
        given = shuffled(given, self.seed) if self.shuffle else given
        return [on_tokens(own, values) for own, values in zip(both, given, strict=True)]
