"""Holes made to test with: as many as asked for, and for the reason asked for."""

import csv
import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from impute.conftest import KINDS, csv_text, rows


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


@pytest.mark.parametrize("mechanism", ["mcar", "mar", "mnar"])
def test_the_level_is_met_and_other_cells_stay(mirctl, whole, mechanism):
    before = table(whole.read_text())
    after = masked(mirctl, whole, "--level", "0.4", "--mechanism", mechanism, "--keep", "heavy")
    shares = {n: np.mean([not row[n] for row in after]) for n in KINDS}
    assert shares.pop("heavy") == 0
    hit = [share for share in shares.values() if share]
    assert len(hit) == (len(shares) if mechanism != "mar" else len(shares) - 2) or (
        mechanism == "mar" and len(hit) >= 4
    )
    assert hit == pytest.approx([0.4] * len(hit), abs=0.04)
    for old, new in zip(before, after):
        assert all(not new[name] or new[name] == old[name] for name in KINDS)


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
    assert "there is only one" in ran.err
