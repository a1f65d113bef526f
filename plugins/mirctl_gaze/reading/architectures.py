"""The networks of reading by name, and the models that they are built upon."""

from __future__ import annotations

import torch

from mirctl import hub
from mirctl.errors import ArtifactError
from mirctl.words import Predictor
from mirctl_gaze.reading import base
from mirctl_gaze.reading.base import Base
from mirctl_gaze.reading.config import Et1Config, LexicalConfig, ModelConfig
from mirctl_gaze.reading.et1 import Et1
from mirctl_gaze.reading.et2 import Et2
from mirctl_gaze.reading.lexical import Lexical
from mirctl_gaze.reading.network import ReadingNetwork


def build(
    config: ModelConfig, language: str, vocabulary: tuple[str, ...], measures: int,
    base: Base | None,
) -> ReadingNetwork:  # fmt: skip
    """The network, its own weights random."""
    if isinstance(config, LexicalConfig):
        return ReadingNetwork(Lexical(config, language, vocabulary, measures), measures)
    assert base is not None, "tokens are those of a base"
    if isinstance(config, Et1Config):
        return ReadingNetwork(Et1(base, measures, config.dropout), measures)
    return ReadingNetwork(Et2(base, measures), measures)


def base_of(config: ModelConfig) -> Base | None:
    """The model that a network starts from."""
    return None if isinstance(config, LexicalConfig) else base.read(config.base)


def named(config: ModelConfig) -> str | None:
    """The pretrained model that a network needs, to be built or to predict."""
    return config.surprisal if isinstance(config, LexicalConfig) else config.base


def weights_of(config: ModelConfig) -> str | None:
    """sha256 of that model."""
    name = named(config)
    return None if name is None else hub.resolve(name).sha256


def check(config: ModelConfig) -> None:
    """Look for the model that is needed, fetching none."""
    if name := named(config):
        hub.look_for(name)


def surprisal_of(
    config: ModelConfig, device: torch.device, weights: str | None = None
) -> Predictor | None:
    """What a network reads surprisal from; an ArtifactError where its sha256 is not `weights`."""
    name = config.surprisal if isinstance(config, LexicalConfig) else None
    if name is None:
        return None
    found = weights_of(config)
    if weights not in (None, found):
        raise ArtifactError(
            f"learned from the surprisal of {name!r} with the sha256 {weights[:12]}..., and the "
            f"model of that name has {found[:12]}...: give it that model, or fit anew"
        )
    return Predictor(f"surprisal:{name}", device)
