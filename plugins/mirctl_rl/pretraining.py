"""`rl/pretrain`: a reward learned from preferences, and a policy from episodes it imagines (iALP).

Our reading of the abstract of arXiv 2501.13816: feedback on items, given users' states, becomes a
reward model, and actor-critic learns from it offline. A state's next one has the shown item added.
"""

from __future__ import annotations

from typing import Any

from mirctl import artifact, console, hub
from mirctl.run import Result, Run
from mirctl.training import step_seed
from mirctl_rl import agents, likes, online, opening, taste
from mirctl_rl.config import PretrainConfig
from mirctl_rl.imagining import imagined
from mirctl_rl.learner import Learner

REWARD, IMAGINED = 0x8E3A8D, 0x13A6
"""Streams of draws."""


def learn(config: PretrainConfig, run: Run) -> Result:
    """Learn the reward, then the policy, and save that."""
    with run.meter.phase("read"):
        folder = hub.artifact_folder(config.simulator)
        world = opening.load(folder)
        told = likes.read(config, world.known, world.history)
        run.note_input("simulator", artifact.open_artifact(folder).manifest.digest)
        if told.sha256 is not None:
            run.note_input("preferences", told.sha256)
    if not config.allow_weak_teacher:
        likes.refuse_weak(told)
    with run.meter.phase("learn the reward"):
        reward = taste.learn(told, world, step_seed(run.seed, REWARD))
    console.say(_of_reward(told, reward))
    network = online.fresh(world, config.width, run.seed)
    env = imagined(world, config.learn.users, reward.reward, aware=config.quit == "aware")
    learner = Learner(env, network, config.learn, run, step_seed(run.seed, IMAGINED))
    with run.meter.phase("learn the policy") as phase:
        learner.learn(config.steps, "imagine")
        phase.items = learner.steps
    metrics = _metrics(reward) | {
        f"imagined.{name}": entry
        for name, entry in online.measured(learner.curve, config.steps, run.seed).items()
    }
    facts = {"teacher": told.teacher, "quit": config.quit}
    agents.save(run, world, learner, "ialp", metrics, _about(config, told), **facts)
    report = online.report(learner.curve, config.steps, run.seed)
    return Result(run.out, metrics=metrics, report=f"{_of_reward(told, reward)}\n\n{report}")


def metric_names() -> list[str]:
    """What `rl/pretrain` measures."""
    return ["reward.auc", "reward.loss", "imagined.cumulative@*", "imagined.length@*"]


def _metrics(reward: taste.Learned) -> dict[str, dict[str, Any]]:
    auc = "chance that what is liked scores above what is not, on held-out states"
    loss = "cross-entropy of the reward model on held-out states"
    return {
        "reward.auc": {"value": reward.auc, "n": reward.judged, "unit": auc},
        "reward.loss": {"value": reward.loss, "n": reward.judged, "unit": loss},
    }


def _of_reward(told: likes.Likes, reward: taste.Learned) -> str:
    auc = "-" if reward.auc is None else f"{reward.auc:.3f}"
    return (
        f"{console.counted(len(told.item), 'judgement')} in "
        f"{console.counted(len(told.history), 'state')}; the reward model's AUC on held-out "
        f"states: {auc}"
    )


def _about(config: PretrainConfig, told: likes.Likes) -> list[str]:
    rule = "knowing when users leave" if config.quit == "aware" else "blind to users' leaving"
    return [
        "Made by `mirctl rl pretrain`; the whole recipe is in `recipe.yaml`.",
        "",
        f"Taught by {told.teacher}, {rule}: {config.steps:,} items shown to imagined users.",
    ]
