"""A catalogue with pictures, and a recipe that reads titles and pictures with tiny encoders."""

import json

import pytest
from PIL import Image

from mirctl.testing.catalogue import N_ITEMS


@pytest.fixture
def pictures(catalogue):
    """A picture for every item but each fifth, and one that cannot be read."""
    folder = catalogue / "images"
    folder.mkdir()
    for item in range(N_ITEMS):
        if item % 5:
            Image.new("RGB", (40, 40), (item * 8, 255 - item * 8, 90)).save(folder / f"i{item}.png")
    (folder / "i1.png").write_bytes(b"\x89PNG no more")
    return folder


@pytest.fixture
def recipe(catalogue, pictures, bert, vit):
    file = catalogue / "recipe.yaml"
    file.write_text(
        "uses: adapt/run\n"
        "data: {interactions: interactions.csv, items: items.csv, images: images}\n"
        f"model: {{text: {bert}, image: {vit}, dim: 16, history: 12, bottleneck: 8,\n"
        "        user_layers: 1, dropout: 0.0}\n"
        "train: {epochs: 2, batch_size: 16, lr: 1.0e-2}\n"
    )
    return file


def run(mirctl, recipe, out, *changes):
    ran = mirctl("adapt", "run", recipe, *changes, "--out", out, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out), ran.err
