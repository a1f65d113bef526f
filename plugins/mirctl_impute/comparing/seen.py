"""What a method gets to see of a table: a part of it, and what that part alone teaches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mirctl.tables import open_stream
from mirctl_impute import schema
from mirctl_impute.comparing.real import Real, said_of
from mirctl_impute.imputer import Imputer
from mirctl_impute.profile import look
from mirctl_impute.rivals import ours
from mirctl_impute.table import Table, learn


@dataclass(frozen=True)
class Seen:
    """A file, what is said of it, and its table and values (rows, the file's modelled columns)."""

    path: Path
    schema_file: Path
    table: Table
    values: np.ndarray
    learning: ours.Learning

    def model(self, settings: tuple[str, ...], seed: int) -> Imputer:
        """The project's own model of the file."""
        return self.learning.learn(self.path, self.schema_file, settings, seed)


def learned(real: Real, path: Path, there: Mapping[str, bool], learning: ours.Learning) -> Seen:
    """Learn a file that holds a part of the real table; which columns have a cell in it.

    It has a header unless `learning` names its columns.
    """
    said = said_of(real, there)
    schema_file = path.with_suffix(".yaml")
    schema_file.write_text(schema.dump(said), encoding="utf-8")
    headless = learning.names is not None
    stream = open_stream(path, real.names if headless else None)
    table, mapped = learn(stream, look(stream, said), said, path.parent, headless=headless)
    own = replace(learning, missing=tuple(said.missing))
    return Seen(path, schema_file, table, np.array(mapped), own)
