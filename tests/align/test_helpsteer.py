import pytest

from mirctl.errors import DataError
from mirctl_align.config import PairsConfig
from mirctl_align.dialogue import Message
from mirctl_align.pairs import read

AUTO = PairsConfig()


def scored(prompt, response, helpfulness, verbosity=0):
    scores = {"helpfulness": helpfulness, "verbosity": verbosity}
    return {"prompt": prompt, "response": response, **scores}


def test_answers_to_a_prompt_pair_up_and_the_higher_score_wins(lines, asked):
    found = read(
        lines(scored("q", "bad", 1), scored("q", "good", 4), scored("r", "x", 1)), AUTO
    )  # fmt: skip
    (pair,) = found.pairs
    assert (pair.chosen, pair.rejected) == (asked("good", "q"), asked("bad", "q"))
    assert (pair.margin, pair.target) == (3, 1)
    assert pair.where.endswith("row 1")
    assert "row 2 and " in pair.where
    assert found.dropped == {"the only answer to its prompt": 1}


def test_another_score_decides_where_it_is_asked_for(lines):
    rows = scored("q", "short", 4, 1), scored("q", "long", 1, 3)
    (pair,) = read(lines(*rows), PairsConfig(score="verbosity")).pairs
    assert (pair.chosen[-1].content, pair.margin) == ("long", 2)


def test_three_answers_make_three_pairs_and_ties_are_counted_or_kept(lines):
    file = lines(scored("q", "a", 1), scored("q", "b", 2), scored("q", "c", 1))
    found = read(file, AUTO)
    assert [(p.chosen[-1].content, p.rejected[-1].content) for p in found.pairs] == [
        ("b", "a"), ("b", "c"),
    ]  # fmt: skip
    assert found.dropped == {"a tie": 1}
    kept = read(file, PairsConfig(ties="keep")).pairs
    assert [pair.target for pair in kept] == [1, 0.5, 1]
    assert (kept[1].chosen[-1].content, kept[1].margin) == ("a", 0)


def test_a_pair_is_measured_in_the_group_of_its_better_answer(lines):
    rows = scored("q", "a", 1) | {"subset": "x"}, scored("q", "b", 2) | {"subset": "y"}
    assert read(lines(*rows), AUTO).pairs[0].subset == "y"


def test_a_prompt_of_several_turns_is_taken_apart(lines):
    prompt = "hi\n<extra_id_1>Assistant\nhello\n<extra_id_1>User\nwhat is it?"
    for text in (prompt, prompt.replace("\n", "\r\n")):
        (pair,) = read(lines(scored(text, "a", 1), scored(text, "b", 0)), AUTO).pairs
        assert pair.chosen == (
            Message("user", "hi"), Message("assistant", "hello"), Message("user", "what is it?"),
            Message("assistant", "a"),
        )  # fmt: skip


def test_a_prompt_may_end_with_the_assistants_turn(lines):
    prompt = "hi\n<extra_id_1>Assistant\nhello"
    (pair,) = read(lines(scored(prompt, "a", 1), scored(prompt, "b", 0)), AUTO).pairs
    assert [turn.content for turn in pair.chosen] == ["hi", "hello", "a"]


def test_an_answer_behind_the_mark_of_its_prompt_has_no_blank_before(lines, asked):
    prompt = "\n\nHuman: q\n\nAssistant:"
    (pair,) = read(lines(scored(prompt, " a", 1), scored(prompt, " b", 0)), AUTO).pairs
    assert (pair.chosen, pair.rejected) == (asked("a", "q"), asked("b", "q"))


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_prompt_is_counted(lines, blank):
    rows = scored("q", "a", 1), scored("q", "b", 2), scored(blank, "a", 1), scored(blank, "b", 2)
    found = read(lines(*rows), AUTO)
    assert (len(found.pairs), found.dropped) == (1, {"the prompt is blank": 2})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"helpfulness": None}, "helpfulness is None: it must be a finite number"),
        ({"helpfulness": "high"}, "helpfulness is 'high'"),
        ({"prompt": None}, "has no prompt to its response"),
        ({"response": 7}, "response is 7"),
    ],
)
def test_bad_rows_are_named_with_their_line(lines, change, told):
    with pytest.raises(DataError, match=told) as failed:
        read(lines(scored("q", "a", 1), scored("q", "b", 2) | change), AUTO)
    assert failed.value.where.endswith("row 2")


def test_a_score_that_is_not_there_is_named(lines):
    config = PairsConfig(layout="helpsteer", score="helpfullness")
    with pytest.raises(DataError, match="no column 'helpfullness'; did you mean 'helpfulness'"):
        read(lines(scored("q", "a", 1)), config)
