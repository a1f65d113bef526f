"""What is asked in the wrong place is refused before the work."""

import pytest


@pytest.fixture
def launched(monkeypatch):
    for key, value in {"RANK": 1, "WORLD_SIZE": 2, "LOCAL_RANK": 1, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(key, str(value))


@pytest.mark.parametrize(
    "line",
    [
        ["impute", "fill", "MODEL", "t.csv"],
        ["impute", "sample", "MODEL"],
        ["adapt", "recommend", "MODEL", "--all"],
        ["adapt", "embed", "MODEL", "--items", "t.csv", "--out", "new.parquet"],
        ["adapt", "encode", "shop.yaml"],
    ],
)
def test_rows_are_not_written_once_by_each_process(mirctl, launched, line):
    ran = mirctl(*line)
    assert ran.code == 2
    assert f"{line[0]} {line[1]}: run it in one process, and its parts with --shard i/n" in ran.err


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
