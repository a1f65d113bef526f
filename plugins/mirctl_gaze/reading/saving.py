"""The artifact of a generator of reading measures: how it is written and read."""

import hashlib
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field

from mirctl import artifact, console, files, recipe
from mirctl.artifact import Artifact
from mirctl.console import counted
from mirctl.encode import kept
from mirctl.errors import ArtifactError
from mirctl.run import Run
from mirctl.section import Section
from mirctl.words import Generator, needs_weights
from mirctl_gaze.reading import architectures, base, frequency
from mirctl_gaze.reading.base import Base
from mirctl_gaze.reading.config import FitReadingConfig, LexicalConfig, ModelConfig
from mirctl_gaze.reading.data import Reading
from mirctl_gaze.reading.network import ReadingNetwork

KIND, SCHEMA = "gaze/reading", 1
NETWORK = "extra/network.json"


class Stored(Section):
    """What decides a network, but its weights and its base."""

    measures: tuple[str, ...] = Field(min_length=1)
    language: str
    model: ModelConfig
    vocabulary: tuple[str, ...] = ()
    surprisal: str | None = None
    """sha256 of the language model whose surprisal it reads."""
    frequencies: str | None = None
    """The version of the word frequencies that it learned from, where it reads any."""

    def build(self, base: Base | None = None) -> ReadingNetwork:
        """The network, its own weights random."""
        count = len(self.measures)
        return architectures.build(self.model, self.language, self.vocabulary, count, base)

    def placed(self, change: Callable[[Path], Path]) -> Self:
        """With the path changed of a model that is a folder."""
        return recipe.map_paths(self, lambda _, path, __: change(path))


def save(
    config: FitReadingConfig, run: Run, stored: Stored, model: ReadingNetwork, start: Base | None,
    metrics: dict[str, Any], history: list[dict[str, float]], train: Reading,
) -> None:  # fmt: skip
    """Write the artifact in one rename; it holds all but a language model for surprisal."""
    facts = {"texts": len(train.texts), "words": train.words, "measures": list(stored.measures)}
    root = os.path.abspath(run.out)
    with run.artifact(KIND, metrics, schema=SCHEMA, **facts) as draft:
        draft.tensors("model", dict(model.state_dict()))
        here = stored.placed(lambda path: Path(os.path.relpath(path, root)))
        draft.json(NETWORK, here.model_dump(mode="json"))
        draft.json("extra/history.json", history)
        if start is not None:
            kept.keep(draft, start.model)
        draft.card(_card(stored, train))


class Learned:
    """A generator that `gaze fit-reading` made."""

    def __init__(self, art: Artifact) -> None:
        self.art = art
        stored = art.checked(NETWORK, Stored)
        self.stored = stored.placed(lambda path: Path(os.path.abspath(art.folder / path)))
        self.measures = stored.measures
        self.records = {name: art.manifest.files[name].sha256 for name in sorted(art.manifest.files)
                        if name == NETWORK or name.startswith(("model", kept.FOLDER))}  # fmt: skip
        facts = [*self.records.values(), self.frequencies or ""]
        self.key = hashlib.sha256(" ".join(facts).encode()).hexdigest()

    @cached_property
    def frequencies(self) -> str | None:
        """The version of the word frequencies that it reads now."""
        return frequency.version() if isinstance(self.stored.model, LexicalConfig) else None

    def network(self) -> ReadingNetwork:
        """The network with its weights, which are those that the key tells of."""
        for name, wanted in self.records.items():
            if files.sha256(self.art.path(name)) != wanted:
                told = f"{name} is not what was saved: its sha256 is another"
                raise ArtifactError(told, where=str(self.art.folder))
        with torch.device("meta"):
            blank = self.stored.build(self._base()).state_dict()
        expected = {name: (t.dtype, t.shape) for name, t in blank.items()}
        weights = self.art.expected_tensors("model", expected)
        model = self.stored.build(self._base())
        model.load_state_dict(weights)
        return model.eval()

    def _base(self) -> Base | None:
        return None if isinstance(self.stored.model, LexicalConfig) else base.kept(self.art)

    def load(self, device: torch.device) -> Generator:
        """Read the weights, and find the language model that they need."""
        learned = self.stored.frequencies
        if learned != self.frequencies:
            told = f"learned from the word frequencies of {learned}, and reads those of"
            console.warn(f"{self.art.folder}: {told} {self.frequencies}: predictions may differ")
        model = self.network().to(device)
        wanted = self.stored.surprisal
        if surprisal := architectures.surprisal_of(self.stored.model, device, wanted):
            model.network.surprisal = surprisal
        return model.measure


def source(folder: str | None) -> Learned:
    """For the hook `mirctl_word_features`."""
    if folder is None:
        raise needs_weights("reading", "FOLDER of an artifact that `mirctl gaze fit-reading` made")
    return Learned(artifact.open_artifact(Path(folder), KIND, SCHEMA))


def load(folder: Path) -> Learned:
    """Open the artifact; an ArtifactError where it is damaged."""
    learned = source(str(folder))
    learned.network()
    return learned


ABOUT = """\
Predicts how each word of a text is read ({measures}), on the scale of the data that it learned:
{texts} of {words}. Made by `mirctl gaze fit-reading`; the whole recipe is in `recipe.yaml`.
"""
QUALITY = """\
Mean absolute errors on other texts; `mae` is their mean over the measures, `rho` rank correlation.
Beside it what needs no model: the formula on the scale of the training data, and their median."""
USE = """\
mirctl gaze predict FOLDER texts.jsonl > words.jsonl
"""
NOTES = """\
The artifact holds no text, but which words stand in the training data often, and its weights may
fall under the terms of these data."""


def _card(stored: Stored, train: Reading) -> artifact.Words:
    """What the README of the artifact says of it."""
    about = ABOUT.format(
        measures=", ".join(stored.measures),
        texts=counted(len(train.texts), "text"),
        words=counted(train.words, "word"),
    )
    return artifact.Words("Predicted reading", about, QUALITY, USE, NOTES)
