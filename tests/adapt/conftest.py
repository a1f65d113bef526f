"""A tiny catalogue with a known law: item i is followed by item i + 1, around a circle."""

import csv
import json

import numpy as np
import pytest

N_ITEMS = 30


def write_catalogue(folder, *, users=60, seed=0):
    """interactions.csv and items.csv; titles tell the item's place in words of the tiny models."""
    words = ["one", "two", "three", "four", "story", "heat"]
    rng = np.random.default_rng(seed)
    with open(folder / "interactions.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "item_id", "timestamp"])
        for user in range(users):
            start, length = rng.integers(N_ITEMS), rng.integers(6, 14)
            for t in range(length):
                rows.writerow([f"u{user}", f"i{(start + t) % N_ITEMS}", 1000 + t])
    with open(folder / "items.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["item_id", "title"])
        for item in range(N_ITEMS):
            rows.writerow([f"i{item}", f"{words[item // 6]} {words[item % 6]} toy"])
    return folder


@pytest.fixture
def catalogue(tmp_path):
    """The folder of the tiny catalogue."""
    folder = tmp_path / "data"
    folder.mkdir()
    return write_catalogue(folder)


@pytest.fixture
def recipe(catalogue):
    """A recipe of method id on the tiny catalogue; returns its path."""
    file = catalogue / "recipe.yaml"
    file.write_text(
        "uses: adapt/run\n"
        "data: {interactions: interactions.csv, items: items.csv}\n"
        "model: {method: id, dim: 16, history: 12, dropout: 0.0, user_layers: 1}\n"
        "train: {epochs: 3, batch_size: 16, lr: 1.0e-2}\n"
    )
    return file


def run(mirctl, recipe, out, *changes):
    ran = mirctl("adapt", "run", recipe, *changes, "--out", out, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


@pytest.fixture
def chain(mirctl, recipe, tmp_path):
    """A Markov artifact: what comes next is known."""
    out = tmp_path / "chain"
    run(mirctl, recipe, out, "model.method=markov")
    return out
