"""The job: a table with holes -> kinds and scales -> a trained denoiser -> artifact."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from mirctl import console, training
from mirctl.console import counted
from mirctl.errors import DataError, UsageError
from mirctl.run import Result, Run
from mirctl.tables import Stream, open_stream
from mirctl_impute import constraints, saving, schema
from mirctl_impute.config import ImputeConfig, TableConfig
from mirctl_impute.evaluating import Metrics, mean_of
from mirctl_impute.held import Errors, HeldOut
from mirctl_impute.profile import BLOCK, Looked, look
from mirctl_impute.schema import MODELLED, Schema
from mirctl_impute.table import Table, learn, outline
from mirctl_impute.training import MaskTask


def run(config: ImputeConfig, run: Run) -> Result:
    """Do the whole job of a recipe with `uses: impute/fit`."""
    with run.meter.phase("read data") as phase:
        table, values = read(config.data, run)
        phase.items = len(values)
    torch.manual_seed(config.seed)
    model = saving.build(table, config.model).to(run.device)
    held = HeldOut(values, config.train.held_out, config.seed)
    task = MaskTask(model, table, values, held, config.train, config.seed, run.device)
    count = sum(p.numel() for p in model.parameters())
    run.meter.record(trainable_parameters=count)
    console.say(f"{count:,} trainable parameters")
    with run.meter.phase("train"):
        history = training.fit(task, config.train, run)
    model.eval()
    with torch.no_grad():
        errors = held.measure(model, table, run.device)
    metrics = measured(errors, config.seed) if held.unseen else {}
    if not held.unseen:
        console.say(
            f"too short to hold cells out ({counted(len(values), 'row')}): quality is not measured"
        )
    saving.save(config, run, table, model, metrics, history, len(values))
    return Result(run.out, metrics=metrics, report=report(metrics))


def check(config: ImputeConfig) -> None:
    """Read the table as a run would; raise what would stop it."""
    _looked(open_stream(config.data.table, config.data.names), config.data)


def read(data: TableConfig, run: Run) -> tuple[Table, np.ndarray]:
    """The table, learned but for its network, and its values (rows, modelled columns)."""
    stream = open_stream(data.table, data.names)
    looked, said = _looked(stream, data)
    table, values = learn(stream, looked, said, run.work, headless=data.names is not None)
    holes = int(np.isnan(values).sum())
    console.say(f"{holes:,} of {values.size:,} cells are missing ({holes / values.size:.1%})")
    _try_rules(table, values, data.schema_file)
    return table, values


def _looked(stream: Stream, data: TableConfig) -> tuple[Looked, Schema]:
    """A table's kinds, and what is said of them; raise where constraints do not fit them."""
    said = schema.read(data.schema_file, data.missing)
    looked = look(stream, said)
    tell(looked, stream.name)
    table = outline(stream, looked, said, headless=data.names is not None)
    with _where(data.schema_file):
        constraints.check(table.constraints, table.columns, table.kinds)
    return looked, said


def _try_rules(table: Table, values: np.ndarray, schema_file: Path | None) -> None:
    """Raise where constraints cannot be met; warn of rows that do not."""
    with _where(schema_file):
        rules = table.rules
    if not rules:
        return
    parts = [slice(start, start + BLOCK) for start in range(0, len(values), BLOCK)]
    broken = np.concatenate([rules.broken(values[part], ~np.isnan(values[part])) for part in parts])
    if broken.any():
        console.warn(
            f"constraints are broken in {counted(broken.sum(), 'row')} of the table itself, "
            f"first in row {broken.argmax() + 1}"
        )


@contextmanager
def _where(schema_file: Path | None) -> Iterator[None]:
    """What is wrong with constraints is wrong in the schema file."""
    try:
        yield
    except UsageError as error:
        raise UsageError(error.message, where=str(schema_file)) from error


def tell(looked: Looked, where: str) -> None:
    """Say what the columns were taken for; a DataError where none of them can be learned."""
    by_kind: dict[str, list[str]] = {}
    for name, said in looked.kinds.items():
        by_kind.setdefault(said.kind, []).append(name)
    learned = sum(len(names) for kind, names in by_kind.items() if kind in MODELLED)
    console.say(f"{counted(looked.rows, 'row')}, {counted(learned, 'column')} to learn")
    for kind, names in by_kind.items():
        carried = "" if kind in (*MODELLED, "constant") else ", carried through as they are"
        console.say(f"  {kind}: {', '.join(names)}{carried}")
    if not learned:
        raise DataError("has no column that can be learned", where=where)


def measured(errors: Errors, seed: int) -> Metrics:
    """Means over the held-out cells, with intervals."""
    metrics = {}
    if len(errors.written):
        metrics["nrmse"] = mean_of(errors.written, "standard deviations", seed, root=True)
    if len(errors.hits):
        metrics["accuracy"] = mean_of(errors.hits, "share", seed)
    return metrics


def report(metrics: Metrics) -> str:
    """A table for people."""
    rows = [
        [name, f"{m['value']:.4f}", f"{m['low']:.4f}..{m['high']:.4f}", str(m["n"])]
        for name, m in metrics.items()
    ]
    return console.table(["held-out cells", "value", "95 % interval", "cells"], rows)
