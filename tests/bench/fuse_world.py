"""A made world: what each of four modalities tells of what users like is known.

An item has a few hidden traits, and users like items by their traits. Each modality sees some of
them, each trait is seen by several: more modalities tell more, and what is lost of one can be had
from another. What a modality tells of an item is a lie now and then: other traits than the item's,
and it shows that it is so; who weighs modalities by item does better than who weighs them alike. A
fifth modality is noise alone. `states` tells it in layers of states as an encoder would give them,
fuse_files in titles, pictures, sounds and films.
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

    items: int = 600
    users: int = 1000
    history: int = 12
    traits: int = 4
    seen: int = 3
    width: int = 24
    lies: float = 0.3
    taste: float = 3.0


@dataclass(frozen=True)
class Told:
    """What a modality says of each item, and where it lies."""

    traits: np.ndarray
    """(items, seen)"""
    lies: np.ndarray
    """(items,) bool"""


def write(folder: Path, world: World = World(), seed: int = 0) -> dict[str, Told]:
    """interactions.csv, items.csv and NAME.npy (items, layers, width) of each modality."""
    draw = np.random.default_rng(seed)
    traits, told = things(world, draw)
    folder.mkdir(parents=True, exist_ok=True)
    for name, own in told.items():
        np.save(folder / f"{name}.npy", states(own, world, draw))
    write_tables(folder, [f"thing {n}" for n in range(world.items)], taken(traits, world, draw))
    return told


def things(world: World, draw: np.random.Generator) -> tuple[np.ndarray, dict[str, Told]]:
    """Traits (items, traits), and what each modality and the noise say of them."""
    traits = draw.normal(size=(world.items, world.traits))
    told = {}
    for n, name in enumerate((*NAMES, NOISE)):
        first = n * world.traits // len(NAMES)
        own = traits[:, (first + np.arange(world.seen)) % world.traits]
        lies = draw.random(world.items) < (1 if name == NOISE else world.lies)
        told[name] = Told(np.where(lies[:, None], draw.normal(size=own.shape), own), lies)
    return traits, told


def states(told: Told, world: World, draw: np.random.Generator) -> np.ndarray:
    """(items, 2, width) float32: the later layer is clearer."""
    layers = []
    for noise in (1.5, 0.5):
        mix = draw.normal(size=(world.seen, world.width)) / np.sqrt(world.seen)
        mark = draw.normal(size=world.width)
        seen = told.traits @ mix + noise * draw.normal(size=(world.items, world.width))
        layers.append(seen + 1.5 * told.lies[:, None] * mark)
    return np.stack(layers, 1).astype(np.float32)


def taken(traits: np.ndarray, world: World, draw: np.random.Generator) -> Sequence[Sequence[int]]:
    """Of each user distinct items, drawn by how much they are liked."""
    tastes = draw.normal(size=(world.users, world.traits)) * world.taste
    liked = tastes @ traits.T / np.sqrt(world.traits)
    keys = liked + draw.gumbel(size=liked.shape)  # the top of these is a draw without replacement
    best = np.argsort(-keys, 1)[:, : world.history]
    return [draw.permutation(own).tolist() for own in best]


def write_tables(folder: Path, titles: Sequence[str], taken: Sequence[Sequence[int]]) -> None:
    """items.csv and interactions.csv."""
    rows = [f"i{n},{title}" for n, title in enumerate(titles)]
    (folder / "items.csv").write_text("\n".join(["item_id,title", *rows]) + "\n")
    lines = [f"u{u},i{i},{t}" for u, own in enumerate(taken) for t, i in enumerate(own)]
    table = "\n".join(["user_id,item_id,timestamp", *lines]) + "\n"
    (folder / "interactions.csv").write_text(table)
