"""Tables of reading measures as trials: the mean of each measure over the words, by reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.errors import DataError
from mirctl.tables import open_stream, require_columns
from mirctl_gaze.means import mean
from mirctl_gaze.rows import ROWS, refuse_repeated_words, trials
from mirctl_gaze.schema import MEASURED

Readings = dict[str, dict[str, np.ndarray]]
"""Trial -> reader -> (measures,); NaN where no word has a value. The only reader of means is ''."""


@dataclass(frozen=True)
class Table:
    """How the texts of a table were read."""

    name: str
    kind: str
    by_reader: bool
    measures: tuple[str, ...]
    readings: Readings

    def only(self, measures: Sequence[str]) -> Table:
        """With these measures, in this order."""
        places = [self.measures.index(name) for name in measures]
        kept = {
            trial: {reader: values[places] for reader, values in readers.items()}
            for trial, readers in self.readings.items()
        }
        return Table(self.name, self.kind, self.by_reader, tuple(measures), kept)


def read(
    source: Path | str, measures: Sequence[str] | None = None, *, all_of_them: bool = True
) -> Table:
    """The trials of a table, by these measures, or by those of ours that it has."""
    stream = open_stream(source)
    needed = measures if measures and all_of_them else ()
    require_columns(["trial", *needed], stream.columns, stream.name)
    found = [name for name in measures or MEASURED if name in stream.columns]
    if not found:
        wanted = ", ".join(measures or MEASURED)
        raise DataError(
            f"has none of the measures {wanted} (its columns: {', '.join(stream.columns)}): "
            "--measures names others",
            where=stream.name,
        )
    readings: Readings = {}
    with console.progress(f"read {stream.name}", 0, "trials") as advance:
        for trial in trials(stream.blocks(ROWS), stream, found, ["word"]):
            refuse_repeated_words(trial, stream.name)
            values = np.stack([trial[name] for name in found])
            readings.setdefault(trial.trial, {})[trial.reader] = mean(values, axis=1)
            advance(1)
    by_reader = "reader" in stream.columns
    return Table(stream.name, stream.kind, by_reader, tuple(found), readings)
