"""What the command lines ask for: files opened, settings checked, results told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import torch

from mirctl import console, files, jobs, recipe
from mirctl import device as devices
from mirctl.errors import UsageError, suggest
from mirctl.tables import goes_through
from mirctl_align import checking, evaluation, measuring, saving, scoring
from mirctl_align.config import Group, PairsConfig


def evaluate(
    folder: Path, pairs: str, settings: Sequence[str], by: str | None,
    require: Sequence[str] | None, device: str | None, precision: str | None, *, json: bool,
) -> None:  # fmt: skip
    """Measure, and tell what came out; then the gate decides."""
    gate = jobs.requirements(require)
    groups = _groups(by)
    if "subset" not in groups:
        jobs.refuse_unknown(gate, evaluation.measured(groups))
    blank = recipe.Recipe(recipe.COMMAND_LINE, Path.cwd(), {}, {})
    config = recipe.resolve(PairsConfig, recipe.change(blank, settings))
    on, dtype = place(device, precision)
    opened = saving.load(folder)
    with devices.mixed(on, dtype):
        metrics, scored = measuring.measure(opened, pairs, config, groups, on, 0)
    report = evaluation.report(metrics, scored)
    jobs.show(metrics, report, require=gate, json=json, artifact=folder)


def _groups(by: str | None) -> tuple[str, ...]:
    found = tuple(name.strip() for name in by.split(",")) if by else ()
    for name in found:
        if name not in get_args(Group):
            hint = suggest(name, get_args(Group), f"known: {', '.join(get_args(Group))}")
            raise UsageError(f"--by: no groups by {name!r}{hint}")
    return found


def score(
    folder: Path, texts: str, column: str, out: str, device: str | None, precision: str | None, *,
    force: bool, json: bool,
) -> None:  # fmt: skip
    """Score, and tell what came out."""
    if json and out == "-":
        told = "--json prints its document where the table goes: name a file with --out"
        raise UsageError(told)
    if not goes_through(out):
        files.refuse_to_overwrite(Path(out), force=force, marker=None)
    on, dtype = place(device, precision)
    opened = saving.load(folder)
    reader = measuring.to_score(opened, on)
    opened.model.to(on)
    with devices.mixed(on, dtype):
        found = scoring.score(opened.model, reader, texts, out, column, on)
    found.tell()
    jobs.show(found.metrics(), "", json=json, table=out, **found.facts())


def check(model: str, table: str | None, device: str | None, *, json: bool) -> None:
    """Ask a model the same texts in several ways; exit 1 where its answers differ."""
    texts = None if table is None else checking.texts_of(table)
    found = checking.check(model, texts, devices.choose(device or "auto"))
    if json:
        document = {"model": model, "metrics": found.metrics, **jobs.as_error(found.missed)}
        console.document(document)
    else:
        console.emit(found.shown())
    jobs.leave(found.missed)


def place(device: str | None, precision: str | None) -> tuple[torch.device, torch.dtype]:
    """Where to compute, and in which precision."""
    on = devices.choose(device or "auto")
    return on, devices.precision(precision or "auto", on)
