"""Generators of measures of words: what they are, and which one a name means."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from mirctl import artifact, hub, plugins
from mirctl.errors import ArtifactError, MissingError, UsageError, suggest
from mirctl.hookspecs import WordFeatures
from mirctl.words.text import Text

CODE = 1
"""Raised whenever what is kept of predictions changes its form."""

Generator = Callable[[Sequence[Text]], list[np.ndarray]]
"""Texts -> the measures of the words of each (words, measures) float32, whatever its company."""


class Source(Protocol):
    """A generator that is only loaded when there is something to predict."""

    measures: tuple[str, ...]
    """What it gives of each word, in this order."""
    key: str
    """What decides its results, its weights and settings, as text or as a hash of it."""

    def load(self, device: torch.device) -> Generator:
        """Read the weights."""
        ...


@dataclass(frozen=True)
class Chosen:
    """The generator that a name means."""

    name: str
    spec: WordFeatures
    source: Source

    @property
    def key(self) -> str:
        """sha256 over everything that changes a prediction but its text."""
        plugin = plugins.version_of_giver("mirctl_word_features", self.spec)
        facts = (CODE, self.spec.name, plugin, self.source.measures, self.source.key)
        return hashlib.sha256(repr(facts).encode()).hexdigest()


def choose(name: str) -> Chosen:
    """NAME of a generator, NAME:WEIGHTS, or an artifact that holds one: a folder, a hub's name."""
    known = {spec.name: spec for spec in plugins.results("mirctl_word_features")}
    first, _, weights = name.partition(":")
    if spec := known.get(first):
        return Chosen(name, spec, plugins.import_function(spec.open)(weights or None))
    folder = hub.artifact_folder(name)
    if not folder.is_dir():
        said = f"known: {', '.join(known) or 'none'}; or name an artifact's folder"
        raise UsageError(f"{name!r} is no generator{suggest(first, known, said)}")
    kind = artifact.open_artifact(folder).manifest.kind
    for spec in known.values():
        if spec.kind == kind:
            return Chosen(name, spec, plugins.import_function(spec.open)(str(folder)))
    raise ArtifactError(f"an artifact of kind {kind} measures no words", where=name)


def needs_weights(name: str, what: str) -> MissingError:
    """What a generator raises that was named without its weights."""
    return MissingError(f"{name} needs weights: write {name}:{what}")
