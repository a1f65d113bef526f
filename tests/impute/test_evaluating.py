"""Measures of filled cells, on cases worked by hand and against scipy's definitions."""

import json

import numpy as np
import pytest

from impute.conftest import csv_text, holes, rows

REAL = "x,c\n0,a\n2,b\n4,a\n6,b\n8,a\n"


def evaluate(mirctl, tmp_path, full, holed, *options, real=REAL):
    for name, text in (("real", real), ("full", full), ("holes", holed)):
        (tmp_path / f"{name}.csv").write_text(text)
    return mirctl(
        "impute", "evaluate", tmp_path / "real.csv", tmp_path / "full.csv", "--holes",
        tmp_path / "holes.csv", "--json", "--criteria", "filled", *options,
    )  # fmt: skip


def values(ran):
    assert ran.code == 0, ran.err
    return {name: m["value"] for name, m in json.loads(ran.out)["metrics"].items()}


def test_a_case_by_hand(mirctl, tmp_path):
    holed = "x,c\n,a\n,b\n4,\n6,\n8,a\n"
    full = "x,c\n2,a\n8,b\n4,a\n6,a\n8,a\n"
    found = values(evaluate(mirctl, tmp_path, full, holed))
    sd = np.sqrt(8)  # of 0, 2, 4, 6, 8
    assert found["nrmse"] == pytest.approx(np.sqrt((2**2 + 6**2) / 2) / sd)
    assert found["accuracy"] == 0.5
    # sorted 2, 8 against 0, 2: the mean of 2 and 6
    assert found["wd"] == pytest.approx(4 / sd)
    # truth half a half b, filled all a: divergence 1 - 3/4 log2(3) + ... = 0.3113
    assert found["js"] == pytest.approx(np.sqrt(0.311278), abs=1e-4)
    assert "coverage" not in found


def test_the_truth_measures_as_perfect(mirctl, tmp_path):
    found = values(evaluate(mirctl, tmp_path, REAL, "x,c\n,a\n,\n4,\n6,b\n8,a\n"))
    assert found == {"nrmse": 0, "accuracy": 1, "wd": 0, "js": 0}


def test_draws_are_measured_one_by_one_and_their_interval_covers(mirctl, tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    real = "x,y\n" + "".join(f"{t:.6f},{i}\n" for i, t in enumerate(truth * 9))
    holed = "x,y\n" + "".join(f",{i}\n" for i in range(400))
    draws = "".join(
        f"{d},{v:.6f},{i}\n" for d in range(20) for i, v in enumerate(9 * rng.normal(size=400))
    )
    found = values(evaluate(mirctl, tmp_path, "draw,x,y\n" + draws, holed, real=real))
    assert found["nrmse"] == pytest.approx(np.sqrt(2), abs=0.1)
    assert found["coverage"] == pytest.approx(0.9, abs=0.04)


def test_the_model_beats_the_mean(mirctl, learned, tmp_path):
    data, mask = rows(200, seed=21), holes(200, 0.3, 22)
    (tmp_path / "r.csv").write_text(csv_text(data))
    (tmp_path / "h.csv").write_text(csv_text(data, mask))
    full = mirctl("impute", "fill", learned, tmp_path / "h.csv", "--point").out
    (tmp_path / "f.csv").write_text(full)
    ran = mirctl(
        "impute", "evaluate", tmp_path / "r.csv", tmp_path / "f.csv", "--holes",
        tmp_path / "h.csv", "--require", "nrmse<0.7", "--require", "accuracy>0.7",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "weight" in ran.out
    poor = mirctl(
        "impute", "evaluate", tmp_path / "r.csv", tmp_path / "f.csv", "--holes",
        tmp_path / "h.csv", "--require", "nrmse<0.01",
    )  # fmt: skip
    assert poor.code == 1


@pytest.mark.parametrize(
    ("full", "holed", "options", "code", "message"),
    [
        ("x,c\n1,a\n", "x,c\n,a\n", (), 3, "1 row where the real table has 5"),
        (REAL, REAL, (), 3, "hides no cell"),
        ("x,c\n,a\n2,b\n4,a\n6,b\n8,a\n", "x,c\n,a\n2,b\n4,a\n6,b\n8,a\n", (), 3,
         "'x' is still missing"),
        ("x,c\n1,a\n4,b\n4,a\n6,b\n8,a\n", "x,c\n,a\n2,b\n4,a\n6,b\n8,a\n", (), 3,
         "in another order"),
        (REAL, "x\n\n2\n4\n6\n8\n", (), 3, "has no column 'c'"),
        (REAL, REAL, ("--require", "nrms<1"), 2, "did you mean 'nrmse'"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(mirctl, tmp_path, full, holed, options, code, message):
    ran = evaluate(mirctl, tmp_path, full, holed, *options)
    assert ran.code == code
    assert message in ran.out


def test_a_hole_that_the_real_table_has_itself_does_not_count(mirctl, tmp_path):
    real = "x,c\n,a\n2,b\n4,\n6,b\n8,a\n5,a\n"
    holed = "x,c\n,a\n,b\n4,\n6,\n8,a\n5,a\n"
    full = "x,c\n99,a\n2,b\n4,a\n6,a\n8,a\n5,a\n"
    ran = evaluate(mirctl, tmp_path, full, holed, real=real)
    metrics = json.loads(ran.out)["metrics"]
    assert (metrics["nrmse"]["n"], metrics["nrmse"]["value"]) == (1, 0)
    assert (metrics["accuracy"]["n"], metrics["accuracy"]["value"]) == (1, 0)


@pytest.mark.parametrize("fills", ["8,0,4", "4,8,0"])
def test_the_distance_of_distributions_does_not_ask_which_row_has_which_value(
    mirctl, tmp_path, fills
):
    real = "x,c\n4,a\n0,b\n8,a\n6,b\n2,a\n"
    holed = "x,c\n,a\n,b\n,a\n6,b\n2,a\n"
    first, second, third = fills.split(",")
    full = f"x,c\n{first},a\n{second},b\n{third},a\n6,b\n2,a\n"
    found = values(evaluate(mirctl, tmp_path, full, holed, real=real))
    assert found["wd"] == 0
    assert found["nrmse"] > 1


def test_intervals_are_those_of_a_mean_of_many_cells(mirctl, tmp_path):
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=500), rng.integers(0, 2, 500)
    guess = rng.normal(size=500)
    agree = np.where(rng.random(500) < 0.7, c, 1 - c)

    def text(numbers, codes):
        cells = zip(numbers, codes, range(500), strict=True)
        return "x,c,i\n" + "".join(f"{a},{b},{n}\n" for a, b, n in cells)

    names = np.array(["red", "blue"])
    empty = [""] * 500
    ran = evaluate(
        mirctl, tmp_path, text(guess, names[agree]), text(empty, empty), real=text(x, names[c])
    )
    metrics = json.loads(ran.out)["metrics"]
    squares = ((guess - x) / x.std()) ** 2
    for name, cells, power in (("nrmse", squares, 2), ("accuracy", agree == c, 1)):
        low, value, high = (metrics[name][end] ** power for end in ("low", "value", "high"))
        half = 1.96 * cells.std() / np.sqrt(500)
        assert value == pytest.approx(cells.mean())
        assert value - low == pytest.approx(half, rel=0.12)
        assert high - value == pytest.approx(half, rel=0.12)
