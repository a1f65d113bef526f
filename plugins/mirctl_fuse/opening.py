"""A saved model, read and checked: what passes here fails nowhere later."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mirctl import artifact, recipe
from mirctl.artifact import Artifact
from mirctl.encode import tuning
from mirctl.encode.towers import TowerInput
from mirctl.errors import blamed_on_the_artifact
from mirctl.section import JobConfig
from mirctl.sequences import tables
from mirctl.sequences.users import Recommender
from mirctl_fuse import experts, inputs, network, saving
from mirctl_fuse.config import Facts, FuseConfig, FuseModel

Config = TypeVar("Config", bound=JobConfig)


@dataclass(frozen=True)
class Saved:
    """An opened model."""

    art: Artifact
    config: FuseConfig
    facts: dict[str, dict[str, Any]]
    item_ids: list[str]
    model: Recommender
    embeddings: Tensor
    """(items, dim)"""
    weights: Tensor | None
    """(items, experts), where the fusion weighs."""

    @property
    def precision(self) -> str:
        """In which its frozen encoders computed."""
        return inputs.precision(self.config.model, self.facts)


def load(folder: Path, place: torch.device | None = None) -> Saved:
    """Open an artifact of kind fuse/recommender."""
    place = place or torch.device("cpu")
    art = artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)
    settings, ids = config(art, FuseConfig), tables.read_items(art)["item_id"].to_pylist()
    facts = modalities(art, settings)
    tuned = {name: _tuned(art, settings.model, name, facts[name]) for name in settings.model.tuned}
    with torch.device("meta"):  # nothing is set aside before the file is known to fit
        read = [tuned.get(name) or empty_input(own) for name, own in facts.items()]
        empty = network.build(settings.model, read)
    shapes = {name: (t.dtype, tuple(t.shape)) for name, t in tuning.own_state(empty).items()}
    found = art.expected_tensors("model", shapes)
    size = (len(ids), settings.model.dim)
    embeddings = art.expected_tensors("items", {"embeddings": (torch.float32, size)})
    tuning.fill(empty, found)
    weights = _weights(art, settings, len(ids))
    own = (empty.to(place).eval(), embeddings["embeddings"].to(place), weights)
    return Saved(art, settings, facts, ids, *own)


def config(art: Artifact, kind: type[Config]) -> Config:
    """The recipe that made it."""
    path = art.path("recipe.yaml")
    tree, marks = art.recipe()
    with blamed_on_the_artifact():
        return recipe.resolve(kind, recipe.Recipe(str(path), art.folder, tree, marks))


def modalities(art: Artifact, settings: FuseConfig) -> dict[str, dict[str, Any]]:
    """What each modality of the recipe was in training."""
    art.checked(saving.MODALITIES, dict[str, Facts])
    found = art.json(saving.MODALITIES)
    if list(found) != list(settings.model.modalities):
        told = f"{saving.MODALITIES} tells of {list(found)}, the recipe of"
        raise tables.damaged(art, f"{told} {list(settings.model.modalities)}")
    return found


def _tuned(art: Artifact, model: FuseModel, name: str, facts: dict[str, Any]) -> nn.Module:
    """An encoder as it was before it learned."""
    with blamed_on_the_artifact():
        return tuning.reopen(art, model.tuned[name], model.method, model.bottleneck, facts)


def empty_input(facts: dict[str, Any]) -> nn.Module:
    """What reads a modality, of the right size."""
    widths = [facts["widths"][layer] for layer in facts["layers"]]
    return TowerInput(widths, torch.zeros(sum(widths)), torch.ones(sum(widths)))


def _weights(art: Artifact, settings: FuseConfig, items: int) -> Tensor | None:
    if f"{saving.EXPERTS}.safetensors" not in art.manifest.files:
        return None
    shape = (items, len(experts.names(settings.model, settings.model.modalities)))
    return art.expected_tensors(saving.EXPERTS, {"weights": (torch.float32, shape)})["weights"]
