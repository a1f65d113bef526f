"""Recommendations in real shell pipelines."""

import json

import pytest

from shell import pipe


@pytest.fixture
def place(tmp_path, chain):
    users = ({"user_id": f"u{n}", "history": ["i1", "i2"]} for n in range(3_000))
    (tmp_path / "histories.jsonl").write_text("".join(json.dumps(u) + "\n" for u in users))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "mirctl adapt recommend chain --all --k 29 -q",
        "cat histories.jsonl | mirctl adapt recommend chain - -q",
    ],
)
def test_a_reader_that_has_enough_ends_rows_quietly(place, line):
    done = pipe(f"{line} | head -n 2", place)
    assert done.codes[-2:] == [141, 0]
    assert len(done.out.splitlines()) == 2
    assert "Traceback" not in done.err
    assert "error" not in done.err


@pytest.mark.slow
def test_histories_stream_through(place):
    line = "head -n 4 histories.jsonl | mirctl adapt recommend chain - --k 1 | cat"
    done = pipe(line, place)
    assert done.codes == [0, 0, 0]
    rows = [json.loads(row) for row in done.out.splitlines()]
    assert [(row["user_id"], row["item_id"]) for row in rows] == [(f"u{n}", "i3") for n in range(4)]


@pytest.mark.slow
def test_documents_end_quietly_too(place):
    for options in ("", "--json"):
        done = pipe(f"mirctl adapt eval chain -q {options} | true", place)
        assert (done.codes, done.err) == ([141, 0], "")
