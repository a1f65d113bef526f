"""`rl/online`: a policy learns from simulated users, from scratch or on from another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from mirctl import artifact, console, hub
from mirctl.metrics import resampling
from mirctl.run import Result, Run
from mirctl.training import step_seed
from mirctl_rl import agents, opening
from mirctl_rl.config import SCRATCH, OnlineConfig
from mirctl_rl.curve import Curve
from mirctl_rl.learner import Learner
from mirctl_rl.mixing import Mixing
from mirctl_rl.network import Network, item_features, shape_of
from mirctl_rl.vector import UsersEnv
from mirctl_rl.world import World

WEIGHTS = 0x3E1
"""Stream of draws."""
BUCKETS = (4_000, 20_000, 60_000, 120_000)
"""Steps at which the course of learning is summed up."""


def learn(config: OnlineConfig, run: Run) -> Result:
    """Let a policy learn and save it."""
    with run.meter.phase("read"):
        folder = hub.artifact_folder(config.simulator)
        world = opening.load(folder)
        before = None if config.policy == SCRATCH else agents.named(config.policy, world)
        run.note_input("simulator", artifact.open_artifact(folder).manifest.digest)
        if before is not None:
            run.note_input("policy", before.sha256)
    mixed = config.mode == "ap"
    network = before.network if before and not mixed else fresh(world, config.width, config.seed)
    frozen = before.network if before and mixed else None
    mixing = Mixing(config.mix.temperature, config.mix.memory) if mixed else None
    env = UsersEnv(world, config.learn.users)
    learner = Learner(env, network, config.learn, run, run.seed, frozen, mixing)
    with run.meter.phase("learn") as phase:
        learner.learn(config.steps, "learn online")
        phase.items = learner.steps
    method = "a2c" if before is None else f"a-ialp-{config.mode}"
    metrics = measured(learner.curve, config.steps, config.seed)
    if mixing is not None:
        unit = "share of new episodes that the frozen policy gets"
        metrics["weight"] = {"value": mixing.weight, "unit": unit}
    agents.save(run, world, learner, method, metrics, _about(config))
    return Result(run.out, metrics=metrics, report=report(learner.curve, config.steps, run.seed))


def fresh(world: World, width: int, seed: int) -> Network:
    """A network that has seen nothing."""
    features = item_features(world)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(step_seed(seed, WEIGHTS))
        return Network(shape_of(world, features, width), features)


def metric_names() -> list[str]:
    """What `rl/online` measures."""
    return ["cumulative@*", "length@*", "weight"]


def measured(curve: Curve, steps: int, seed: int) -> dict[str, dict[str, Any]]:
    """Mean reward and length of the episodes that ended in each bucket of steps, by its end."""
    found = {}
    for begin, end, own in _buckets(curve, steps):
        which = f"an episode that ended in steps {begin + 1:,} to {end:,}"
        for name, values, what in (("cumulative", curve.earned, "reward"),
                                   ("length", curve.shown, "items")):  # fmt: skip
            entry = _mean(np.array(values, float)[own], seed)
            found[f"{name}@{end}"] = {**entry, "unit": f"{what} {which}"}
    return found


def _buckets(curve: Curve, steps: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Where each bucket begins and ends, and which episodes ended in it."""
    step = np.array(curve.step)
    ends = [*(end for end in BUCKETS if end < steps), steps]
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        yield begin, end, (step > begin) & ((step <= end) | (end == steps))


def _mean(values: np.ndarray, seed: int) -> dict[str, Any]:
    if not len(values):
        return {"value": None, "low": None, "high": None, "n": 0}
    drawn = resampling.sums(values[:, None], seed)[:, 0] / len(values)
    low, high = resampling.interval(drawn)
    return {"value": float(values.mean()), "low": float(low), "high": float(high), "n": len(values)}


def report(curve: Curve, steps: int, seed: int) -> str:
    """A row a bucket of steps."""
    rows = []
    for begin, end, own in _buckets(curve, steps):
        earned = _mean(np.array(curve.earned, float)[own], seed)
        if not earned["n"]:
            continue
        interval = f"{earned['value']:.2f} [{earned['low']:.2f},{earned['high']:.2f}]"
        items, frozen = (np.array(v, float)[own].mean() for v in (curve.shown, curve.whose))
        row = [f"{begin + 1:,} to {end:,}", f"{earned['n']:,}", interval, f"{items:.1f}"]
        rows.append([*row, f"{frozen:.2f}"])
    heads = ["steps", "episodes", "cumulative [95 %]", "items", "frozen"]
    mixed = any(curve.whose)
    return console.table(heads if mixed else heads[:-1], [r if mixed else r[:-1] for r in rows])


def _about(config: OnlineConfig) -> list[str]:
    return [
        "Made by `mirctl rl online`; the whole recipe is in `recipe.yaml`.",
        "",
        f"{config.steps:,} items shown, to {config.learn.users} users at a time.",
    ]
