"""A learned table whose files were changed and sealed again."""

import json
import shutil

import pytest
import torch

from damage import gone, seal, tensors, text
from impute.conftest import SMALL
from mirctl.errors import ArtifactError
from mirctl_impute import saving

TABLE, NETWORK = saving.TABLE, saving.NETWORK


def tree(change, name=TABLE):
    """Change what a JSON file says."""

    def rewrite(folder):
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return rewrite


def table(**changes):
    return tree(lambda found: found.update(changes))


def column(name, **changes):
    def change(found):
        (one,) = [column for column in found["columns"] if column["name"] == name]
        one.update(changes)

    return tree(change)


def scale(**changes):
    """Change the scale of the column `size`, whose knots are 0 to 59."""

    def change(found):
        (one,) = [column for column in found["columns"] if column["name"] == "size"]
        one["scale"].update(changes)

    return tree(change)


def without(key):
    return tree(lambda found: found.pop(key))


def one(name, value):
    """Let one tensor be another."""
    return tensors("model", lambda n, v: value(v) if n == name else v)


KNOTS = [float(n) for n in range(60)]
RANKS = [i / 60 for i in range(60)]
DAMAGES = {
    "no table": (gone(TABLE), "table.json"),
    "a table that is a list": (text(TABLE, "[]"), "table.json: "),
    "a table that is nothing": (text(TABLE, ""), "is no JSON"),
    "a table nested without end": (text(TABLE, "[" * 100_000), "nested too deeply"),
    "a key twice": (text(TABLE, '{"names": [], "names": []}'), "is no JSON"),
    "no names": (without("names"), "table.json.names: Field required"),
    "no columns": (table(columns=[]), "table.json.columns: List should have at least 1"),
    "names that are text": (table(names="size"), "table.json.names"),
    "names too few": (table(names=["size"]), "names, kinds and types"),
    "types of other columns": (table(types={}), "names, kinds and types"),
    "an unknown key": (table(new=1), "table.json.new"),
    "headless by a number": (table(headless=1), "table.json.headless"),
    "no constants": (table(constants={}), "constants are not those"),
    "a constant that is a number": (table(constants={"shop": 1}), "constants.shop"),
    "a column less": (tree(lambda found: found["columns"].pop()), "columns are not those"),
    "a column twice": (
        tree(lambda found: found["columns"].append(found["columns"][0])),
        "columns are not those",
    ),
    "another kind": (column("size", kind="number"), "columns are not those"),
    "an unknown kind": (column("size", kind="colour"), "table.json.columns.0"),
    "no categories": (column("colour", spellings=[]), "spellings: List should have at least 1"),
    "a category twice": (column("colour", spellings=["a", " a", "b"]), "two spellings are alike"),
    "another number of categories": (column("colour", spellings=["a", "b"]), "tensor 'category'"),
    "a category that is a number": (column("colour", spellings=[1, 2, 3]), "spellings.0"),
    "no scale": (column("size", scale=None), "scale"),
    "a step of nothing": (column("size", step=0), "step"),
    "no digits at all": (column("weight", digits=0), "digits"),
    "digits without end": (column("weight", places=[10**30, 10**31]), "places.0"),
    "more digits than the most": (column("weight", places=[3, 2]), "the fewest digits and the"),
    "a date without format": (column("made", format=None), "a date has a format"),
    "a start too large": (column("size", start=10**400), "too large a number"),
    "no knots": (scale(knots=[], low=[], high=[]), "scale.knots: List should have at least 1"),
    "knots too few": (scale(knots=KNOTS[1:]), "59 knots have 60 intervals"),
    "knots that fall": (scale(knots=KNOTS[::-1]), "knots and their ranks rise"),
    "knots that are equal": (scale(knots=[1.0] * 60), "knots and their ranks rise"),
    "ranks that fall": (scale(low=RANKS[::-1]), "knots and their ranks rise"),
    "knots without end": (scale(knots=[*KNOTS[:-1], float("inf")]), "Infinity"),
    "knots that are no numbers": (scale(knots=[*KNOTS[:-1], float("nan")]), "NaN"),
    "knots that are text": (scale(knots=["1"] * 60), "knots.0"),
    "no spread": (scale(sd=0), "scale.sd"),
    "a date beyond all time": (
        tree(lambda found: [
            c["scale"][part].append(end)
            for c in found["columns"] if c["name"] == "made"
            for part, end in (("knots", 1e300), ("low", 1.0), ("high", 1.0))
        ]),
        "are no date",
    ),
    "no network": (gone(NETWORK), "network.json"),
    "a network that is a list": (text(NETWORK, "[1]"), "network.json: "),
    "a network of no width": (text(NETWORK, '{"width": 0}'), "network.json.width"),
    "a network of text": (text(NETWORK, '{"width": "16"}'), "network.json.width"),
    "a network of other heads": (text(NETWORK, '{"width": 16, "heads": 7}'), "no multiple of"),
    "a larger network": (text(NETWORK, '{"width": 4096, "encoder_layers": 64}'), "tensor "),
    "no weights": (gone("model.safetensors"), "holds no tensors 'model'"),
    "a tensor is missing": (
        tensors("model", lambda n, v: None if n == "norm.weight" else v),
        "tensor 'norm.weight' is missing in model",
    ),
    "another type": (one("norm.weight", torch.Tensor.double), "float64 .*, not torch.float32"),
    "another shape": (one("norm.weight", lambda v: torch.cat([v, v])), "of model is .*, not"),
    "weights that are no numbers": (
        one("norm.weight", lambda v: v * float("nan")),
        "tensor 'norm.weight' of model holds what is no finite number",
    ),
}  # fmt: skip


@pytest.fixture
def damaged(learned, tmp_path):
    """Damage a copy of the learned table and seal it again."""

    def make(damage):
        copy = shutil.copytree(learned, tmp_path / "copy")
        damage(copy)
        seal(copy)
        return copy

    return make


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_that_is_sealed_is_found(damaged, damage):
    change, message = DAMAGES[damage]
    with pytest.raises(ArtifactError, match=message):
        saving.load(damaged(change), "cpu")


def test_damage_ends_the_commands_with_its_exit_code(mirctl, damaged, holed):
    folder = damaged(scale(knots=KNOTS[1:]))
    commands = [("fill", folder, holed), ("sample", folder, "-n", "3")]
    for command in (*(("impute", *c) for c in commands), ("artifact", "verify", folder)):
        ran = mirctl(*command)
        assert (ran.code, "59 knots have 60 intervals" in ran.err) == (4, True), (command, ran.err)
        assert "bug" not in ran.err


def test_a_whole_table_is_whole(mirctl, damaged):
    assert mirctl("artifact", "verify", damaged(lambda folder: None)).code == 0


def test_half_a_character_is_refused_before_a_table_is_learned(mirctl, tmp_path):
    letters = ["\\ud83d", "b", "c"]
    lines = [f'{{"a": {n * 7 % 31}, "c": "{letters[n % 3]}"}}\n' for n in range(60)]
    (tmp_path / "t.jsonl").write_text("".join(lines))
    ran = mirctl("impute", "fit", tmp_path / "t.jsonl", *SMALL, "--out", tmp_path / "m")
    assert (ran.code, "column 'c' holds half of a character" in ran.err) == (3, True), ran.err
