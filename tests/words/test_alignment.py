"""Words and tokens by the characters that they share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from mirctl.words import Text, align

TEXTS = ["The cat's mat, again.", "naïve 👩‍👧 café", "猫が好き。ok", "a\n\n b", "привет, мир!"]


def byte_level(text):
    """Offsets as a byte-level tokenizer without merges gives them: a token a byte."""
    tokenizer = Tokenizer(models.BPE(_bytes(), []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer.encode(text).offsets


def _bytes():
    return {letter: n for n, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}


def by_hand(spans, offsets):
    return [
        (w, t)
        for t, (c, d) in enumerate(offsets)
        for w, (a, b) in enumerate(spans)
        if max(a, c) < min(b, d)
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_pairs_are_those_that_share_a_character(text):
    words, offsets = Text.of(text), byte_level(text)
    found = align(words.spans, offsets)
    assert list(zip(found.word.tolist(), found.token.tolist())) == by_hand(
        words.spans.tolist(), offsets
    )


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=6),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=8),
)
def test_any_words_and_tokens(words, tokens):
    def spans(sizes):
        at, found = 0, []
        for size, gap in sizes:
            found.append((at, at + size))
            at += size + gap
        return found

    own, theirs = spans(words), spans(tokens)
    found = align(np.array(own, int).reshape(-1, 2), theirs)
    assert list(zip(found.word.tolist(), found.token.tolist())) == by_hand(own, theirs)


def test_special_tokens_match_nothing_and_blanks_in_a_token_do_not_matter():
    text = Text.of("ab cd")
    found = align(text.spans, [(0, 0), (0, 2), (2, 4), (4, 5), (0, 0)])
    assert found.word.tolist() == [0, 1, 1]
    assert found.token.tolist() == [1, 2, 3]


VALUES = np.array([9.0, 1.0, 2.0, 4.0, 9.0])


@pytest.mark.parametrize(
    ("how", "words"), [("sum", [1, 6]), ("mean", [1, 3]), ("max", [1, 4]), ("first", [1, 2])]
)
def test_a_word_takes_of_its_tokens(how, words):
    text = Text.of("ab cd ")
    found = align(text.spans, [(0, 0), (0, 2), (2, 4), (4, 5), (5, 6)])
    assert found.to_words(VALUES, how).tolist() == words


def test_a_word_without_a_token_has_no_value():
    found = align(Text.of("ab cd").spans, [(0, 2)])
    assert np.isnan(found.to_words(np.array([1.0]))).tolist() == [False, True]


def test_tokens_take_of_their_words_and_those_without_have_none():
    text = Text.of("ab cd e")
    found = align(text.spans, [(0, 0), (0, 1), (1, 2), (3, 7), (0, 0)])
    values = np.array([8.0, 2.0, 4.0])
    nan = np.nan
    np.testing.assert_equal(found.to_tokens(values), [nan, 8, 8, 3, nan])
    np.testing.assert_equal(found.to_tokens(values, "sum"), [nan, 8, 8, 6, nan])
    np.testing.assert_equal(found.to_tokens(values, "first"), [nan, 8, 0, 6, nan])
    np.testing.assert_allclose(found.shares(), [0.5, 0.5, 1, 1])


def test_mass_over_tokens_is_kept_by_words():
    text = "The cat's mat"
    found = align(Text.of(text).spans, byte_level(text))
    mass = np.random.default_rng(0).random((len(byte_level(text)), 2))
    covered = np.isin(np.arange(len(mass)), found.token)
    np.testing.assert_allclose(found.to_words(mass).sum(0), mass[covered].sum(0))
