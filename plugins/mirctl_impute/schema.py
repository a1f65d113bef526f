"""Which kind each column is: inferred, shown as YAML, corrected by the user, read back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mirctl import recipe, yaml12
from mirctl.errors import UsageError, suggest
from mirctl.section import Section

Kind = Literal[
    "integer", "number", "boolean", "category", "date", "constant", "text", "id", "empty"
]
NUMBERS = ("integer", "number", "date")
CATEGORIES = ("boolean", "category")
MODELLED = (*NUMBERS, *CATEGORIES)
MISSING = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL")
"""Texts that say a cell is missing, blanks around them aside; an empty cell always is."""

HEAD = """\
# integer, number, date, boolean and category are learned and filled; a constant is filled with
# itself; text and id are carried through as they are, and so is an empty column.
"""
CONSTRAINTS_HEAD = """\
# what holds in every row that is made, and in filled rows where their observed cells allow:
#   constraints: [a <= b, 18 <= age < 99, start < end, "`a name with < in it` > 0"]
"""


class ColumnKind(Section):
    """What the user may say of a column."""

    kind: Kind
    format: str | None = Field(None, description="Of a date, as in %d.%m.%Y")

    @model_validator(mode="after")
    def only_dates_have_formats(self) -> Self:
        if self.format is not None and self.kind != "date":
            raise ValueError(f"format is for dates, and this is kind {self.kind!r}")
        return self


class Schema(Section):
    """A schema file."""

    missing: tuple[str, ...] = MISSING
    columns: dict[str, Kind | ColumnKind] = Field(default_factory=dict)
    constraints: tuple[str, ...] = ()

    def column(self, name: str) -> ColumnKind | None:
        """What is said of a column."""
        said = self.columns.get(name)
        return ColumnKind(kind=said) if isinstance(said, str) else said


def read(path: Path | None, missing: tuple[str, ...] | None = None) -> Schema:
    """A schema file, or none; `missing`, where given, beats the file's."""
    schema = Schema()
    if path is not None:
        tree, marks = recipe.read_yaml(path, "a schema is a mapping with `columns`")
        schema = recipe.resolve(Schema, recipe.Recipe(str(path), path.parent, tree, marks))
    told = schema.missing if missing is None else missing
    return schema.model_copy(update={"missing": tuple(dict.fromkeys(("", *told)))})


def absent(cells: Sequence[str | None], missing: frozenset[str]) -> np.ndarray:
    """Which cells (rows,) are missing: null, or one of the texts that say so."""
    return np.array([c is None or c.strip() in missing for c in cells], dtype=bool)


def check_names(schema: Schema, names: list[str], where: str) -> None:
    """Refuse a schema that speaks of columns the table does not have."""
    for name in schema.columns:
        if name not in names:
            hint = suggest(name, names, f"its columns: {', '.join(names)}")
            raise UsageError(f"the schema names the column {name!r}{hint}", where=where)


def dump(schema: Schema) -> str:
    """YAML that `read` takes."""
    tree = schema.model_dump(mode="json")
    tree["columns"] = {
        name: said if isinstance(said, str) else {k: v for k, v in said.items() if v is not None}
        for name, said in tree["columns"].items()
    }
    constraints = {"constraints": tree.pop("constraints")}
    return HEAD + yaml12.dump(tree) + CONSTRAINTS_HEAD + yaml12.dump(constraints)
