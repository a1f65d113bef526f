"""Files of a recording whose fixations and words are known."""

import pytest

from gaze.recordings import record, samples_csv, text_boxes, words_csv


@pytest.fixture(scope="session")
def made():
    return record(text_boxes(lines=4), 1, noise=0.03, drift=30, blinks=0.05)


@pytest.fixture
def place(tmp_path, made, monkeypatch):
    """A folder with samples.csv and words.csv; the test is in it."""
    (tmp_path / "samples.csv").write_text(samples_csv(made))
    (tmp_path / "words.csv").write_text(words_csv(text_boxes(lines=4)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file of lines; the test is in its folder."""
    monkeypatch.chdir(tmp_path)

    def to(name, *lines, encoding="utf-8"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path

    return to


@pytest.fixture(scope="session")
def roberta(tmp_path_factory):
    """A folder with a random encoder whose tokens are bytes."""
    from gaze.reading.byte_models import save_roberta

    return save_roberta(tmp_path_factory.mktemp("roberta"))


@pytest.fixture(scope="session")
def causal(tmp_path_factory):
    """A folder with a random language model whose tokens are bytes."""
    from gaze.reading.byte_models import save_causal

    return save_causal(tmp_path_factory.mktemp("causal"))
