"""A table's columns, learned: what a block of its rows means to the network, and back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mirctl import yaml12
from mirctl.errors import DataError
from mirctl.tables import Block, Stream
from mirctl_impute import columns as kinds
from mirctl_impute import constraints
from mirctl_impute.cells import Cells
from mirctl_impute.columns import Column, NumberColumn
from mirctl_impute.profile import BLOCK, Looked
from mirctl_impute.rules import Rules
from mirctl_impute.schema import MODELLED, Schema, absent


@dataclass(frozen=True)
class Table:
    """Everything but the network that turns rows into values and values into rows."""

    names: tuple[str, ...]
    """All columns of the table it was learned from, in order."""
    kinds: dict[str, str]
    missing: frozenset[str]
    columns: tuple[Column, ...]
    """The modelled ones."""
    constants: dict[str, str]
    types: dict[str, str]
    """How a typed format stores each column."""
    headless: bool = False
    constraints: tuple[str, ...] = ()

    @cached_property
    def rules(self) -> Rules:
        """What the constraints ask of a row; a UsageError where no row can meet them."""
        return constraints.rules(self.constraints, self.columns, self.kinds)

    @property
    def categories(self) -> list[int]:
        """Categories a modelled column; 0 for numbers."""
        return [column.categories for column in self.columns]

    @property
    def levels(self) -> list[int]:
        """How many values each modelled column is drawn from; 0 where any number may come."""
        return [column.levels for column in self.columns]

    @property
    def places(self) -> list[np.ndarray | None]:
        """The normal scores of the values that number columns are drawn from."""
        return [
            column.scale.encode(column.scale.knots)
            if isinstance(column, NumberColumn) and column.listed
            else None
            for column in self.columns
        ]

    @property
    def storage(self) -> dict[str, str]:
        """How a typed format stores each column: as the learned table did; text by its kind."""
        found = dict(self.types)
        for column in self.columns:
            if self.types[column.name] in ("text", "null") and isinstance(column, NumberColumn):
                large = column.start + abs(column.scale.knots).max() >= 2**63
                by_kind = {"integer": "text" if large else "int64", "number": "number"}
                found[column.name] = by_kind.get(column.kind, "text")
        return found

    def absent(self, cells: Sequence[str | None]) -> np.ndarray:
        """(rows,) true where a cell is missing."""
        return absent(cells, self.missing)

    def read(self, block: Block, where: str) -> tuple[np.ndarray, np.ndarray]:
        """Values (rows, columns) of the modelled columns, NaN where unknown, and which cells are
        missing (rows, columns). A cell that is there may be unknown: an unseen category."""
        values = np.full((len(block), len(self.columns)), np.nan)
        absent = np.ones(values.shape, dtype=bool)
        for i, column in enumerate(self.columns):
            cells = block.cells.get(column.name)
            if cells is not None:
                absent[:, i] = self.absent(cells)
                values[:, i] = column.parse(cells, ~absent[:, i], block.first, where)
        return values, absent

    def encode(self, values: np.ndarray, rng: np.random.Generator | None = None) -> Cells:
        """Values (rows, columns) as the network reads them; NaN becomes 0, which none reads.

        With an `rng` numbers are put anywhere in their interval of ranks: as they are learned.
        """
        share = np.full(values.shape, 0.5) if rng is None else rng.random(values.shape)
        numbers = np.zeros(values.shape, np.float32)
        codes = np.zeros(values.shape, np.int64)
        for i, column in enumerate(self.columns):
            here = ~np.isnan(values[:, i])
            if isinstance(column, NumberColumn):
                numbers[here, i] = column.scale.encode(values[here, i], share[here, i])
                if column.listed:
                    codes[here, i] = column.scale.nearest(values[here, i])
            else:
                codes[here, i] = values[here, i]
        return Cells(torch.from_numpy(numbers), torch.from_numpy(codes))

    def standard(self, values: np.ndarray) -> torch.Tensor:
        """Numbers in standard deviations (rows, columns); 0 for what is none."""
        out = np.zeros(values.shape, np.float32)
        for i, column in enumerate(self.columns):
            if isinstance(column, NumberColumn):
                here = ~np.isnan(values[:, i])
                out[here, i] = column.scale.standard(values[here, i])
        return torch.from_numpy(out)

    def to_json(self) -> dict[str, Any]:
        """What the artifact keeps."""
        return {
            "names": list(self.names),
            "kinds": self.kinds,
            "missing": sorted(self.missing),
            "columns": [kinds.to_json(column) for column in self.columns],
            "constants": self.constants,
            "types": self.types,
            "headless": self.headless,
            "constraints": list(self.constraints),
        }


def outline(stream: Stream, looked: Looked, schema: Schema, *, headless: bool) -> Table:
    """A table whose scales are still to be learned."""
    of_kind = {name: said.kind for name, said in looked.kinds.items()}
    columns = [
        kinds.unlearned(looked.profiles[name], said, stream.name)
        for name, said in looked.kinds.items()
        if said.kind in MODELLED
    ]
    constants = {
        name: next(iter(looked.profiles[name].distinct or ("",)))
        for name, kind in of_kind.items()
        if kind == "constant"
    }
    table = Table(
        tuple(stream.columns), of_kind, frozenset(schema.missing), tuple(columns), constants,
        dict(stream.types), headless, schema.constraints,
    )  # fmt: skip
    _refuse_half_characters(table, stream.name)
    return table


def learn(
    stream: Stream, looked: Looked, schema: Schema, work: Path, *, headless: bool
) -> tuple[Table, np.ndarray]:
    """Learn a table's scales; its values (rows, modelled columns) lie in a mapped file in `work`,
    so that memory does not grow with the rows."""
    table = outline(stream, looked, schema, headless=headless)
    shape = (looked.rows, len(table.columns))
    values = np.memmap(work / "values.f64", dtype=np.float64, mode="w+", shape=shape)
    row = 0
    for block in stream.blocks(BLOCK):
        part, _ = table.read(block, stream.name)
        values[row : row + len(part)] = part
        row += len(part)
    scaled = []
    for i, column in enumerate(table.columns):
        seen = values[:, i]
        scaled.append(kinds.learned(column, seen[~np.isnan(seen)]))
    return replace(table, columns=tuple(scaled)), values


def _refuse_half_characters(table: Table, where: str) -> None:
    """JSON can hold a half of a character, as \\ud83d alone; the artifact's text cannot."""
    for name in table.names:
        spellings = [s for c in table.columns if c.name == name for s in c.spellings]
        if not yaml12.is_unicode("".join([name, table.constants.get(name, ""), *spellings])):
            raise DataError(f"column {name!a} holds half of a character: correct it", where=where)
