"""Reading measures: against a slow reference, and cases worked by hand."""

import numpy as np
import pytest

from mirctl_gaze.measures import reading_measures


def slow(words, word, duration):
    """As the definitions say it, a word and a fixation at a time."""
    found = []
    for w in range(words):
        at = [i for i, other in enumerate(word) if other == w]
        row = dict.fromkeys(("FFD", "GD", "GPT", "first_duration"))
        row["nFix"], row["TRT"] = len(at), sum(duration[i] for i in at)
        row["reg_in"] = sum(1 for i in at if i > 0 and word[i - 1] > w)
        row["reg_out"] = sum(1 for i in at if i + 1 < len(word) and word[i + 1] < w)
        row["fixProp"] = 1 if at else 0
        row["skip"] = 1
        if at:
            first = at[0]
            row["first_duration"] = duration[first]
            if all(other <= w for other in word[:first]):
                row["skip"] = 0
                row["FFD"] = duration[first]
                end = first
                while end < len(word) and word[end] == w:
                    end += 1
                row["GD"] = sum(duration[first:end])
                end = first
                while end < len(word) and word[end] <= w:
                    end += 1
                row["GPT"] = sum(duration[first:end])
        found.append(row)
    return found


def same(fast, reference):
    for w, row in enumerate(reference):
        for name, value in row.items():
            got = fast[name][w]
            assert np.isnan(got) if value is None else got == value, (name, w)


def test_measures_are_those_of_a_slow_reference():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        words = int(rng.integers(1, 9))
        word = rng.integers(0, words, rng.integers(0, 25))
        duration = rng.integers(60, 900, len(word)).astype(float)
        reference = slow(words, word.tolist(), duration.tolist())
        same(reading_measures(words, word, duration), reference)


def measured(path):
    """Durations are 1, 10, 100 ... so that a sum says what is in it."""
    word = np.array(path, int)
    found = reading_measures(4, word, 10.0 ** np.arange(len(path)))
    return {name: [None if np.isnan(v) else v for v in values] for name, values in found.items()}


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        # Read on, with a refixation: the first pass is both fixations.
        ([0, 1, 1, 2, 3], "FFD", [1, 10, 1000, 10000]),
        ([0, 1, 1, 2, 3], "GD", [1, 110, 1000, 10000]),
        # A regression: what is spent on the way back belongs to the word it began from.
        ([0, 1, 0, 1, 2], "GPT", [1, 1110, 10000, None]),
        ([0, 1, 0, 1, 2], "GD", [1, 10, 10000, None]),
        ([0, 1, 0, 1, 2], "TRT", [101, 1010, 10000, 0]),
        ([0, 1, 0, 1, 2], "reg_in", [1, 0, 0, 0]),
        ([0, 1, 0, 1, 2], "reg_out", [0, 1, 0, 0]),
        # Word 1 is seen only after word 2: skipped in the first pass, but not unfixated.
        ([0, 2, 1, 3], "FFD", [1, None, 10, 1000]),
        ([0, 2, 1, 3], "first_duration", [1, 100, 10, 1000]),
        ([0, 2, 1, 3], "skip", [0, 1, 0, 0]),
        ([0, 2, 1, 3], "fixProp", [1, 1, 1, 1]),
        ([0, 2, 1, 3], "GPT", [1, None, 110, 1000]),
        # The last word is left by no fixation to its right.
        ([3, 0, 1], "GPT", [None, None, None, 111]),
        ([], "nFix", [0, 0, 0, 0]),
        ([], "FFD", [None, None, None, None]),
    ],
)  # fmt: skip
def test_cases_worked_by_hand(path, name, values):
    assert measured(path)[name] == values


def test_all_time_belongs_to_the_path_of_one_word():
    rng = np.random.default_rng(0)
    for _ in range(50):
        word = rng.integers(0, 12, 40)
        duration = rng.integers(80, 500, 40).astype(float)
        found = reading_measures(12, word, duration)
        assert np.nansum(found["GPT"]) == duration.sum() == found["TRT"].sum()
        assert found["reg_in"].sum() == found["reg_out"].sum()
        entered = found["skip"] == 0
        assert (found["FFD"] <= found["GD"])[entered].all()
        assert (found["GD"] <= found["GPT"])[entered].all()
