"""Where the words of a text are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirctl.words import Text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the cat  sat.", ["the", "cat", "sat."]),
        ("\n don't\tstop—now \n", ["don't", "stop—now"]),
        ("", []),
        ("  \u00a0 ", []),
        ("ភាសា\u200bខ្មែរ ภาษาไทย", ["ភាសា", "ខ្មែរ", "ภาษาไทย"]),
        ("猫が好き good", ["猫", "が", "好", "き", "good"]),
        ("привет мир 👩‍👧!", ["привет", "мир", "👩‍👧!"]),
    ],
)
def test_words_are_what_stands_between_blanks_and_each_character_of_scripts_without(text, words):
    assert Text.of(text).words == words


@given(st.text())
def test_words_lie_in_order_apart_and_hold_every_character_that_is_no_blank(text):
    found = Text.of(text)
    spans = found.spans.tolist()
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in pairwise(spans))
    assert "".join(found.words) == "".join(text.replace("\u200b", "").split())


@given(st.lists(st.text(), max_size=8))
def test_given_words_stay_as_they_are_and_as_many(words):
    assert Text.joined(words).words == words


def test_the_same_characters_cut_otherwise_are_another_text():
    one, other = Text.joined(["new", "york"]), Text.joined(["new york"])
    assert one.text == other.text
    assert one.digest != other.digest
    assert one.digest == Text.of("new york").digest


def test_half_a_character_is_no_accident():
    assert len(Text.of("a \ud800").digest) == 32
