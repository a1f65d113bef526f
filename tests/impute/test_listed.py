"""Numbers of few values, which are drawn from the list of them."""

import numpy as np
import torch

from impute.plain import table_of
from mirctl_impute.cells import Cells
from mirctl_impute.columns import ROWS_A_VALUE
from mirctl_impute.imputer import Imputer


def table(distinct, each):
    """One column of so many distinct values, each so often, and a continuous one."""
    few = np.repeat(np.arange(distinct) ** 2.0, each)
    return table_of(np.stack([few, np.random.default_rng(0).normal(size=len(few))], 1), (0, 0))


def test_few_values_that_are_seen_often_are_listed():
    assert table(5, ROWS_A_VALUE).levels == [5, 0]
    assert table(5, ROWS_A_VALUE - 1).levels == [0, 0]
    assert table(128, ROWS_A_VALUE).levels == [128, 0]
    assert table(129, ROWS_A_VALUE).levels == [0, 0]


def test_the_network_reads_the_place_of_a_listed_value_in_its_column():
    found = table(5, 100)
    (places, none) = found.places
    assert none is None
    middles = torch.special.ndtri(torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9], dtype=torch.float64))
    assert np.allclose(places, middles)


def test_a_value_between_is_read_as_the_nearest_and_one_outside_as_the_end():
    values = np.array([[0.0, 0], [4.0, 0], [5.0, 0], [7.0, 0], [99.0, 0], [-9.0, 0], [np.nan, 0]])
    codes = table(5, 100).encode(values).codes[:, 0]
    assert codes.tolist() == [0, 2, 2, 3, 4, 0, 0]


def test_what_is_drawn_is_a_value_of_the_list():
    cells = Cells(torch.full((5, 2), 0.4), torch.tensor([[k, 0] for k in range(5)]))
    made = Imputer(table(5, 100), None, torch.device("cpu")).decode(cells)
    assert made[:, 0].tolist() == [0, 1, 4, 9, 16]
