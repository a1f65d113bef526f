"""What a streamed table is: blocks of rows that come in, and go out with some cells filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Filled = Mapping[str, Mapping[int, str | None]]
"""Column -> {position of a row in its block: its new text, None for nothing}."""

Cells = Mapping[str, Sequence[str | None]]
"""Column -> its cells as text."""


class Raw(Protocol):
    """The rows of a block as their format wrote them."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Block:
    """Some rows of a table; None is where the format itself says that nothing is there."""

    first: int
    """Number of the first row, counted from 1, a header excluded."""
    cells: dict[str, list[str | None]]
    raw: Raw
    """What the writer needs to give the rows back unchanged."""

    def __len__(self) -> int:
        return len(self.raw)


class Writer(Protocol):
    def write(self, block: Block, filled: Filled = {}, added: Cells = {}) -> None:
        """Write a block's rows, as they were but for the filled cells and the added columns."""


class Stream(Protocol):
    """A table of any format, read a block of rows at a time."""

    name: str
    kind: str
    columns: list[str]
    has_header: bool
    """False for a CSV or TSV table whose columns were named by who opened it."""
    types: dict[str, str]
    """Column -> "text", JSONL's "number", "bool" or "null" (there is no value), Parquet's arrow
    type, or "opaque": its cells are None, and are carried through as they are."""

    def blocks(self, rows: int) -> Iterator[Block]:
        """Blocks of `rows` rows, the last of what is left; again from the start for a file."""
        ...

    def values(self, block: Block, column: str) -> list[Any]:
        """A column of a block as its format holds it, lists and objects, too."""
        ...

    def writer(
        self,
        target: Path | str,
        *,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        types: Mapping[str, str] = {},
    ) -> AbstractContextManager[Writer]:
        """Write in this format, or in another that the suffix of `target` names; `-` is stdout.

        The columns `before` and `after` are added in front and at the end; `types` are theirs, and
        those of columns in which JSONL shows no value. One of type "numbers" has lists, its cells
        in JSON.
        """  # fmt: skip
        ...


class NewTable(Protocol):
    def write(self, cells: Cells) -> None:
        """Write rows that are made from nothing."""


def patched(cells: Sequence[str | None], filled: Mapping[int, str | None]) -> Sequence[str | None]:
    """The cells of a column, with the filled ones in their places."""
    if not filled:
        return cells
    whole = list(cells)
    for row, text in filled.items():
        whole[row] = text
    return whole
