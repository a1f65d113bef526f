"""`fuse index` and `fuse search`: what an index finds is what the model would say."""

import io
import json
import shutil

import pytest
import torch

from fuse.runs import trained
from mirctl_fuse import index as indexes
from mirctl_fuse import opening
from mirctl_fuse.searching import Search


@pytest.fixture
def model(mirctl, recipe, tmp_path):
    """It need not be a good one."""
    trained(mirctl, recipe, tmp_path / "model", "train.epochs=1")
    return tmp_path / "model"


@pytest.fixture
def made(mirctl, model, tmp_path):
    out = tmp_path / "index"
    ran = mirctl("fuse", "index", model, "--out", out, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["items"] == 30
    return out


@pytest.fixture
def found(mirctl, made, monkeypatch):
    """Rows of a search in the index, or what is told where it fails with `code`."""

    def ask(*asked, code=0, stdin=""):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        ran = mirctl("fuse", "search", made, *asked)
        assert ran.code == code, ran.err
        return ran.err if code else [json.loads(line) for line in ran.out.splitlines()]

    return ask


def test_a_user_gets_what_the_model_ranks_best_and_nothing_twice(found, made, model):
    saved = opening.load(model)
    rows = found("--user", "u3", "--k", 30)
    search = Search(made, None, "cpu")
    taken = set(search.histories.of([search.users["u3"]]).pairs()[1].tolist())
    (vectors,) = search.vectors([search.query({"user": "u3"}, "")], apart=False)
    scores = vectors["item"] @ saved.embeddings.T
    scores[list(taken)] = -torch.inf
    best = [saved.item_ids[n] for n in scores.argsort(descending=True).tolist()]
    assert [row["item_id"] for row in rows] == best[: len(rows)]
    assert len(rows) == 30 - len(taken)
    assert [row["rank"] for row in rows] == [*range(1, len(rows) + 1)]


def test_the_whole_of_an_item_is_where_the_item_is(found, made, recipe):
    """Asked by the title and the picture of an item, its vector is that of the item without its own
    vectors."""
    search = Search(made, None, "cpu")
    title = (recipe.parent / "items.csv").read_text().splitlines()[6].split(",")[1]
    picture = str(recipe.parent / "images" / "i5.png")
    query = search.query({"text": title, "image": picture}, "")
    (vectors,) = search.vectors([query], apart=True)
    rows = found("--text", title, "--image", picture, "--apart", "--k", 5)
    assert "i5" in [row["item_id"] for row in rows]
    for name in ("text", "poster"):
        own = indexes.open_index(made).search(name, vectors[name][None], 1)
        assert own.scores[0, 0] == pytest.approx(1.0, abs=1e-4), "an item is like itself"


def test_many_queries_at_once_are_answered_as_alone(found):
    asked = [{"text": "title 4"}, {"user": "u1"}, {"history": ["i1", "i2", "nobody"]},
             {"poster": "images"}]  # fmt: skip
    lines = "\n".join(json.dumps(one) for one in asked[:3]) + "\n"
    rows = found("-", "--k", 3, stdin=lines)
    assert [row["query"] for row in rows] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    alone = found("--by", "text=title 4", "--k", 3)
    same = [{key: row[key] for key in ("rank", "item_id", "title")} for row in alone]
    assert [{key: row[key] for key in ("rank", "item_id", "title")} for row in rows[:3]] == same


def test_filters_hold(found):
    rows = found("--text", "title", "--where", "item_id=i7", "--where", "item_id=i9")
    assert {row["item_id"] for row in rows} == {"i7", "i9"}


def test_an_index_of_another_model_is_refused(mirctl, found, model, recipe, tmp_path):
    moved = tmp_path / "moved"
    shutil.move(model, moved)
    assert "--model" in found("--user", "u1", code=5)
    assert found("--user", "u1", "--model", moved, "--k", 1)
    assert mirctl("fuse", "train", recipe, "seed=5", "--out", model).code == 0
    assert "make the index anew" in found("--user", "u1", code=4)


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        ((), 2, "in one way"),
        (("-", "--text", "x"), 2, "in one way"),
        (("--by", "sound=x"), 3, "no 'sound'"),
        (("--by", "text"), 2, "NAME=VALUE"),
        (("--text", "x", "--user", "u1"), 3, "one user"),
        (("--user", "nobody"), 3, "no user 'nobody'"),
        (("--image", "none.png"), 3, "is no file"),
        (("--text", "x", "--where", "colour=red"), 2, "no column 'colour'"),
        (("--text", "x", "--approximate"), 2, "no approximate search"),
        (("--text", "x", "--k", "0"), 2, "--k"),
    ],
)
def test_what_cannot_be_asked_is_told(found, asked, code, told):
    assert told in found(*asked, code=code)


@pytest.mark.parametrize(
    "line", ["[]", "{}", "no", '{"text": 3}', '{"history": "i1"}', '{"sound": "x"}']
)
def test_a_wrong_line_is_named(found, line):
    assert "stdin, line 2" in found("-", stdin=f"\n{line}\n", code=3)


def test_a_picture_that_cannot_be_read_is_told(found, tmp_path):
    file = tmp_path / "no.png"
    file.write_text("no")
    assert "cannot be read" in found("--image", file, code=3)


def test_an_absent_modality_is_found_in_no_space_of_its_own(made):
    index = indexes.open_index(made)
    asked = index.spaces["poster"].vectors[4:5]
    assert 0 not in index.search("poster", asked, 30).items[0].tolist()
