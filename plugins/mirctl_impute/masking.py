"""Making holes in a table, to test with: at random, by other columns, or by the value itself.

With p(cell is hidden) averaging to the level asked for in each column that is hit (Rubin, 1976):

    mcar   p = level
    mar    p = sigmoid(w . z + b): z of the columns that stay whole (30 % of them), w ~ N(0, 1)
    mnar   p = sigmoid(2 z + b): z of the cell itself

z are normal scores of numbers, and a random effect of each category. b is found by bisection.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl.errors import UsageError, suggest
from mirctl.tables import Stream
from mirctl_impute import schema, writing
from mirctl_impute.profile import BLOCK, look
from mirctl_impute.table import Table, learn

WHOLE = 0.3
"""Share of the columns that stay whole, and decide over the others, under mar."""
STEEP = 2.0


@dataclass(frozen=True)
class Holes:
    """What is asked for."""

    level: float
    mechanism: str = "mcar"
    seed: int = 0
    keep: tuple[str, ...] = ()
    """Columns that stay whole."""
    text: str = ""
    """What a hole is written as; empty is an empty cell, null where the format has one."""


def mask(stream: Stream, target: Path | str, holes: Holes, said: schema.Schema) -> tuple[int, int]:
    """Write the table with holes; give the number of cells that were there, and of holes made."""
    for name in holes.keep:
        if name not in stream.columns:
            hint = suggest(name, stream.columns, f"its columns: {', '.join(stream.columns)}")
            raise UsageError(f"--keep {name!r}: no such column{hint}")
    names = [name for name in stream.columns if name not in holes.keep]
    missing = frozenset(said.missing)
    if holes.text.strip() not in missing:
        raise UsageError(f"--as {holes.text!r} is not read as missing: add --missing {holes.text}")
    chance = _constant(holes.level) if holes.mechanism == "mcar" else _learned(stream, holes, said)
    cells = made = row = 0
    with writing.progress("mask", 0, target) as advance, stream.writer(target) as writer:
        for block in stream.blocks(BLOCK):
            rng = np.random.default_rng((holes.seed, row))
            chances = chance(row, len(block), names)
            hit = rng.random(chances.shape) < chances
            filled = {}
            for i, name in enumerate(names):
                there = ~schema.absent(block.cells[name], missing)
                at = (hit[:, i] & there).nonzero()[0].tolist()
                filled[name] = dict.fromkeys(at, holes.text or None)
                cells += int(there.sum())
                made += len(at)
            writer.write(block, filled)
            row += len(block)
            advance(len(block))
    return cells, made


Chance = Callable[[int, int, Sequence[str]], np.ndarray]
"""(first row, rows, columns) -> p (rows, columns)."""


def _constant(level: float) -> Chance:
    return lambda row, rows, names: np.full((rows, len(names)), level)


def _learned(stream: Stream, holes: Holes, said: schema.Schema) -> Chance:
    """Chances by the table's own values; columns that are not modelled are hit at random."""
    with tempfile.TemporaryDirectory() as folder:
        table, values = learn(stream, look(stream, said), said, Path(folder), headless=False)
        index = {column.name: i for i, column in enumerate(table.columns)}
        chances = _chances(table, values, holes)

    def chance(row: int, rows: int, names: Sequence[str]) -> np.ndarray:
        out = np.full((rows, len(names)), holes.level)
        for j, name in enumerate(names):
            if name in index:
                out[:, j] = chances[row : row + rows, index[name]]
        return out

    return chance


def _chances(table: Table, values: np.ndarray, holes: Holes) -> np.ndarray:
    """(rows, modelled columns), each column's mean the level."""
    rng = np.random.default_rng((holes.seed, 1))
    scores, there = _scores(table, values, rng), ~np.isnan(values)
    if not table.columns:
        return np.zeros(scores.shape)
    if holes.mechanism == "mnar":
        own = zip(scores.T, there.T, strict=True)
        return np.stack([_at_level(STEEP * z, at, holes.level) for z, at in own], axis=1)
    order = rng.permutation(len(table.columns)).tolist()
    order.sort(key=lambda i: table.columns[i].name not in holes.keep)  # what is kept comes first
    count = max(1, round(WHOLE * len(order)), sum(c.name in holes.keep for c in table.columns))
    whole, free = set(order[:count]), order[count:]
    if not free:
        raise UsageError(
            "--mechanism mar hides cells by other columns, and no column is left to hide: keep "
            "fewer, or choose mcar or mnar"
        )
    cause = scores[:, sorted(whole)]
    out = np.zeros(scores.shape)
    for i in free:
        effect = cause @ rng.normal(size=cause.shape[1])
        out[:, i] = _at_level(effect, there[:, i], holes.level)
    return out


def _scores(table: Table, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Normal scores (rows, columns); 0, the middle, where nothing is there."""
    cells = table.encode(np.asarray(values))
    scores = cells.numbers.numpy().astype(float)
    for i, column in enumerate(table.columns):
        if column.categories:
            scores[:, i] = rng.normal(size=column.categories)[cells.codes[:, i].numpy()]
    scores[np.isnan(values)] = 0
    return scores


def _at_level(effect: np.ndarray, there: np.ndarray, level: float) -> np.ndarray:
    """sigmoid(effect + b), b so that its mean over the cells that are there is the level."""
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        if _sigmoid(effect[there] + middle).mean() < level:
            low = middle
        else:
            high = middle
    return _sigmoid(effect + high)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.clip(-500, 500)))
