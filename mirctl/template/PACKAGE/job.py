"""The job: a table in, an artifact out."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from mirctl.artifact import open_artifact
from mirctl.errors import DataError
from mirctl.metrics.ranking import bootstrap
from mirctl.run import Result, Run
from mirctl.tables import read_table

from PACKAGE.config import Config


def run(config: Config, run: Run) -> Result:
    """Learn the mean of a column from some rows; measure on the others how far off it is."""
    with run.meter.phase("read data") as phase:
        values = read(config)
        phase.items = len(values)
    order = np.random.default_rng(run.seed).permutation(len(values))
    judges = max(1, round(config.held_out * len(values)))
    mean = values[order[judges:]].mean()
    errors = np.abs(values[order[:judges]] - mean)
    low, high = (float(bound[0]) for bound in bootstrap(errors[:, None], run.seed))
    mae = {"value": float(errors.mean()), "low": low, "high": high, "n": judges, "unit": "of it"}
    with run.artifact("PLUGIN/mean", {"mae": mae}) as draft:
        draft.tensors("model", {"mean": torch.tensor(mean)})
    return Result(run.out, metrics={"mae": mae}, report=f"mae {mae['value']:.4g}, {judges} rows")


def read(config: Config) -> np.ndarray:
    """The column, (rows,) float64."""
    column = read_table(config.table, [config.column])[config.column]
    try:
        values = column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise DataError(f"{config.column}: {error}", where=str(config.table)) from error
    if len(values) < 2 or not np.isfinite(values).all():
        told = f"{config.column}: wants two rows or more, a finite number in each"
        raise DataError(told, where=str(config.table))
    return values


def load(folder: Path) -> float:
    """Open the artifact; an ArtifactError where it is not whole."""
    art = open_artifact(folder, "PLUGIN/mean", 1)
    return art.expected_tensors("model", {"mean": (torch.float64, ())})["mean"].item()
