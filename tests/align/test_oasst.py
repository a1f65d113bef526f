import csv
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirctl.errors import DataError
from mirctl_align.config import PairsConfig
from mirctl_align.dialogue import Message
from mirctl_align.pairs import read

AUTO = PairsConfig()


def said(name, parent, role, text, rank=None, **more):
    row = {"message_id": name, "parent_id": parent, "role": role, "text": text, "rank": rank}
    return row | {"lang": "en", "deleted": False, "message_tree_id": "q"} | more


TREE = [
    said("q", None, "prompter", "what is it?"),
    said("worst", "q", "assistant", "no idea", 2),
    said("best", "q", "assistant", "a fine thing", 0),
    said("middle", "q", "assistant", "a thing", 1),
    said("more", "best", "prompter", "why?"),
    said("because", "more", "assistant", "because", 1),
    said("reason", "more", "assistant", "it shines", 0),
]
"""By hand: three replies, of which one goes on with two."""
PAIRS = [
    (("what is it?", "a fine thing"), ("what is it?", "a thing")),
    (("what is it?", "a fine thing"), ("what is it?", "no idea")),
    (("what is it?", "a thing"), ("what is it?", "no idea")),
    (("what is it?", "a fine thing", "why?", "it shines"),
     ("what is it?", "a fine thing", "why?", "because")),
]  # fmt: skip


def nested(tree, root="q"):
    """The same messages as one row."""
    own = next(row for row in tree if row["message_id"] == root)
    replies = [nested(tree, row["message_id"]) for row in tree if row["parent_id"] == root]
    return {key: own[key] for key in own if key != "parent_id"} | {"replies": replies}


def texts(found):
    return [
        tuple(tuple(m.content for m in d) for d in (pair.chosen, pair.rejected))
        for pair in found.pairs
    ]


def test_rank_0_is_the_best_and_all_the_thread_stands_before(lines):
    found = read(lines(*TREE), AUTO)
    assert sorted(texts(found)) == sorted(PAIRS)
    assert found.pairs[0].chosen[0] == Message("user", "what is it?")
    assert "row 3 and " in found.pairs[0].where
    assert found.pairs[0].where.endswith("row 4")
    assert not found.dropped
    assert {(pair.margin, pair.weight, pair.target) for pair in found.pairs} == {(0, 1, 1)}


def test_the_order_of_the_rows_changes_nothing(lines):
    assert sorted(texts(read(lines(*reversed(TREE)), AUTO))) == sorted(PAIRS)


def test_a_whole_tree_in_a_row_gives_the_same_pairs(lines):
    found = read(lines({"message_tree_id": "q", "prompt": nested(TREE)}), AUTO)
    assert sorted(texts(found)) == sorted(PAIRS)
    assert {pair.where.partition(", ")[2] for pair in found.pairs} == {"row 1"}


def test_parquet_with_ranks_as_floats_gives_the_same_pairs(tmp_path):
    rows = [row | {"rank": float(row["rank"] or 0) if row["parent_id"] else math.nan}
            for row in TREE]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "tree.parquet")
    assert sorted(texts(read(tmp_path / "tree.parquet", AUTO))) == sorted(PAIRS)


def test_csv_with_deleted_as_text_gives_the_same_pairs(tmp_path):
    gone = said("gone", "q", "assistant", "removed", 0, deleted=True)
    with (tmp_path / "tree.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, gone)
        writer.writeheader()
        writer.writerows([*TREE, gone])
    assert sorted(texts(read(tmp_path / "tree.csv", AUTO))) == sorted(PAIRS)


def test_what_gives_no_pair_is_counted(lines):
    found = read(
        lines(
            *TREE,
            said("none", "q", "assistant", "unranked"),
            said("es", "q", "assistant", "una cosa", 3, lang="es"),
            said("gone", "q", "assistant", "removed", 4, deleted=True),
            said("below", "gone", "prompter", "what?"),
            said("lost", "not there", "assistant", "who asked?", 0),
            said("r", None, "prompter", "and?"),
            said("alone", "r", "assistant", "nothing", 0),
            said("nobody", None, "prompter", "anyone?"),
            said("me", "nobody", "prompter", "hello?", 0),
            said("more of it", "best", "assistant", "and fine", 0),
            said("less of it", "best", "assistant", "and dull", 1),
        ),
        PairsConfig(language="en"),
    )
    assert sorted(texts(found)) == sorted(PAIRS)
    assert found.dropped == {
        "a reply without a rank": 1,
        "a reply in another language": 1,
        "a message that is deleted, or below one": 2,
        "a message whose thread is not all in the file": 1,
        "the only ranked reply to its message": 1,
    }


@pytest.mark.parametrize(("ties", "pairs", "dropped"), [("drop", 2, 1), ("keep", 3, 0)])
def test_equal_ranks_are_ties(lines, ties, pairs, dropped):
    tree = [row | {"rank": min(row["rank"] or 0, 1)} for row in TREE[:4]]
    found = read(lines(*tree), PairsConfig(ties=ties))
    assert (len(found.pairs), found.dropped["a tie"]) == (pairs, dropped)
    assert sum(pair.tie for pair in found.pairs) == 1 - dropped


def test_messages_that_are_their_own_ancestors_end_nothing(lines):
    loop = [said("a", "b", "prompter", "x"), said("b", "a", "assistant", "y", 0)]
    found = read(lines(*TREE, *loop), AUTO)
    assert found.dropped == {"a message whose thread is not all in the file": 2}


def test_a_thread_of_a_thousand_turns_is_read(lines):
    turns = [said("0", None, "prompter", "t0")]
    for n in range(1, 1000):
        role = "assistant" if n % 2 else "prompter"
        turns.append(said(str(n), str(n - 1), role, f"t{n}", 0))
    turns.append(said("other", "998", "assistant", "worse", 1))
    (pair,) = read(lines(*turns), AUTO).pairs
    assert len(pair.chosen) == 1000


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"role": "human"}, "role is 'human': it must be one of prompter, assistant"),
        ({"role": ["assistant"]}, "role is .'assistant'.: it must be one of"),
        ({"text": None}, "text is None"),
        ({"rank": 0.5}, "rank is 0.5: it must be a whole number"),
        ({"rank": -1}, "rank is -1"),
        ({"rank": "first"}, "rank is 'first'"),
        ({"deleted": "perhaps"}, "deleted is 'perhaps'"),
        ({"message_id": "q"}, "message_id 'q' is there a second time"),
        ({"message_id": None}, "message_id '' is missing"),
    ],
)
def test_bad_messages_are_named_with_their_line(lines, change, told):
    with pytest.raises(DataError, match=told) as failed:
        read(lines(TREE[0], TREE[1] | change), AUTO)
    assert failed.value.where.endswith("row 2")


def test_replies_that_are_no_list_are_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": {**TREE[0], "replies": "x"}}))
    with pytest.raises(DataError, match="replies is 'x'"):
        read(tmp_path / "a.jsonl", AUTO)
