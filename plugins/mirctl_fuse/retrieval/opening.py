"""A saved retriever, read and checked: what passes here fails nowhere later."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mirctl import artifact
from mirctl.artifact import Artifact
from mirctl.sequences.tables import damaged
from mirctl_fuse import opening
from mirctl_fuse.config import Facts
from mirctl_fuse.retrieval import model, saving
from mirctl_fuse.retrieval.config import SIDES, PairConfig
from mirctl_fuse.retrieval.model import Retriever
from mirctl_fuse.saving import MODALITIES


@dataclass(frozen=True)
class Saved:
    """An opened retriever."""

    art: Artifact
    config: PairConfig
    facts: dict[str, dict[str, dict[str, Any]]]
    """By side and modality."""
    model: Retriever
    place: torch.device


def load(folder: Path, place: torch.device | None = None) -> Saved:
    """Open an artifact of kind fuse/retriever."""
    place = place or torch.device("cpu")
    art = artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)
    settings = opening.config(art, PairConfig)
    facts = _facts(art, settings)
    with torch.device("meta"):  # nothing is set aside before the file is known to fit
        read = ([opening.empty_input(own) for own in facts[side].values()] for side in SIDES)
        empty = model.build(settings.model, *read)
    shapes = {name: (t.dtype, tuple(t.shape)) for name, t in empty.state_dict().items()}
    found = art.expected_tensors("model", shapes)
    made = empty.to_empty(device="cpu")
    made.load_state_dict(found)
    return Saved(art, settings, facts, made.to(place).eval(), place)


def _facts(art: Artifact, settings: PairConfig) -> dict[str, dict[str, dict[str, Any]]]:
    """What each modality of the recipe was in training."""
    art.checked(MODALITIES, dict[str, dict[str, Facts]])
    found = art.json(MODALITIES)
    told = {side: list(own) for side, own in found.items()}
    wanted = {side: list(settings.side(side).model.modalities) for side in SIDES}
    if told != wanted or list(told) != list(SIDES):
        raise damaged(art, f"{MODALITIES} tells of {told}, the recipe of {wanted}")
    return {side: found[side] for side in SIDES}
