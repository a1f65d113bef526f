"""Commands that read or write rows, in real shell pipelines."""

import csv
import io
import json

import numpy as np
import pytest

from impute.conftest import KINDS, csv_text, rows
from shell import pipe

MANY, MORE = 3_000, 40_000
"""MORE: rows that no pipe holds all of, also if they come at once."""


@pytest.fixture
def place(tmp_path, learned):
    """A folder with a model and tables."""
    (tmp_path / "model").symlink_to(learned)
    (tmp_path / "big.csv").write_text(csv_text(rows(MANY, 3)))
    (tmp_path / "more.csv").write_text(csv_text(rows(MORE, 3)))
    hit = np.random.default_rng(0).random((MANY, len(KINDS))) < 0.1
    hit[:, -1] = False
    (tmp_path / "holes.csv").write_text(csv_text(rows(MANY, 3), hit))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "mirctl impute fill model holes.csv -q",
        "cat holes.csv | mirctl impute fill model - -q",
        "cat holes.csv | mirctl impute fill model - -q -m 3 --mark",
        "mirctl impute sample model -n 10000 -q",
        "mirctl impute mask more.csv -q",
        "cat more.csv | mirctl impute mask - -q",
        "mirctl impute mask more.csv -q | mirctl impute fill model - -q",
    ],
)
def test_a_reader_that_has_enough_ends_rows_quietly(place, line):
    done = pipe(f"{line} | head -n 2", place)
    *before, ours, head = done.codes
    assert (ours, head) == (141, 0)
    assert set(before) <= {0, 141}  # it may have been through with writing
    assert (done.err, len(done.out.splitlines())) == ("", 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "impute schema big.csv -q",
        "impute evaluate big.csv big.csv --holes holes.csv --criteria filled -q",
        "artifact inspect model",
        "artifact inspect model --json",
        "recipe list",
        "recipe show impute/table",
        "recipe schema impute/fill",
        "plugins list",
        "data list",
        "env",
        "--help",
        "impute fill --help",
        "--version",
    ],
)
def test_a_reader_that_has_gone_ends_a_command_quietly(place, command):
    done = pipe(f"mirctl {command} | true", place)
    assert done.codes == [141, 0], done.err
    assert done.err == ""


@pytest.mark.slow
def test_rows_go_from_command_to_command_and_nothing_else_does(place):
    line = "mirctl impute mask big.csv --keep note | mirctl impute fill model - --point | cat"
    done = pipe(line, place)
    assert done.codes == [0, 0, 0]
    assert "cells are now missing" in done.err
    table = list(csv.DictReader(io.StringIO(done.out)))
    assert len(table) == MANY
    assert all(all(row.values()) for row in table)
    judged = pipe(
        "mirctl impute fill model holes.csv | mirctl impute evaluate big.csv - --holes holes.csv "
        "--criteria filled --json",
        place,
    )
    assert judged.codes == [0, 0]
    assert json.loads(judged.out)["metrics"]["nrmse"]["value"] < 1


@pytest.mark.slow
def test_a_failure_in_a_pipe_has_its_code_and_spoils_no_rows(place):
    done = pipe("printf 'x\\n1\\n' | mirctl impute fill model - | cat", place)
    assert done.codes == [0, 3, 0]
    assert done.out == ""
    assert done.err.count("error:") == 1
