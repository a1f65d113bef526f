"""`rl/eval`: a policy before a simulator's users, the reference policies beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import artifact, hub, plugins
from mirctl.errors import ArtifactError
from mirctl_rl import agents, opening, report
from mirctl_rl.evaluation import evaluate as played
from mirctl_rl.policies import NAMES, Policy, reference
from mirctl_rl.world import World

METHODS = ("a2c", "ialp", "a-ialp-ft", "a-ialp-ap")
LOADERS = dict.fromkeys(METHODS, "mirctl_rl.agents:for_world")
"""Method, as a policy's manifest has it -> import string of a function `(art, world) -> Policy`."""


@dataclass(frozen=True)
class Measured:
    """The metrics, of the policy by their plain names, and a table for people."""

    metrics: dict[str, dict[str, Any]]
    report: str


def evaluate(policy: str, simulator: Path, episodes: int, seed: int) -> Measured:
    """Let a policy and all reference policies serve the same users."""
    world = opening.load(simulator)
    asked = open_policy(policy, world)
    policies = [asked, *(reference(name, world) for name in NAMES if name != asked.name)]
    found = played(world, policies, episodes, seed)
    metrics = {**found[asked.name], **report.flat(found)}
    rule = world.known.rule
    about = (
        f"{world.env}, reward {world.hidden.rewards.rule}, {episodes:,} episodes of at most "
        f"{world.horizon};\na user leaves at {rule.threshold} alike of {rule.window}"
    )
    return Measured(metrics, "\n\n".join([about, report.policies(found), report.legend()]))


def open_policy(name: str, world: World) -> Policy:
    """A reference policy by its name, or a saved one of this simulator's catalogue."""
    if name in NAMES or not os.path.isdir(hub.marked_folder(name)):
        return reference(name, world)
    art = artifact.open_artifact(hub.artifact_folder(name), agents.KIND, agents.SCHEMA)
    told = art.manifest.facts
    if told.get("catalogue") != world.known.digest:
        message = "was made for another catalogue than this simulator's: name the one it was for"
        raise ArtifactError(message, where=str(art.folder))
    if (method := str(told.get("method"))) not in LOADERS:
        message = f"is a policy by {method!r}, which this version does not know"
        raise ArtifactError(message, where=str(art.folder))
    return plugins.import_function(LOADERS[method])(art, world)
