"""A recommender whose files were changed and sealed again: damage that no checksum shows."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from adapt.conftest import run
from damage import gone, seal, tensors, text

USERS, ITEMS = "extra/users.parquet", "extra/items.parquet"


def row(name, **changes):
    """Change the first row of a table."""

    def change(folder):
        first, *others = pq.read_table(folder / name).to_pylist()
        pq.write_table(pa.Table.from_pylist([first | changes, *others]), folder / name)

    return change


def without(name, column):
    def change(folder):
        pq.write_table(pq.read_table(folder / name).drop_columns([column]), folder / name)

    return change


EVERYWHERE = {
    "no recipe": gone("recipe.yaml"),
    "broken recipe": text("recipe.yaml", "a: [1"),
    "another recipe": text("recipe.yaml", "uses: adapt/run\ndata: {interactions: x}\nnew: 1\n"),
    "no towers": gone("extra/towers.json"),
    "towers are a list": text("extra/towers.json", "[]"),
    "another tower": text("extra/towers.json", '{"text": {"weights": "", "widths": [2]}}'),
    "no item column": without(ITEMS, "item_id"),
    "an item twice": row(ITEMS, item_id="i1"),
    "an item without id": row(ITEMS, item_id=None),
    "a negative count": row(ITEMS, train_interactions=-1),
    "no user column": without(USERS, "user_id"),
    "an unknown item in a history": row(USERS, history=[30]),
    "a negative item in a history": row(USERS, history=[-1]),
    "a user without history": row(USERS, history=None),
    "a history with a hole": row(USERS, history=[1, None]),
    "a tensor is missing": tensors("model", lambda n, v: v if n != "users.end.bias" else None),
    "another type": tensors("model", lambda n, v: v.double()),
    "another width": tensors("model", lambda n, v: torch.cat([v, v])),
    "weights that are no numbers": tensors("model", lambda n, v: v * float("nan")),
    "an embedding too few": tensors("items", lambda n, v: v[:-1]),
    "no embeddings": gone("items.safetensors"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One trained model for the whole file; a test changes a copy beside it."""
    return tmp_path_factory.mktemp("damage")


@pytest.fixture
def damaged(trained, mirctl, recipe):
    """Damage a copy of a recommender of some method and seal it again."""

    def make(damage, method="id"):
        whole, copy = trained / method, trained / "copy"
        if not whole.exists():
            shutil.copytree(recipe.parent, trained / "data", dirs_exist_ok=True)
            run(mirctl, trained / "data" / recipe.name, whole, f"model.method={method}")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole, copy)
        damage(copy)
        seal(copy)
        return copy

    return make


@pytest.mark.parametrize("damage", EVERYWHERE)
def test_damage_that_is_sealed_is_found(mirctl, damaged, damage):
    folder = damaged(EVERYWHERE[damage])
    commands = [("adapt", "recommend", folder, "--all"), ("adapt", "eval", folder)]
    for command in (*commands, ("artifact", "verify", folder)):
        ran = mirctl(*command)
        assert (ran.code, "bug" in ran.err) == (4, False), (command, ran.err)


@pytest.mark.parametrize(
    "change",
    [
        lambda name, v: v + 99 if name == "after" else v,
        lambda name, v: v.flip(0) if name == "offsets" else v,
        lambda name, v: v[:-1] if name == "times" else v,
    ],
)
def test_a_markov_chain_leads_to_known_items(mirctl, damaged, change):
    folder = damaged(tensors("model", change), "markov")
    assert mirctl("adapt", "recommend", folder, "--all").code == 4


@pytest.mark.parametrize("content", ["[]", "x", '{"mrr": "a"}', '{"mrr": {"low": 1}}'])
def test_metrics_that_are_none_are_damage(mirctl, damaged, content):
    folder = damaged(text("metrics.json", content))
    for command in (["inspect"], ["inspect", "--require", "mrr>=0"], ["verify"], ["diff", folder]):
        ran = mirctl("artifact", command[0], folder, *command[1:])
        assert (ran.code, "metrics.json" in ran.err) == (4, True), (command, ran.err)


@pytest.mark.parametrize("damage", ["no recipe", "broken recipe", "another recipe"])
def test_a_recipe_that_is_damaged_in_an_artifact_is_its_fault(mirctl, damaged, damage, tmp_path):
    folder = damaged(EVERYWHERE[damage])
    assert mirctl("recipe", "check", folder).code == 4
    assert mirctl("adapt", "run", folder, "--out", tmp_path / "again").code == 4


def test_a_wrong_change_of_a_whole_recipe_is_the_user_s_fault(mirctl, damaged):
    assert mirctl("recipe", "check", damaged(lambda folder: None), "model.dmi=3").code == 2


def test_whole_artifacts_are_whole(mirctl, damaged):
    for method in ("id", "markov", "pop"):
        folder = damaged(lambda folder: None, method)
        assert mirctl("artifact", "verify", folder).code == 0
        assert mirctl("adapt", "eval", folder).code == 0
