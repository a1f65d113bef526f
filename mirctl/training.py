"""The one training loop: deterministic steps, checkpoints, resume, early stop on validation.

Step n depends on the seed and on n alone: its batch is made from (epoch, step), and the random
generators are seeded anew before it. So a run that was killed and resumed ends in the same bytes.
"""

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch
from pydantic import Field, PositiveFloat, model_validator
from torch import Tensor, nn

from mirctl import collectives, console, device, distributed, optim, plugins, units, weights
from mirctl.average import Average
from mirctl.collectives import local
from mirctl.errors import ArtifactError, Interrupted, RunError, UsageError
from mirctl.run import Run
from mirctl.section import Section
from mirctl.stopping import Stop, interruptible

WARM_UP, TIMED = 3, 200
"""Steps at the start that are not timed, and how many later ones tell what a step takes."""


class TrainConfig(Section):
    """How long and how fast to learn."""

    epochs: int = Field(20, ge=0, le=100_000)
    batch_size: int = Field(128, ge=1, le=1_000_000)
    lr: PositiveFloat = 1e-3
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw", description="muon: orthogonalised momentum for matrices, AdamW for the rest"
    )
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["onecycle", "constant"] = "onecycle"
    warmup: float = Field(0.2, ge=0, lt=1, description="Share of the steps in which the rate rises")
    clip: PositiveFloat = Field(1.0, description="Largest norm of the gradient")
    patience: int | None = Field(
        None, ge=1, le=100_000, description="Epochs without a better metric, then stop"
    )
    metric: str | None = Field(
        "ndcg@10", description="Validation metric that picks the best epoch; null: the last one"
    )
    ema: float = Field(
        0.0, ge=0, lt=1, description="Decay of the running mean of the weights; 0: none is kept"
    )
    parallel: Literal["ddp", "fsdp"] = Field(
        "ddp", description="In several processes: each has the model (ddp), or a part of it (fsdp)"
    )
    compile: bool = Field(
        False, description="Compile the model with torch.compile: slow to start, then faster"
    )
    minutes: PositiveFloat | None = Field(
        None,
        description="Stop after so long, in the middle of an epoch if need be; the rate falls "
        "as if all steps were done by then",
    )
    checkpoint_every: float = Field(60.0, ge=0, description="Seconds between checkpoints")

    @model_validator(mode="after")
    def patience_waits_for_a_metric(self) -> Self:
        if self.metric is None and (self.patience or self.ema):
            raise ValueError("metric: null goes without patience and ema, which choose by one")
        return self

    @model_validator(mode="after")
    def pieces_are_not_compiled(self) -> Self:
        if self.compile and self.parallel == "fsdp":
            raise ValueError("compile: a model in pieces (parallel: fsdp) is not compiled")
        return self


class Task(Protocol):
    """What a plugin gives the loop. `batch` must depend on (epoch, step) and the seed alone."""

    model: nn.Module
    shares: bool
    """True: of several processes, the loss of each is its share of the batch's loss, and the shares
    add up to it (`mirctl.distributed.process()` says which rows are whose). Every process is given
    the whole batch. A task without it trains in one process."""

    rates: Mapping[str, float]
    """Learning rates of weights whose names begin so; all others have the config's. A task without
    it has one rate for all."""

    def steps(self, epoch: int) -> int: ...

    def batch(self, epoch: int, step: int) -> Any: ...

    def loss(self, batch: Any) -> Tensor: ...

    def validate(self) -> dict[str, float]: ...


@dataclass
class Progress:
    """Where training stands; everything a checkpoint holds beside the weights."""

    epoch: int = 0
    step: int = 0
    total: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    """Spent in steps."""
    timed: list[tuple[float, float]] = field(default_factory=list)
    """Wall and CPU seconds of the last steps."""
    best: float = -math.inf
    best_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)


def fit(task: Task, config: TrainConfig, run: Run) -> list[dict[str, float]]:
    """Train `task.model` in place and leave its best epoch's weights in it; gives the history."""
    if distributed.world() > 1 and not getattr(task, "shares", False):
        raise UsageError("this job trains in one process: start it without a launcher")
    if config.parallel == "fsdp" and run.dtype == torch.float16:
        raise UsageError("train.parallel=fsdp computes in bf16 or fp32: see --precision")
    loop = _Loop(task, config, run)
    with interruptible() as stop:
        return loop.run_all(stop)


class _Loop:
    def __init__(self, task: Task, config: TrainConfig, run: Run) -> None:
        self.task, self.config, self.run = task, config, run
        self.whole = task.model
        self.pieces = config.parallel == "fsdp" and distributed.world() > 1
        collectives.copy_first(self.whole.state_dict().values())
        if self.pieces:
            task.model = fsdp().split(self.whole, run.device)
        self.model = task.model
        for unit in units.called(self.model) if config.compile else ():
            unit.compile(dynamic=True)
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizers = optim.optimizers(self.model, config, getattr(task, "rates", {}))
        self.scaler = torch.amp.GradScaler(run.device.type, enabled=run.dtype == torch.float16)
        self.average = Average(self.weights, config.ema)
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        self.all_steps = sum(task.steps(epoch) for epoch in range(config.epochs))
        self.saved = time.monotonic()
        self._restore()

    def run_all(self, stop: Stop) -> list[dict[str, float]]:
        state, seconds = self.progress, time.monotonic()
        # An epoch that was begun is validated, also where a resumed run has no time left for it.
        while state.epoch < self.config.epochs and (state.step or not self._over()):
            steps = self.task.steps(state.epoch)
            with console.progress(self._label(), steps - state.step, "steps") as advance:
                while state.step < steps and not self._out_of_time():
                    self._timed_step()
                    state.step += 1
                    state.total += 1
                    advance(1)
                    self._maybe_save(stop)
            self._end_epoch(state.step, time.monotonic() - seconds)
            seconds = time.monotonic()
            self._maybe_save(stop)
        self._tell_meter()
        if self.best:
            weights.load(self.model, self.best)
        if self.pieces:
            self.task.model = fsdp().join(self.model, self.whole, self.run.device)
        return state.history

    def _label(self) -> str:
        return f"epoch {self.progress.epoch + 1}/{self.config.epochs}"

    def _timed_step(self) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        self._step(self.progress.epoch, self.progress.step)
        spent = (time.monotonic() - wall, time.process_time() - cpu)
        self.progress.timed = [*self.progress.timed[-TIMED + 1 :], spent]
        self.progress.seconds += spent[0]

    def _tell_meter(self) -> None:
        """What a step costs; the first ones, which warm up, are left out where there are more."""
        counted = self.progress.timed[WARM_UP:] or self.progress.timed
        per_epoch = self.all_steps / max(self.config.epochs, 1)
        facts = {"steps": self.progress.total, "timed_steps": len(counted)}
        if counted:
            second, cpu = map(statistics.median, zip(*counted, strict=True))
            facts |= {"step_seconds": second, "step_cpu_seconds": cpu}
            facts["epoch_seconds"] = second * per_epoch
        if per_epoch:
            facts["epochs"] = self.progress.total / per_epoch
        cut = self._out_of_time() and self.progress.total < self.all_steps
        self.run.meter.record(**facts, out_of_time=cut)

    def _out_of_time(self) -> bool:
        return bool(self.config.minutes) and self._share_of_time() >= 1

    def _share_of_time(self) -> float:
        """Of all processes what the first has spent counts: they must stop together."""
        if self.config.minutes is None:
            return 0.0
        return distributed.from_first(self.progress.seconds) / (60 * self.config.minutes)

    def _step(self, epoch: int, step: int) -> None:
        torch.manual_seed(step_seed(self.run.seed, self.progress.total))
        done = max(self.progress.total, int(self._share_of_time() * self.all_steps))
        share = rate(self.config, done, self.all_steps)
        for group in (group for one in self.optimizers for group in one.param_groups):
            group["lr"] = group["highest"] * share
        self.model.train()
        self.model.zero_grad(set_to_none=True)
        batch = self.task.batch(epoch, step)
        with device.mixed(self.run.device, self.run.dtype):
            loss = self.task.loss(batch)
        (value,) = distributed.summed(loss.item())
        if not math.isfinite(value):
            half = self.run.dtype == torch.float16
            todo = "--precision bf16 or fp32" if half else "a lower train.lr"
            raise RunError(f"the loss is {value} at epoch {epoch + 1}, step {step + 1}: try {todo}")
        self.scaler.scale(loss).backward()
        if not self.pieces:
            collectives.add_gradients(self.weights)
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self._update(f"epoch {epoch + 1}, step {step + 1}")
        self.average.follow(self.progress.total)
        self.progress.loss += value

    def _update(self, place: str) -> None:
        try:
            for optimizer in self.optimizers:
                self.scaler.step(optimizer)
        except RuntimeError as error:
            if "overflow" not in str(error):
                raise
            todo = "try a lower train.lr or train.weight_decay"
            raise RunError(f"the update overflows at {place}: {todo}") from error
        self.scaler.update()

    def _end_epoch(self, steps: int, seconds: float) -> None:
        state, config = self.progress, self.config
        finite = all(bool(local(w).isfinite().all()) for w in self.model.parameters())
        if distributed.summed(not finite)[0]:
            told = f"the weights are no finite numbers after epoch {state.epoch + 1}"
            raise RunError(f"{told}: try a lower train.lr or train.weight_decay")
        self.model.eval()
        with torch.no_grad(), self.average.in_place():
            metrics = distributed.from_first(self.task.validate())
            if config.metric and metrics.get(config.metric, -math.inf) > state.best:
                state.best, state.best_epoch = metrics[config.metric], state.epoch
                self.best = {k: v.detach().clone() for k, v in weights.changing(self.model).items()}
        if config.metric and config.metric not in metrics:
            known = ", ".join(metrics)
            raise RunError(f"train.metric {config.metric!r} is not measured; there are: {known}")
        entry = {"epoch": state.epoch + 1, "loss": state.loss / max(steps, 1), **metrics}
        state.history.append(entry)
        valid = f", valid {config.metric} {metrics[config.metric]:.4f}" if config.metric else ""
        told = f"{self._label()}: loss {entry['loss']:.4f}{valid}"
        console.say(f"{told}, {console.duration(seconds)}")
        state.epoch, state.step, state.loss = state.epoch + 1, 0, 0.0
        plugins.tell("mirctl_step", run=self.run, step=state.total, metrics=dict(entry))

    def _over(self) -> bool:
        """Is there no time left, or no patience?"""
        waited = self.progress.epoch - 1 - self.progress.best_epoch
        impatient = self.config.patience is not None and waited >= self.config.patience
        return impatient or self._out_of_time()

    def _maybe_save(self, stop: Stop) -> None:
        first, waited = not distributed.rank(), time.monotonic() - self.saved
        due = first and waited >= self.config.checkpoint_every
        asked, due = distributed.summed(stop.asked, due)
        if asked or due:
            self._save()
        if asked:
            distributed.wait()  # until it is written: a launcher ends all when one has ended
            raise Interrupted(
                f"stopped in epoch {self.progress.epoch + 1} of {self.config.epochs}, a checkpoint "
                "is written: the same command with --resume goes on",
                where=str(self.run.work),
            )

    def _save(self) -> None:
        state = {
            "model": weights.changing(self.model),
            "optimizer": [optimizer.state_dict() for optimizer in self.optimizers],
            "scaler": self.scaler.state_dict(),
            "best": self.best,
            "average": self.average.means,
            "progress": vars(self.progress),
            "spent": self.run.meter.gather(),
            "processes": distributed.world(),
        }
        state = fsdp().gathered(state) if self.pieces else state
        if not distributed.rank():
            self.run.save_checkpoint(state)
        self.saved = time.monotonic()

    def _restore(self) -> None:
        state = self.run.load_checkpoint()
        if state is None:
            return
        try:
            self._take_up(state)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            message = "the checkpoint does not fit this run: --force starts over"
            raise ArtifactError(message, where=str(self.run.work)) from error
        console.say(f"going on from epoch {self.progress.epoch + 1}, step {self.progress.step + 1}")

    def _take_up(self, state: dict[str, Any]) -> None:
        if self.pieces:
            state = fsdp().cut_state(state, self.model, self.optimizers, self.average.means)
        if state["best"]:  # it is loaded at the very end: better told now that it cannot be
            weights.load(self.model, state["best"])
        weights.load(self.model, state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizer"], strict=True):
            optimizer.load_state_dict(saved)
        self.scaler.load_state_dict(state["scaler"])
        self.best = state["best"]
        self.average.take_up(state["average"])
        self.progress = Progress(**state["progress"])
        self.run.meter.go_on(state["spent"])
        if state["processes"] != distributed.world():
            console.say(
                f"the checkpoint is of {state['processes']} processes: the sums round otherwise"
            )


def fsdp() -> ModuleType:
    """mirctl.fsdp, which takes a second to load and is seldom needed."""
    return import_module("mirctl.fsdp")


def step_seed(seed: int, step: int) -> int:
    """One 63-bit seed for each (seed, step)."""
    return int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> 1)


def rate(config: TrainConfig, step: int, steps: int) -> float:
    """Share of the learning rate: a linear rise, then (onecycle) half a cosine to zero."""
    rise = config.warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    if config.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))
