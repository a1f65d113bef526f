"""What may not be read is told by the exit code of what it is."""

import shutil

import pytest

from mirctl.testing.catalogue import write_catalogue


@pytest.fixture
def shop(tmp_path, bert, mirctl):
    """A folder of data, a recipe, a model and an artifact."""
    folder = write_catalogue(tmp_path)
    shutil.copytree(bert, folder / "model")
    (folder / "images").mkdir()
    (folder / "pairs").mkdir()
    data = "{interactions: interactions.csv, items: items.csv}"
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"uses: adapt/run\ndata: {data}\nmodel: {{method: frozen, text: ./model}}\n")
    ran = mirctl("adapt", "run", recipe, "model.method=pop", "--out", folder / "art")
    assert ran.code == 0, ran.err
    return folder


pytestmark = pytest.mark.usefixtures("any_pathlib")
RUN = ["adapt", "run", "recipe.yaml", "--out", "new"]
CHECK = ["data", "check"]
CASES = [
    ("recipe.yaml", RUN, 2),
    ("interactions.csv", RUN, 3),
    ("items.csv", RUN, 3),
    ("interactions.csv", [*RUN, "--dry-run"], 3),
    ("images", [*RUN, "data.images=images"], 3),
    ("items.csv", [*CHECK, "--interactions", "interactions.csv", "--items", "items.csv"], 3),
    ("pairs", [*CHECK, "--from", "microlens", "pairs"], 3),
    ("items.csv", ["adapt", "recommend", "art", "--all", "--deny", "items.csv"], 3),
    ("model", RUN, 5),
    ("model/config.json", RUN, 5),
    ("model/model.safetensors", RUN, 5),
    ("model/tokenizer.json", RUN, 5),
    ("art", ["adapt", "recommend", "art", "--all"], 4),
    ("art", ["adapt", "eval", "art"], 4),
    ("art/manifest.json", ["adapt", "recommend", "art", "--all"], 4),
    ("art/recipe.yaml", ["adapt", "eval", "art"], 4),
    ("art/recipe.yaml", ["recipe", "check", "art"], 4),
    ("art/model.safetensors", ["adapt", "recommend", "art", "--all"], 4),
    ("art/model.safetensors", ["artifact", "inspect", "art"], 4),
    ("art/extra", ["artifact", "verify", "art"], 4),
    ("art/extra", ["adapt", "recommend", "art", "--all"], 4),
    ("art", ["artifact", "merge", "art", "art2", "--out", "new"], 4),
    ("pairs", ["artifact", "merge", "pairs/a.csv", "pairs/b.csv", "--out", "new.csv"], 3),
]


@pytest.mark.parametrize(("what", "command", "code"), CASES)
def test_what_may_not_be_read_is_told(
    mirctl, shop, monkeypatch, no_privileges, what, command, code
):
    monkeypatch.chdir(shop)
    (shop / what).chmod(0)
    try:
        ran = mirctl(*command)
    finally:
        (shop / what).chmod(0o700)
    assert (ran.code, "Permission denied" in ran.err) == (code, True), ran.err
    assert "bug" not in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ["plugins", "new", "shout", "--out", "pairs/new"],
        [*RUN[:-1], "pairs/new"],
        [*RUN[:-1], "pairs/new", "--dry-run"],
        [*RUN[:-1], "pairs", "--force"],
    ],
)
def test_where_nobody_may_look_nothing_is_written(
    mirctl, shop, monkeypatch, no_privileges, command
):
    monkeypatch.chdir(shop)
    (shop / "pairs").chmod(0)
    try:
        ran = mirctl(*command)
    finally:
        (shop / "pairs").chmod(0o700)
    assert (ran.code, "check its permissions" in ran.err) == (2, True), ran.err


@pytest.mark.parametrize("part", ["", "digests", "models/x", "models/x/entry.json"])
@pytest.mark.parametrize(
    "command",
    [
        ["cache", "ls"],
        ["cache", "du"],
        ["cache", "prune"],
        ["cache", "prune", "--older-than", "0s"],
        ["adapt", "run", "recipe.yaml", "--out", "new"],
        ["artifact", "verify", "org/shop@main"],
    ],
)
def test_a_cache_that_may_not_be_read_is_a_wrong_setting(
    mirctl, shop, monkeypatch, no_privileges, own_cache, part, command
):
    monkeypatch.chdir(shop)
    folder = own_cache / "models" / "x"
    folder.mkdir(parents=True)
    (own_cache / "digests").mkdir(exist_ok=True)
    (folder / "entry.json").write_text('{"files": {}}')
    (own_cache / part).chmod(0)
    try:
        ran = mirctl(*command)
    finally:
        (own_cache / part).chmod(0o700)
    assert folder.is_dir()
    if ran.code in (0, 5):  # what it wants is not in that part
        assert part
    else:
        assert (ran.code, "check its permissions" in ran.err) == (2, True), ran.err
