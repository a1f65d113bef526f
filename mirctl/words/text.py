"""Texts and the places of their words; nothing is ever taken apart and joined again."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

ALONE = "぀-ヿ㐀-䶿一-鿿豈-﫿ｦ-ﾝ\U00020000-\U0003ffff"
"""Characters of scripts that set no blank between words: kana and Han."""
BLANK = r"\s\u200b"
"""A zero-width space, too: it stands between words of Thai, Lao and Khmer, where they are told."""
WORD = re.compile(rf"[{ALONE}]|[^{BLANK}{ALONE}]+")


@dataclass(frozen=True)
class Text:
    """A text and its words: spans (words, 2) int64, the first character of each and the one after
    its last, in order and apart from each other."""

    text: str
    spans: np.ndarray

    @classmethod
    def of(cls, text: str) -> "Text":
        """What stands between blanks is a word, punctuation included; of kana and Han, that have no
        blanks, each character."""
        found = [match.span() for match in WORD.finditer(text)]
        return cls(text, np.array(found, np.int64).reshape(-1, 2))

    @classmethod
    def joined(cls, words: Sequence[str]) -> "Text":
        """Words as they are, with a blank between."""
        lengths = np.array([len(word) for word in words], np.int64)
        starts = np.cumsum(lengths + 1) - lengths - 1
        return cls(" ".join(words), np.stack([starts, starts + lengths], 1).reshape(-1, 2))

    def __len__(self) -> int:
        return len(self.spans)

    @cached_property
    def words(self) -> list[str]:
        return [self.text[start:end] for start, end in self.spans.tolist()]

    @property
    def digest(self) -> bytes:
        """sha256 of the text and where its words are."""
        found = hashlib.sha256(self.text.encode("utf-8", "surrogatepass"))
        found.update(b"\0" + np.ascontiguousarray(self.spans, "<i8").tobytes())
        return found.digest()
