"""Ctrl-C: what is said of the result is true."""

import csv

import pytest

from impute.conftest import SMALL, csv_text, holes, rows
from mirctl_impute import training
from mirctl_impute.imputer import Imputer


@pytest.fixture
def stopped(monkeypatch):
    """Ctrl-C arrives in the third draw of a block of 16 rows."""
    draw, calls = Imputer.draw, []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(Imputer, "block_rows", 16)
    monkeypatch.setattr(Imputer, "draw", stop)


@pytest.mark.parametrize("command", ["fill", "sample"])
def test_a_file_is_not_written_and_that_is_said(mirctl, learned, holed, stopped, tmp_path, command):
    out = tmp_path / "out.csv"
    out.write_text("mine\n")
    what = [holed] if command == "fill" else ["-n", "90"]
    ran = mirctl("impute", command, learned, *what, "--out", out, "--force", "--steps", "2")
    assert ran.code == 130
    assert f"{out}: stopped, nothing is written" in ran.err
    assert "cached" not in ran.err
    assert out.read_text() == "mine\n"
    assert {p.name for p in tmp_path.iterdir()} <= {"out.csv", "holed.csv"}


@pytest.mark.parametrize("command", ["fill", "sample"])
def test_a_pipe_holds_the_rows_that_are_counted(mirctl, learned, holed, stopped, command):
    what = [holed] if command == "fill" else ["-n", "90"]
    ran = mirctl("impute", command, learned, *what, "--steps", "2")
    assert ran.code == 130
    assert "stdout: stopped, the table is not whole: it ends after 32 rows" in ran.err
    assert len(list(csv.reader(ran.out.splitlines()))) == 33


def test_learning_for_a_fill_is_not_kept(mirctl, tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(training.MaskTask, "loss", stop)
    table = tmp_path / "t.csv"
    table.write_text(csv_text(rows(60), holes(60)))
    ran = mirctl("impute", "fill", table, "--fit", *SMALL)
    assert (ran.code, ran.out) == (130, "")
    assert "nothing is written: `mirctl impute fit` would keep" in ran.err
