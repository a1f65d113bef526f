import json
import re

import pytest
from PIL import Image

from mirctl.cli import run_command


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,sku,timestamp\nu,a,1\nu,b,1\nv,a,2\n")
    (tmp_path / "items.csv").write_text("sku,title\na,Sea\nb,\nc,Sky\n")
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "pictures/a.png")
    (tmp_path / "pictures/b.png").write_bytes(b"")
    return tmp_path


def check(folder, *more):
    names = {"--interactions": "log.csv", "--items": "items.csv", "--images": "pictures"}
    paths = [part for key, name in names.items() for part in (key, str(folder / name))]
    return run_command(["data", "check", *paths, "--column", "item=sku", *more])


def test_check_gives_one_json_document(folder, capsys):
    assert check(folder, "--deep", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["users"], report["items"], report["tied"]) == (2, 3, 2)
    assert report["density"] == 0.5
    assert report["history_length"] == {
        "shortest": 1,
        "median": 1,
        "9 of 10 below": 1,
        "longest": 2,
    }
    assert report["unreadable_images"] == 1
    assert report["examples"]["items without interactions"] == ["c"]
    assert report["examples"]["unreadable images"][0].startswith("b.png")


def test_check_shows_people_the_counts_and_examples(folder, capsys):
    assert check(folder) == 0
    out = capsys.readouterr().out
    assert "items without text" in out
    assert "users with one interaction, such as: v" in out


def test_check_exits_3_on_what_would_stop_a_run(folder, capsys):
    (folder / "items.csv").write_text("sku,title\na,Sea\n")
    assert check(folder, "--json") == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == 3
    assert "'b' is not in" in captured.err
    assert check(folder, "--drop-unknown") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "check"], "set interactions"),
        (["data", "check", "--from", "netflix", "."], "there is microlens"),
        (["data", "check", "--from", "microlens"], "name the folder"),
        (["data", "check", "--interactions", "x.csv", "--column", "item"], "item=sku"),
        (["data", "check", "--interactions", "x.csv", "--column", "itm=a"], "there is user, item"),
        (["data", "get", "netflix", "--out", "x"], "there is: .*ml-100k"),
    ],
)
def test_wrong_usage_exits_2(arguments, message, capsys):
    assert run_command(arguments) == 2
    assert re.search(message, capsys.readouterr().err)


def test_check_reads_microlens(tmp_path, capsys):
    (tmp_path / "MicroLens-50k_pairs.csv").write_text("user,item,timestamp\n1,5,1\n")
    assert run_command(["data", "check", "--from", "microlens", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 1


def test_the_known_data_sets_are_listed(capsys):
    assert run_command(["data", "list", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)["datasets"]
    assert "ml-100k" in [dataset["name"] for dataset in known]


def test_a_deep_check_starts_no_other_program(folder, capsys, monkeypatch):
    """An EPS under a picture's name would make Pillow run Ghostscript."""
    started = []
    monkeypatch.setattr("subprocess.check_call", lambda *a, **k: started.append(a))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"
    (folder / "pictures/c.png").write_bytes(eps)
    assert check(folder, "--deep", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert started == []
    assert "c.png (not an image)" in report["examples"]["unreadable images"]


def test_data_in_which_nobody_can_be_evaluated_is_told(folder, capsys):
    assert check(folder) == 0
    assert "no user has 3 interactions" in capsys.readouterr().err


def test_the_data_of_a_recipe_can_be_checked(folder, capsys):
    (folder / "r.yaml").write_text(
        "uses: adapt/run\nmodel: {method: pop}\n"
        "data: {interactions: log.csv, items: items.csv, columns: {item: sku, title: name}}\n"
    )
    (folder / "items.csv").write_text("sku,name,pic\na,Sea,\nb,Sky,\n")
    assert run_command(["data", "check", str(folder / "r.yaml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items_without_text"] == 0


def test_a_missing_title_column_is_told(folder, capsys):
    (folder / "items.csv").write_text("sku,name\na,Sea\nb,Sky\n")
    assert check(folder) == 0
    assert "set columns.title to one of sku, name" in capsys.readouterr().err
