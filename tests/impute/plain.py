"""Tables made of arrays, with no file and no training."""

import numpy as np
import torch

from mirctl_impute import columns as kinds
from mirctl_impute.columns import CategoryColumn, NumberColumn
from mirctl_impute.model import MTabGen
from mirctl_impute.schema import MISSING
from mirctl_impute.table import Table


def table_of(values: np.ndarray, categories: tuple[int, ...]) -> Table:
    """A table c0, c1, ... of values (rows, columns): numbers where a column has 0 categories."""
    columns = []
    for i, count in enumerate(categories):
        seen = values[:, i][~np.isnan(values[:, i])]
        if count:
            column = CategoryColumn(f"c{i}", "category", tuple("abcdefgh"[:count]))
        else:
            column = NumberColumn(f"c{i}", "number", "", (6, 6), False, None, 0)
        columns.append(kinds.learned(column, seen))
    kind_of = {column.name: column.kind for column in columns}
    types = dict.fromkeys(kind_of, "text")
    return Table(tuple(kind_of), kind_of, frozenset(MISSING), tuple(columns), {}, types)


def random_network(categories: tuple[int, ...]) -> MTabGen:
    """A small network of which no weight or bias is zero."""
    model = MTabGen(categories, 8, (1, 1), 2).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model
