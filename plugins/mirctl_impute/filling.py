"""Filling the holes of a table: block after block, and nothing but the holes changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, UsageError
from mirctl.shards import WHOLE, Shard
from mirctl.tables import Block, Stream, at_row
from mirctl_impute import writing
from mirctl_impute.columns import Column, NumberColumn
from mirctl_impute.drawing import Drawer, Drawn
from mirctl_impute.imputer import Imputer
from mirctl_impute.schema import MODELLED

TRIES = 10
"""Draws in which a row may keep the constraints by itself."""
SPREAD_DRAWS = 20
"""Draws that the standard deviation of a filled number is taken over."""
DRAW, FILLED = "draw", "filled"
Row = Mapping[str, str | float | None]
"""Column -> its cell."""


@dataclass(frozen=True)
class Ways:
    """How holes are filled."""

    draws: int = 1
    point: bool = False
    """The best single value, mean or mode, instead of a draw."""
    steps: int = 20
    seed: int = 0
    mark: bool = False
    uncertainty: bool = False


@dataclass
class Told:
    """What people are told in the end."""

    rows: int = 0
    filled: int = 0
    left: dict[str, int] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)
    moved: int = 0
    broken: int = 0


@dataclass(frozen=True)
class Holes:
    """A block's rows that have holes in modelled columns, ready for the network.

    rows (r,) positions in the block, values (r, columns) with NaN where unknown, mask (r, columns)
    the holes; first is the number of the block's first row.
    """

    rows: np.ndarray
    values: np.ndarray
    mask: np.ndarray
    first: int


def fill(
    imputer: Imputer, stream: Stream, target: Path | str, ways: Ways, shard: Shard = WHOLE
) -> Told:
    """Write the table, or a part of it, with its holes filled; one block of rows is in memory at a
    time."""
    _refuse_other_tables(imputer, stream.columns, stream.name)
    _tell_columns(imputer, stream)
    if ways.point and ways.draws > 1:
        raise UsageError("--point fills in one value, and -m copies would be the same: drop one")
    several = ways.draws > 1
    before = [DRAW] if several else []
    after = _added(imputer, ways)
    for name in (*before, *after):
        if name in stream.columns:
            raise UsageError(f"the table has a column {name!r}, which this adds: rename it")
    told = Told()
    drawer = _drawer(imputer, stream.columns, ways)
    with (
        writing.progress("fill", 0, target) as advance,
        stream.writer(
            target, before=before, after=after, types=_types(imputer, stream, after)
        ) as writer,
    ):
        for block in shard.blocks(stream, imputer.block_rows):
            holes, constants = _find(imputer, block, told, stream.name, stream.types)
            added = _beside(drawer, holes, len(block), ways)
            for draw, drawn in enumerate(_drawn(drawer, holes, ways), start=1):
                values = drawn.values
                told.moved += drawn.moved
                told.broken += drawn.broken
                filled = {**constants, **_texts(imputer, holes, values)}
                if several:
                    added[DRAW] = [str(draw)] * len(block)
                if ways.mark:
                    added[FILLED] = _marks(filled, len(block), stream.columns)
                writer.write(block, filled, added)
            advance(len(block))
    return told


def fill_rows(
    imputer: Imputer, rows: Sequence[Row], *, point: bool = False, steps: int = 20, seed: int = 0
) -> list[dict[str, str | float | None]]:
    """Rows with their holes filled, as a table of just these rows would be.

    All rows have the same keys, the names of columns; learned columns may lack. A hole is None, NaN
    or a text that says so; it becomes text, as its column writes it. All else is as it was given.
    """
    if not rows:
        return []
    names = list(rows[0])
    for number, row in enumerate(rows, start=1):
        if row.keys() != rows[0].keys():
            raise DataError("does not have the keys of the first row", where=at_row("rows", number))
    _refuse_other_tables(imputer, names, "rows")
    ways, made = Ways(point=point, steps=steps, seed=seed), [dict(row) for row in rows]
    drawer = _drawer(imputer, names, ways)
    for start in range(0, len(rows), imputer.block_rows):
        part = made[start : start + imputer.block_rows]
        cells = {name: [_text(row[name]) for row in part] for name in names}
        holes, constants = _find(imputer, Block(start + 1, cells, part), Told(), "rows", {})
        for drawn in _drawn(drawer, holes, ways):
            for name, texts in {**constants, **_texts(imputer, holes, drawn.values)}.items():
                for place, text in texts.items():
                    part[place][name] = text
    return made


def _text(cell: str | float | None) -> str | None:
    return cell if cell is None or isinstance(cell, str) else str(cell)


def _refuse_other_tables(imputer: Imputer, columns: Sequence[str], where: str) -> None:
    """A table has at least one of the learned columns."""
    learned = imputer.table.names
    if not set(columns) & {column.name for column in imputer.table.columns}:
        more = ", ..." if len(learned) > 8 else ""
        raise DataError(
            f"has none of the columns that were learned ({', '.join(learned[:8])}{more}): is it "
            "another table, or one without a header (--names)?",
            where=where,
        )


def _tell_columns(imputer: Imputer, stream: Stream) -> None:
    """Columns may be missing, new, or in another order, and that is said."""
    here, learned = set(stream.columns), imputer.table.names
    gone = [column.name for column in imputer.table.columns if column.name not in here]
    if gone:
        console.warn(f"{stream.name} lacks {', '.join(gone)}: they count as unknown")
    new = [name for name in stream.columns if name not in learned]
    if new:
        console.warn(f"{', '.join(new)} were never learned: they are carried through as they are")


def _find(
    imputer: Imputer, block: Block, told: Told, where: str, types: Mapping[str, str]
) -> tuple[Holes, dict[str, dict[int, str]]]:
    """The holes of a block; those of constant columns are filled at once."""
    table = imputer.table
    values, absent = table.read(block, where)
    there = np.array([column.name in block.cells for column in table.columns])
    mask = absent & there
    unseen = ~absent & np.isnan(values)
    for i in unseen.any(0).nonzero()[0]:
        name = table.columns[i].name
        told.unseen[name] = told.unseen.get(name, 0) + int(unseen[:, i].sum())
    constants = {}
    for name, cells in block.cells.items():
        kind = table.kinds.get(name)
        if kind in MODELLED or types.get(name) == "opaque":
            continue
        gaps = table.absent(cells).nonzero()[0].tolist()
        if kind == "constant":
            constants[name] = dict.fromkeys(gaps, table.constants[name])
        elif gaps:
            told.left[name] = told.left.get(name, 0) + len(gaps)
    told.rows += len(block)
    told.filled += int(mask.sum()) + sum(map(len, constants.values()))
    rows = mask.any(1).nonzero()[0]
    return Holes(rows, values[rows], mask[rows], block.first), constants


def _drawer(imputer: Imputer, columns: Sequence[str], ways: Ways) -> Drawer:
    """What fills rows; the constraints are those between the columns that are there."""
    here = set(columns)
    gone = {i for i, column in enumerate(imputer.table.columns) if column.name not in here}
    return Drawer(imputer, imputer.table.rules.without(gone), ways.steps, TRIES)


def _drawn(drawer: Drawer, holes: Holes, ways: Ways) -> Iterator[Drawn]:
    """The rows with holes, for each copy of the block that is written."""
    if not len(holes.rows):
        yield from [Drawn(np.zeros(holes.mask.shape))] * (1 if ways.point else ways.draws)
    elif ways.point:
        yield drawer.point(holes.values, holes.mask)
    else:
        for draw in range(ways.draws):
            yield _draw(drawer, holes, ways, draw)


def _draw(drawer: Drawer, holes: Holes, ways: Ways, draw: int) -> Drawn:
    return drawer.draw(holes.values, holes.mask, holes.first + holes.rows, (ways.seed, draw))


def _texts(imputer: Imputer, holes: Holes, values: np.ndarray) -> dict[str, dict[int, str]]:
    """Column -> {position in the block: text}."""
    filled = {}
    for i, column in enumerate(imputer.table.columns):
        at = holes.mask[:, i]
        if at.any():
            rows = holes.rows[at].tolist()
            filled[column.name] = dict(zip(rows, column.text(values[at, i]), strict=True))
    return filled


def _marks(filled: Mapping[str, Mapping[int, str]], rows: int, order: list[str]) -> list[str]:
    """The names of the filled cells of each row, with semicolons between."""
    names: list[list[str]] = [[] for _ in range(rows)]
    for name in sorted(filled, key=order.index):
        for row in filled[name]:
            names[row].append(name)
    return [";".join(row) for row in names]


def _added(imputer: Imputer, ways: Ways) -> list[str]:
    """Names of the columns that are added at the end."""
    spread = [_spread_name(column) for column in imputer.table.columns] if ways.uncertainty else []
    return spread + ([FILLED] if ways.mark else [])


def _types(imputer: Imputer, stream: Stream, names: list[str]) -> dict[str, str]:
    """How typed formats store the added columns, and learned ones in which they show no value;
    Parquet shows all there are, so that what is not filled there stays without any."""
    added = {name: "number" for name in names if name != FILLED}
    storage = imputer.table.storage
    if stream.kind == "parquet":
        kinds = imputer.table.kinds
        storage = {n: t for n, t in storage.items() if kinds[n] in (*MODELLED, "constant")}
    return {**storage, DRAW: "int64", **added}


def _spread_name(column: Column) -> str:
    return f"{column.name}.sd" if isinstance(column, NumberColumn) else f"{column.name}.entropy"


def _beside(drawer: Drawer, holes: Holes, rows: int, ways: Ways) -> dict[str, list[str | None]]:
    """How uncertain each filled cell is: standard deviation of 20 draws, entropy in nats."""
    if not ways.uncertainty:
        return {}
    columns = drawer.imputer.table.columns
    added: dict[str, list[str | None]] = {_spread_name(column): [None] * rows for column in columns}
    if not len(holes.rows):
        return added
    said = drawer.imputer.expect(holes.values, holes.mask)
    draws = np.stack(
        [_draw(drawer, holes, ways, 1_000_000 + d).values for d in range(SPREAD_DRAWS)]
    )
    for i, column in enumerate(columns):
        at = holes.mask[:, i]
        if isinstance(column, NumberColumn):
            spread = draws[:, at, i].std(0)
        else:
            logits = said.logits[i]
            spread = (-(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)).cpu().numpy()
        cells = added[_spread_name(column)]
        for row, value in zip(holes.rows[at].tolist(), spread.tolist(), strict=True):
            cells[row] = f"{value:.6g}"
    return added


def tell(told: Told) -> None:
    """Say what was filled and what was not."""
    console.say(f"filled {counted(told.filled, 'cell')} of {counted(told.rows, 'row')}")
    for name, count in told.left.items():
        console.say(f"{name}: {counted(count, 'missing cell')} left: the column is not modelled")
    for name, count in told.unseen.items():
        console.warn(f"{name}: {counted(count, 'cell')} of categories never seen, taken as unknown")
    if told.moved:
        console.say(f"{counted(told.moved, 'row')} moved to the nearest that keep the constraints")
    if told.broken:
        console.warn(
            f"constraints are broken by observed cells in {counted(told.broken, 'filled row')}"
        )
