"""The artifact of a generator of reading measures: how it is written and read."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from mirctl import artifact
from mirctl.artifact import Artifact
from mirctl.console import counted
from mirctl.run import Run
from mirctl.words import Generator
from mirctl_gaze.reading.config import FitReadingConfig, LexicalConfig
from mirctl_gaze.reading.data import Reading
from mirctl_gaze.reading.lexical import Lexical
from mirctl_gaze.reading.network import ReadingNetwork

KIND, SCHEMA = "gaze/reading", 1
NETWORK = "extra/network.json"


class Stored(BaseModel):
    """What decides a network, but its weights."""

    model_config = ConfigDict(extra="forbid")

    measures: tuple[str, ...] = Field(min_length=1)
    language: str
    model: LexicalConfig
    vocabulary: tuple[str, ...]

    def build(self) -> ReadingNetwork:
        """The network, its weights random."""
        count = len(self.measures)
        return ReadingNetwork(Lexical(self.model, self.language, self.vocabulary, count), count)


def save(
    config: FitReadingConfig, run: Run, stored: Stored, model: ReadingNetwork,
    metrics: dict[str, Any], history: list[dict[str, float]], train: Reading,
) -> None:  # fmt: skip
    """Write the artifact in one rename."""
    facts = {"texts": len(train.texts), "words": train.words, "measures": list(stored.measures)}
    with run.artifact(KIND, metrics, schema=SCHEMA, **facts) as draft:
        draft.tensors("model", dict(model.state_dict()))
        draft.json(NETWORK, stored.model_dump(mode="json"))
        draft.json("extra/history.json", history)
        draft.card(_card(stored, train))


class Learned:
    """A generator that `gaze fit-reading` made."""

    def __init__(self, art: Artifact) -> None:
        self.art, self.stored = art, art.checked(NETWORK, Stored)
        self.measures = self.stored.measures
        records = [art.manifest.files[name].sha256 for name in sorted(art.manifest.files)
                   if name == NETWORK or name.startswith("model")]  # fmt: skip
        self.key = hashlib.sha256(" ".join(records).encode()).hexdigest()

    def load(self, device: torch.device) -> Generator:
        """Read the weights."""
        with torch.device("meta"):
            wanted = self.stored.build().state_dict()
        expected = {name: (t.dtype, t.shape) for name, t in wanted.items()}
        weights = self.art.expected_tensors("model", expected)
        model = self.stored.build()
        model.load_state_dict(weights)
        return model.to(device).eval().measure


def source(folder: str | None) -> Learned:
    """For the hook `mirctl_word_features`."""
    from mirctl.words import needs_weights

    if folder is None:
        raise needs_weights("reading", "FOLDER of an artifact that `mirctl gaze fit-reading` made")
    return Learned(artifact.open_artifact(Path(folder), KIND, SCHEMA))


def load(folder: Path) -> Learned:
    """Open the artifact; an ArtifactError where it is damaged."""
    learned = source(str(folder))
    learned.load(torch.device("cpu"))
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
