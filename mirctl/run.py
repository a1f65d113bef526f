"""One run: its folder, seed, device, log, checkpoint, and the way to go on after an interruption.

While a run lasts, what it needs to resume stands in `OUT.partial/`; the finished artifact appears
as `OUT` in one rename, and the partial folder goes.
"""

import hashlib
import json
import pickle
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from mirctl import console, device, files, recipe
from mirctl.efficiency import Meter
from mirctl.errors import ArtifactError, UsageError
from mirctl.section import JobConfig


@dataclass(frozen=True)
class Result:
    """What a job made: an artifact, a table file, or both, and what to tell people."""

    artifact: Path | None = None
    table: Path | None = None
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    report: str = ""


@dataclass
class Run:
    """Handed to every job function beside its config."""

    config: JobConfig
    out: Path
    force: bool
    device: torch.device
    dtype: torch.dtype
    inputs: list[dict[str, Any]]
    meter: Meter = field(default_factory=Meter)

    @property
    def seed(self) -> int:
        return self.config.seed

    @property
    def work(self) -> Path:
        """Folder of the unfinished run."""
        return self.out.with_name(f"{self.out.name}.partial")

    @property
    def checkpoint(self) -> Path:
        return self.work / "checkpoint.pt"

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The state an interrupted run left, or None."""
        if not self.checkpoint.is_file():
            return None
        try:
            return torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except (EOFError, RuntimeError, pickle.UnpicklingError) as error:
            message = "the checkpoint is damaged: --force starts over"
            raise ArtifactError(message, where=str(self.checkpoint)) from error

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint; killed in the middle, the old one stays."""
        with files.atomic_file(self.checkpoint) as file:
            torch.save(state, file)

    def close(self, *, done: bool) -> None:
        """Take the run's own folder away, unless it holds a checkpoint to go on from."""
        console.log_to(None)
        if done or not self.checkpoint.is_file():
            shutil.rmtree(self.work, ignore_errors=True)


def start(config: JobConfig, out: Path, *, resume: bool, force: bool) -> Run:
    """Open a run's folder, new or interrupted, and refuse to overwrite what nobody gave up."""
    files.refuse_to_overwrite(out, force=force)
    chosen = device.choose(config.device)
    dtype = device.precision(config.precision, chosen)
    run = Run(config, out, force, chosen, dtype, describe_inputs(config))
    identity = _identity(run)
    note = run.work / "run.json"
    if run.checkpoint.is_file() and not resume and not force:
        raise UsageError(
            "an unfinished run is here: --resume goes on with it, --force starts over",
            where=str(run.work),
        )
    if note.is_file() and resume and not force and note.read_text() != _text(identity):
        raise UsageError(
            "the recipe or its input files changed since this run began: --force starts over",
            where=str(run.work),
        )
    if run.work.is_file() or (run.work.is_dir() and any(run.work.iterdir()) and not note.is_file()):
        raise UsageError("is in the way of the run's own folder: move it", where=str(run.work))
    if force or not resume:
        shutil.rmtree(run.work, ignore_errors=True)
    elif not note.is_file():
        console.say(f"nothing to resume at {run.work}: starting from the beginning")
    files.write_text(note, _text(identity))
    console.log_to(run.work / "log.txt")
    console.say(f"{config.uses} on {device.describe(chosen, dtype)}, seed {config.seed} -> {out}")
    return run


def describe_inputs(config: JobConfig) -> list[dict[str, Any]]:
    """Name, path, size and sha256 of each input; a folder counts by all its files."""
    described = []
    for key, path in recipe.input_paths(config):
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file())
            listing = [(str(p.relative_to(path)), files.sha256(p)) for p in found]
            digest = hashlib.sha256(json.dumps(listing).encode()).hexdigest()
            described.append(
                {"name": key, "path": str(path), "files": len(listing), "sha256": digest}
            )
        elif path.is_file():
            digest = files.sha256(path)
            size = path.stat().st_size
            described.append({"name": key, "path": str(path), "size": size, "sha256": digest})
    return described


def _text(identity: dict[str, Any]) -> str:
    return json.dumps(identity, indent=2)


def _identity(run: Run) -> dict[str, Any]:
    return {
        "recipe": recipe.dump(run.config),
        "device": str(run.device),
        "precision": str(run.dtype),
        "inputs": {item["name"]: item["sha256"] for item in run.inputs},
    }
