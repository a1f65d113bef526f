"""`mirctl gaze analyse`: tables of measures in, statistics of their differences out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from mirctl import console, jobs
from mirctl.console import counted
from mirctl.errors import DataError, MissingError, UsageError, suggest
from mirctl_gaze.analysis import pairing, report
from mirctl_gaze.analysis.asking import Asked
from mirctl_gaze.analysis.pairing import Key, Pairs, pair
from mirctl_gaze.analysis.reading import Readings, Table, read
from mirctl_gaze.analysis.results import Source, compared, correlated


@dataclass(frozen=True)
class Found:
    """The statistics, not yet written."""

    sources: dict[str, Source]
    """Under `real` what was read, under `synthetic` what was predicted, where that was given."""
    correction: str
    kind: str
    """Format of the first table."""

    def metrics(self) -> dict[str, dict[str, Any]]:
        """`TRT.difference`, and `synthetic.TRT.difference`."""
        return report.metrics(self.sources)

    def facts(self) -> dict[str, Any]:
        """For a document."""
        pairs = {name: source.pairs for name, source in self.sources.items()}
        told = {"correction": self.correction, "undefined": report.undefined(self.sources)}
        told["real"] = pairs["real"].facts()
        if "synthetic" in pairs:
            told["synthetic"] = {
                "pairs": len(pairs["synthetic"].names),
                "missing": missing(pairs["synthetic"], pairs["real"]),
            }
        return told

    def write(self, out: str | None) -> str:
        """Write a row a measure and source; give what people are told."""
        if out is not None:
            report.write(out, self.kind, self.sources)
        for name, why in report.undefined(self.sources).items():
            console.warn(f"{name}: {why}")
        return report.told(self.sources, self.correction)


def analyse(asked: Asked, require: Sequence[jobs.Requirement], *, json: bool) -> None:
    """Do what a command line asks; the gate decides in the end."""
    found = run(asked)
    metrics = found.metrics()
    for item in require:
        if item.metric not in metrics:
            guess = suggest(item.metric, metrics, f"known: {', '.join(metrics)}")
            raise UsageError(f"--require {item.text}: there is no {item.metric!r}{guess}")
    told = found.write(asked.out)
    if asked.out == "-":
        console.say(told)
        jobs.leave(jobs.failures(metrics, require))
        return
    jobs.show(metrics, told, require=require, json=json, table=asked.out, **found.facts())


def run(asked: Asked) -> Found:
    """Read, pair and compare."""
    if find_spec("scipy") is None:
        raise MissingError("gaze analyse needs scipy: pip install 'mirctl[gaze]'")
    chosen, rejected, table = _read(asked)
    key = pairing.rule(chosen, rejected)
    pairs = pair(chosen, rejected, key)
    pairs.tell(table.name)
    pairing.refuse_too_few(pairs, chosen, rejected, table.name)
    real = compared(pairs, table.measures, asked.correction, asked.seed)
    sources = {"real": real}
    if asked.synthetic:
        sources["synthetic"] = _predicted(asked, (chosen, rejected), real, key)
    return Found(sources, asked.correction, table.kind)


def _read(asked: Asked) -> tuple[Readings, Readings, Table]:
    """Both kinds, and a table that tells of their measures."""
    if asked.table is not None:
        table = read(asked.table, asked.measures)
        return *pairing.split(table.readings), table
    a, b = read(asked.chosen, asked.measures), read(asked.rejected, asked.measures)
    if a.by_reader != b.by_reader:
        one, other = (a, b) if a.by_reader else (b, a)
        raise DataError(
            f"has no column 'reader', and {one.name} has: both must be by reader, or both means",
            where=other.name,
        )
    shared = [name for name in a.measures if name in b.measures]
    if not shared:
        names = ", ".join(b.measures), ", ".join(a.measures)
        raise DataError(f"has {names[0]}, {a.name} has {names[1]}: none is in both", where=b.name)
    a, b = a.only(shared), b.only(shared)
    return a.readings, b.readings, a


def _predicted(asked: Asked, trials: tuple[Readings, Readings], real: Source, key: Key) -> Source:
    """The same pairs by predicted measures; a trial is known by its name."""
    tables = [read(name) for name in asked.synthetic]
    if len(tables) == 1 and key is pairing.same:
        raise UsageError(
            f"--synthetic {asked.synthetic[0]}: the chosen and the rejected trials have the same "
            "names, which one table cannot tell apart: give --synthetic twice, chosen first"
        )
    wanted = [
        name
        for name in tables[0].measures
        if name in tables[-1].measures and name in (asked.measures or tables[0].measures)
    ]
    if not wanted:
        raise DataError(
            f"has none of the measures {', '.join(asked.measures or tables[-1].measures)}",
            where=tables[0].name,
        )
    readings = [table.only(wanted).readings for table in (tables[0], tables[-1])]
    known = {*real.pairs.names}
    chosen, rejected = (
        {trial: of[trial] for trial in names if key(trial) in known and trial in of}
        for names, of in zip(trials, readings, strict=True)
    )
    pairs = pair(chosen, rejected, key)
    if len(pairs.names) < 2:
        one = next(iter(trials[0]))
        raise DataError(
            f"has {counted(len(pairs.names), 'pair')} of the {len(known):,} that were read, by "
            f"the names of their trials, such as {one!r}: two are needed",
            where=tables[0].name,
        )
    if gone := missing(pairs, real.pairs):
        told = f"{counted(len(gone), 'pair')} of {len(known):,} without predictions"
        console.warn(f"{tables[0].name}: {told}: {pairing.first_of(gone)}")
    return correlated(compared(pairs, wanted, asked.correction, asked.seed), real)


def missing(predicted: Pairs, real: Pairs) -> list[str]:
    """Pairs that were read, of which nothing was predicted."""
    known = {*predicted.names}
    return [name for name in real.names if name not in known]
