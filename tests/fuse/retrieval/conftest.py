"""Things of which two views are known, each a mixture of the same few causes."""

import numpy as np
import pytest

THINGS, CAUSES = 150, 5


def write_world(folder, recipe_more=""):
    """items.csv, two files of vectors, and a recipe; the items' vectors of thing 3 are missing."""
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(THINGS, CAUSES))
    for name, width in (("asked", 8), ("there", 12), ("more", 6)):
        seen = causes @ rng.normal(size=(CAUSES, width)) + 0.05 * rng.normal(size=(THINGS, width))
        if name == "there":
            seen[3] = np.nan
        np.save(folder / f"{name}.npy", seen.astype(np.float32))
    lines = [f"t{n},thing {n}" for n in range(THINGS)]
    (folder / "items.csv").write_text("item_id,title\n" + "\n".join(lines) + "\n")
    file = folder / "pairs.yaml"
    file.write_text(
        "uses: fuse/retrieval\n"
        "data: {items: items.csv}\n"
        "model:\n"
        "  queries: {asked: {vectors: asked.npy}, more: {vectors: more.npy}}\n"
        "  items: {there: {vectors: there.npy}}\n"
        "  dim: 16\n"
        "  bottleneck: 8\n"
        "  rank: 4\n"
        "train: {epochs: 30, batch_size: 64, lr: 1.0e-2}\n" + recipe_more
    )
    return file


@pytest.fixture
def pairs_recipe(tmp_path):
    return write_world(tmp_path)
