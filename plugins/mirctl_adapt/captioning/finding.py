"""Which file is an item's picture or film: the one named by its id, or by a column."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mirctl.data import images
from mirctl.errors import DataError
from mirctl.tables import Block, Stream, at_row, require_columns

Found = tuple[list[str], list[Path | None]]
"""The ids of some items, and their files."""
Finder = Callable[[Block], Found]


@dataclass(frozen=True)
class Place:
    """Where items have their pictures or films."""

    images: Path | None = None
    videos: Path | None = None
    id_column: str = "item_id"
    file_column: str | None = None
    """Names files in the folder, where they are not named by item id."""

    @property
    def films(self) -> bool:
        return self.videos is not None


def finder(place: Place, stream: Stream) -> Finder:
    """What finds the files of a block of the table; a DataError where there can be none."""
    folder, column = place.videos or place.images, place.file_column
    require_columns([place.id_column, *([column] if column else [])], stream.columns, stream.name)
    suffixes = images.FILMS if place.films else images.PICTURES
    named = images.by_stem(folder, () if column else suffixes)
    if not named and not column:
        raise DataError(f"holds no file that ends in {', '.join(suffixes)}", where=str(folder))

    def find(block: Block) -> Found:
        ids = _ids(block, place.id_column, stream.name)
        if column is None:
            return ids, [named.get(name) for name in ids]
        names = block.cells[column]
        return ids, [folder / name if _can_be_a_name(name) else None for name in names]

    return find


def _ids(block: Block, column: str, where: str) -> list[str]:
    cells = block.cells[column]
    for n, cell in enumerate(cells):
        if cell is None or not cell.strip():
            told = f"column {column!r} has no id: fill it, or remove the row"
            raise DataError(told, where=at_row(where, block.first + n))
    return cells


def _can_be_a_name(cell: str | None) -> bool:
    return bool(cell and cell.strip() and "\0" not in cell)
