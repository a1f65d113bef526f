"""The table that methods are compared on, and values moved between what two tables learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import Stream
from mirctl_impute import asking, schema
from mirctl_impute.profile import Looked, look
from mirctl_impute.table import Table, learn

FEWEST_ROWS = 20


@dataclass(frozen=True)
class Real:
    """A whole table: its values (rows, modelled columns) are the truth."""

    stream: Stream
    names: tuple[str, ...] | None
    said: schema.Schema
    looked: Looked
    table: Table
    values: np.ndarray


def read(
    path: str, names: str | None, missing: Sequence[str] | None, schema_file: Path | None,
    work: Path,
) -> Real:  # fmt: skip
    """Read a table; a DataError where too little is in it to compare anything."""
    stream, said = asking.table(path, names, missing, schema_file)
    looked = look(stream, said)
    table, values = learn(stream, looked, said, work, headless=names is not None)
    if not table.columns:
        raise DataError("has no column that can be learned", where=stream.name)
    if len(values) < FEWEST_ROWS:
        raise DataError(
            f"has {counted(len(values), 'row')}, fewer than the {FEWEST_ROWS} that methods want",
            where=stream.name,
        )
    given = asking.column_names(names)
    return Real(stream, given, said, looked, table, np.array(values))


def said_of(real: Real, there: Mapping[str, bool]) -> schema.Schema:
    """What is said of a part of the table, for columns in which a cell is left: the kinds that the
    whole table shows. Kinds are facts that whoever has the part knows; values are not."""
    kinds = {name: kind for name, kind in real.looked.columns().items() if there.get(name)}
    told: dict[str, object] = {"columns": kinds}
    if any(column.name not in kinds for column in real.table.columns):
        told["constraints"] = ()  # they may speak of a column that is gone
    return real.said.model_copy(update=told)


def translate(source: Table, target: Table, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Values (rows, source's columns) as `target` reads what `source` writes: (rows, target's
    columns), NaN where the mask (rows, target's columns) is false or the column is not in both."""
    index = {column.name: i for i, column in enumerate(source.columns)}
    out = np.full(mask.shape, np.nan)
    for j, column in enumerate(target.columns):
        i, at = index.get(column.name), mask[:, j]
        if i is not None and at.any():
            texts = source.columns[i].text(values[at, i])
            out[at, j] = column.parse(texts, np.ones(len(texts), bool), 1, "a filled table")
    return out
