"""No conversation is on both sides of a split, and gaze keeps its names."""

import numpy as np
import pytest

from mirctl.errors import DataError
from mirctl_align import split
from mirctl_align.config import RewardConfig
from mirctl_align.dialogue import RAW, Message, Pair


def pair(prompt, chosen, rejected):
    turns = [Message(("user", "assistant")[n % 2], text) for n, text in enumerate(prompt)]
    return Pair(*((*turns, Message("assistant", text)) for text in (chosen, rejected)), "row")


def raw(chosen, rejected):
    return Pair((Message(RAW, chosen),), (Message(RAW, rejected),), "row")


def test_pairs_of_a_prompt_and_what_goes_on_from_their_answers_are_one_conversation():
    pairs = [
        pair("a", "b", "c"), pair("x", "y", "z"), pair("abd", "e", "f"), pair("a", "g", "h"),
        pair("acd", "e", "f"), pair("abdei", "j", "k"), pair("xi", "j", "k"),
    ]  # fmt: skip
    assert split.conversations(pairs) == [0, 1, 0, 0, 0, 0, 1]


def test_a_first_message_that_all_share_makes_no_conversation():
    assert split.conversations([pair("abc", "d", "e"), pair("afg", "d", "e")]) == [0, 1]


def test_pairs_with_a_text_in_common_are_one_conversation():
    pairs = [raw("a", "b"), raw("c", "d"), raw("e", "a"), raw("d", "e"), raw("f", "g")]
    assert split.conversations(pairs) == [0, 0, 0, 0, 4]


@pytest.fixture
def parts(lines):
    """parts(pairs' rows, changes) -> what a recipe takes each of them for."""

    def read(rows, **changes):
        gaze = changes.pop("gaze", {})
        data = {"train": lines(*rows), **changes}
        config = {"uses": "align/train", "data": data, "model": {"base": "x"}, "gaze": gaze}
        return split.read(RewardConfig(**config))

    return read


def row(n, turn=0):
    """Two turns of the n-th of some conversations."""
    text = f"\n\nHuman: question {n}\n\nAssistant: answer {n}"
    more = f"{text}\n\nHuman: why?\n\nAssistant: because" if turn else text
    return {"chosen": more, "rejected": f"{more} not"}


def test_folds_are_all_pairs_once_and_share_no_conversation(parts):
    rows = [row(n, turn) for n in range(23) for turn in (0, 1)]
    seen = []
    for fold in range(1, 6):
        found = parts(rows, fold=f"{fold}/5", share=0.2)
        names = [{p.chosen[0] for p in some.pairs} for some in found]
        assert sum(map(len, names)) == len(set.union(*names)) == 23
        assert [len(some.pairs) for some in found] == [2 * len(some) for some in names]
        seen += [p.where for p in found.test.pairs]
    assert len(seen) == len(set(seen)) == 46


def test_pairs_that_all_weigh_nothing_are_refused(parts):
    rows = [row(n) | {"weight": 0} for n in range(5)]
    with pytest.raises(DataError, match="all pairs weigh 0"):
        parts(rows)
    assert len(parts([*rows, *(row(n) for n in range(5, 50))]).train.pairs) == 45


def test_pairs_that_go_on_from_training_pairs_are_warned_of(parts, tmp_path, capsys):
    test = tmp_path / "test.csv"
    test.write_text("prompt,chosen,rejected\nquestion 3,yes,no\nother,yes,no\n")
    parts([row(n) for n in range(20)], test=test)
    assert "1 pair of conversations that the training pairs have" in capsys.readouterr().err


def gazed(*names):
    """A row with gaze in which every measure tells its name."""
    gaze = {name: [float(ord(name))] for name in names}
    return {"prompt": "a", "chosen": "b", "rejected": "c", "chosen_gaze": gaze,
            "rejected_gaze": gaze}  # fmt: skip


def test_measures_of_other_pairs_are_known_by_their_names(parts, lines, tmp_path):
    other = lines(gazed("Y", "Z", "X")).rename(tmp_path / "other.jsonl")
    given = {"test": other, "valid": other, "gaze": {"inject": "add", "generator": "data"}}
    found = parts([gazed("X", "Y")], **given)
    for some in found:
        assert some.measures == ("X", "Y")
        np.testing.assert_array_equal(some.pairs[0].gaze[1], [[ord("X"), ord("Y")]])
    other.write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}')
    with pytest.raises(DataError, match="give no X, which the training pairs have"):
        parts([gazed("X", "Y")], **given)
    given["gaze"]["inject"] = "aux-loss"
    assert parts([gazed("X", "Y")], **given).test.measures == ()
