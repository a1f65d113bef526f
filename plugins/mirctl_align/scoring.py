"""A table of texts to the same table with their rewards, block by block."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, UsageError
from mirctl.tables import Block, Stream, at_row, open_stream
from mirctl_align.pairs import single
from mirctl_align.rows import rewards

if TYPE_CHECKING:
    from mirctl_align.model import RewardModel
    from mirctl_align.reader import Reader

ROWS = 256
"""Texts that are read at a time."""
DIGITS = 6


@dataclass
class Found:
    """What came out."""

    rewards: list[np.ndarray] = field(default_factory=list)
    dropped: int = 0
    cut: int = 0

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Mean and spread of the rewards."""
        every = np.concatenate([np.zeros(0), *self.rewards])
        told = {"reward": every.mean(), "spread": every.std()} if len(every) else {}
        return {
            name: {"value": float(told[name]) if told else None, "n": len(every), "unit": unit}
            for name, unit in (("reward", "mean over texts"), ("spread", "standard deviation"))
        }

    def facts(self) -> dict[str, int]:
        """How many rows, and what became of them."""
        scored = sum(map(len, self.rewards))
        return {"rows": scored + self.dropped, "too_long": self.dropped, "cut": self.cut}

    def tell(self) -> None:
        """Say it to people."""
        facts = self.facts()
        more = f", {self.dropped} too long and without one" if self.dropped else ""
        cut = f", {self.cut} cut" if self.cut else ""
        console.say(f"{counted(facts['rows'], 'row')}{more}{cut}")


def score(
    model: RewardModel, reader: Reader, table: Path | str, out: Path | str, column: str,
    device: torch.device,
) -> Found:  # fmt: skip
    """Write every row as it was and its reward behind; nothing where a text is too long."""
    stream = open_stream(table)
    if column in stream.columns:
        todo = "--column names another one for the rewards"
        raise UsageError(f"has a column {column!r} already: {todo}", where=stream.name)
    if not {*single.WANTED}.intersection(stream.columns):
        listed = ", ".join(stream.columns)
        told = f"has no column text, response or messages (its columns: {listed})"
        raise DataError(told, where=stream.name)
    found = Found()
    with stream.writer(out, after=[column], types={column: "double"}) as writer:
        for block in stream.blocks(ROWS):
            places = [at_row(stream.name, block.first + n) for n in range(len(block))]
            given = zip(_rows(stream, block), places, strict=True)
            kept, rows = reader.dialogues([single.read_dialogue(*of) for of in given], places)
            values = rewards(model, rows, device)
            cells: list[str | None] = [None] * len(block)
            for n, value in zip(kept.tolist(), values.tolist(), strict=True):
                cells[n] = f"{value:.{DIGITS}f}"
            writer.write(block, added={column: cells})
            found.rewards.append(values)
            found.dropped += len(block) - len(kept)
    found.cut = reader.cut
    return found


def _rows(stream: Stream, block: Block) -> list[dict[str, Any]]:
    """The columns of a text, row by row; what is not there is left out."""
    known = [name for name in single.TEXTS if name in stream.columns]
    columns = [stream.values(block, name) for name in known]
    return [
        {name: value for name, value in zip(known, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]
