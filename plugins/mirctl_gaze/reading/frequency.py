"""How frequent words are, and the word inside of its punctuation."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib import metadata

from mirctl.errors import MissingError, UsageError, suggest

EDGE = re.compile(r"^[\W_]+|[\W_]+$")
"""Punctuation before and behind a word."""


def core(word: str) -> str:
    """A word without the punctuation around it; nothing is left of a lone dash."""
    inside = EDGE.sub("", word)
    if not inside or word.endswith(inside):
        return inside
    start = word.index(inside)
    end = start + len(inside)
    while end < len(word) and unicodedata.category(word[end]).startswith("M"):
        end += 1  # vowel signs and accents belong to their letter
    return word[start:end]


LACKS = "word frequencies need wordfreq: pip install 'mirctl[gaze]'"


def version() -> str:
    """Whose frequencies are read: those of another version may be others."""
    try:
        return f"wordfreq {metadata.version('wordfreq')}"
    except metadata.PackageNotFoundError as error:
        raise MissingError(LACKS) from error


@cache
def zipf(language: str) -> Callable[[str], float]:
    """Zipf frequency of a word, whatever stands around it: log10 of its uses in a billion words;
    0 where it is unknown."""
    try:
        import wordfreq
    except ImportError as error:
        raise MissingError(LACKS) from error
    known = wordfreq.available_languages("best")
    if language not in known:
        hint = suggest(language, known, f"known: {', '.join(sorted(known))}")
        raise UsageError(f"no word frequencies for the language {language!r}{hint}")

    @cache
    def of(word: str) -> float:
        try:
            return wordfreq.zipf_frequency((core(word) or word).lower(), language)
        except ImportError as error:  # Chinese, Japanese and Korean are cut by other packages
            told = f"word frequencies of {language!r} need more: pip install 'wordfreq[cjk]'"
            raise MissingError(told) from error

    of("a")  # what it needs is told before the work
    return of
