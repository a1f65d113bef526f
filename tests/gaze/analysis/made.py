"""Tables of measures, made for a test, and the command that compares them."""

import csv
import io

import numpy as np

MEASURES = ("nFix", "FFD", "TRT")


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def table(readings, measures=("TRT",)):
    """(reader or None, trial) -> words' values, each a number or a tuple: lines of a CSV table."""
    with_readers = any(reader is not None for reader, _ in readings)
    lines = [",".join([*(["reader"] if with_readers else []), "trial", "word", *measures])]
    for (reader, trial), values in readings.items():
        for word, value in enumerate(values):
            cells = value if isinstance(value, tuple) else (value,)
            first = [reader] if with_readers else []
            lines.append(",".join(str(cell) for cell in [*first, trial, word, *cells]))
    return lines


def planted(effect, *, pairs=40, words=12, readers=0, spread=10.0, seed=0, measures=MEASURES):
    """Two tables of the same trials; chosen ones are longer by `effect` in the last measure."""
    rng = np.random.default_rng(seed)
    names = [f"r{i}" for i in range(readers)] or [None]
    kinds = ({}, {})
    for reader in names:
        for pair in range(pairs):
            level = 200 + 30 * rng.standard_normal(len(measures))
            for kind, longer in zip(kinds, (effect, 0)):
                own = level + spread * rng.standard_normal(len(measures))
                own[-1] += longer
                values = own + rng.standard_normal((words, len(measures)))
                kind[reader, f"t{pair}"] = [tuple(np.round(v, 3)) for v in values]
    return [table(kind, measures) for kind in kinds]


def analyse(mirctl, *more):
    return mirctl("gaze", "analyse", *more)


def both(mirctl, *more):
    return analyse(mirctl, "--chosen", "chosen.csv", "--rejected", "rejected.csv", *more)


def write_both(write, chosen, rejected):
    write("chosen.csv", *chosen)
    write("rejected.csv", *rejected)
