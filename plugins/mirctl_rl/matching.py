"""Titles that a model names, matched to items on offer: word for word, then nearly so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LONGEST = 100
"""Letters of a title that are shown."""
NEAR = 0.8
"""How alike two titles are that are one: 2 x letters in common / letters of both."""
BEGINNING = 8
"""Letters of a title's beginning that stand for the whole."""
_MARK = re.compile(r"^(?:[-*\u2022]|\d{1,2}[.)])\s+")
_YEAR = re.compile(r"\(\d{4}\)")
ARTICLES = ("the", "a", "an", "das", "der", "die", "le", "la", "les", "il", "el", "los")
_ARTICLE = re.compile(rf"^(.+), (?:{'|'.join(ARTICLES)})$")
_OTHER = re.compile(r"\(([^()]+)\)")
"""A title's other name, in another language say."""
_NUMBER = re.compile(r"\b(?:\d+|[ivx]{2,}|[vx])\b")


@dataclass(frozen=True)
class Match:
    """Which of the titles is meant: its place, and how that was found; None where none is."""

    place: int | None
    exact: bool = False


def shown(title: str | None) -> str:
    """A title in one line, as it stands in a prompt."""
    return " ".join((title or "").split())[:LONGEST].rstrip()


def match(named: str, titles: Sequence[str]) -> Match:
    """The one of some shown titles that is named."""
    plain = [title.casefold() for title in titles]
    wanted = _MARK.sub("", shown(named).strip("\"'` ")).casefold()
    if wanted in plain:
        return Match(plain.index(wanted), exact=True)
    if not (key := _key(wanted)):
        return Match(None)
    scores = [max(_alike(key, name) for name in _names(title)) for title in plain]
    best = max(scores, default=0.0)
    if best < NEAR or scores.count(best) > 1:
        return Match(None)
    return Match(scores.index(best))


def _names(title: str) -> list[str]:
    """The whole title, what stands before brackets, and what in them."""
    bare = _YEAR.sub("", title)
    return [_key(name) for name in (bare, _OTHER.sub("", bare), *_OTHER.findall(bare))]


def _alike(named: str, title: str) -> float:
    """0 to 1; titles with other numbers in them are others, however alike."""
    if _NUMBER.findall(named) != _NUMBER.findall(title):
        return 0.0
    if named == title:
        return 1.0
    alike = SequenceMatcher(None, named, title, autojunk=False).ratio()
    begins = len(named) >= BEGINNING and title.startswith(f"{named} ")
    return max(alike, NEAR) if begins else alike


def _key(title: str) -> str:
    """A title without year, article, accents and marks."""
    text = _ARTICLE.sub(r"\1", _YEAR.sub("", title).strip())
    letters = unicodedata.normalize("NFKD", text)
    letters = "".join(mark for mark in letters if not unicodedata.combining(mark))
    words = re.sub(r"[\W_]+", " ", letters).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ARTICLES else words)
