"""The artifact of a reward model: how it is written and read."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch

from mirctl import artifact, hub, recipe
from mirctl.artifact import Artifact
from mirctl.artifact import card as cards
from mirctl.encode import kept
from mirctl.errors import ArtifactError, MissingError, UsageError
from mirctl.run import Run
from mirctl.section import Section
from mirctl.words import Chosen, choose
from mirctl_align import base
from mirctl_align.base import Base
from mirctl_align.config import MEASURED, GazeConfig, ModelConfig, RewardConfig, TextConfig
from mirctl_align.evaluation import Scored
from mirctl_align.model import RewardModel, learned

KIND, SCHEMA = "align/reward", 1
REWARD = "extra/reward.json"
SCORED = "scored"
"""Tensors of the rewards of the pairs that it was measured on."""
Metrics = dict[str, dict[str, Any]]


class Stored(Section):
    """What decides a reward, but the weights."""

    text: TextConfig
    model: ModelConfig
    gaze: GazeConfig
    base: str
    """sha256 of the pretrained model."""
    measures: tuple[str, ...] = ()
    """What its gaze is made of, in this order."""
    generator: str | None = None
    """Key of what measured the words."""

    def placed(self, change: Callable[[Path], Path]) -> Self:
        """With the paths changed of models and artifacts that are folders."""
        return recipe.map_paths(self, lambda _, path, __: change(path))


@dataclass(frozen=True)
class Opened:
    """A reward model from its artifact, ready to score on the CPU."""

    art: Artifact
    stored: Stored
    base: Base
    """Its tokenizer is the one of training."""
    model: RewardModel

    def generator(self) -> Chosen | None:
        """What measures words for it: an ArtifactError where that is not what it was. None where
        it needs no gaze, or learned from gaze in its data."""
        gaze = self.stored.gaze
        if not self.model.needs_gaze or gaze.generator == MEASURED:
            return None
        chosen = choose(gaze.generator)
        missing = sorted(set(self.stored.measures) - set(chosen.source.measures))
        if missing:
            told = f"gives no {missing[0]}, which the reward model learned from"
        elif chosen.source.key != self.stored.generator:
            told = "is not what the reward model learned from: its weights or settings changed"
        else:
            return chosen
        raise ArtifactError(f"generator {gaze.generator} {told}", where=str(self.art.folder))


def save(
    config: RewardConfig, run: Run, model: RewardModel, start: Base, metrics: Metrics,
    history: list[dict[str, float]], scored: Scored, *, measures: tuple[str, ...] = (),
    generator: Chosen | None = None, about: str = "", **facts: Any,
) -> None:  # fmt: skip
    """Write the artifact in one rename: with `full` all weights, else what learned. `about` and
    `facts` tell of the data."""
    stored = Stored(
        text=config.text, model=config.model, gaze=config.gaze, base=start.model.sha256,
        measures=measures, generator=generator.source.key if generator else None,
    )  # fmt: skip
    root = os.path.abspath(run.out)
    told = {"base": _shown(config.model.base), "method": config.model.method,
            "inject": config.gaze.inject, "measures": list(measures), **facts}  # fmt: skip
    with run.artifact(KIND, metrics, schema=SCHEMA, **told) as draft:
        draft.tensors("model", learned(model))
        here = stored.placed(lambda path: Path(os.path.relpath(path, root)))
        draft.json(REWARD, here.model_dump(mode="json"))
        draft.json("extra/history.json", history)
        draft.tensors(SCORED, scored.tensors())
        kept.keep(draft, start.model)
        draft.card(_card(stored, about))


def load(folder: Path) -> Opened:
    """Open the artifact, and of `lora` the model that it started from; an ArtifactError where it is
    damaged, or that is another one."""
    art = artifact.open_artifact(folder, KIND, SCHEMA)
    stored = art.checked(REWARD, Stored)
    stored = stored.placed(lambda path: Path(os.path.abspath(art.folder / path)))
    with torch.random.fork_rng(devices=[]):  # what is random is replaced at once
        start = _base(art, stored)
        try:
            model = start.reward_model(stored.model, stored.gaze, len(stored.measures))
        except UsageError as error:
            raise ArtifactError(error.message, where=str(folder)) from error
    expected = {name: (t.dtype, tuple(t.shape)) for name, t in learned(model).items()}
    model.load_state_dict(art.expected_tensors("model", expected), strict=False)
    return Opened(art, stored, start, model.eval())


def _base(art: Artifact, stored: Stored) -> Base:
    """Network and tokenizer as training began with; the network random where all is stored."""
    try:
        own = base.blank(kept.kept(art))
    except (MissingError, UsageError) as error:
        raise ArtifactError(error.message, where=str(art.folder)) from error
    if stored.model.method == "full":
        return own
    name = stored.model.base
    model = hub.resolve(name)
    if model.sha256 != stored.base:
        told = f"learned beside another {_shown(name)} than the one that is at {model.folder}"
        raise ArtifactError(told, where=str(art.folder))
    return replace(base.of(model), tokenizer=own.tokenizer)


def _shown(name: str) -> str:
    """Of a folder only the last name, since others read the artifact, too."""
    return os.path.basename(name) if os.path.isabs(name) else name


WAYS = {
    "none": "Reads the text alone.",
    "concat": "Reads a prefix that tells how people read its words ({what}), then the text.",
    "add": "Reads the text, with how people read its words ({what}) added to the embeddings.",
    "attn-bias": "Reads the text; how people read its words ({what}) biases the attention.",
    "aux-loss": "Reads the text alone; it learned to tell how people read words ({what}), too.",
    "token-weight": "Its reward is a mean over tokens, weighted by how people read them ({what}).",
}
QUALITY = "On held out pairs: the share in which the chosen text has the higher reward."
USE = """\
mirctl align score FOLDER texts.jsonl > rewards.jsonl
mirctl align eval FOLDER pairs.jsonl
"""


def _card(stored: Stored, about: str) -> artifact.Words:
    """What the README of the artifact says of it."""
    base = _shown(stored.model.base)
    what = f"{', '.join(stored.measures)} by {_shown(stored.gaze.generator)}"
    way = WAYS[stored.gaze.inject].format(what=cards.cell(what))
    made = f"Starts from `{cards.code(base)}`, {stored.model.method}."
    recipe = "Made by `mirctl align train`; the whole recipe is in `recipe.yaml`."
    text = "\n\n".join(filter(None, [f"{way} {made} {recipe}", about]))
    return artifact.Words("A reward model", text, QUALITY, USE, models=[base])
