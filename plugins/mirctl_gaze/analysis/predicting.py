"""Predicted measures of the trials that were read."""

from __future__ import annotations

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, UsageError
from mirctl_gaze.analysis import pairing
from mirctl_gaze.analysis.asking import Asked
from mirctl_gaze.analysis.pairing import Key, Pairs, pair
from mirctl_gaze.analysis.reading import Readings, Table, read
from mirctl_gaze.analysis.results import Source, compared, correlated


def predicted(asked: Asked, trials: tuple[Readings, Readings], real: Source, key: Key) -> Source:
    """The pairs that were read, by predicted measures; a trial is known by its name."""
    tables = _tables(asked, key)
    known = {*real.pairs.names}
    chosen, rejected = (
        {trial: table.readings[trial] for trial in names if trial in table.readings}
        for names, table in zip(trials, tables, strict=True)
    )
    pairs = pair(*({t: of[t] for t in of if key(t) in known} for of in (chosen, rejected)), key)
    if len(pairs.names) < 2:
        raise DataError(
            f"has {counted(len(pairs.names), 'pair')} of the {len(known):,} that were read, by "
            f"the names of their trials, such as {next(iter(trials[0]))!r}: two are needed",
            where=tables[0].name,
        )
    if gone := missing(pairs, real.pairs):
        told = f"{counted(len(gone), 'pair')} of {len(known):,} without predictions"
        console.warn(f"{tables[0].name}: {told}: {pairing.first_of(gone)}")
    found = compared(pairs, tables[0].measures, asked.correction, asked.seed)
    return correlated(found, real)


def _tables(asked: Asked, key: Key) -> tuple[Table, Table]:
    """Of the chosen and of the rejected trials, by the measures that both have."""
    names = asked.synthetic
    if len(names) == 1 and key is pairing.same:
        raise UsageError(
            f"--synthetic {names[0]}: the chosen and the rejected trials have the same names, "
            "which one table cannot tell apart: give --synthetic twice, chosen first"
        )
    tables = [read(name, asked.measures, all_of_them=False) for name in names]
    shared = [name for name in tables[0].measures if name in tables[-1].measures]
    if not shared:
        ours, theirs = (", ".join(table.measures) for table in tables)
        raise DataError(
            f"has {theirs}, {tables[0].name} has {ours}: none is in both", where=tables[1].name
        )
    return tables[0].only(shared), tables[-1].only(shared)


def missing(predicted: Pairs, real: Pairs) -> list[str]:
    """Pairs that were read, of which nothing was predicted."""
    known = {*predicted.names}
    return [name for name in real.names if name not in known]
