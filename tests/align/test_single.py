import pytest

from mirctl.errors import DataError
from mirctl_align.dialogue import RAW, Message
from mirctl_align.pairs import read_dialogue

USER = {"role": "user", "content": "hi"}
GOOD = {"role": "assistant", "content": "hello"}
CHOSEN = (Message("user", "hi"), Message("assistant", "hello"))
REJECTED = (Message("user", "hi"), Message("assistant", "go away"))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "hi", "response": "hello"},
        {"messages": [USER, GOOD]},
        {"prompt": [USER], "response": [GOOD]},
        {"text": "\n\nHuman: hi\n\nAssistant: hello"},
    ],
)
def test_one_dialogue_a_row_is_read_in_the_same_way(row):
    assert read_dialogue(row, "row 1") == CHOSEN


def test_messages_come_before_a_response_and_a_response_before_a_text():
    row = {"text": "so", "prompt": "hi", "response": "go away", "messages": [USER, GOOD]}
    assert read_dialogue(row, "row 1") == CHOSEN
    assert read_dialogue(row | {"messages": None}, "row 1") == REJECTED
    alone = row | {"messages": None, "response": ""}
    assert read_dialogue(alone, "row 1") == (Message(RAW, "so"),)


def test_an_answer_to_no_prompt_is_a_text():
    for prompt in ("", None):
        row = {"prompt": prompt, "response": "hello"}
        assert read_dialogue(row, "row 1") == (Message(RAW, "hello"),)


def test_a_text_to_score_stays_as_it_is():
    assert read_dialogue({"text": "a b"}, "row 1") == (Message(RAW, "a b"),)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"words": "a"}, r"gives no text, .* no messages \(it has words\)"),
        ({"messages": "a"}, "messages is 'a': it must be a list of messages"),
        ({"text": ["a", "b"]}, "text is .* it must be a text"),
        ({"text": 7}, "text is 7"),
        ({}, r"\(it has nothing\)"),
        ({"response": 7}, "response is 7: it must be a text or a list of messages"),
        ({"prompt": "a", "response": " "}, "response is blank"),
        ({"messages": [USER]}, "ends with a message of role user"),
    ],
)
def test_a_row_that_cannot_be_scored_is_an_error(row, told):
    with pytest.raises(DataError, match=told) as failed:
        read_dialogue(row, "row 9")
    assert failed.value.where == "row 9"
