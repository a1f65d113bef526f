"""Rows made from nothing, and rows with some columns given."""

import csv
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from impute.conftest import KINDS


def sample(mirctl, model, *options):
    ran = mirctl("impute", "sample", model, *options)
    assert ran.code == 0, ran.err
    return list(csv.DictReader(io.StringIO(ran.out)))


def test_rows_look_like_the_table(mirctl, learned):
    made = sample(mirctl, learned, "-n", "400")
    assert len(made) == 400
    assert list(made[0]) == list(KINDS)
    assert {row["shop"] for row in made} == {"here"}
    assert {row["note"] for row in made} == {""}
    assert {row["colour"] for row in made} == {"red", "green", "blue, dark"}
    size = np.array([int(row["size"]) for row in made])
    weight = np.array([float(row["weight"]) for row in made])
    assert np.corrcoef(size, weight)[0, 1] > 0.8
    assert 20 < size.mean() < 40
    agrees = [(float(row["weight"]) > 60) == (row["heavy"] == "yes") for row in made]
    assert np.mean(agrees) > 0.85


def test_what_is_given_holds_in_every_row(mirctl, learned):
    made = sample(mirctl, learned, "-n", "200", "--given", "colour=blue, dark,weight=90..110")
    assert {row["colour"] for row in made} == {"blue, dark"}
    weights = [float(row["weight"]) for row in made]
    assert 90 <= min(weights) < 95 < 105 < max(weights) <= 110
    sizes = [int(row["size"]) for row in made]
    assert 40 < np.mean(sizes) < 58
    one = sample(mirctl, learned, "-n", "50", "--given", "size=7", "--given", "made=..1980-01-01")
    assert {row["size"] for row in one} == {"7"}
    assert np.mean([float(row["weight"]) for row in one]) < 40


def test_guidance_follows_what_is_given_more_closely(mirctl, learned):
    given = ("-n", "100", "--given", "size=7")
    plain = sample(mirctl, learned, *given)
    guided = sample(mirctl, learned, *given, "--guidance", "5")
    assert plain == sample(mirctl, learned, *given, "--guidance", "0")
    assert plain != guided
    assert {row["size"] for row in guided} == {"7"}


def test_a_range_that_hardly_occurs_is_met_and_told(mirctl, learned):
    ran = mirctl("impute", "sample", learned, "-n", "20", "--given", "size=1..1,weight=110..")
    assert ran.code == 0
    assert "at the edge of the ranges given" in ran.err
    for row in csv.DictReader(io.StringIO(ran.out)):
        assert float(row["weight"]) >= 110


def test_one_seed_makes_the_same_rows_and_the_first_blocks_do_not_depend_on_n(mirctl, learned):
    assert sample(mirctl, learned, "-n", "30") == sample(mirctl, learned, "-n", "30")
    assert sample(mirctl, learned, "-n", "30") != sample(mirctl, learned, "-n", "30", "--seed", "1")
    assert sample(mirctl, learned, "-n", "0") == []


def test_other_formats_have_numbers(mirctl, learned, tmp_path):
    for name in ("rows.parquet", "rows.jsonl"):
        ran = mirctl("impute", "sample", learned, "-n", "20", "--out", tmp_path / name)
        assert ran.code == 0, ran.err
    table = pq.read_table(tmp_path / "rows.parquet")
    assert [str(t) for t in table.schema.types] == ["int64", "double", *["string"] * 5]
    row = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])
    assert isinstance(row["size"], int)
    assert isinstance(row["weight"], float)
    again = mirctl("impute", "sample", learned, "-n", "20", "--out", tmp_path / "rows.jsonl")
    assert again.code == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("siz=3", "did you mean 'size'"),
        ("size", "COLUMN=VALUE"),
        ("colour=rd", "did you mean 'red'"),
        ("size=900..", "values are from 0 to 59"),
        ("size=9..3", "values are from"),
        ("size=three", "write a number"),
        ("size=3.2..3.7", "no value in between"),
        ("colour=red, sizee=3", "no column 'sizee'; did you mean 'size'"),
        ("size=3,wait=7..9", "no column 'wait'; did you mean 'weight'"),
        ("size=3,size=4", "twice"),
        ("note=x", "learned columns"),
    ],
)
def test_what_cannot_be_given_is_refused(mirctl, learned, given, message):
    ran = mirctl("impute", "sample", learned, "--given", given)
    assert ran.code == 2, ran.err
    assert message in ran.err
