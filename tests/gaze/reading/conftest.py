import shutil

import pytest

from gaze.reading.corpus import table
from mirctl.conformance.running import run


def fill(folder):
    """train.csv, valid.csv and texts.jsonl."""
    (folder / "train.csv").write_text(table(60))
    (folder / "valid.csv").write_text(table(20, seed=1, start=1000))
    (folder / "texts.jsonl").write_text(
        '{"id": "a", "text": "the old cat runs"}\n{"id": "b", "text": ""}\n'
        '{"id": "c", "text": " extraordinary\\n houses,"}\n'
    )


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with train.csv and valid.csv; the test is in it."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


QUICK = ("train.epochs=25", "model.members=1", "model.width=16", "--quiet")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A generator that learned train.csv, measured on valid.csv."""
    folder = tmp_path_factory.mktemp("trained")
    fill(folder)
    tables = (folder / "train.csv", "--valid", folder / "valid.csv")
    ran = run("gaze", "fit-reading", *tables, "--out", folder / "reader", *QUICK)
    assert ran.code == 0, ran.err
    return folder / "reader"


@pytest.fixture
def fitted(place, trained):
    """The same, in `reader`."""
    return shutil.copytree(trained, place / "reader")
