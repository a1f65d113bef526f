"""Filling: only holes change, all of them are filled, and what fills them is legal."""

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from impute.conftest import KINDS, csv_text, holes, rows
from mirctl.errors import DataError
from mirctl_impute import filling

FILLABLE = [name for name in KINDS if name != "note"]


def cells(text):
    return list(csv.DictReader(io.StringIO(text)))


def fill(mirctl, model, path, *options):
    ran = mirctl("impute", "fill", model, path, *options)
    assert ran.code == 0, ran.err
    return ran.out


def check_filled(before, after):
    """Observed cells as they were, every hole a legal value."""
    days = {row["made"] for row in before}
    for old, new in zip(before, after, strict=True):
        for name in FILLABLE:
            if old[name]:
                assert new[name] == old[name]
        assert 0 <= int(new["size"]) <= 59
        assert len(new["weight"].partition(".")[2]) == 2
        assert new["colour"] in ("red", "green", "blue, dark")
        assert new["heavy"] in ("yes", "no")
        assert np.datetime64(new["made"]) > np.datetime64("1969-01-01")
        assert new["shop"] == "here"
        assert new["note"] == old["note"]
    assert len(days) > 20


@pytest.mark.parametrize("options", [(), ("--point",), ("--steps", "3")])
def test_only_holes_change_and_every_one_is_filled(mirctl, learned, holed, options):
    before, after = cells(holed.read_text()), cells(fill(mirctl, learned, holed, *options))
    check_filled(before, after)


def test_lines_without_holes_come_out_byte_for_byte(mirctl, learned, tmp_path):
    text = csv_text(rows(20)).replace("\n", "\r\n").replace(",here,", ', "here" ,', 3)
    path = tmp_path / "whole.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    out = tmp_path / "out.csv"
    fill(mirctl, learned, path, "--out", out)
    assert out.read_bytes() == path.read_bytes()


def test_stdin_a_file_and_another_order_of_columns_give_the_same(
    mirctl, learned, holed, monkeypatch
):
    text = fill(mirctl, learned, holed)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(holed.read_bytes())))
    assert fill(mirctl, learned, "-") == text
    turned = [dict(reversed(row.items())) for row in cells(holed.read_text())]
    other = holed.with_name("turned.jsonl")
    other.write_text("".join(json.dumps(row) + "\n" for row in turned))
    again = [json.loads(line) for line in fill(mirctl, learned, other).splitlines()]
    assert again == [dict(reversed(row.items())) for row in cells(text)]


def test_a_row_is_filled_the_same_whatever_holes_other_rows_have(mirctl, learned, tmp_path):
    data, mask = rows(40, seed=6), holes(40)
    results = []
    for other in (False, True):
        changed = mask.copy()
        changed[20:, :-1] = other
        path = tmp_path / f"{other}.csv"
        path.write_text(csv_text(data, changed))
        results.append(cells(fill(mirctl, learned, path))[:20])
    assert results[0] == results[1]


def test_seeds_and_draws_differ_and_repeat(mirctl, learned, holed):
    one = fill(mirctl, learned, holed, "--seed", "1")
    assert one == fill(mirctl, learned, holed, "--seed", "1")
    assert one != fill(mirctl, learned, holed, "--seed", "2")
    several = cells(fill(mirctl, learned, holed, "--seed", "1", "-m", "3"))
    assert [row.pop("draw") for row in several] == ["1"] * 90 + ["2"] * 90 + ["3"] * 90
    assert several[:90] == cells(one)
    assert several[90:180] != several[:90]
    assert fill(mirctl, learned, holed, "-m", "3").startswith("draw,size,")
    points = fill(mirctl, learned, holed, "--point")
    assert points == fill(mirctl, learned, holed, "--point", "--seed", "9")


def test_marks_and_uncertainty_stand_beside_filled_cells_only(mirctl, learned, holed):
    before = cells(holed.read_text())
    after = cells(fill(mirctl, learned, holed, "--mark", "--uncertainty"))
    for old, new in zip(before, after, strict=True):
        gaps = [name for name in FILLABLE if not old[name]]
        assert new["filled"] == ";".join(gaps)
        for name in ("size", "weight", "made"):
            assert bool(new[f"{name}.sd"]) == (name in gaps)
        for name in ("colour", "heavy"):
            assert bool(new[f"{name}.entropy"]) == (name in gaps)
        assert 0 <= float(new["heavy.entropy"] or 0) <= np.log(2) + 1e-6
    # weight and made tell the size; without both it can be nearly anything of its colour
    tell = [{"weight", "made"} & set(row["filled"].split(";")) for row in after]
    sds = [(len(t), float(r["size.sd"])) for t, r in zip(tell, after, strict=True) if r["size.sd"]]
    known, alone = ([sd for gone, sd in sds if gone == count] for count in (0, 2))
    assert np.mean(known) < np.mean(alone)


def test_parquet_keeps_its_types(mirctl, learned, tmp_path):
    data, mask = rows(50, seed=8), holes(50)
    table = pa.table(
        {
            "size": pa.array([int(x) for x in data["size"]], pa.int32(), mask=mask[:, 0]),
            "weight": pa.array([float(x) for x in data["weight"]], pa.float64(), mask=mask[:, 1]),
            "colour": pa.array(data["colour"], pa.string(), mask=mask[:, 2]).dictionary_encode(),
            "heavy": pa.array(data["heavy"], mask=mask[:, 3]),
            "made": pa.array(np.array(data["made"], "datetime64[D]"), mask=mask[:, 4]),
            "shop": pa.array(data["shop"], mask=mask[:, 5]),
            "extra": pa.array([[1, 2]] * 50),
        }
    )
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(table, path)
    ran = mirctl("impute", "fill", learned, path, "--out", out)
    assert ran.code == 0, ran.err
    assert "extra were never learned" in ran.err
    filled = pq.read_table(out)
    assert filled.schema == table.schema
    assert sum(column.null_count for column in filled.columns) == 0
    for i, name in enumerate(("size", "weight", "colour", "heavy", "made")):
        old, new = table[name].to_pylist(), filled[name].to_pylist()
        assert [o for o, hole in zip(old, mask[:, i]) if not hole] == [
            n for n, hole in zip(new, mask[:, i]) if not hole
        ]


def test_unseen_categories_missing_and_foreign_columns_are_told(mirctl, learned, tmp_path):
    data = rows(30, seed=3)
    data["colour"] = ["purple"] * 30
    data["size"] = [""] * 30
    del data["made"]
    data["more"] = ["x"] * 30
    path = tmp_path / "odd.csv"
    path.write_text(csv_text(data))
    ran = mirctl("impute", "fill", learned, path)
    assert ran.code == 0, ran.err
    assert "lacks made" in ran.err
    assert "more were never learned" in ran.err
    assert "colour: 30 cells of categories never seen" in ran.err
    assert {row["colour"] for row in cells(ran.out)} == {"purple"}
    assert all(row["size"] for row in cells(ran.out))


def test_a_hole_in_text_is_left_and_told(mirctl, learned, tmp_path):
    data = rows(30)
    data["note"][3] = ""
    path = tmp_path / "t.csv"
    path.write_text(csv_text(data))
    ran = mirctl("impute", "fill", learned, path)
    assert "note: 1 missing cell left" in ran.err
    assert ran.out == path.read_text()


@pytest.mark.parametrize(
    ("text", "options", "code", "message"),
    [
        ("a,b\n1,2\n", (), 3, "none of the columns that were learned"),
        ("size,weight\n1,x\n", (), 3, "row 1"),
        ("size,weight\n1\n", (), 3, "row 1"),
        ("", (), 3, "empty"),
        ("size,draw\n,1\n", ("-m", "2"), 2, "a column 'draw'"),
        ("size,filled\n,1\n", ("--mark",), 2, "a column 'filled'"),
        ("size,weight\n,1.5\n", ("--missing", "x"), 2, "go with --fit"),
        ("size,weight\n,1.5\n", ("--point", "-m", "3"), 2, "copies would be the same"),
    ],
)
def test_bad_input_is_refused(mirctl, learned, tmp_path, text, options, code, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    ran = mirctl("impute", "fill", learned, path, *options)
    assert ran.code == code, ran.err
    assert message in ran.err


def test_a_table_without_rows_and_one_row_are_fine(mirctl, learned, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("size,weight\n")
    assert fill(mirctl, learned, path) == "size,weight\n"
    path.write_text("size,weight\n,40.00\n")
    assert 10 <= int(cells(fill(mirctl, learned, path, "--point"))[0]["size"]) <= 30


def test_an_existing_file_is_not_overwritten_and_the_input_may_be_the_output(
    mirctl, learned, holed
):
    before = holed.read_bytes()
    ran = mirctl("impute", "fill", learned, holed, "--out", holed)
    assert (ran.code, holed.read_bytes()) == (2, before)
    fill(mirctl, learned, holed, "--out", "/dev/null")
    fill(mirctl, learned, holed, "--out", holed, "--force")
    check_filled(cells(before.decode()), cells(holed.read_text()))


def test_jsonl_without_a_value_in_a_column_gets_what_was_learned(mirctl, tmp_path):
    lines = [{"a": i % 30, "b": i % 3 == 0, "c": "xyz"[i % 3]} for i in range(120)]
    table, empty = tmp_path / "t.jsonl", tmp_path / "empty.jsonl"
    table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    fast = ("model.width=8", "model.heads=1", "train.epochs=1", "train.epoch_rows=512")
    assert mirctl("impute", "fit", table, "--out", tmp_path / "m", *fast).code == 0
    empty.write_text('{"a": null, "b": null, "c": "x"}\n' * 3)
    for line in fill(mirctl, tmp_path / "m", empty).splitlines():
        row = json.loads(line)
        assert (type(row["a"]), type(row["b"])) == (int, bool)


@pytest.mark.parametrize("kind", ["ms", "us", "ns", "s", "tz"])
def test_parquet_timestamps_of_any_unit_are_filled(mirctl, tmp_path, kind):
    days = [None if i % 5 == 0 else 86_400 * i * 7 - 10**9 for i in range(60)]
    seconds = pa.array(days, pa.timestamp("s"))
    wanted = pa.timestamp("us", "Europe/Berlin") if kind == "tz" else pa.timestamp(kind)
    table = pa.table({"at": seconds.cast(wanted), "n": [i % 20 for i in range(60)]})
    path, out = tmp_path / "t.parquet", tmp_path / "o.parquet"
    pq.write_table(table, path)
    fast = ("model.width=8", "model.heads=1", "train.epochs=1", "train.epoch_rows=512")
    assert mirctl("impute", "fit", path, "--out", tmp_path / "m", *fast).code == 0
    ran = mirctl("impute", "fill", tmp_path / "m", path, "--out", out)
    assert ran.code == 0, ran.err
    filled = pq.read_table(out)
    assert filled["at"].null_count == 0
    assert filled.schema.field("at").type == pq.read_table(path).schema.field("at").type


def test_a_suffix_that_names_no_format_is_refused(mirctl, learned, holed, tmp_path):
    ran = mirctl("impute", "fill", learned, holed, "--out", tmp_path / "x.xls")
    assert ran.code == 2
    assert "end its name in one of" in ran.err


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_parquet_columns_without_a_type_are_filled_with_the_learned_one(
    mirctl, learned, tmp_path, suffix
):
    data = rows(20, seed=9)
    table = {name: pa.array(cells) for name, cells in data.items()}
    table |= {"size": pa.nulls(20), "colour": pa.nulls(20), "note": pa.nulls(20)}
    pq.write_table(pa.table({**table, "new": pa.nulls(20)}), tmp_path / "t.parquet")
    out = tmp_path / f"out.{suffix}"
    fill(mirctl, learned, tmp_path / "t.parquet", "--out", out)
    if suffix == "jsonl":
        made = [json.loads(line) for line in out.read_text().splitlines()]
        assert all(isinstance(row["size"], int) and row["new"] is None for row in made)
        return
    full = pq.read_table(out)
    assert [str(full[n].type) for n in ("size", "colour", "note", "new")] == [
        "int64", "string", "null", "null",
    ]  # fmt: skip
    assert full["size"].null_count == full["colour"].null_count == 0


@pytest.mark.parametrize("point", [False, True])
def test_rows_from_python_are_filled_as_those_of_a_file(mirctl, learned, imputer, holed, point):
    before = cells(holed.read_text())
    after = cells(fill(mirctl, learned, holed, *(["--point"] if point else [])))
    given = [{name: cell or None for name, cell in row.items()} for row in before]
    made = filling.fill_rows(imputer, given, point=point)
    assert [{k: v or "" for k, v in row.items()} for row in made] == after
    assert all(row["note"] for row in made)
    assert given[0] is not made[0]


def test_rows_from_python_keep_what_they_hold_and_may_lack_columns(imputer):
    given = [{"size": 12, "weight": None, "mine": 7.5}, {"size": float("nan"), "weight": "3.5"}]
    (made,) = filling.fill_rows(imputer, given[:1], steps=2)
    assert made["size"] == 12
    assert made["mine"] == 7.5
    assert float(made["weight"]) >= 0
    assert given[0]["weight"] is None
    (made,) = filling.fill_rows(imputer, given[1:], steps=2, seed=3)
    assert made["weight"] == "3.5"
    assert int(made["size"]) >= 0
    assert filling.fill_rows(imputer, []) == []
    with pytest.raises(DataError, match="keys of the first row") as error:
        filling.fill_rows(imputer, given)
    assert error.value.where == "rows, row 2"
    with pytest.raises(DataError, match="none of the columns"):
        filling.fill_rows(imputer, [{"other": 1}])


def test_many_rows_from_python_are_filled_block_after_block(imputer, monkeypatch):
    given = [{"size": i % 60, "weight": None} for i in range(200)]
    whole = filling.fill_rows(imputer, given, steps=2)
    monkeypatch.setattr(type(imputer), "block_rows", 64)
    parts = filling.fill_rows(imputer, given, steps=2)
    assert [float(row["weight"]) for row in parts] == pytest.approx(
        [float(row["weight"]) for row in whole], abs=0.02
    )
