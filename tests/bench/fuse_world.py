"""A made world in which each of four modalities carries a known part of what users like.

An item has a hidden part a modality; a user likes items by the sum over modalities of how well the
parts suit. What a modality's encoder sees of its part is two layers of states in which it is mixed
with noise. Of some items a modality tells nothing but noise, and its states show that it is so:
who weighs modalities by item does better than who weighs them alike. A fifth one is noise alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NAMES = ("text", "image", "audio", "video")
NOISE = "noise"


@dataclass(frozen=True)
class World:
    """How large, how clear, how often a modality lies about an item."""

    items: int = 400
    users: int = 600
    history: int = 20
    part: int = 4
    width: int = 24
    lies: float = 0.35
    taste: float = 1.6


def write(folder: Path, world: World = World(), seed: int = 0) -> Path:
    """interactions.csv, items.csv and NAME.npy (items, layers, width) of each modality."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    shape = (len(NAMES), world.items, world.part)
    parts = draw.normal(size=shape)
    for name, own in zip(NAMES, parts, strict=True):
        np.save(folder / f"{name}.npy", states(own, world, draw))
    noise = draw.normal(size=parts[0].shape)
    np.save(folder / f"{NOISE}.npy", states(noise, world, draw))
    tastes = draw.normal(size=(len(NAMES), world.users, world.part)) * world.taste
    liked = np.einsum("mup,mip->ui", tastes, parts) / np.sqrt(len(NAMES) * world.part)
    _write_histories(folder, histories(liked, world, draw))
    rows = [f"i{n},thing {n}" for n in range(world.items)]
    (folder / "items.csv").write_text("item_id,title\n" + "\n".join(rows) + "\n")
    return folder


def states(part: np.ndarray, world: World, draw: np.random.Generator) -> np.ndarray:
    """(items, 2, width) float32 of hidden parts (items, part): the later layer is clearer."""
    items = len(part)
    lies = draw.random(items) < world.lies
    told = np.where(lies[:, None], draw.normal(size=part.shape), part)
    layers = []
    for noise in (1.5, 0.5):
        mix = draw.normal(size=(part.shape[1], world.width)) / np.sqrt(part.shape[1])
        mark = draw.normal(size=world.width)
        seen = told @ mix + noise * draw.normal(size=(items, world.width))
        layers.append(seen + 1.5 * lies[:, None] * mark)
    return np.stack(layers, 1).astype(np.float32)


def histories(
    liked: np.ndarray, world: World, draw: np.random.Generator
) -> Sequence[Sequence[int]]:
    """Of each user distinct items, drawn by how much they are liked."""
    found = []
    for row in liked:
        keys = row + draw.gumbel(size=len(row))  # the top of these is a draw without replacement
        best = np.argsort(-keys)[: world.history]
        found.append(draw.permutation(best).tolist())
    return found


def _write_histories(folder: Path, taken: Sequence[Sequence[int]]) -> None:
    lines = ["user_id,item_id,timestamp"]
    lines += [f"u{u},i{i},{t}" for u, own in enumerate(taken) for t, i in enumerate(own)]
    (folder / "interactions.csv").write_text("\n".join(lines) + "\n")
