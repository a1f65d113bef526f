"""Runs of `fuse train`, and a recipe for them."""

import json
import math

import numpy as np
from PIL import Image

from mirctl.testing.catalogue import N_ITEMS, write_catalogue

HOSTILE = "<img src=x onerror=\"document.body.id='caught'\"><b>bold</b> &amp; toy"


def trained(mirctl, recipe, out, *changes):
    """What a run says."""
    ran = mirctl("fuse", "train", recipe, *changes, "--out", out, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def write_recipe(folder, bert, vit):
    """A recipe of three modalities; one item has no picture, and one no vector."""
    write_catalogue(folder)
    (folder / "images").mkdir()
    angles = [2 * math.pi * item / N_ITEMS for item in range(N_ITEMS)]
    for item in range(1, N_ITEMS):
        colour = (item * 8, 255 - item * 8, 90)
        Image.new("RGB", (40, 40), colour).save(folder / "images" / f"i{item}.png")
    vectors = np.array([[math.cos(a), math.sin(a), 0.5] for a in angles], np.float32)
    vectors[3] = np.nan
    np.save(folder / "own.npy", vectors)
    file = folder / "recipe.yaml"
    file.write_text(
        "uses: fuse/train\n"
        "data: {interactions: interactions.csv, items: items.csv, images: images}\n"
        "model:\n"
        "  modalities:\n"
        f"    text: {bert}\n"
        f"    poster: {{modality: image, model: {vit}}}\n"
        "    own: {vectors: own.npy}\n"
        "  dim: 16\n"
        "  history: 12\n"
        "  bottleneck: 8\n"
        "  rank: 4\n"
        "  dropout: 0\n"
        "train: {epochs: 12, batch_size: 16, lr: 1.0e-2}\n"
    )
    return file
