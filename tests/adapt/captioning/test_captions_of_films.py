"""Films by way of the command line."""

import json
import sys

import pytest

pytest.importorskip("av")

from encode.media import save_film
from mirctl.encode import reading


def test_captions_of_films(mirctl, tmp_path, git_of_films):
    folder = tmp_path / "films"
    folder.mkdir()
    save_film(folder / "1.mp4", range(0, 250, 6))
    (folder / "2.mp4").write_bytes(b"no film")
    (folder / "4.webm").write_bytes(b"")
    (tmp_path / "items.csv").write_text("item_id\n1\n2\n3\n4\n")
    ran = mirctl(
        "adapt", "caption", tmp_path / "items.csv", "--videos", folder, "--model", git_of_films,
        "--max-tokens", 8, "--out", tmp_path / "out.csv", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["captions"] == 1
    assert told["absent"] == {"damaged video": 1, "no video": 1, "empty file": 1}


def test_without_the_extra_films_are_told_what_they_need(mirctl, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    ran = mirctl("adapt", "caption", tmp_path / "items.csv", "--videos", tmp_path, "--model", "x",
                 "--out", tmp_path / "out.csv")  # fmt: skip
    assert ran.code == 5
    assert "pip install 'mirctl[video]'" in ran.err
