from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, PositiveInt

from mirctl import inputs, plugins, recipe
from mirctl.errors import UsageError
from mirctl.section import InputPath, JobConfig, ModelName, Section


class Model(Section):
    method: Literal["big", "small"] = "big"
    base: ModelName | None = None
    wide: bool = False
    size: int = 3


class Config(JobConfig):
    data: InputPath | None = None
    model: Model = Model()
    towers: dict[str, Model] = {}
    groups: PositiveInt | dict[str, PositiveInt] = 6
    layers: Literal["all"] | tuple[int, ...] = "all"
    rate: float = Field(0.1, gt=0)


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "r.yaml"
        file.write_text(text)
        return str(file)

    return write


def resolve(file, *changes):
    return recipe.resolve(Config, recipe.read(file, changes))


def test_defaults_recipe_and_changes_come_in_that_order(write):
    file = write("uses: a/b\nmodel: {size: 4, wide: true}\nrate: 0.5\n")
    config = resolve(file, "model.size=5", "model.size=6")
    assert (config.model.size, config.model.wide, config.rate, config.seed) == (6, True, 0.5, 0)


@pytest.mark.parametrize(
    ("text", "changes", "complaint"),
    [
        ("uses: a/b\nmodle: {}", [], "r.yaml:2:1: modle: unknown key; did you mean 'model'?"),
        (
            "uses: a/b\nmodel:\n  sise: 3",
            [],
            "model.sise: unknown key; did you mean 'size'?",
        ),
        ("uses: a/b\nmodel: {method: bigg}", [], "not 'bigg'; did you mean 'big'?"),
        ("uses: a/b\nmodel: {wide: yes}", [], "r.yaml:2:9: model.wide"),
        ("uses: a/b\nmodel: {wide: 1}", [], "model.wide"),
        ("uses: a/b\nmodel: {size: '3'}", [], "model.size"),
        ("uses: a/b\nmodel: {size: 3.5}", [], "model.size"),
        ("uses: a/b\nrate: -1", [], "r.yaml:2:1: rate: Input should be greater than 0, not -1"),
        ("uses: a/b\ndata: 3", [], "r.yaml:2:1: data"),
        ("uses: a/b\nmodel: 7", [], "r.yaml:2:1: model"),
        ("uses: a/b", ["model.sise=3"], "command line: model.sise: unknown key"),
        ("uses: a/b", ["model.size"], "write key=value"),
        ("uses: a/b", ["towers.x.sise=3"], "towers.x.sise: unknown key; did you mean 'size'?"),
        ("uses: a/b", [".".join("a" * 2000) + "=1"], "deeper than any recipe"),
        ("uses: a/b", ["groups={text: 0}"], "groups.text: Input should be greater than 0, not 0"),
        ("uses: a/b", ["groups={text: 0}"], "not 0; or groups: a valid integer"),
        ("uses: a/b", ["groups=x"], "groups: Input should be a valid integer, not 'x'; or an"),
        ("uses: a/b\nlayers: ['1']", [], "r.yaml:2:10: layers.0: Input should be a valid integer"),
        ("uses: a/b\nlayers: ['1']", [], ", not '1'; or layers: 'all'"),
        ("- a", [], "a recipe is a mapping"),
        ("", [], "a recipe is a mapping"),
    ],
)
def test_a_mistake_is_named_with_its_place(write, text, changes, complaint):
    with pytest.raises(UsageError) as caught:
        resolve(write(text), *changes)
    assert complaint in str(caught.value)


def test_every_mistake_is_told_at_once(write):
    with pytest.raises(UsageError) as caught:
        resolve(write("uses: a/b\nmodel: {sise: 3}\nrat: 1\n"))
    assert "model.sise" in str(caught.value)
    assert "did you mean 'rate'?" in str(caught.value)


def test_paths_start_from_the_recipe_or_from_the_command_line(write, tmp_path, monkeypatch):
    (tmp_path / "bert").mkdir()
    file = write("uses: a/b\ndata: x/y.csv\nmodel: {base: bert}\ntowers: {t: {base: ./no}}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = resolve(file)
    assert config.data == tmp_path / "x/y.csv"
    assert config.model.base == str(tmp_path / "bert")
    assert config.towers["t"].base == str(tmp_path / "no")
    changed = resolve(file, "data=z.csv", "model.base=org/name")
    assert changed.data == elsewhere / "z.csv"
    assert changed.model.base == "org/name", "a name that is no folder is a hub id"


def test_a_dumped_recipe_moves_with_its_folder(write, tmp_path):
    config = resolve(write("uses: a/b\ndata: x.csv\n"))
    text = recipe.dump(config, relative_to=tmp_path / "art")
    assert "data: ../x.csv" in text
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "recipe.yaml").write_text(text)
    assert resolve(str(tmp_path / "art" / "recipe.yaml")) == config


def test_input_paths_are_files_and_not_models(write, tmp_path):
    (tmp_path / "bert").mkdir()
    config = resolve(write("uses: a/b\ndata: x.csv\nmodel: {base: bert}\n"))
    assert inputs.find(config) == [inputs.Input("data", tmp_path / "x.csv")]


def test_a_name_that_is_nothing_offers_the_closest(monkeypatch):
    monkeypatch.setattr(recipe, "catalogue", lambda: {"adapt/ml-100k": Path("x.yaml")})
    with pytest.raises(UsageError, match="did you mean 'adapt/ml-100k'"):
        recipe.read("adapt/ml100k")


def whole_numbers(schema):
    """Every part of a JSON schema that is a whole number."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield schema
        for part in schema.values():
            yield from whole_numbers(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from whole_numbers(part)


def test_every_whole_number_of_a_recipe_has_a_largest_value():
    for job in plugins.results("mirctl_jobs"):
        found = list(whole_numbers(plugins.import_object(job.config).model_json_schema()))
        endless = [part for part in found if not {"maximum", "exclusiveMaximum"} & part.keys()]
        assert (job.name, endless) == (job.name, [])


class Old(Section):
    depth: int = Field(2, deprecated="write `layers`")


class Aging(JobConfig):
    towers: dict[str, Old] = {}
    old: Old = Old()
    many: tuple[Old, ...] = ()
    lr: float | None = Field(None, deprecated="it does nothing any more")


def test_a_key_that_will_go_is_read_and_told_with_its_place(write, capsys):
    text = "uses: a/b\nold: {depth: 3}\ntowers: {one: {depth: 4}}\nmany: [{depth: 2}, {depth: 5}]\n"
    config = recipe.resolve(Aging, recipe.read(write(text), ["lr=0.1"]))
    assert (vars(config.old)["depth"], vars(config)["lr"]) == (3, 0.1)
    told = capsys.readouterr().err.splitlines()
    assert {line.partition(": ")[2].split("/")[-1] for line in told} == {
        "command line: lr is deprecated: it does nothing any more",
        "r.yaml:2:7: old.depth is deprecated: write `layers`",
        "r.yaml:3:16: towers.one.depth is deprecated: write `layers`",
        "r.yaml:4:21: many.1.depth is deprecated: write `layers`",
    }


def test_a_stored_recipe_that_never_used_it_says_nothing(write, capsys):
    config = recipe.resolve(Aging, recipe.read(write("uses: a/b\n")))
    recipe.resolve(Aging, recipe.read(write(recipe.dump(config))))
    assert capsys.readouterr().err == ""
