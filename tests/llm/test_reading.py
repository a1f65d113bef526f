"""The shapes in which models answer."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from mirctl.llm import reading


class Idea(BaseModel):
    title: str
    cover_prompt: str = ""
    tags: list[str] = Field(default_factory=list)


class Ideas(BaseModel):
    ideas: list[Idea] = Field(min_length=1)


GOOD = '{"title": "Cat", "cover_prompt": "a cat"}'
SHAPES = {
    "alone": GOOD,
    "prose around": f"Sure, here it is:\n{GOOD}\nI hope you like {{it}}!",
    "fences": f"```json\n{GOOD}\n```",
    "fences without a name, and prose": f"Here:\n```\n{GOOD}\n```\nDone.",
    "reasoning first": f'First I thought of {{"title": "Dog"}}. No: better this.\n\n{GOOD}',
    "think": f'<think>maybe {{"title": "Dog"}} or {{x</think>\n{GOOD}',
    "think without a beginning": f'{{"title": "Dog"}} hm\n</think>\n{GOOD}',
    "keys in other case": '{"Title": "Cat", "coverPrompt": "a cat"}',
    "keys with blanks": '{"TITLE": "Cat", "Cover Prompt": "a cat"}',
    "single quotes": "{'title': 'Cat', 'cover_prompt': 'a cat'}",
    "no quotes around keys": '{title: "Cat", cover_prompt: "a cat"}',
    "trailing commas": '{"title": "Cat", "cover_prompt": "a cat",}',
    "comments": '{"title": "Cat", // its name\n "cover_prompt": "a cat"}',
    "raw line ends in a string": '{"title": "Cat", "cover_prompt": "a cat",\n "tags": ["a\nb",],}',
    "several objects": f'{{"title": "Dog"}}\n{GOOD}',
    "an object of other keys behind": f'{GOOD}\n{{"note": "I like it"}}',
    "an array around": f"[{GOOD}]",
    "an object around": f'{{"answer": {GOOD}}}',
    "marks of lists in prose": f"As [1] and [2] say, {{so}} it is :-{{ :\n{GOOD}",
}  # fmt: skip


def read(text, schema=Idea):
    return reading.read(text, schema, reading.form(schema))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_object_is_found_whatever_stands_around_it(shape):
    found = read(SHAPES[shape])
    assert (found.title, found.cover_prompt) == ("Cat", "a cat")


HALVES = [
    '{"title": "Cat", "cover_prompt": "a c',
    '{"title": "Cat"',
    '{"title": "Cat", "tags": ["a", "b"',
    '```json\n{"title": "Cat", "tags": [',
    '[{"title": "Cat"}, {"title": "D',
    '{\n  "title": "Ca',
    '{"title": "Cat"]',
    "{'title': 'Cat', 'cover",
    'I will write {"title": "Cat", "sub": {"title": "inner"}, "cov',
]


@pytest.mark.parametrize("text", HALVES)
def test_half_an_object_is_never_completed(text):
    with pytest.raises(reading.Unfit, match="does not end"):
        read(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON object"),
        ("I cannot help with that.", "no JSON object"),
        ("<think>so long a thought", "no JSON object"),
        ('{"name": "Cat"}', "title: Field required"),
        ('{"title": ["Cat"]}', "title: Input should be a valid string"),
        ("[1, 2]", "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        ('{"a":' * 100_000, "does not end"),
        ("{" * 100_000, "no JSON object"),
        ('{"title": "' + "x" * 1_000_000, "does not end"),
        ('{"title": ' + "[" * 500 + "]" * 500 + "}", "title|nested|recursion"),
    ],
)
def test_it_is_told_why_there_is_none(text, told):
    with pytest.raises(reading.Unfit, match=told):
        read(text)


def test_keys_are_found_in_nested_objects_too():
    text = '{"IDEAS": [{"Title": "Cat", "Tags": ["a"]}, {"title": "Dog", "COVER PROMPT": "d"}]}'
    assert read(text, Ideas) == Ideas(
        ideas=[Idea(title="Cat", tags=["a"]), Idea(title="Dog", cover_prompt="d")]
    )


def test_the_exact_key_counts_where_another_is_like_it():
    assert read('{"Title": "Dog", "title": "Cat"}').title == "Cat"


def test_the_form_of_a_schema_has_no_room_for_other_keys():
    keys = reading.form(Ideas)
    assert keys["additionalProperties"] is False
    assert keys["$defs"]["Idea"]["additionalProperties"] is False
    assert keys["$defs"]["Idea"]["properties"].keys() == {"title", "cover_prompt", "tags"}


def test_nan_is_no_json():
    class Score(BaseModel):
        score: float = Field(allow_inf_nan=False)

    with pytest.raises(reading.Unfit):
        read('{"score": NaN}', Score)


def test_text_in_any_script_stays_as_it_is():
    assert read('{"title": "Кот 猫 🐈 \\ud83d\\ude00 قط"}').title == "Кот 猫 🐈 😀 قط"


@given(
    st.builds(
        Idea, title=st.text(max_size=30), tags=st.lists(st.text("ab\"'{}[]\\\n", max_size=9))
    ),
    st.sampled_from(["", "Sure!\n", "Note {this}: ", "1) [a] ", "```json\n"]),
    st.sampled_from(["", "\nDone.", "\n```", " :-}", "\n{so it is}"]),
)
def test_any_object_in_prose_is_read_as_it_was_written(idea, before, behind):
    assert read(before + idea.model_dump_json() + behind) == idea


@given(st.text("{}[]\"':,\\ab<>/`\n ", max_size=60))
def test_any_text_is_an_object_or_told(text):
    with suppress(reading.Unfit):
        assert isinstance(read(text), Idea)


def test_a_lone_surrogate_is_told_not_raised():
    with pytest.raises(reading.Unfit):
        read('{"title": "\\ud800"}')
