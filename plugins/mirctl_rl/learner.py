"""A2C on many users at once: roll out, learn, and go on after an interruption to the same bytes."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import console, plugins
from mirctl.errors import ArtifactError, Interrupted, RunError
from mirctl.run import Run
from mirctl.stopping import Stop, interruptible
from mirctl.training import step_seed
from mirctl_rl import a2c
from mirctl_rl.config import LearnConfig
from mirctl_rl.curve import BLOCK, Curve
from mirctl_rl.mixing import Mixing
from mirctl_rl.network import Network
from mirctl_rl.rollout import Roller, Rollout
from mirctl_rl.vector import UsersEnv

ACTIONS, COMERS = 0xAC71, 0xC03E
"""Streams of draws."""
TELLINGS = 10


class Learner:
    """`network` learns from the users of `env`; with a `frozen` one beside it, episodes are mixed.

    Round n of rollout and update draws from the seed and n alone.
    """

    def __init__(
        self, env: UsersEnv, network: Network, config: LearnConfig, run: Run, seed: int,
        frozen: Network | None = None, mixing: Mixing | None = None,
    ) -> None:  # fmt: skip
        self.env, self.config, self.run, self.seed, self.mixing = env, config, run, seed, mixing
        self.network = network.to(run.device)
        other = None if frozen is None else frozen.to(run.device)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=config.lr)
        self.curve = Curve(env.num_envs)
        self.roller = Roller(env, self.network, self.curve, run.device, other, mixing)
        self.roller.begin(step_seed(seed, COMERS) >> 2, self._rng(-1))
        self.round, self.steps = 0, 0
        self.seconds, self.cpu_seconds = 0.0, 0.0

    def learn(self, steps: int, label: str) -> None:
        """Until so many items are shown, or a few more: every round serves each user."""
        self._restore()
        saved = time.monotonic()
        with interruptible() as stop, console.progress(label, steps, "steps") as advance:
            advance(self.steps)
            while self.steps < steps:
                before = self.steps
                told = self._timed_round(steps)
                advance(min(self.steps, steps) - before)
                for row in self.curve.blocks(self.steps, told, done=self.steps >= steps):
                    self._tell(row, steps, label)
                if stop.asked or time.monotonic() - saved >= self.config.checkpoint_every:
                    self._save(stop, steps)
                    saved = time.monotonic()
        self.run.meter.record(
            steps=self.steps, step_seconds=self.seconds / max(self.steps, 1),
            step_cpu_seconds=self.cpu_seconds / max(self.steps, 1),
        )  # fmt: skip

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, ACTIONS, number + 1))

    def _timed_round(self, steps: int) -> dict[str, float]:
        wall, cpu = time.monotonic(), time.process_time()
        left = -(-(steps - self.steps) // self.env.num_envs)
        turns = min(self.config.turns, left)
        told = self._learn_from(self.roller.roll(turns, self.steps, self._rng(self.round)))
        self.steps += turns * self.env.num_envs
        self.round += 1
        self.seconds += time.monotonic() - wall
        self.cpu_seconds += time.process_time() - cpu
        return told

    def _learn_from(self, played: Rollout) -> dict[str, float]:
        """One update; gives what it was about."""
        how, network = self.config, self.network
        target = a2c.returns(
            played.rewards, played.terminated, played.truncated, played.finals, played.last,
            how.discount,
        )  # fmt: skip
        advantage = (target - played.values).flatten()
        weight = played.ratio.flatten().clamp(max=how.ratio)
        by_logit, spread = a2c.logit_gradient(
            played.odds, played.actions, advantage, weight, how.entropy
        )
        self.optimizer.zero_grad(set_to_none=True)

        def by_value(value: Tensor) -> Tensor:
            return how.critic * weight * (value - target.flatten()) / len(value)

        network.backward(played.obs, by_logit, by_value)
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), how.clip).item()
        if not math.isfinite(norm):
            raise RunError(f"the gradient is {norm} at step {self.steps:,}: try a lower learn.lr")
        self.optimizer.step()
        told = {"entropy": spread.mean().item(), "loss": advantage.square().mean().item()}
        return told if self.mixing is None else told | {"weight": self.mixing.weight}

    def _tell(self, row: dict[str, float], steps: int, label: str) -> None:
        """A block of steps to whoever follows; every tenth of the way to people."""
        metrics = {"epoch": row["step"] / BLOCK, **row}
        del metrics["step"]
        plugins.tell("mirctl_step", run=self.run, step=int(row["step"]), metrics=metrics)
        tenth = steps / TELLINGS
        if row["step"] % tenth < BLOCK and "cumulative" in row:
            mixed = f", {row['frozen']:.0%} by the frozen policy" if self.mixing else ""
            console.say(
                f"{label}: {int(row['step']):,} steps, {row['cumulative']:.2f} an episode of "
                f"{row['length']:.1f} items, entropy {row['entropy']:.2f}{mixed}"
            )

    def _save(self, stop: Stop, steps: int) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "users": {name: torch.from_numpy(array) for name, array in self.env.state().items()},
            "curve": self.curve.state(),
            "mixing": None if self.mixing is None else [self.mixing.sums, self.mixing.counts],
            "progress": [self.round, self.steps, self.seconds, self.cpu_seconds],
            "spent": self.run.meter.gather(),
        }
        self.run.save_checkpoint(state)
        if stop.asked:
            raise Interrupted(
                f"stopped after {self.steps:,} of {steps:,} steps, a checkpoint is written: the "
                "same command with --resume goes on",
                where=str(self.run.work),
            )

    def _restore(self) -> None:
        state = self.run.load_checkpoint()
        if state is None:
            return
        try:
            self._take_up(state)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            message = "the checkpoint does not fit this run: --force starts over"
            raise ArtifactError(message, where=str(self.run.work)) from error
        console.say(f"going on from step {self.steps:,}")

    def _take_up(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.curve.restore(state["curve"])
        self.roller.obs, self.roller.mask = self.env.restore(
            {name: array.numpy() for name, array in state["users"].items()}
        )
        if self.mixing is not None:
            self.mixing.sums, self.mixing.counts = map(list, state["mixing"])
        self.round, self.steps, self.seconds, self.cpu_seconds = state["progress"]
        self.run.meter.go_on(state["spent"])
