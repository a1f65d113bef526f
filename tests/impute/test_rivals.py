"""Methods to compare with: each finds what is there to find, and gives legal values only."""

import sys
import types

import numpy as np
import pandas as pd
import pytest

from impute.conftest import csv_text, holes, rows
from mirctl.tables import open_stream
from mirctl_impute import schema
from mirctl_impute.profile import look
from mirctl_impute.rivals import features, fill, generate
from mirctl_impute.table import learn

FILLS = ["mean", "knn", "mice", "missforest"]


def read(tmp_path, text):
    """A learned table and its values (rows, columns)."""
    path = tmp_path / "table.csv"
    path.write_text(text)
    stream, said = open_stream(path), schema.Schema()
    table, values = learn(stream, look(stream, said), said, tmp_path, headless=False)
    return table, np.array(values)


@pytest.fixture
def case(tmp_path):
    """Table, values with 20 % holes, and the truth (rows, columns)."""
    table, truth = read(tmp_path, csv_text(rows(300)))
    values = truth.copy()
    values[holes(300, 0.2)[:, : truth.shape[1]]] = np.nan
    return table, values, truth


def index(table, name):
    return [column.name for column in table.columns].index(name)


@pytest.mark.parametrize("name", FILLS)
def test_what_is_filled_is_legal_and_what_is_known_stays(case, name):
    table, values, _ = case
    filling = fill.METHODS[name].fill(table, values, 3, 0)
    for filled in (filling.point, *filling.spread):
        known = ~np.isnan(values)
        assert (filled[known] == values[known]).all()
        for i, column in enumerate(table.columns):
            if column.categories:
                assert set(filled[:, i]) <= set(range(column.categories))
            else:
                assert column.on_grid(filled[:, i]) == pytest.approx(filled[:, i], abs=1e-9)


@pytest.mark.parametrize("name", FILLS[1:])
def test_what_columns_tell_of_each_other_is_found(case, name):
    table, values, truth = case
    filled = fill.METHODS[name].fill(table, values, 1, 0).point
    guessed = fill.METHODS["mean"].fill(table, values, 1, 0).point
    hidden = np.isnan(values)
    for column, least in (("weight", 0.5), ("colour", 0.6), ("heavy", 0.5)):
        i = index(table, column)
        at = hidden[:, i]
        off, before = (
            (made[at, i] != truth[at, i]).mean()
            if table.columns[i].categories
            else np.sqrt(((made[at, i] - truth[at, i]) ** 2).mean())
            for made in (filled, guessed)
        )
        assert off < least * before, column


def test_mean_and_mode(tmp_path):
    table, values = read(tmp_path, "a,b\n1,x\n2,y\n6,y\n,\n7,x\n3,y\n")
    filled = fill.METHODS["mean"].fill(table, values, 1, 0).point
    codes = {text: code for code, text in enumerate(table.columns[1].spellings)}
    assert filled[3].tolist() == [4, codes["y"]]


def test_neighbours_are_those_of_scikit_learn(tmp_path):
    from sklearn.impute import KNNImputer

    rng = np.random.default_rng(0)
    data = rng.normal(size=(80, 3)) @ rng.normal(size=(3, 3))
    text = "\n".join(
        ["a,b,c", *(",".join("" if rng.random() < 0.2 else f"{x:.9f}" for x in r) for r in data)]
    )
    table, values = read(tmp_path, text)
    ours = fill.METHODS["knn"].fill(table, values, 1, 0).point
    standard = np.stack([c.scale.standard(values[:, i]) for i, c in enumerate(table.columns)], 1)
    theirs = KNNImputer(n_neighbors=10).fit_transform(standard)
    back = np.stack([c.scale.value(theirs[:, i]) for i, c in enumerate(table.columns)], 1)
    assert ours == pytest.approx(back, abs=1e-6)


def test_draws_of_chained_equations_are_spread_as_the_truth_is(tmp_path):
    """y = x + noise of deviation 1: the single value is x, draws lie around it."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 3, 1500)
    y = x + rng.normal(size=1500)
    kind = np.where(rng.random(1500) < 1 / (1 + np.exp(-x)), "high", "low")
    hidden = rng.random(1500) < 0.3
    lines = [
        f"{a:.4f},{'' if gone else f'{b:.4f}'},{k if n % 3 else ''}"
        for n, (a, b, k, gone) in enumerate(zip(x, y, kind, hidden, strict=True))
    ]
    table, values = read(tmp_path, "\n".join(["x,y,kind", *lines]))
    filling = fill.METHODS["mice"].fill(table, values, 20, 0)
    assert np.std(filling.point[hidden, 1] - x[hidden]) < 0.3
    off = filling.draws[:, hidden, 1] - x[hidden]
    assert off.std() == pytest.approx(1, abs=0.1)
    low, high = np.quantile(filling.draws[:, hidden, 1], [0.05, 0.95], 0, method="weibull")
    assert ((y[hidden] >= low) & (y[hidden] <= high)).mean() == pytest.approx(0.9, abs=0.05)
    code = table.columns[2].spellings.index("high")
    wanted = np.isnan(values[:, 2]) & (np.abs(x) < 0.5)
    assert (filling.draws[:, wanted, 2] == code).mean() == pytest.approx(0.5, abs=0.12)


def test_a_column_with_one_known_category_and_a_lone_column_are_filled(tmp_path):
    odd, values = read(tmp_path, "a,b\n" + "1,x\n3,\n2,y\n5,x\n" * 5)
    values[:, 1] = np.where(values[:, 1] == 1, np.nan, values[:, 1])
    lone, single = read(tmp_path, "a\n1\n5\n\n7\n3\n")
    for name in FILLS:
        for table, known in ((odd, values), (lone, single)):
            assert not np.isnan(fill.METHODS[name].fill(table, known, 2, 0).point).any(), name


def test_rare_categories_share_no_feature():
    codes = np.repeat(np.arange(60.0), np.arange(60, 0, -1))
    hot = features.one_hot(codes, features.commonest(codes))
    assert hot.shape[1] == features.MOST_CATEGORIES
    assert hot.sum(0).min() == 11


@pytest.mark.parametrize("name", ["smote", "shuffle", "copy"])
def test_made_rows_are_legal_and_as_many_as_asked(case, name):
    table, values, _ = case
    made = generate.METHODS[name].make(table, values, index(table, "heavy"), 200, 0)
    assert made.shape == (200, values.shape[1])
    for i, column in enumerate(table.columns):
        known = made[~np.isnan(made[:, i]), i]
        if column.categories:
            assert set(known) <= set(range(column.categories))
        else:
            assert column.on_grid(known) == pytest.approx(known, abs=1e-9)


def test_smote_lies_between_rows_of_one_class(tmp_path):
    """Two classes on two lines: what is made lies on them."""
    lines = [f"{3 * n},{3 * n if n % 2 else -3 * n},{'ab'[n % 2]}" for n in range(200)]
    table, values = read(tmp_path, "\n".join(["x,y,kind", *lines]))
    made = generate.METHODS["smote"].make(table, values, 2, 150, 0)
    sign = np.where(made[:, 2] == 1, 1, -1)
    assert made[:, 1] == pytest.approx(sign * made[:, 0], abs=1)
    rows_of = {tuple(row) for row in values}
    assert np.mean([tuple(row) in rows_of for row in made]) < 0.6


def test_a_neighbour_is_never_the_row_itself(case):
    table, _, truth = case
    places = np.repeat(np.arange(50), 20)
    near = generate._near(table, truth, places, np.random.default_rng(0))
    assert (near != places).all()
    assert max(len(set(near[places == place])) for place in range(50)) == generate.NEIGHBOURS


def test_distances_count_a_category_as_one_standard_deviation(tmp_path):
    lines = [f"{n * n},{'abc'[n % 3]}" for n in range(40)]
    table, values = read(tmp_path, "\n".join(["x,kind", *lines]))
    (found,) = features.distances(table, values, np.arange(5))
    x, kind = values[:, 0] / values[:, 0].std(), values[:, 1]
    wanted = (x[:5, None] - x) ** 2 + (kind[:5, None] != kind)
    assert found == pytest.approx(np.sqrt(wanted), abs=1e-6)


def test_shuffling_keeps_columns_and_loses_what_joins_them(case):
    table, _, truth = case
    made = generate.METHODS["shuffle"].make(table, truth, 0, len(truth), 0)
    assert (np.sort(made, 0) == np.sort(truth, 0)).all()
    assert abs(np.corrcoef(made[:, 0], made[:, 1])[0, 1]) < 0.2
    copied = generate.METHODS["copy"].make(table, truth, 0, len(truth), 0)
    assert sorted(map(tuple, copied)) == sorted(map(tuple, truth))


class EchoModel:
    """Stands in for a model of the package ctgan: what it makes is what it saw."""

    def set_random_state(self, seed):
        self.seed = seed

    def fit(self, rows, discrete):
        assert not rows.isna().any().any()
        assert all(rows[name].map(type).eq(str).all() for name in discrete)
        self.rows = rows

    def sample(self, count):
        return self.rows.head(count)


@pytest.mark.parametrize("name", ["CTGAN", "TVAE"])
def test_a_package_that_takes_no_holes_sees_none(case, monkeypatch, name):
    table, values, _ = case
    monkeypatch.setitem(sys.modules, "ctgan", types.SimpleNamespace(**{name: EchoModel}))
    made = generate.METHODS[name.lower()].make(table, values, 0, 100, 0)
    numbers = [i for i, column in enumerate(table.columns) if not column.categories]
    seen = values[:100]
    known = ~np.isnan(seen)
    assert made[known] == pytest.approx(seen[known], abs=1e-9)
    assert not np.isnan(made[:, numbers]).any()
    others = np.setdiff1d(np.arange(seen.shape[1]), numbers)
    assert (np.isnan(made[:, others]) == np.isnan(seen[:, others])).all()


def test_draws_of_miceforest_are_pooled_to_single_values(case, monkeypatch):
    """Two draws, one above and one below: the single value lies between."""
    table, values, truth = case
    size = index(table, "weight")

    class Kernel:
        def __init__(self, frame, num_datasets, **_):
            self.frame, self.gone = frame, frame.isna()

        def mice(self, *_, **__): ...

        def complete_data(self, dataset):
            full = self.frame.copy()
            for i, name in enumerate(full.columns):
                other = truth[:, i] + (10 * (-1) ** dataset if i == size else 0)
                kind = full[name].dtype
                full[name] = other if kind.kind == "f" else pd.Series(other.astype(int))
            return full

    fake = types.SimpleNamespace(ImputationKernel=Kernel)
    monkeypatch.setitem(sys.modules, "miceforest", fake)
    filling = fill.METHODS["miceforest"].fill(table, values, 2, 0)
    assert filling.draws.shape == (2, *values.shape)
    inside = np.isnan(values[:, size]) & (np.abs(truth[:, size] - 60) < 40)
    assert filling.point[inside, size] == pytest.approx(truth[inside, size], abs=0.01)
    assert filling.draws[0, inside, size] == pytest.approx(truth[inside, size] + 10, abs=0.01)
    colour = index(table, "colour")
    assert (filling.point[:, colour] == truth[:, colour]).all()


def test_hyperimpute_sees_categories_as_numbers(case, monkeypatch):
    table, values, truth = case
    told = {}

    class Imputers:
        def get(self, name, **settings):
            told.update(settings, name=name)
            return types.SimpleNamespace(fit_transform=lambda frame: frame.fillna(1.4))

    monkeypatch.setitem(
        sys.modules, "hyperimpute.plugins.imputers", types.SimpleNamespace(Imputers=Imputers)
    )
    point = fill.METHODS["hyperimpute"].fill(table, values, 1, 3).point
    assert told == {"name": "hyperimpute", "class_threshold": 5, "random_state": 3}
    colour = index(table, "colour")
    hidden = np.isnan(values[:, colour])
    assert (point[hidden, colour] == 1).all()
    assert (point[~hidden, colour] == truth[~hidden, colour]).all()
