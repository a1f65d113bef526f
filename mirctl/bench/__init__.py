"""`mirctl bench`: artifacts beside each other, quality against what they cost."""

from collections.abc import Sequence
from pathlib import Path

from mirctl import console, costs, files, jobs, pareto
from mirctl.bench import reading, report
from mirctl.bench.reading import Row
from mirctl.errors import UsageError, suggest
from mirctl.jobs import Requirement


def bench(
    given: Sequence[str],
    metric: str | None,
    out: Path | None,
    require: Sequence[Requirement],
    *,
    force: bool,
    json: bool,
) -> None:
    """Read what is recorded, show it, and let the gate decide."""
    if out is not None:
        files.refuse_to_overwrite(files.target(out), force=force, marker=report.TABLE)
    rows = reading.read(given, metric)
    metrics = report.metrics(rows)
    check_gate(metrics, require)
    warnings = report.warnings(rows)
    if out is not None:
        with files.atomic_folder(out, force=force, marker=report.TABLE) as folder:
            report.write(folder / report.TABLE, rows)
            if why := report.undrawable(rows):
                console.warn(f"no picture will be drawn: {why}")
            elif pareto.check():
                report.draw(folder, rows)
    missed = jobs.failures(metrics, require)
    if json:
        document = {**_facts(rows, out), "warnings": warnings, "metrics": metrics}
        console.document({**document, **jobs.as_error(missed)})
    else:
        console.emit(console.harmless(report.shown(rows)))
    for warning in warnings:
        console.warn(warning)
    jobs.leave(missed)


def check_gate(metrics: report.Metrics, require: Sequence[Requirement]) -> None:
    """Raise a UsageError for a metric that is none of these."""
    for item in require:
        if item.metric not in metrics:
            hint = suggest(item.metric, metrics, "write NAME.METRIC, as in model.epoch_seconds")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")


def _facts(rows: Sequence[Row], out: Path | None) -> dict[str, object]:
    told = {"out": str(out)} if out is not None else {}
    over = [*costs.tpme(reading.spent(rows))]
    return {**told, "artifacts": [report.facts(row) for row in rows], "tpme_over": over}
