"""Measures of words on tokens, and the control."""

import numpy as np
import pytest

from mirctl.words import align
from mirctl_align.gaze import on_tokens, shuffled
from mirctl_align.tokens import Encoded

NAN = float("nan")


def encoded(words, tokens):
    """Words and tokens by the characters that they cover."""
    alignment = align(np.array(words), tokens)
    return Encoded(np.zeros(len(tokens), np.int64), alignment, (), 0)


def test_a_token_of_several_words_has_the_mean_of_what_is_known():
    own = encoded([(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 0), (0, 2), (2, 4)])
    found = on_tokens(own, np.array([[2, NAN], [4, 8], [NAN, NAN], [NAN, 6]], np.float32))
    np.testing.assert_array_equal(found.values, [[NAN, NAN], [3, 8], [NAN, 6]])
    assert found.seen.tolist() == [False, True, True]
    assert found.first.tolist() == [False, True, True]


def test_each_token_of_a_word_has_its_measures_and_the_first_one_is_marked():
    own = encoded([(0, 4), (5, 8)], [(0, 2), (2, 4), (5, 6), (6, 8)])
    found = on_tokens(own, np.array([[1], [NAN]], np.float32))
    np.testing.assert_array_equal(found.values[:, 0], [1, 1, NAN, NAN])
    assert found.first.tolist() == [True, False, False, False]


def test_measures_of_an_answer_are_those_of_the_last_words():
    own = encoded([(0, 1), (2, 3), (4, 5)], [(0, 1), (2, 3), (4, 5)])
    found = on_tokens(own, np.array([[7]], np.float32))
    np.testing.assert_array_equal(found.values[:, 0], [NAN, NAN, 7])
    assert not on_tokens(own, np.zeros((0, 1), np.float32)).seen.any()


@pytest.mark.parametrize("count", [2, 9])
def test_the_control_gives_every_dialogue_the_measures_of_another(count):
    words = [np.full((n % 3 + 1, 2), n, np.float32) for n in range(count)]
    found = shuffled(words, seed=3)
    donors = [int(own[0, 0]) for own in found]
    assert sorted(donors) == list(range(count))
    assert all(donor != n for n, donor in enumerate(donors))
    assert [own.shape for own in found] == [own.shape for own in words]
    assert shuffled(words, 3)[0].tolist() == found[0].tolist()


def test_the_control_begins_again_where_the_other_dialogue_is_shorter():
    one, other = np.array([[1], [2]], np.float32), np.zeros((5, 1), np.float32)
    _, found = shuffled([one, other], seed=0)
    assert found[:, 0].tolist() == [1, 2, 1, 2, 1]
