"""The pretrained model that a network of reading starts from, and what an artifact keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mirctl import hub
from mirctl.encode import kept as keeping
from mirctl.encode import pretrained
from mirctl.errors import ArtifactError, MissingError
from mirctl.hub import Model

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from mirctl.artifact import Artifact


@dataclass(frozen=True)
class Base:
    """A model's network and tokenizer."""

    model: Model
    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def read(name: str) -> Base:
    """A model with its weights, fetched where need be."""
    model = hub.resolve(name)
    network = pretrained.backbone(model, torch.device("cpu"), torch.float32)
    return Base(model, network, pretrained.tokenizer_of(model))


def beside(folder: Path) -> Base:
    """The model that config and tokenizer in a folder describe, its weights random."""
    model = Model(str(folder), folder, None, "", "folder")
    return Base(model, pretrained.unread(model), pretrained.tokenizer_of(model))


def kept(art: Artifact) -> Base:
    """Of what an artifact keeps config and tokenizer."""
    try:
        return beside(keeping.kept(art).folder)
    except MissingError as error:
        raise ArtifactError(error.message, where=str(art.folder)) from error
