"""What `evaluate` is asked for: which tables are read, which criteria apply, what is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console, files
from mirctl.errors import DataError, UsageError, suggest
from mirctl.jobs import Requirement
from mirctl.tables import goes_through, open_stream
from mirctl_impute import asking, evaluating
from mirctl_impute import schema as schemas
from mirctl_impute.criteria import judging, ml_efficiency
from mirctl_impute.criteria.judging import Judgement
from mirctl_impute.criteria.part import Metrics
from mirctl_impute.evaluating import Draws, Filled
from mirctl_impute.table import Table

FILLED = "filled"
NAMES = {FILLED: evaluating.NAMES, **judging.NAMES}


@dataclass(frozen=True)
class Files:
    """The tables, as the command line names them, and the page to write."""

    real: str
    table: str
    holdout: str | None = None
    holes: str | None = None
    report: Path | None = None


@dataclass(frozen=True)
class Wanted:
    """What is to be measured; `criteria` None is all that apply."""

    target: str | None = None
    criteria: tuple[str, ...] | None = None
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class Read:
    """The tables, read: real and holdout (rows, columns)."""

    table: Table
    real: np.ndarray
    made: Draws
    holdout: np.ndarray | None
    holes: Draws | None


@dataclass
class Found:
    """What is shown: metrics, a text for people, more facts for programs."""

    metrics: Metrics
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


def measured() -> list[str]:
    """All that `evaluate` may measure."""
    return [name for names in NAMES.values() for name in names]


def listed(text: str | None) -> tuple[str, ...] | None:
    """`filled,ml` of --criteria."""
    return None if text is None else asking.listed("--criteria", text, NAMES)


def evaluate(
    paths: Files, wanted: Wanted, names: tuple[str, ...] | None, missing: Sequence[str] | None,
    schema_file: Path | None, gate: Sequence[Requirement],
) -> Found:  # fmt: skip
    """Measure a table by every criterion that is asked for, or applies."""
    criteria = _criteria(paths, wanted)
    _check_gate(gate, criteria)
    if paths.report is not None:
        if goes_through(paths.report):
            raise UsageError("--report wants a file: what is measured goes to stdout")
        files.refuse_to_overwrite(paths.report, force=wanted.force, marker=None)
    if criteria != (FILLED,) or paths.report is not None:
        without = ", or --criteria filled alone, without --report, which does without"
        what = "--report" if criteria == (FILLED,) else "a judgement by ml, similarity or privacy"
        judging.require_extra(what, without if paths.holes is not None else "")
    said = schemas.read(schema_file, tuple(missing) if missing else None)
    read = _read(paths, names, said)
    target = ml_efficiency.target_place(read.table, wanted.target)
    text, filled, metrics = [], None, {}
    if FILLED in criteria:
        filled = evaluating.filled_cells(read.table, read.real, read.made, read.holes)
        metrics, by_column = evaluating.measure(filled, wanted.seed)
        text.append(by_column)
    judgement = _judge(read, target, criteria, wanted)
    metrics = metrics | judgement.metrics
    for note in judgement.notes:
        console.say(note)
    text.append(summary(metrics))
    text.append("\n".join(f"warning: {warning}" for warning in judgement.warnings))
    if paths.report is not None:
        _write(paths, read, judgement, metrics, filled)
    facts = {"warnings": judgement.warnings, "notes": judgement.notes}
    return Found(metrics, "\n\n".join(filter(None, text)), facts if judgement.criteria else {})


def _criteria(paths: Files, wanted: Wanted) -> tuple[str, ...]:
    """Those asked for, if their tables are given, or else those whose tables are."""
    asked = wanted.criteria or ()
    if paths.table == "-" and "-" in (paths.holdout, paths.holes):
        raise UsageError("two tables cannot both come from stdin: write one to a file first")
    if paths.real == "-":
        raise UsageError("the real table is read more than once: write stdin to a file first")
    if FILLED in asked and paths.holes is None:
        raise UsageError("--criteria filled wants --holes, the table as it was before the filling")
    if "privacy" in asked and paths.holdout is None:
        raise UsageError("--criteria privacy wants --holdout, real rows that were not learned from")
    if asked:
        return asked
    found = ["ml", "similarity"]
    if paths.holes is not None:
        console.say("privacy is not measured: filled rows are the real ones")
        found.insert(0, FILLED)
    elif paths.holdout is not None:
        found.append("privacy")
    else:
        console.say("privacy is not measured: it wants --holdout, real rows never learned from")
    return tuple(found)


def _check_gate(gate: Sequence[Requirement], criteria: Sequence[str]) -> None:
    """Refuse what will not be measured before the work, not after."""
    owner = {name: criterion for criterion, names in NAMES.items() for name in names}
    for item in gate:
        if item.metric not in owner:
            hint = suggest(item.metric, owner, f"known: {', '.join(owner)}")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")
        if owner[item.metric] not in criteria:
            raise UsageError(
                f"--require {item.text}: {item.metric} is of the criterion {owner[item.metric]}, "
                f"and only {', '.join(criteria)} are measured: see --criteria, --holdout, --holes"
            )


def _read(paths: Files, names: tuple[str, ...] | None, said: schemas.Schema) -> Read:
    """Read every table once, but the real one, which says what the columns are."""
    table, real = evaluating.learn_real(open_stream(paths.real, names), said)
    if not table.columns:
        raise DataError("has no column that can be modelled", where=paths.real)
    holes = holdout = None
    if paths.holes is not None:
        holes = evaluating.read_draws(table, open_stream(paths.holes, names), split=False)
    made = evaluating.read_draws(table, asking.open_filled(paths.table, names))
    if paths.holdout is not None:
        held = evaluating.read_draws(table, open_stream(paths.holdout, names), split=False)
        holdout = held.values[0]
        _tell_unseen(held)
    _tell_unseen(made)
    return Read(table, real, made, holdout, holes)


def _tell_unseen(read: Draws) -> None:
    if read.unseen:
        console.warn(
            f"{read.name}: {read.unseen:,} cells hold categories that the real table does not "
            "have; they count as unknown"
        )


def _judge(read: Read, target: int, criteria: Sequence[str], wanted: Wanted) -> Judgement:
    """The criteria but that of filled cells. Of those that were not asked for by name, what cannot
    be measured is said and left out."""
    real, ours, holdout = read.real, read.made.values[0], read.holdout
    refused = {
        criterion: judging.refusal(read.table, real, ours, holdout, target, criterion)
        for criterion in criteria
        if criterion != FILLED
    }
    chosen = [criterion for criterion, why in refused.items() if not why or wanted.criteria]
    if not chosen and FILLED not in criteria:
        raise DataError("nothing can be measured: " + "; ".join(filter(None, refused.values())))
    for criterion, why in refused.items():
        if criterion not in chosen:
            console.say(f"{criterion} is not measured: {why}")
    if not chosen:
        return Judgement()
    notes = []
    if len(read.made.values) > 1:
        notes.append(f"of {len(read.made.values):,} draws the first is judged")
    apart = read.holes is not None and holdout is None and len(ours) == len(real)
    if "ml" in chosen and apart:
        # A filled row stands for the real one: rows to test with are taken out of both.
        train, test = ml_efficiency.split(real, wanted.seed)
        notes.append(
            f"ml: no holdout, so {len(test):,} rows are left out of both tables, to test with"
        )
        judgement = judging.judge(
            read.table, real[train], ours[train], real[test], target, ("ml",), wanted.seed
        )
        rest = [criterion for criterion in chosen if criterion != "ml"]
        if rest:
            judgement.add(judging.judge(read.table, real, ours, None, target, rest, wanted.seed))
    else:
        judgement = judging.judge(read.table, real, ours, holdout, target, chosen, wanted.seed)
    judgement.notes[:0] = notes
    return judgement


def summary(metrics: Metrics) -> str:
    """Metrics as people read them."""
    lines = []
    for name, m in metrics.items():
        interval = f"{m['low']:.4f}..{m['high']:.4f}" if "low" in m else ""
        counted = f"{m['n']:,} {m.get('of', 'rows' if 'real' in m else 'cells')}"
        lines.append([name, _number(m["value"]), _number(m.get("real")), interval, counted])
    return console.table(["metric", "value", "real", "95 % interval", "of"], lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _write(
    paths: Files, read: Read, judgement: Judgement, metrics: Metrics, filled: Filled | None
) -> None:
    """The page with plots."""
    from mirctl_impute.criteria import report

    page = report.page(
        report.Content(
            paths.real, paths.table, read.table, read.real, read.made.values[0], metrics,
            judgement, filled,
        )
    )  # fmt: skip
    files.write_text(paths.report, console.harmless(page))
    console.say(f"the report is {paths.report}")
