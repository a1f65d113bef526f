"""What is asked in the wrong place is refused before the work."""

from importlib.metadata import entry_points

import pytest
from typer.main import get_group

from mirctl import cli


@pytest.fixture
def launched(monkeypatch):
    """Makes this process one of two, as torchrun would."""

    def be(rank):
        told = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2}
        for key, value in told.items():
            monkeypatch.setenv(key, str(value))

    return be


IN_SHARDS = [
    ["impute", "fill", "MODEL", "t.csv"],
    ["impute", "sample", "."],
    ["adapt", "recommend", ".", "--all"],
    ["adapt", "embed", ".", "--items", "t.csv", "--out", "new.parquet"],
    ["adapt", "encode", "shop.yaml"],
]
ALONE = [
    ["impute", "mask", "t.csv", "--out", "holes.csv"],
    ["impute", "evaluate", "t.csv", "t.csv"],
    ["impute", "compare", "t.csv"],
    ["impute", "schema", "t.csv"],
    ["adapt", "eval", "."],
    ["artifact", "inspect", "."],
    ["artifact", "merge", "a.csv", "b.csv", "--out", "c.csv"],
    ["bench", "."],
    ["cache", "prune", "--older-than", "1d"],
    ["data", "list"],
    ["recipe", "list"],
    ["plugins", "list"],
    ["env"],
]


@pytest.mark.parametrize("line", [*IN_SHARDS, *ALONE], ids=" ".join)
def test_a_command_for_one_process_is_refused_once(mirctl, launched, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    name = " ".join(line[: 1 if line[0] in ("bench", "env") else 2])
    more = ", and its parts with --shard i/n" if line in IN_SHARDS else ""
    launched(0)
    ran = mirctl(*line)
    wanted = f"error: {name}: run it in one process{more}; WORLD_SIZE says 2\n"
    assert (ran.code, ran.out, ran.err) == (2, "", wanted)
    launched(1)
    ran = mirctl(*line)
    assert (ran.code, ran.out, ran.err) == (2, "", "")
    assert not [*tmp_path.iterdir()]


def test_help_is_for_everyone(mirctl, launched):
    launched(0)
    for line in (["--help"], ["--version"], ["impute", "mask", "--help"]):
        assert mirctl(*line).code == 0


def test_variables_of_no_process_only_stop_what_would_use_them(mirctl, monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "8")  # as a batch script sets it, before srun sets RANK
    assert mirctl("recipe", "list").code == 0
    (tmp_path / "fit.yaml").write_text("uses: impute/fit\ndata: {table: t.csv}\n")
    ran = mirctl("run", tmp_path / "fit.yaml", "--out", tmp_path / "new")
    assert (ran.code, "names no process (RANK=, WORLD_SIZE=8" in ran.err) == (2, True)


def leaves(command, path=()):
    """(name, command) of each command of a group."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
    for name, each in getattr(command, "commands", {}).items():
        yield from leaves(each, (*path, name))


def test_only_commands_that_train_take_several_processes():
    groups = {e.name: get_group(e.load()) for e in entry_points(group="mirctl.commands")}
    own = [pair for pair in leaves(get_group(cli.app)) if pair[0] not in groups]
    theirs = [pair for name, group in groups.items() for pair in leaves(group, (name,))]
    found = {n for n, c in [*own, *theirs] if hasattr(c.callback, "several_processes")}
    assert found == {"run", "adapt run", "align train", "fuse train", "impute fit"}


@pytest.mark.parametrize("uses", ["impute/fill", "impute/mask"])
def test_a_job_that_makes_a_table_is_refused(mirctl, launched, tmp_path, uses):
    (tmp_path / "t.csv").write_text("a\n1\n")
    (tmp_path / "m").mkdir()
    model = "model: m\n" if uses == "impute/fill" else ""
    (tmp_path / "job.yaml").write_text(f"uses: {uses}\ntable: t.csv\n{model}")
    launched(0)
    ran = mirctl("run", tmp_path / "job.yaml", "--out", tmp_path / "out.csv")
    assert ran.code == 2
    assert f"error: {uses}: run it in one process" in ran.err
    assert ("--shard i/n" in ran.err) == (uses == "impute/fill")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--shards", "4"], "--shards says how many with --on ray"),
        (["--on", "ray", "--shard", "1/2"], "--on does every part"),
    ],
)
def test_options_of_shards_that_do_not_go_together_are_refused(mirctl, tmp_path, options, told):
    (tmp_path / "sample.yaml").write_text("uses: impute/sample\nmodel: m\n")
    (tmp_path / "m").mkdir()
    ran = mirctl("run", tmp_path / "sample.yaml", *options, "--out", tmp_path / "out.csv")
    assert ran.code == 2, ran.err
    assert told in ran.err
