import csv
import gzip
import io
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirctl.errors import DataError
from mirctl_align.config import Columns, PairsConfig
from mirctl_align.dialogue import RAW, Message
from mirctl_align.pairs import read

AUTO = PairsConfig()
USER = {"role": "user", "content": "hi"}
GOOD = {"role": "assistant", "content": "hello"}
BAD = {"role": "assistant", "content": "go away"}
SYSTEM = {"role": "system", "content": "be kind"}
CHOSEN = (Message("user", "hi"), Message("assistant", "hello"))
REJECTED = (Message("user", "hi"), Message("assistant", "go away"))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "hi", "chosen": "hello", "rejected": "go away"},
        {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": [USER], "chosen": "hello", "rejected": "go away"},
        {"prompt": "hi", "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": "hi", "chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"prompt": [USER], "chosen": [USER, GOOD], "rejected": [BAD]},
        {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"prompt": None, "chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"prompt": "hi", "chosen": ["hello"], "rejected": ["go away"]},
        {"chosen": "\n\nHuman: hi\n\nAssistant: hello",
         "rejected": "\n\nHuman: hi\n\nAssistant: go away"},
        {"prompt": "\n\nHuman: hi\n\nAssistant:", "chosen": " hello", "rejected": " go away"},
        {"prompt": "hi", "chosen": "\n\nHuman: hi\n\nAssistant: hello", "rejected": "go away"},
        {"chosen": "\r\n\r\nHuman: hi\r\n\r\nAssistant: hello",
         "rejected": "Human: hi\r\n\r\nAssistant: go away"},
    ],
)  # fmt: skip
def test_the_forms_in_which_pairs_are_shared_give_the_same_dialogues(lines, row):
    (pair,) = read(lines(row), AUTO).pairs
    assert (pair.chosen, pair.rejected) == (CHOSEN, REJECTED)
    assert pair.where.endswith("pairs.jsonl, row 1")
    assert (pair.margin, pair.weight, pair.target, pair.subset) == (0, 1, 1, "")


def test_both_answers_share_one_copy_of_their_prompt(lines):
    row = {"chosen": [USER, GOOD], "rejected": [USER, BAD]}
    (pair,) = read(lines(row), AUTO).pairs
    assert pair.chosen[0] is pair.rejected[0]


def test_a_system_message_before_the_prompt_is_kept(lines):
    row = {"prompt": "hi", "chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]}
    (pair,) = read(lines(row), AUTO).pairs
    assert pair.chosen == (Message("system", "be kind"), *CHOSEN)


def test_a_system_message_may_be_all_that_is_answered(lines):
    row = {"prompt": [SYSTEM], "chosen": "hello", "rejected": [SYSTEM, BAD]}
    (pair,) = read(lines(row), AUTO).pairs
    assert pair.chosen == (Message("system", "be kind"), Message("assistant", "hello"))


def test_texts_without_a_prompt_stay_as_they_are(lines):
    (pair,) = read(lines({"chosen": " The sky\n is blue.", "rejected": "green"}), AUTO).pairs
    assert pair.chosen == (Message(RAW, " The sky\n is blue."),)


def test_several_answers_in_a_cell_give_all_pairs(lines):
    row = {"prompt": "hi", "chosen": ["hello"], "rejected": ["go", "no", "bye"], "subset": "Ties"}
    pairs = read(lines(row), AUTO).pairs
    assert [pair.rejected[-1].content for pair in pairs] == ["go", "no", "bye"]
    assert {pair.subset for pair in pairs} == {"Ties"}


@pytest.mark.parametrize(
    "text", ["Human: beings", "so\n\nHuman: a\n\nAssistant: b", "Assistant: a\n\nHuman: b", "Human"]
)
def test_a_text_that_is_no_whole_dialogue_is_not_taken_apart(lines, text):
    (pair,) = read(lines({"chosen": text, "rejected": "no"}), AUTO).pairs
    assert pair.chosen == (Message(RAW, text),)


def test_blank_lines_before_the_first_mark_are_no_part_of_a_dialogue(lines):
    text = "Human: hi\n\nAssistant: hello"
    rows = [{"chosen": before + text, "rejected": text + " you"} for before in ("", "\n", "\n" * 3)]
    assert [pair.chosen for pair in read(lines(*rows), AUTO).pairs] == [CHOSEN] * 3


def test_only_one_blank_behind_the_mark_of_a_prompt_is_no_part_of_an_answer(lines):
    marked = {"prompt": "Human: hi\n\nAssistant:", "chosen": "  a", "rejected": "b"}
    plain = {"prompt": "hi", "chosen": " a", "rejected": "b"}
    pairs = read(lines(marked, plain), AUTO).pairs
    assert [pair.chosen[-1].content for pair in pairs] == [" a", " a"]


def test_marked_turns_of_one_role_and_blank_lines_are_kept(lines):
    text = "\n\nHuman: a\n\nb\n\nHuman: c\n\n\n\nAssistant: d\n\nAssistant: "
    (pair,) = read(lines({"chosen": text + "e", "rejected": text + "f"}), AUTO).pairs
    contents = [message.content for message in pair.chosen]
    assert contents == ["a\n\nb", "c\n\n", "d", "e"]


def test_columns_have_the_names_of_the_recipe(lines):
    names = Columns(prompt="q", chosen="yes", rejected="no", margin="gap", subset="kind")
    row = {"q": "hi", "yes": "hello", "no": "go away", "gap": 2, "kind": 7, "weight": 0.5}
    (pair,) = read(lines(row), PairsConfig(columns=names)).pairs
    assert pair.chosen == CHOSEN
    assert (pair.margin, pair.weight, pair.subset) == (2, 0.5, "7")


def test_a_tie_that_a_target_tells_of_is_kept(lines):
    row = {"prompt": "hi", "chosen": "hello", "rejected": "go away", "target": 0.5}
    assert read(lines(row), AUTO).pairs[0].tie


def test_every_format_gives_the_same_pairs(tmp_path, monkeypatch):
    rows = [
        {"prompt": f"say {n}", "chosen": f'{n},\n"yes"', "rejected": "no\tno", "margin": n / 2}
        for n in range(3)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(text)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
    for name, delimiter in (("d.csv", ","), ("e.tsv", "\t")):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    found = [read(name, AUTO).pairs for name in ("-", *sorted(tmp_path.iterdir()))]
    facts = [[(p.chosen, p.rejected, p.margin) for p in pairs] for pairs in found]
    assert len(found) == 6
    assert all(one == facts[0] for one in facts)
    assert [pairs[2].where.rpartition(", ")[2] for pairs in found] == ["row 3"] * 6


def test_messages_and_gaze_come_from_parquet(tmp_path):
    rows = [
        {"chosen": [USER, GOOD], "rejected": [USER, BAD],
         "chosen_gaze": {"TRT": [1.0]}, "rejected_gaze": {"TRT": [2.0, None]}},
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs.parquet")
    found = read(tmp_path / "pairs.parquet", AUTO)
    assert (found.pairs[0].chosen, found.measures) == (CHOSEN, ("TRT",))
    np.testing.assert_array_equal(found.pairs[0].gaze[1], [[2.0], [math.nan]])


def test_gaze_stands_by_word_and_in_the_order_of_the_first_row(lines):
    row = {"prompt": "hi", "chosen": "hello", "rejected": "go away"}
    first = row | {"chosen_gaze": {"TRT": [3], "FFD": [1]},
                   "rejected_gaze": {"FFD": [math.nan, 2], "TRT": [3, None]}}  # fmt: skip
    found = read(lines(first, row), AUTO)
    assert found.measures == ("TRT", "FFD")
    np.testing.assert_array_equal(found.pairs[0].gaze[1], [[3, math.nan], [math.nan, 2]])
    assert found.pairs[0].gaze[0].dtype == np.float32
    assert found.pairs[1].gaze is None


def test_measures_without_names_are_numbered(lines):
    row = {"prompt": "hi", "chosen": "hello", "rejected": "go away",
           "chosen_gaze": [[3], [1]], "rejected_gaze": [[1, 2], [3, 4]]}  # fmt: skip
    found = read(lines(row), AUTO)
    assert found.measures == ("1", "2")
    np.testing.assert_array_equal(found.pairs[0].gaze[1], [[1, 3], [2, 4]])


def test_what_teaches_nothing_is_counted(lines):
    good = {"prompt": "hi", "chosen": "a", "rejected": "b"}
    same, blank, unsaid = {"rejected": "a"}, {"rejected": " \n"}, {"chosen": ""}
    silent = [{"prompt": " "}, {"prompt": "Human: \n\nAssistant:"},
              {"prompt": [{"role": "user", "content": "\n"}]}]  # fmt: skip
    bad = [good | change for change in (same, blank, unsaid, *silent)]
    found = read(lines(good, *bad, good), AUTO)
    assert [pair.where[-1] for pair in found.pairs] == ["1", "8"]
    assert found.dropped == {
        "chosen and rejected are the same": 1, "an answer is blank": 2, "the prompt is blank": 3,
    }  # fmt: skip


def test_nothing_that_is_left_is_an_error_with_the_reasons(lines):
    with pytest.raises(DataError, match=r"no pair is left \(chosen and rejected are the same: 2"):
        read(lines(*[{"chosen": "a", "rejected": "a"}] * 2), AUTO)


GAZE = {"chosen_gaze": {"TRT": [1]}, "rejected_gaze": {"TRT": [1]}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chosen": [{"role": "human", "content": "x"}]}, "message 1 has role 'human'"),
        ({"chosen": [USER, {"role": "assistant"}]}, "message 2 has content None"),
        ({"chosen": [USER, "x"]}, "message 2 is 'x'"),
        ({"chosen": []}, r"chosen is \[\]: it must be a list of messages"),
        ({"chosen": 7}, "chosen is 7: it must be a text or a list"),
        ({"chosen": None}, "chosen is None"),
        ({"chosen": ["a", 7]}, "chosen is 7"),
        ({"chosen": [USER, GOOD, USER]}, "ends with a message of role user"),
        ({"chosen": [{**USER, "content": "ho"}, GOOD]}, "chosen begins neither with"),
        ({"prompt": 7}, "prompt is 7"),
        ({"prompt": None, "chosen": [USER, GOOD], "rejected": [{**USER, "content": "ho"}, BAD]},
         "answer different prompts"),
        ({"prompt": None, "chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, BAD]},
         "answer different prompts"),
        ({"prompt": None, "chosen": [USER, GOOD]}, "answer different prompts"),
        ({"prompt": None, "rejected": [USER, BAD]}, "answer different prompts"),
        ({"prompt": [USER, GOOD], "chosen": [USER, GOOD]}, "chosen begins neither with"),
        ({"chosen": [{**USER, "content": "ho"}, USER, GOOD]}, "chosen begins neither with"),
        ({"rejected": 7}, "rejected is 7"),
        ({"prompt": None, "chosen": [GOOD], "rejected": [BAD]}, "answer different prompts"),
        (GAZE | {"rejected": ["no", "go"]}, "has chosen_gaze, and several answers"),
        ({"margin": "much"}, "margin is 'much': it must be a finite number"),
        ({"margin": math.nan}, "margin is nan"),
        ({"margin": True}, "margin is True"),
        ({"margin": 10**400}, "margin is 1000"),
        ({"weight": -1}, "weight is -1: it must be at least 0"),
        ({"target": 1.5}, "target is 1.5: it must be from 0 to 1"),
        ({"subset": ["a"]}, "subset is"),
        ({"subset": True}, "subset is True"),
        ({"chosen": {"a": "x" * 99}}, r"x\.\.\.: it must be a text"),
        ({"chosen_gaze": {"TRT": [1]}}, "has no rejected_gaze"),
        ({"rejected_gaze": {"TRT": [1]}}, "has no chosen_gaze"),
        (GAZE | {"chosen_gaze": {"TRT": [True]}}, "TRT has True"),
        (GAZE | {"chosen_gaze": {"TRT": [1e39]}}, r"TRT has 1e\+39"),
        (GAZE | {"chosen_gaze": {"TRT": [1, 2]}}, "TRT has 2 numbers, and the answer 1 word:"),
        (GAZE | {"chosen_gaze": {"TRT": ["x"]}}, "TRT has 'x'"),
        (GAZE | {"chosen_gaze": {"TRT": [math.inf]}}, "TRT has inf"),
        (GAZE | {"chosen_gaze": {"TRT": [10**400]}}, "TRT has 1000"),
        (GAZE | {"chosen_gaze": {"TRT": 1}}, "TRT is 1: it must be a list"),
        (GAZE | {"chosen_gaze": {}}, "must be an object of measures"),
        (GAZE | {"rejected_gaze": {"FFD": [1]}}, "has FFD, and others have TRT"),
        ({"chosen_gaze": [1], "rejected_gaze": [1]}, "chosen_gaze: 1 is 1: it must be a list"),
    ],
)  # fmt: skip
def test_bad_rows_are_named_with_their_line(lines, change, told):
    row = {"prompt": "hi", "chosen": "hello", "rejected": "no"}
    with pytest.raises(DataError, match=told) as failed:
        read(lines(row, row | change), AUTO)
    assert failed.value.where.endswith("pairs.jsonl, row 2")


def test_a_column_that_is_missing_in_a_row_is_named(lines):
    with pytest.raises(DataError, match="no column 'rejected'; did you mean 'rejectd'") as failed:
        read(lines({"chosen": "a", "rejected": "b"}, {"chosen": "a", "rejectd": "b"}), AUTO)
    assert failed.value.where.endswith("row 2")


def test_a_layout_that_nobody_knows_is_an_error(lines):
    with pytest.raises(DataError, match="has a, b, which is no known layout"):
        read(lines({"a": 1, "b": 2}), AUTO)


def test_a_table_without_rows_is_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("chosen,rejected\n")
    with pytest.raises(DataError, match="has no rows"):
        read(tmp_path / "a.csv", AUTO)
