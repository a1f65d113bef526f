"""Reading measures of one reader and text, from the words of the fixations in their order.

As EyeLink and pymovements define them. The first pass over a word is its first run of fixations,
provided that no later word was fixated before.
"""

from __future__ import annotations

import numpy as np


def reading_measures(words: int, word: np.ndarray, duration: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> values (words,) for words 0 to `words` - 1; `word` and `duration` (fixations,).

    NaN is a duration that there is none of.
    """

    def total(of: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(of, weights, minlength=words).astype(float)

    count = len(word)
    first = np.zeros(words, int)
    first[word[::-1]] = np.arange(count)[::-1]
    run = np.cumsum(np.concatenate([[0], np.diff(word) != 0])[:count])
    furthest = np.maximum.accumulate(word)
    fixated = total(word) > 0
    if not count:
        first_pass, entered = np.zeros(0, bool), np.zeros(words, bool)
        first_duration = np.full(words, np.nan)
    else:
        first_pass = (run == run[first][word]) & (word == furthest)
        entered = fixated & first_pass[first]
        first_duration = np.where(fixated, duration[first], np.nan)
    back = np.diff(word) < 0
    return {
        "nFix": total(word),
        "FFD": np.where(entered, first_duration, np.nan),
        "GD": np.where(entered, total(word[first_pass], duration[first_pass]), np.nan),
        "GPT": np.where(entered, total(furthest, duration), np.nan),
        "TRT": total(word, duration),
        "first_duration": first_duration,
        "skip": (~entered).astype(float),
        "reg_in": total(word[1:][back]),
        "reg_out": total(word[:-1][back]),
        "fixProp": fixated.astype(float),
    }
