"""Parts made with --shard, and joined: byte for byte what is made at once."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from impute.conftest import csv_text, rows
from mirctl.shards import Shard
from mirctl.testing.catalogue import N_ITEMS, write_catalogue


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A table's model, hardly trained; block_rows is 1024, so 2,500 rows are three blocks."""
    from mirctl import cli

    folder = tmp_path_factory.mktemp("model")
    (folder / "t.csv").write_text(csv_text(rows(60)))
    small = ["model.width=8", "model.heads=1", "train.epochs=1", "train.epoch_rows=1"]
    line = ["impute", "fit", f"{folder}/t.csv", *small, "--out", f"{folder}/model", "-q"]
    assert cli.run_command(line) == 0
    return folder / "model"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_table(path, count=2500):
    """A table with a few holes, by the suffix of its path."""
    told = rows(count)
    where = np.zeros((count, 7), bool)
    where[::50, 1] = True
    text = csv_text(told, where)
    if path.suffix == ".csv":
        path.write_text(text + "\n\n")  # blank lines at the end are the last part's
        return
    Path("t.csv").write_text(text)
    from mirctl.tables import open_stream

    stream = open_stream("t.csv")
    with stream.writer(path) as writer:
        for block in stream.blocks(1000):
            writer.write(block)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".csv.gz"])
@pytest.mark.parametrize("of", [2, 4])
def test_parts_of_a_filled_table_are_the_whole(mirctl, model, here, suffix, of):
    source = Path("holes" + suffix.removesuffix(".gz"))
    write_table(source)
    fill = ["impute", "fill", model, source, "--steps", "1", "--mark"]
    assert mirctl(*fill, "--out", f"whole{suffix}").code == 0
    parts = [f"part-{i}-of-{of}{suffix}" for i in range(1, of + 1)]
    for i, part in enumerate(parts, start=1):
        assert mirctl(*fill, "--shard", f"{i}/{of}", "--out", part).code == 0
    merged = mirctl("artifact", "merge", *reversed(parts), "--out", f"joined{suffix}", "--json")
    assert json.loads(merged.out) == {"out": f"joined{suffix}", "parts": of, "rows": 2500}
    assert Path(f"joined{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()


def test_parts_of_made_rows_are_the_whole(mirctl, model, here):
    sample = ["impute", "sample", model, "-n", "2100", "--steps", "1"]
    whole = mirctl(*sample).out
    parts = [mirctl(*sample, "--shard", f"{i}/2").out for i in (1, 2)]
    assert all(len(part.splitlines()) > 1000 for part in parts)
    assert parts[0] + parts[1].partition("\n")[2] == whole
    for name, part in zip("ab", parts):
        Path(name).write_text(part)
    assert mirctl("artifact", "merge", "a", "b", "--out", "-").out == whole


def test_a_part_may_be_empty(mirctl, model, here):
    sample = ["impute", "sample", model, "-n", "5", "--steps", "1"]
    for suffix in (".csv", ".jsonl", ".parquet"):
        parts = [f"rows-{i}-of-3{suffix}" for i in (1, 2, 3)]
        for i, part in enumerate(parts, start=1):
            assert mirctl(*sample, "--shard", f"{i}/3", "--out", part).code == 0
        assert mirctl(*sample, "--out", f"whole{suffix}").code == 0
        ran = mirctl("artifact", "merge", *parts, "--out", f"joined{suffix}")
        assert ran.code == 0, ran.err
        assert Path(f"joined{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (["fill", "MODEL", "-", "--shard", "3/2"], 2, "write i/n with 1 <= i <= n"),
        (["fill", "MODEL", "t.csv", "--shard", "1"], 2, "write i/n"),
        (["sample", "MODEL", "--shard", "0/2"], 2, "write i/n"),
        (["fill", "t.csv", "--fit", "--shard", "1/2"], 2, "learn the table once"),
    ],
)
def test_a_wrong_shard_is_told(mirctl, model, here, line, code, told):
    Path("t.csv").write_text("size,weight\n1,\n")
    ran = mirctl("impute", *[model if part == "MODEL" else part for part in line])
    assert ran.code == code
    assert told in ran.err


def test_a_pipe_is_no_table_to_read_twice(mirctl_process, model, here):
    text = csv_text(rows(10))
    ran = mirctl_process("impute", "fill", model, "-", "--shard", "1/2", stdin=text)
    assert (ran.code, ran.out) == (2, "")
    assert "can be read only once: save it in a file" in ran.err


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a-1-of-3.csv": "x\n1\n", "a-3-of-3.csv": "x\n3\n"}, "part 2 is missing"),
        ({"a-1-of-2.csv": "x\n1\n", "a-01-of-2.csv": "x\n3\n"}, "and so is a-1-of-2.csv"),
        ({"a-1-of-2.csv": "x\n1\n", "b-2-of-2.csv": "x\n3\n"}, "of another whole than a-1"),
        ({"a-1-of-2.csv": "x\n1\n", "a-1-of-3.csv": "x\n3\n"}, "one of 3 parts, and a-1-of-2"),
        ({"a-0-of-2.csv": "x\n1\n", "a-1-of-2.csv": "x\n3\n"}, "part 2 is missing"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "y,x\n1,2\n"}, "has columns y, x; a.csv has x, y"),
        ({"a.csv": "x\n1\n", "b.jsonl": '{"x": 1}\n'}, "is jsonl, and a.csv is csv"),
        ({"a.csv": "x\n1\n", "b.csv": ""}, "b.csv: is empty"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1\n"}, "has 1 column where 2 are expected"),
    ],
)
def test_parts_that_are_not_of_one_table_are_refused(mirctl, here, files, told):
    for name, text in files.items():
        Path(name).write_text(text)
    ran = mirctl("artifact", "merge", *files, "--out", "whole.csv")
    assert ran.code == 3
    assert told in ran.err
    assert set(files) == {path.name for path in here.iterdir()}


def test_no_part_is_taken_twice_or_overwritten(mirctl, here):
    Path("a.csv").write_text("x\n1\n")
    Path("b.csv").write_text("x\n2\n")
    Path("link.csv").symlink_to("a.csv")
    for line, told in (
        (["a.csv", "link.csv", "--out", "new.csv"], "link.csv: is given twice"),
        (["a.csv", "b.csv", "--out", "./a.csv", "--force"], "is one of the parts"),
        (["a.csv", "b.csv", "--out", "-", "--json"], "both write to stdout"),
    ):
        ran = mirctl("artifact", "merge", *line)
        assert ran.code == 2
        assert told in ran.err
    assert Path("a.csv").read_text() == "x\n1\n"


def test_parts_are_joined_as_given_where_no_name_tells_their_order(mirctl, here):
    Path("b.csv").write_bytes(b"\xef\xbb\xbfx\r\n1")
    Path("a.csv").write_bytes(b'"x"\n2\n')
    assert mirctl("artifact", "merge", "b.csv", "a.csv", "--out", "whole.csv").code == 0
    assert Path("whole.csv").read_bytes() == b"\xef\xbb\xbfx\r\n1\r\n2\n"
    again = mirctl("artifact", "merge", "b.csv", "a.csv", "--out", "whole.csv")
    assert again.code == 2
    assert "exists already" in again.err
    assert mirctl("artifact", "merge", "b.csv", "no.csv", "--out", "new.csv").code == 3


@pytest.mark.parametrize("parts", [["-", "p.csv"], ["e.csv", "-", "p.csv"], ["p.csv", "-"]])
def test_a_part_may_come_through_a_pipe(mirctl_process, here, parts):
    Path("p.csv").write_text("x,y\n1,2\n")
    Path("e.csv").write_text("x,y\n")
    ran = mirctl_process("artifact", "merge", *parts, "--out", "-", stdin="x,y\n3,4\n")
    rows = ["1,2", "3,4"] if parts[-1] == "-" else ["3,4", "1,2"]
    assert (ran.code, ran.out.splitlines()) == (0, ["x,y", *rows]), ran.err


def test_a_pipe_that_is_no_part_leaves_nothing_on_stdout(mirctl_process, here):
    Path("p.csv").write_text("x,y\n1,2\n")
    for parts, code, told in (
        (["-", "-"], 2, "-: is given twice"),
        (["-", "p.csv"], 3, "stdin, row 1: has 1 column where 2 are expected"),
        (["-", "no.csv"], 3, "no.csv: no such file"),
    ):
        ran = mirctl_process("artifact", "merge", *parts, "--out", "-", stdin="x,y\n3\n")
        assert (ran.code, ran.out) == (code, "")
        assert told in ran.err


def test_a_bad_row_far_down_leaves_whole_rows_before_it_and_its_code(mirctl_process, here):
    lines = ["x,y", *(f"{n},{n}" for n in range(9000))]
    Path("a.csv").write_text("\n".join([*lines, "7\n"]))
    ran = mirctl_process("artifact", "merge", "a.csv", "--out", "-")
    assert ran.code == 3
    assert "a.csv, row 9001: has 1 column where 2 are expected" in ran.err
    assert ran.out.splitlines() == lines[: ran.out.count("\n")]
    assert ran.out.endswith("\n")
    assert mirctl_process("artifact", "merge", "a.csv", "--out", "b.csv").code == 3
    assert not Path("b.csv").exists()


@pytest.fixture
def content(here, bert):
    write_catalogue(here)
    Path("recipe.yaml").write_text(
        "uses: adapt/run\n"
        "data: {interactions: interactions.csv, items: items.csv}\n"
        f"model: {{text: {bert}, dim: 8, history: 8, bottleneck: 4, user_layers: 1}}\n"
        "train: {epochs: 1, batch_size: 16}\n"
    )
    return "recipe.yaml"


def test_shards_of_hidden_states_are_joined_as_artifacts(mirctl, content):
    for i in (1, 2, 3):
        ran = mirctl("adapt", "encode", content, "--shard", f"{i}/3", "--out", f"part{i}")
        assert ran.code == 0, ran.err
    assert mirctl("adapt", "encode", content, "--out", "whole").code == 0
    ran = mirctl("artifact", "merge", "part2", "part3", "part1", "--out", "joined")
    assert ran.code == 0, ran.err
    assert mirctl("artifact", "verify", "joined").code == 0
    assert Path("joined/text.safetensors").read_bytes() == (
        Path("whole/text.safetensors").read_bytes()
    )
    assert len(load_file("joined/text.safetensors")["items"]) == N_ITEMS
    for parts, code, told in (
        (["part1", "part3"], 4, "part 2 is missing"),
        (["part1", "part1"], 2, "part1: is given twice"),
        (["part1", "whole"], 4, "is one of 1 parts, and part1 one of 3"),
        (["part1", "items.csv"], 4, "items.csv"),
    ):
        ran = mirctl("artifact", "merge", *parts, "--out", "new")
        assert (ran.code, told in ran.err) == (code, True), ran.err


def test_shards_of_users_and_of_items_are_joined(mirctl, content, here, monkeypatch):
    from mirctl.encode import towers
    from mirctl.sequences import evaluation
    from mirctl_adapt import serving

    assert mirctl("adapt", "run", content, "--out", "model", "-q").code == 0
    for module in (towers, serving):
        monkeypatch.setattr(module, "ITEM_BLOCK", 7)
    monkeypatch.setattr(evaluation, "USERS_AT_ONCE", 9)
    lines = {
        "users.jsonl": ["recommend", "model", "--all", "--k", "3"],
        "items.parquet": ["embed", "model", "--items", "items.csv"],
    }
    for out, line in lines.items():
        assert mirctl("adapt", *line, "--out", out).code == 0
        parts = [f"{i}-of-4-{out}" for i in (1, 2, 3, 4)]
        for i, part in enumerate(parts, start=1):
            ran = mirctl("adapt", *line, "--shard", f"{i}/4", "--out", part)
            assert ran.code == 0, ran.err
        assert mirctl("artifact", "merge", *parts, "--out", f"joined-{out}").code == 0
    assert Path("joined-users.jsonl").read_bytes() == Path("users.jsonl").read_bytes()
    assert pq.read_table("joined-items.parquet").equals(pq.read_table("items.parquet"))
    wrong = mirctl("adapt", "recommend", "model", "--user", "u1", "--shard", "1/2")
    assert (wrong.code, "it goes with --all" in wrong.err) == (2, True)


def test_every_row_is_in_one_part():
    for of in (1, 2, 3, 7, 40):
        shards = [Shard.parse(f"{i}/{of}") for i in range(1, of + 1)]
        found = [row for shard in shards for row in shard.rows(101, 4)]
        assert found == [*range(101)]
        assert all(shard.rows(101, 4).start % 4 == 0 or not shard.rows(101, 4) for shard in shards)
