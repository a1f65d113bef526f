"""`mirctl gaze analyse`: tables of measures in, statistics of their differences out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mirctl import console, jobs
from mirctl.errors import DataError, MissingError
from mirctl_gaze.analysis import pairing, report
from mirctl_gaze.analysis.asking import Asked
from mirctl_gaze.analysis.pairing import pair
from mirctl_gaze.analysis.predicting import missing, predicted
from mirctl_gaze.analysis.reading import Readings, Table, read
from mirctl_gaze.analysis.results import Source, compared

KINDS = ("chosen", "rejected")


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

    def write(self, out: str | None, picture: Path | None = None) -> str:
        """Write a row a measure and source, and draw them; give what people are told."""
        if out is not None:
            report.write(out, self.kind, self.sources)
        if picture is not None:
            from mirctl_gaze.analysis.picture import draw

            draw(self.sources, self.correction, picture)
        for name, why in report.undefined(self.sources).items():
            console.warn(f"{name}: {why}")
        return report.told(self.sources, self.correction)


def analyse(asked: Asked, require: Sequence[jobs.Requirement], *, json: bool) -> None:
    """Do what a command line asks; the gate decides in the end."""
    found = run(asked)
    metrics = found.metrics()
    jobs.refuse_unknown(require, list(metrics))
    told = found.write(asked.out, asked.picture)
    if asked.out == "-":
        console.say(told)
        jobs.leave(jobs.failures(metrics, require))
        return
    jobs.show(
        metrics,
        told,
        require=require,
        json=json,
        table=asked.out,
        picture=asked.picture,
        **found.facts(),
    )


def run(asked: Asked) -> Found:
    """Read, pair and compare."""
    if find_spec("scipy") is None:
        raise MissingError("gaze analyse needs scipy: pip install 'mirctl[gaze]'")
    chosen, rejected, table, names = _read(asked)
    key = pairing.rule(chosen, rejected)
    pairs = pair(chosen, rejected, key)
    pairs.tell(names)
    pairing.refuse_too_few(pairs, chosen, rejected, table.name)
    real = compared(pairs, table.measures, asked.correction, asked.seed)
    sources = {"real": real}
    if asked.synthetic:
        sources["synthetic"] = predicted(asked, (chosen, rejected), real, key)
    return Found(sources, asked.correction, table.kind)


def _read(asked: Asked) -> tuple[Readings, Readings, Table, dict[str, str]]:
    """Both kinds, a table that tells of their measures, and what each kind's is called."""
    if asked.table is not None:
        table = read(asked.table, asked.measures)
        return *pairing.split(table.readings), table, dict.fromkeys(KINDS, table.name)
    a, b = read(asked.chosen, asked.measures), read(asked.rejected, asked.measures)
    if a.by_reader != b.by_reader:
        one, other = (a, b) if a.by_reader else (b, a)
        raise DataError(
            f"has no column 'reader', and {one.name} has: both must be by reader, or both means",
            where=other.name,
        )
    shared = [name for name in a.measures if name in b.measures]
    if not shared:
        ours, theirs = ", ".join(a.measures), ", ".join(b.measures)
        raise DataError(f"has {theirs}, {a.name} has {ours}: none is in both", where=b.name)
    a, b = a.only(shared), b.only(shared)
    return a.readings, b.readings, a, dict(zip(KINDS, (a.name, b.name), strict=True))
