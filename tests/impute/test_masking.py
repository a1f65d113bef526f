"""Holes made to test with: as many as asked for, and for the reason asked for."""

import csv
import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from impute.conftest import KINDS, csv_text, rows
from mirctl_impute import masking


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "whole.csv"
    path.write_text(csv_text(rows(2000)))
    return path


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def masked(mirctl, path, *options):
    ran = mirctl("impute", "mask", path, *options)
    assert ran.code == 0, ran.err
    return table(ran.out)


@pytest.mark.parametrize(("mechanism", "whole_columns"), [("mcar", 0), ("mar", 2), ("mnar", 0)])
def test_the_level_is_met_and_other_cells_stay(mirctl, whole, mechanism, whole_columns):
    before = table(whole.read_text())
    after = masked(mirctl, whole, "--level", "0.4", "--mechanism", mechanism)
    shares = {n: np.mean([not row[n] for row in after]) for n in KINDS}
    hit = [share for share in shares.values() if share]
    # under mar 30 % of the five columns that are modelled decide, and stay
    assert len(hit) == len(KINDS) - whole_columns
    assert shares["shop"] > 0 < shares["note"]
    assert hit == pytest.approx([0.4] * len(hit), abs=0.04)
    for old, new in zip(before, after, strict=True):
        assert all(not new[name] or new[name] == old[name] for name in KINDS)


@pytest.mark.parametrize("mechanism", ["mcar", "mar", "mnar"])
def test_columns_that_are_kept_stay_whole(mirctl, whole, mechanism):
    kept = ("heavy", "size", "note")
    options = [word for name in kept for word in ("--keep", name)]
    after = masked(mirctl, whole, "--mechanism", mechanism, *options)
    assert all(row[name] for row in after for name in kept)
    assert 0.2 < np.mean([not row["shop"] for row in after]) < 0.4


@pytest.mark.parametrize("seed", range(4))
def test_mar_hides_by_the_columns_that_stay_whole_and_by_nothing_else(mirctl, tmp_path, seed):
    values = np.random.default_rng(7).normal(size=(3000, 4)).round(3)
    path = tmp_path / "four.csv"
    lines = (",".join(map(str, row)) for row in values)
    path.write_text("a,b,c,d\n" + "\n".join(lines) + "\n")
    after = masked(mirctl, path, "--mechanism", "mar", "--level", "0.4", "--seed", str(seed))
    gone = np.array([[not row[name] for name in "abcd"] for row in after])
    (cause,) = (~gone.any(0)).nonzero()[0]
    related = np.abs(np.corrcoef(values.T, gone[:, gone.any(0)].T)[:4, 4:])
    # each hidden column has a weight of its own, w ~ N(0, 1): one is large
    assert related[cause].max() > 0.25
    assert np.delete(related, cause, 0).max() < 0.1


def test_blocks_of_rows_have_other_holes_and_their_own_chances(mirctl, tmp_path, monkeypatch):
    path = tmp_path / "rising.csv"
    path.write_text("x,y\n" + "".join(f"{i},{i * 7 % 201}\n" for i in range(200)))
    schema = tmp_path / "schema.yaml"
    schema.write_text("columns: {x: integer, y: integer}\n")
    monkeypatch.setattr(masking, "BLOCK", 100)

    def holes(mechanism):
        after = masked(mirctl, path, "--mechanism", mechanism, "--schema", schema)
        return np.array([[not row["x"], not row["y"]] for row in after])

    made = holes("mcar")
    assert (made[:100] != made[100:]).any()
    made = holes("mnar")[:, 0]
    assert made[:100].mean() < 0.15 < 0.4 < made[100:].mean()


def test_mnar_hides_large_values_and_mcar_any(mirctl, whole):
    sizes = np.array([int(s) for s in rows(2000)["size"]])
    for mechanism, gap in (("mcar", 0), ("mnar", 20)):
        after = masked(mirctl, whole, "--mechanism", mechanism)
        hidden = np.array([not row["size"] for row in after])
        found = sizes[hidden].mean() - sizes[~hidden].mean()
        assert found == pytest.approx(0, abs=3) if gap == 0 else found > gap


def test_seeds_repeat_and_levels_reach_their_ends(mirctl, whole):
    assert masked(mirctl, whole, "--seed", "3") == masked(mirctl, whole, "--seed", "3")
    assert masked(mirctl, whole, "--seed", "3") != masked(mirctl, whole, "--seed", "4")
    assert masked(mirctl, whole, "--level", "0") == table(whole.read_text())
    assert {c for r in masked(mirctl, whole, "--level", "1") for c in r.values()} == {""}
    assert {c for r in masked(mirctl, whole, "--level", "1", "--as", "?") for c in r.values()} == {
        "?"
    }


def test_parquet_gets_nulls(mirctl, whole, tmp_path):
    import pyarrow.csv as arrow

    pq.write_table(arrow.read_csv(whole), tmp_path / "t.parquet")
    out = tmp_path / "holes.parquet"
    assert mirctl("impute", "mask", tmp_path / "t.parquet", "--out", out).code == 0
    table = pq.read_table(out)
    assert table["size"].null_count / 2000 == pytest.approx(0.3, abs=0.04)
    assert table.schema.field("size").type == "int64"


def test_wrong_columns_and_a_second_reading_of_a_pipe_are_refused(mirctl, whole, monkeypatch):
    ran = mirctl("impute", "mask", whole, "--keep", "heavi")
    assert ran.code == 2
    assert "did you mean 'heavy'" in ran.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(whole.read_bytes())))
    ran = mirctl("impute", "mask", "-", "--mechanism", "mar")
    assert ran.code == 3
    assert "only once" in ran.err


def test_mar_wants_another_column(mirctl, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("x\n" + "".join(f"{i % 30}\n" for i in range(99)))
    ran = mirctl("impute", "mask", path, "--mechanism", "mar")
    assert ran.code == 2
    assert "no column is left to hide" in ran.err
