"""Draws and point estimates of a table of which all is known, without training."""

import csv
import io

import numpy as np
import pytest
import torch

from impute.plain import random_network, table_of
from mirctl.tables import open_stream
from mirctl_impute import diffusion, filling, sampling
from mirctl_impute.cells import Cells
from mirctl_impute.filling import Ways
from mirctl_impute.imputer import Imputer
from mirctl_impute.model import MTabGen
from mirctl_impute.rules import Range

CPU = torch.device("cpu")


@pytest.fixture
def skewed():
    """Two exponential columns, and one of a normal distribution with standard deviation 10."""
    rng = np.random.default_rng(0)
    return np.stack(
        [rng.exponential(3, 4000), rng.exponential(1, 4000), rng.normal(50, 10, 4000)], 1
    )


@pytest.fixture
def imputer(skewed):
    """A network that says 0 whatever it is asked."""
    model = MTabGen((0, 0, 0), 8, (1, 1), 2).eval()
    torch.nn.init.zeros_(model.velocity)
    return Imputer(table_of(skewed, (0, 0, 0)), model, CPU)


@pytest.fixture
def independent(monkeypatch):
    """Every hidden number is drawn as pure noise, which means: by its column's distribution."""

    def draw(model, cells, known, hidden, noise, steps, guidance=0.0):
        return Cells(torch.where(hidden, noise.normal(), cells.numbers), cells.codes)

    monkeypatch.setattr(diffusion, "draw", draw)


def filled(imputer, tmp_path, lines, **ways):
    """The rows of a table c0, c1, c2 once it is filled."""
    path, out = tmp_path / "holes.csv", tmp_path / "full.csv"
    path.write_text("c0,c1,c2\n" + "".join(f"{line}\n" for line in lines))
    filling.fill(imputer, open_stream(path), out, Ways(**ways))
    return list(csv.DictReader(io.StringIO(out.read_text())))


def test_the_point_estimate_of_a_skewed_column_is_its_mean_and_not_its_median(
    imputer, skewed, tmp_path
):
    (row,) = filled(imputer, tmp_path, [",1.0,50"], point=True)
    mean, median = skewed[:, 0].mean(), np.median(skewed[:, 0])
    assert float(row["c0"]) == pytest.approx(mean, rel=1e-3)
    assert mean - median > 0.5


def test_the_sd_that_stands_beside_a_cell_is_that_of_its_draws(imputer, independent, tmp_path):
    made = filled(imputer, tmp_path, ["1.0,1.0,"] * 60, uncertainty=True)
    sds = np.array([float(row["c2.sd"]) for row in made])
    # of 20 draws of N(50, 10) each, sqrt(19 / 20) less
    assert np.sqrt((sds**2).mean()) == pytest.approx(10 * np.sqrt(19 / 20), rel=0.05)
    assert sds.std() == pytest.approx(10 / np.sqrt(40), rel=0.3)
    assert {row["c0.sd"] for row in made} == {""}


def test_the_draws_of_the_sd_follow_the_seed(imputer, independent, tmp_path):
    sds = set()
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (row,) = filled(imputer, folder, ["1.0,1.0,"], uncertainty=True, seed=seed)
        sds.add(row["c2.sd"])
    assert len(sds) == 2


def test_equal_rows_are_filled_each_in_its_own_way(imputer, tmp_path, monkeypatch):
    monkeypatch.setattr(Imputer, "block_rows", 4)
    made = filled(imputer, tmp_path, ["2.0,1.0,"] * 12)
    assert len({row["c2"] for row in made}) == 12


def test_blocks_do_not_change_how_a_row_is_filled(imputer, tmp_path, monkeypatch):
    lines = ["2.0,1.0,", "1.0,,40.5", ",,"] * 5
    whole = filled(imputer, tmp_path, lines)
    monkeypatch.setattr(Imputer, "block_rows", 4)
    (tmp_path / "again").mkdir()
    parts = filled(imputer, tmp_path / "again", lines)
    for one, other in zip(whole, parts, strict=True):
        assert [float(x) for x in one.values()] == pytest.approx(
            [float(x) for x in other.values()], abs=1e-3
        )


def test_blocks_of_a_sample_differ(imputer, tmp_path, monkeypatch):
    monkeypatch.setattr(Imputer, "block_rows", 4)
    out = tmp_path / "rows.csv"
    sampling.sample(imputer, 12, out, [], seed=0, steps=2, guidance=0.0)
    lines = out.read_text().splitlines()[1:]
    assert len(set(lines)) == 12


def test_several_ranges_hold_together_and_are_not_cut_at_their_edges(imputer, independent):
    given = [Range(0, 1.0, 4.0), Range(2, 40.0, 50.0)]
    drawn = sampling.draw_rows(imputer, np.arange(300), given, 0, 2)
    values = drawn.values
    assert drawn.moved == 0
    for one in given:
        column = values[:, one.column]
        assert one.low <= column.min()
        assert column.max() <= one.high
        assert len(np.unique(column)) > 250
    # the column that nothing is asked of is as it always is
    assert values[:, 1].mean() == pytest.approx(1, abs=0.2)


@torch.no_grad()
def test_guidance_changes_the_rows_that_something_is_given_of(imputer):
    torch.manual_seed(0)
    model = random_network((0, 0, 0))
    known = Imputer(imputer.table, model, CPU)
    given = [Range(0, 2.0, 2.0)]
    rows = np.arange(40)
    plain = sampling.draw_rows(known, rows, given, 0, 3)
    guided = sampling.draw_rows(known, rows, given, 0, 3, 5.0)
    assert (plain.values[:, 0] == guided.values[:, 0]).all()
    assert (plain.values[:, 2] != guided.values[:, 2]).mean() > 0.5
    ranged = [Range(0, 1.0, 4.0)]
    plain = sampling.draw_rows(known, rows, ranged, 0, 3)
    guided = sampling.draw_rows(known, rows, ranged, 0, 3, 5.0)
    assert (plain.values[:, 0] == guided.values[:, 0]).all()
    assert (plain.values[:, 2] != guided.values[:, 2]).mean() > 0.5
