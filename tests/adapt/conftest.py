"""The tiny catalogue, recipes on it, and runs of them."""

import json

import pytest


@pytest.fixture
def catalogue(tiny_catalogue):
    return tiny_catalogue


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
