"""The parts of a saved recommender, read and checked: what passes here fails nowhere later."""

from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, Field, model_validator
from torch import Tensor

from mirctl import recipe
from mirctl.artifact import Artifact
from mirctl.encode import tuning
from mirctl.encode.towers import TowerInput
from mirctl.errors import blamed_on_the_artifact
from mirctl.sequences.tables import damaged, inside
from mirctl.sequences.users import Recommender
from mirctl_adapt import saving
from mirctl_adapt.config import AdaptConfig, ModelConfig
from mirctl_adapt.counting import Markov, Popularity
from mirctl_adapt.neural import build


class TowerFacts(BaseModel):
    """What towers.json says of one tower."""

    weights: str
    widths: list[Annotated[int, Field(ge=1, le=2**20)]]
    layers: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"

    @model_validator(mode="after")
    def layers_have_widths(self) -> Self:
        if max(self.layers) >= len(self.widths):
            raise ValueError(f"layer {max(self.layers)} is not among {len(self.widths)}")
        return self


def config(art: Artifact) -> AdaptConfig:
    """The recipe that made it."""
    path = art.path("recipe.yaml")
    tree, marks = art.recipe()
    with blamed_on_the_artifact():
        return recipe.resolve(AdaptConfig, recipe.Recipe(str(path), art.folder, tree, marks))


def towers(art: Artifact, model: ModelConfig) -> dict[str, dict[str, Any]]:
    """What each tower of the recipe read in training, in the recipe's order."""
    art.checked(saving.TOWERS, dict[str, TowerFacts])
    found = art.json(saving.TOWERS)
    if list(found) != list(model.encoders):
        told = f"{saving.TOWERS} tells of towers {list(found)}, the recipe of"
        raise damaged(art, f"{told} {list(model.encoders)}")
    return found


def popularity(art: Artifact, n_items: int) -> Popularity:
    """The scorer of method pop."""
    return Popularity(**art.expected_tensors("model", {"counts": (torch.float32, (n_items,))}))


def markov(art: Artifact, n_items: int) -> Markov:
    """The scorer of method markov."""
    found = art.tensors("model")
    pairs = tuple(found.spec("after").shape) if "after" in found else (0,)
    chain = Markov(
        **art.expected_tensors(
            "model",
            {
                "counts": (torch.float32, (n_items,)),
                "offsets": (torch.int64, (n_items + 1,)),
                "after": (torch.int64, pairs),
                "times": (torch.float32, pairs),
            },
        )
    )
    ends = (int(chain.offsets[0]), int(chain.offsets[-1]))
    rise = bool((chain.offsets.diff() >= 0).all())
    if ends != (0, *pairs) or not rise or not inside(chain.after.numpy(), n_items):
        raise damaged(art, "model: its transitions lead to items that are not there")
    return chain


def network(
    art: Artifact, model: ModelConfig, facts: dict[str, dict[str, Any]], n_items: int
) -> tuple[Recommender, Tensor]:
    """The trained model, and the embeddings (n_items, dim) that it gave the catalogue."""
    tuned = {name: _tuned(art, model, name, facts[name]) for name in model.tuned}
    with torch.device("meta"):  # nothing is set aside before the file is known to fit
        inputs = [tuned.get(name) or _input(tower) for name, tower in facts.items()]
        empty = build(model, inputs, n_items)
    expected = {name: (t.dtype, tuple(t.shape)) for name, t in tuning.own_state(empty).items()}
    weights = art.expected_tensors("model", expected)
    embeddings = art.expected_tensors(
        "items", {"embeddings": (torch.float32, (n_items, model.dim))}
    )
    tuning.fill(empty, weights)
    return empty, embeddings["embeddings"]


def _tuned(art: Artifact, model: ModelConfig, name: str, facts: dict[str, Any]) -> tuning.TunedText:
    """An encoder as it was before it learned."""
    with blamed_on_the_artifact():
        return tuning.reopen(art, model.tuned[name], model.method, model.bottleneck, facts)


def _input(tower: dict[str, Any]) -> TowerInput:
    widths = [tower["widths"][layer] for layer in tower["layers"]]
    return TowerInput(widths, torch.zeros(sum(widths)), torch.ones(sum(widths)))
