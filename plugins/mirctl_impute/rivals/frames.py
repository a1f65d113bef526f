"""Values as a data frame, for packages that want one, and back."""

from typing import TYPE_CHECKING

import numpy as np

from mirctl_impute.table import Table

if TYPE_CHECKING:
    import pandas as pd


def frame(table: Table, values: np.ndarray, *, coded: bool = False) -> "pd.DataFrame":
    """Columns `c0`, `c1`, ...: numbers as floats, categories as a categorical of their numbers, or
    as floats where `coded`; NaN where unknown."""
    import pandas as pd

    columns = {}
    for i, column in enumerate(table.columns):
        cells = pd.Series(values[:, i])
        if column.categories and not coded:
            cells = cells.astype("Int64").astype("category")
        columns[f"c{i}"] = cells
    return pd.DataFrame(columns)


def numbers(table: Table, found: "pd.DataFrame") -> np.ndarray:
    """The other way (rows, columns)."""
    return np.stack(
        [found[f"c{i}"].astype(float).to_numpy() for i in range(len(table.columns))], axis=1
    )
