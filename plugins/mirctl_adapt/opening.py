"""The parts of a saved recommender, read and checked: what passes here fails nowhere later."""

import os
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from pydantic import BaseModel, Field, model_validator
from torch import Tensor, nn

from mirctl import recipe
from mirctl.artifact import Artifact
from mirctl.errors import ArtifactError, blamed_on_the_artifact
from mirctl_adapt import saving, tuning
from mirctl_adapt.config import AdaptConfig, ModelConfig
from mirctl_adapt.counting import Markov, Popularity
from mirctl_adapt.data import Histories
from mirctl_adapt.model import Recommender, TowerInput
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


def damaged(art: Artifact, problem: str) -> ArtifactError:
    """The error of an artifact whose content cannot be right."""
    return ArtifactError(problem, where=str(art.folder))


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


def items(art: Artifact) -> pa.Table:
    """The catalogue: ids, each once, titles, and how often each was taken in training."""
    table = _table(art, saving.ITEMS, saving.ITEMS_COLUMNS, may_lack="title")
    if not len(table) or pc.count_distinct(table["item_id"]).as_py() < len(table):
        raise damaged(art, f"{saving.ITEMS}: each item stands there once, and at least one does")
    if pc.min(table["train_interactions"]).as_py() < 0:
        raise damaged(art, f"{saving.ITEMS}: train_interactions are counts, from 0 on")
    return table


def users(art: Artifact, n_items: int) -> tuple[list[str], Histories] | None:
    """The users' ids and histories, where the artifact keeps them."""
    if saving.USERS not in art.manifest.files:
        return None
    table = _table(art, saving.USERS, saving.USERS_COLUMNS)
    column = table["history"].combine_chunks()
    taken = column.values
    if taken.null_count or not _inside(taken.to_numpy(zero_copy_only=False), n_items):
        raise damaged(art, f"{saving.USERS}: a history names an item beyond the {n_items} there")
    offsets = column.offsets.to_numpy()
    histories = Histories(taken.to_numpy().astype(np.int64), offsets[:-1], offsets[1:])
    return table["user_id"].to_pylist(), histories


def _table(art: Artifact, name: str, columns: pa.Schema, may_lack: str = "") -> pa.Table:
    """The columns of a file as they were written; only `may_lack` may have empty cells."""
    try:
        with pa.OSFile(os.fsencode(art.path(name))) as file:  # a path's bytes need not be UTF-8
            table = pq.read_table(file)
        table.validate(full=True)
        table = table.select(columns.names).cast(columns)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise damaged(art, f"{name} cannot be read: {error}") from error
    for column in columns.names:
        if column != may_lack and table[column].null_count:
            raise damaged(art, f"{name}: column {column!r} has empty cells")
    return table


def _inside(numbers: np.ndarray, count: int) -> bool:
    return not len(numbers) or (numbers.min() >= 0 and numbers.max() < count)


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
    if ends != (0, *pairs) or not rise or not _inside(chain.after.numpy(), n_items):
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
    for part in empty.modules():
        if all(tensor.is_meta for tensor in _own(part)):
            part.to_empty(device="cpu", recurse=False)
    empty.load_state_dict(weights, strict=False)
    return empty, embeddings["embeddings"]


def _own(part: nn.Module) -> Iterator[Tensor]:
    yield from part.parameters(recurse=False)
    yield from part.buffers(recurse=False)


def _tuned(art: Artifact, model: ModelConfig, name: str, facts: dict[str, Any]) -> tuning.TunedText:
    """An encoder as it was before it learned."""
    with blamed_on_the_artifact():
        tower = tuning.TextTower(model.tuned[name], [], model.method, model.bottleneck)
        if tower.facts() != facts:
            told = f"its {name} encoder was another {model.tuned[name].model} than is here"
            raise damaged(art, told)
        with torch.device("meta"):  # what is added to it takes no memory before the file fits
            return tower.module(normalize=False)


def _input(tower: dict[str, Any]) -> TowerInput:
    widths = [tower["widths"][layer] for layer in tower["layers"]]
    return TowerInput(widths, torch.zeros(sum(widths)), torch.ones(sum(widths)))
