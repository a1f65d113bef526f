"""A catalogue around a circle, of which titles, pictures and vectors each tell the place."""

import math

import numpy as np
import pytest
from PIL import Image

from fuse.runs import trained
from mirctl.testing.catalogue import N_ITEMS, write_catalogue


@pytest.fixture
def recipe(tmp_path, bert, vit):
    """A recipe of three modalities; one item has no picture, and one no vector."""
    write_catalogue(tmp_path)
    (tmp_path / "images").mkdir()
    angles = [2 * math.pi * item / N_ITEMS for item in range(N_ITEMS)]
    for item in range(1, N_ITEMS):
        colour = (item * 8, 255 - item * 8, 90)
        Image.new("RGB", (40, 40), colour).save(tmp_path / "images" / f"i{item}.png")
    vectors = np.array([[math.cos(a), math.sin(a), 0.5] for a in angles], np.float32)
    vectors[3] = np.nan
    np.save(tmp_path / "own.npy", vectors)
    file = tmp_path / "recipe.yaml"
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


@pytest.fixture
def model(mirctl, recipe, tmp_path):
    """What that recipe makes."""
    out = tmp_path / "model"
    trained(mirctl, recipe, out)
    return out
