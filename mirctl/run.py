"""One run: its folder, seed, device, log, checkpoint, and the way to go on after an interruption.

While a run lasts, what it needs to resume stands in `OUT.partial/`; the finished artifact appears
as `OUT` in one rename, and the partial folder goes.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from mirctl import (
    __version__,
    artifact,
    console,
    device,
    distributed,
    files,
    inputs,
    locks,
    places,
    plugins,
    recipe,
    tracking,
)
from mirctl.efficiency import Meter
from mirctl.errors import ArtifactError, UsageError
from mirctl.section import JobConfig
from mirctl.shards import WHOLE, Shard

NOTE, CHECKPOINT = "run.json", "checkpoint.pt"
"""The file by which a folder is known to be an unfinished run, and the one it goes on from."""
CHANGED = "{what} changed since this run began: --force starts over"


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
    meter: Meter
    shard: Shard = WHOLE
    """The part of the job that is wanted."""
    found: dict[str, str] = field(default_factory=dict)
    """Name -> sha256 of inputs that only show while others are read."""
    track: dict[str, Path] = field(default_factory=dict)
    """Tracker -> the folder it was asked to write to."""
    _gathered: bool = field(default=False, init=False)

    def note_input(self, name: str, sha256: str) -> None:
        """Record an input that only shows while others are read, such as the pictures that a table
        names; a continued run must find the same.
        """
        if self.found.setdefault(name, sha256) != sha256:
            raise UsageError(CHANGED.format(what=name), where=str(self.work))
        self.inputs.append({"name": name, "sha256": sha256})
        files.write_text(self.work / NOTE, _text(self))

    @property
    def seed(self) -> int:
        return self.config.seed

    @property
    def work(self) -> Path:
        """Folder of the unfinished run."""
        return partial(self.out)

    @property
    def checkpoint(self) -> Path:
        return self.work / CHECKPOINT

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The state an interrupted run left, or None."""
        return distributed.from_first(None if distributed.rank() else self._checkpoint())

    def _checkpoint(self) -> dict[str, Any] | None:
        if not self.checkpoint.is_file():
            return None
        try:
            return torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file makes the reader raise nearly anything
            message = "the checkpoint is damaged: --force starts over"
            raise ArtifactError(message, where=str(self.checkpoint)) from error

    @contextmanager
    def artifact(
        self, kind: str, metrics: Mapping[str, Any], *, schema: int = 1, **facts: Any
    ) -> Iterator[artifact.Draft]:
        """Write the run's artifact in one rename: the block gives what is special to its kind.

        Recipe, metrics, efficiency and lineage are put in; `facts` go into the manifest.
        """
        plugin = self.config.uses.partition("/")[0]
        entry = plugins.discover(plugins.HOOKS)[0].get(plugin)
        if not self._gathered:  # the others leave once the artifact is begun
            self._gathered = bool(self.meter.gather())
        with artifact.create(self.out, kind, schema, self.force) as draft:
            yield draft
            draft.text("recipe.yaml", recipe.dump(self.config, relative_to=self.out))
            draft.json("metrics.json", metrics)
            draft.json("efficiency.json", self.meter.report())
            draft.describe(
                seed=self.seed,
                device=str(self.device),
                plugin={"name": plugin, "version": plugins.version(entry)} if entry else None,
                inputs=inputs.relative(self.inputs, self.out),
                **facts,
            )

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint; killed in the middle, the old one stays."""
        with files.atomic_file(self.checkpoint) as file:
            torch.save(state, file)


@contextmanager
def start(
    config: JobConfig, out: Path, *, resume: bool, force: bool, makes: str = "artifact"
) -> Iterator[Run]:
    """Open a run's folder, new or interrupted, for this process alone.

    `out` will be an artifact or a table file; what nobody gave up there is not overwritten. After
    the block the run's folder goes, unless the block failed and left a checkpoint to go on from.
    """
    out = files.target(out)
    inputs.refuse_unnameable(config, out)
    chosen = device.choose(config.device)
    dtype = device.precision(config.precision, chosen)
    run = Run(config, out, force, chosen, dtype, [], Meter(chosen), track=tracking.wanted())
    run.meter.record(precision=device.NAMES[dtype])
    kept = _followed(run) if distributed.rank() else _led(run, makes, resume=resume)
    with distributed.connected(chosen), kept:
        yield run


@contextmanager
def _followed(run: Run) -> Iterator[None]:
    """A run whose first process is another one: nothing of it stays but what that one writes."""
    run.inputs = inputs.describe(run.config)
    _compare(run)
    with tempfile.TemporaryDirectory() as folder:
        run.out = Path(folder) / run.out.name
        run.work.mkdir()
        yield


@contextmanager
def _led(run: Run, makes: str, *, resume: bool) -> Iterator[None]:
    """Keep the run's folder while it lasts."""
    check_place(run.out, makes, resume=True, force=run.force)
    with _only_run_in(run.work):
        check_place(run.out, makes, resume=resume, force=run.force)
        run.inputs = inputs.describe(run.config)
        _make_ready(run, resume=resume, force=run.force)
        console.log_to(run.work / "log.txt")
        console.say(_begins(run))
        done = False
        try:
            _compare(run)
            yield
            done = True
        finally:
            console.log_to(None)
            if done or not run.checkpoint.is_file():
                shutil.rmtree(run.work, ignore_errors=True)


def _compare(run: Run) -> None:
    """Refuse to go on unless all processes run the same on the same data."""
    distributed.refuse_others(_identity(run))


def _begins(run: Run) -> str:
    several = f" in {distributed.world()} processes" if distributed.world() > 1 else ""
    on = device.describe(run.device, run.dtype)
    return f"{run.config.uses} on {on}{several}, seed {run.seed} -> {run.out}"


def partial(out: Path) -> Path:
    """Folder of an unfinished run."""
    return out.with_name(f"{out.name}.partial")


def check_place(out: Path, makes: str, *, resume: bool, force: bool) -> None:
    """Refuse a place for a result that holds what nobody gave up."""
    marker = files.MANIFEST if makes == "artifact" else None
    files.refuse_to_overwrite(out, force=force, marker=marker)
    work = partial(out)
    with files.refusals_are_errors(work):
        names = set(os.listdir(work)) if places.seen(work).is_dir() else set()
        places.refuse_links_in(work)
    ours = {locks.LOCK, *(name for name in names if name.startswith(f".{NOTE}."))}
    if work.is_file() or (names - ours and NOTE not in names):
        raise UsageError("is in the way of the run's own folder: move it", where=str(work))
    if CHECKPOINT in names and not resume and not force:
        raise UsageError(
            "an unfinished run is here: --resume goes on with it, --force starts over",
            where=str(work),
        )


@contextmanager
def _only_run_in(work: Path) -> Iterator[None]:
    """Hold the run's folder; two runs into one `out` would write over each other."""
    with locks.alone(work, "another run"):
        try:
            yield
        finally:
            if set(os.listdir(work) if work.is_dir() else ()) == {locks.LOCK}:
                shutil.rmtree(work, ignore_errors=True)


def _make_ready(run: Run, *, resume: bool, force: bool) -> None:
    """Keep what --resume goes on from, clear away the rest, write down what the run reads."""
    note = run.work / NOTE
    if resume and not force and note.is_file():
        before = _noted(note)
        run.found = before.pop("found", {})
        if changed := list(_changes(before, _identity(run))):
            raise UsageError(CHANGED.format(what=", ".join(changed)), where=str(run.work))
    elif resume and not force:
        console.say(f"nothing to resume at {run.work}: starting from the beginning")
    if force or not resume:
        for path in run.work.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in (locks.LOCK, NOTE):
                path.unlink()
    files.write_text(note, _text(run))


def _changes(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Names of what is not as it was; of the inputs, which ones."""
    for key, value in now.items():
        old = before.get(key)
        if key == "inputs" and isinstance(old, dict):
            names = sorted(value.keys() | old.keys())
            yield from (name for name in names if value.get(name) != old.get(name))
        elif value != old:
            yield f"the {key}"


def _noted(note: Path) -> dict[str, Any]:
    try:
        return dict(files.json_value(note.read_text()))
    except (ValueError, TypeError, OSError) as error:
        message = "is damaged: --force starts the run over"
        raise ArtifactError(message, where=str(note)) from error


def _text(run: Run) -> str:
    return json.dumps({**_identity(run), "found": run.found}, indent=2)


def _identity(run: Run) -> dict[str, Any]:
    """What must not change between a run and its continuation."""
    return {
        "mirctl": __version__,
        "recipe": recipe.dump(run.config),
        "device": run.device.type,  # the next part may find itself on another card
        "precision": str(run.dtype),
        "inputs": {i["name"]: i["sha256"] for i in run.inputs if i["name"] not in run.found},
    }
