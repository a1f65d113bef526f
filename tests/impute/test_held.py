"""Cells that are held out: never shown to training, never known while they are measured."""

import math
from csv import DictReader

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from impute.plain import random_network, table_of
from mirctl.tables import open_stream
from mirctl_impute import filling, held
from mirctl_impute.filling import Ways
from mirctl_impute.held import Errors, HeldOut

CATEGORIES = (0, 3, 0, 2)
CPU = torch.device("cpu")


@pytest.fixture
def values():
    """60 rows, some cells missing; the first column is skewed."""
    rng = np.random.default_rng(0)
    made = np.stack([rng.exponential(2, 60), rng.integers(0, 3, 60), rng.normal(5, 3, 60),
                     rng.integers(0, 2, 60)], axis=1).astype(float)  # fmt: skip
    return np.where(rng.random(made.shape) < 0.1, np.nan, made)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return random_network(CATEGORIES)


def listened(model):
    """What the network says from here on, and what it is asked."""
    heard = []
    model.register_forward_hook(lambda _, asked, said: heard.append((asked, said)))
    return heard


@torch.no_grad()
def measure(cells, model, table):
    heard = listened(model)
    return cells.measure(model, table, CPU), heard


def test_the_values_that_are_held_out_do_not_reach_their_prediction(values, model):
    cells, table = HeldOut(values, 0.4, 0), table_of(values, CATEGORIES)
    before, heard = measure(cells, model, table)
    other = np.array([0.5, 2, 6, 0])
    changed = HeldOut(values, 0.4, 0)
    changed.values = np.where(cells.mask, other, cells.values)
    after, again = measure(changed, model, table)
    assert len(before.squares) > 20 < len(before.hits)
    assert not np.allclose(before.squares, after.squares)
    said, then = heard[0][1], again[-1][1]
    assert torch.equal(said.mean, then.mean)
    assert all(torch.equal(said.logits[c], then.logits[c]) for c in (1, 3))


def test_every_other_cell_that_is_there_is_known_and_no_missing_one(values, model):
    cells, table = HeldOut(values, 0.4, 0), table_of(values, CATEGORIES)
    _, heard = measure(cells, model, table)
    _, known, hidden, _, t = heard[0][0]
    assert known.tolist() == (~np.isnan(values) & ~cells.mask).tolist()
    assert hidden.tolist() == cells.mask.tolist()
    assert not (cells.mask & np.isnan(values)).any()
    assert (t == 1).all()


def test_errors_are_those_of_what_the_network_says(values, model):
    cells, table = HeldOut(values, 0.4, 0), table_of(values, CATEGORIES)
    found, heard = measure(cells, model, table)
    said = heard[0][1]
    places = np.argwhere(cells.mask)
    squares = [
        (m - (values[r, c] - np.nanmean(values[:, c])) / np.nanstd(values[:, c])) ** 2
        for (r, c), m in zip(places, said.mean.tolist(), strict=True)
        if c in (0, 2)
    ]
    assert found.squares == pytest.approx(np.array(squares), abs=1e-4)
    truth = {c: torch.tensor(values[cells.mask[:, c], c]).long() for c in (1, 3)}
    hits = [said.logits[c].argmax(1) == truth[c] for c in (1, 3)]
    assert found.hits.tolist() == torch.cat(hits).float().tolist()
    lost = [-F.log_softmax(said.logits[c], 1)[range(len(truth[c])), truth[c]] for c in (1, 3)]
    assert found.entropies == pytest.approx(torch.cat(lost).numpy(), abs=1e-5)


@torch.no_grad()
def test_the_nrmse_is_that_of_what_a_point_fill_writes(values, model, tmp_path):
    whole = np.where([c == 0 for c in CATEGORIES], np.round(values), values)
    values = np.where(np.isnan(whole), 1, whole)  # a fill would also ask for what is missing
    cells, table = HeldOut(values, 0.4, 0), table_of(values, CATEGORIES)
    assert [table.columns[c].step for c in (0, 2)] == [1.0, 1.0]
    shown = np.where(cells.mask, np.nan, values)
    lines = ["c0,c1,c2,c3"]
    for row in shown.tolist():
        texts = ["" if np.isnan(x) else "abc"[int(x)] if c else str(x)
                 for x, c in zip(row, CATEGORIES, strict=True)]  # fmt: skip
        lines.append(",".join(texts))
    (tmp_path / "t.csv").write_text("\n".join([*lines, ""]))
    imputer = held.Imputer(table, model, CPU)
    filling.fill(imputer, open_stream(tmp_path / "t.csv"), tmp_path / "o.csv", Ways(point=True))
    with (tmp_path / "o.csv").open() as file:
        made = [[float(row["c0"] or "nan"), float(row["c2"] or "nan")] for row in DictReader(file)]
    error = (np.array(made) - values[:, [0, 2]]) / np.nanstd(values[:, [0, 2]], axis=0)
    expected = np.sqrt(np.square(error[cells.mask[:, [0, 2]]]).mean())
    assert cells.measure(model, table, CPU).means()["nrmse"] == pytest.approx(expected, rel=1e-4)


def test_blocks_of_rows_measure_the_same_as_all_at_once(values, model, monkeypatch):
    cells, table = HeldOut(values, 0.4, 0), table_of(values, CATEGORIES)
    whole, _ = measure(cells, model, table)
    monkeypatch.setattr(held.Imputer, "block_rows", 16)
    parts, heard = measure(cells, model, table)
    assert len(heard) == 4
    assert parts.squares == pytest.approx(whole.squares, abs=1e-5)
    assert parts.means() == pytest.approx(whole.means(), abs=1e-5)


def test_means_by_hand():
    squares, written = np.array([1.0, 4.0, 4.0]), np.array([1.0, 1.0, 7.0])
    errors = Errors(squares, written, np.array([1.0, 0.0]), np.array([0.5, 2.0]))
    # five cells lose 9 and 2.5; what is written for the numbers does not choose the epoch
    assert errors.means() == {
        "score": -11.5 / 5,
        "nrmse": pytest.approx(math.sqrt(3)),
        "accuracy": 0.5,
    }
    nothing = np.zeros(0)
    assert Errors(squares, written, nothing, nothing).means().keys() == {"score", "nrmse"}
    assert Errors(nothing, nothing, errors.hits, errors.entropies).means() == {
        "score": -1.25,
        "accuracy": 0.5,
    }


@pytest.mark.parametrize("most", [25, 4_000])
def test_exactly_the_held_out_cells_are_hidden_in_any_order_of_rows(values, monkeypatch, most):
    monkeypatch.setattr(held, "MOST_ROWS", most)
    cells = HeldOut(values, 0.4, 0)
    assert len(cells.rows) == min(most, 60)
    gone = np.zeros(values.shape, bool)
    gone[cells.rows] = cells.mask
    assert 0.3 < cells.mask.mean() < 0.45
    expected = np.where(gone, np.nan, values)
    rng = np.random.default_rng(1)
    for rows in (np.arange(60), np.arange(60)[::-1], rng.permutation(60), rng.integers(0, 60, 99)):
        np.testing.assert_array_equal(cells.without(rows, values[rows]), expected[rows])


def test_a_short_table_loses_nothing_and_is_measured_as_learned(values):
    cells = HeldOut(values[:19], 0.4, 0)
    assert not cells.unseen
    assert cells.mask.any()
    np.testing.assert_array_equal(cells.without(np.arange(19), values[:19]), values[:19])
    assert HeldOut(values[:20], 0.4, 0).unseen


def test_a_seed_and_a_share_choose_the_cells(values):
    one, same, other = (HeldOut(values, 0.4, seed).mask for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()
    assert HeldOut(values, 0.1, 1).mask.mean() < 0.15


def test_numbers_are_standardised_by_the_mean_and_sd_of_their_column(values):
    standard = table_of(values, CATEGORIES).standard(values).numpy()
    x = values[:, 0][~np.isnan(values[:, 0])]
    expected = (x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).mean())
    assert standard[~np.isnan(values[:, 0]), 0] == pytest.approx(expected, abs=1e-5)
    assert abs(np.median(expected)) > 0.2
    assert (standard[np.isnan(values)] == 0).all()
    assert (standard[:, [1, 3]] == 0).all()
