"""Tables of measures and of texts, as the words that a model reads."""

import numpy as np
import pytest

from mirctl.errors import DataError
from mirctl.tables import open_stream
from mirctl_gaze.attention.reading import Texts, located, read

GAZE = (
    "reader,trial,word,text,TRT,FFD",
    "ann,a,1,The,200,100",
    "ann,a,2,cat,,300",
    "ann,a,3,sat.,0,",
    "bob,a,1,The,400,.",
    "bob,a,2,cat,500,NA",
    "bob,a,3,sat.,100,",
    "bob,b,7,Two,1,1",
    "bob,b,9,words,2,2",
)


@pytest.fixture
def gaze(write):
    return lambda *lines: open_stream(str(write("gaze.csv", *lines)))


@pytest.fixture
def texts(write):
    return lambda *lines: Texts.read(open_stream(str(write("texts.csv", *lines))))


def words_of(found):
    return {one.trial: one.text.words for one in found.texts}


def test_readers_are_averaged_where_they_have_a_value(gaze):
    found = read(gaze(*GAZE))
    assert found.measures == ("FFD", "TRT")
    assert words_of(found) == {"a": ["The", "cat", "sat."], "b": ["Two", "words"]}
    assert found.texts[0].text.text == "The cat sat."
    wanted = [[100, 300], [300, 500], [np.nan, 50]]
    np.testing.assert_array_equal(found.texts[0].values, wanted)


def test_a_table_of_one_text_needs_neither_reader_nor_trial(gaze):
    found = read(gaze("word,text,nFix", "2,b,1", "1,a,3", "3,c,2"))
    assert words_of(found) == {"": ["a", "b", "c"]}
    assert found.texts[0].values[:, 0].tolist() == [3, 1, 2]


def test_words_that_look_like_missing_numbers_are_words(gaze):
    found = read(gaze("word,text,TRT", "1,None,1", "2,.,2", "3,NA,3", "4,null,4"))
    assert words_of(found) == {"": ["None", ".", "NA", "null"]}


def test_rows_without_a_word_or_its_number_are_named(gaze, capsys):
    found = read(gaze("word,text,TRT", "1,a,1", "x".replace("x", ""), "2,b,2", ",c,3", "4,,4"))
    assert words_of(found) == {"": ["a", "b"]}
    whys = {fact["why"] for fact in found.unusable.facts()}
    assert whys == {"word is no whole number", "no text"}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("trial,word,text", "a,1,b"), "no reading measure: one of nFix, FFD"),
        (("trial,word,TRT", "a,1,5"), "text"),
        (("trial,text,TRT", "a,b,5"), "word"),
        (("trial,word,text,TRT", "a,1,b,5", "a,1,b,6"), "word 1 of trial a comes twice"),
        (("reader,word,text,TRT", "x,1,b,5", "y,1,c,6"), "is 'c', and 'b' in row 1: readers of"),
        (("trial,word,text,TRT",), "no trial that can be used"),
        (("trial,word,text,TRT", "a,1,b,much"), "TRT is 'much', which is no number"),
    ],
)
def test_what_cannot_be_used_is_told(gaze, lines, told):
    with pytest.raises(DataError, match=told):
        read(gaze(*lines))


def test_words_are_found_in_a_text_with_a_prompt_and_its_own_spacing(gaze, texts):
    given = texts("trial,text", 'a,"User: The cat?\n\nBot:  The cat\tsat."', "b,Two words")
    found = read(gaze(*GAZE), given)
    assert words_of(found) == {"a": ["The", "cat", "sat."], "b": ["Two", "words"]}
    assert found.texts[0].text.text.startswith("User: The cat?")
    assert found.texts[0].text.spans[0].tolist() == [22, 25]


def test_a_row_a_word_is_a_text_too(gaze, texts):
    given = texts("trial,word,text", "a,2,cat", "a,1,The", "a,3,sat.", "a,4,down", "b,1,Two words")
    found = read(gaze(*GAZE), given)
    assert found.texts[0].text.text == "The cat sat. down"
    assert words_of(found)["a"] == ["The", "cat", "sat."]


def test_one_text_may_hold_for_all_trials(gaze, texts):
    found = read(gaze(*GAZE), texts("text", "Say: The cat sat. Two words"))
    assert words_of(found) == {"a": ["The", "cat", "sat."], "b": ["Two", "words"]}


def test_trials_without_their_words_in_a_text_are_left_out_and_named(gaze, texts):
    given = texts("trial,text", "a,The cat lay.", "c,Two words")
    with pytest.raises(DataError, match=r"'sat\.' does not follow in the text"):
        read(gaze(*GAZE), given)
    found = read(gaze(*GAZE), texts("trial,text", "a,The cat lay.", "b,Two words"))
    assert list(found.left_out) == ["a"]
    found = read(gaze(*GAZE), texts("trial,text", "a,The cat sat.", "bb,Two words"))
    assert "no trial 'b'; did you mean 'bb'" in found.left_out["b"]


def test_words_are_located_by_their_letters_alone():
    assert located(["a b", "c"], "x ab\nc").spans.tolist() == [[2, 4], [5, 6]]
    assert located(["猫", "だ"], "これは猫だ").spans.tolist() == [[3, 4], [4, 5]]
    assert located(["a", "b"], "a b, then a b").spans.tolist() == [[10, 11], [12, 13]]
    assert located(["a", "c", "b"], "a b c") == 1
    assert located(["z"], "a b c") == 0
