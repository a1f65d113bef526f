"""`mirctl fuse bench`: models beside each other, and how their indexes are searched."""

from collections.abc import Sequence
from pathlib import Path

from mirctl import bench, console, device, files, jobs, pareto
from mirctl.bench import report as models
from mirctl.jobs import Requirement
from mirctl_fuse.benching import picture, reading, report
from mirctl_fuse.benching.measuring import Measured, measure


def run(
    given: Sequence[str], metric: str | None, out: Path | None, require: Sequence[Requirement],
    place: str | None, *, force: bool, json: bool,
) -> None:  # fmt: skip
    """Read what is recorded, measure what is not, show it, and let the gate decide."""
    if out is not None:
        files.refuse_to_overwrite(files.target(out), force=force, marker=models.TABLE)
    found = reading.read(given, metric)
    chosen = device.choose(place or "auto")
    measured = [measure(one, chosen) for one in found.indexes]
    metrics = models.metrics(found.models) | report.metrics(measured)
    bench.check_gate(metrics, require)
    warnings = [*models.warnings(found.models), *report.warnings(found, measured)]
    if out is not None:
        _write(out, found, measured, force=force)
    missed = jobs.failures(metrics, require)
    if json:
        document = report.document(found, measured, chosen, out)
        document |= {"warnings": warnings, "metrics": metrics}
        console.document({**document, **jobs.as_error(missed)})
    else:
        console.emit(console.harmless(report.shown(found, measured, chosen)))
    for warning in warnings:
        console.warn(warning)
    jobs.leave(missed)


def _write(out: Path, found: reading.Found, measured: Sequence[Measured], *, force: bool) -> None:
    with files.atomic_folder(out, force=force, marker=models.TABLE) as folder:
        models.write(folder / models.TABLE, found.models)
        report.write(folder / report.TABLE, measured)
        if pareto.check():
            picture.draw(folder, found.models, measured)
