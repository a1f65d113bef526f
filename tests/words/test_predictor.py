"""Predictions are kept by text: nothing is predicted twice."""

import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from mirctl import cache, plugins
from mirctl.cache import kept
from mirctl.errors import ArtifactError, MissingError, RunError, UsageError
from mirctl.hookspecs import WordFeatures
from mirctl.words import Text, choose, sources
from words.counting import Counting

TEXTS = [Text.of(text) for text in ("the cat sat", "", "a", "the cat sat")]


def use(predictor, texts=TEXTS):
    found = predictor(texts)
    predictor.close()
    return found


def test_equal_texts_go_through_the_generator_once(counting):
    found = use(counting())
    assert Counting.calls == 3
    assert [own.tolist() for own in found] == [
        [[3, 0], [3, 1], [3, 2]], [], [[1, 0]], [[3, 0], [3, 1], [3, 2]],
    ]  # fmt: skip


def test_a_second_run_neither_loads_nor_calls_the_generator(counting):
    first = use(counting())
    Counting.calls = Counting.loads = 0
    again = counting()
    second = use(again)
    assert (Counting.calls, Counting.loads, again.predicted) == (0, 0, 0)
    for one, other in zip(first, second):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(one, other)


def test_only_new_texts_are_predicted(counting):
    use(counting())
    Counting.calls = 0
    use(counting(), [*TEXTS, Text.of("a new one")])
    assert Counting.calls == 1


def test_the_same_words_at_other_places_are_another_text(counting):
    use(counting(), [Text.joined(["new", "york"])])
    (found,) = use(counting(), [Text.joined(["new york"])])
    assert found.tolist() == [[8, 0]]


@pytest.mark.parametrize("change", ["weights", "plugin", "measures", "name", "form"])
def test_whatever_changes_predictions_has_them_made_anew(counting, monkeypatch, change):
    use(counting())
    Counting.calls = 0
    name = {"weights": "count:other", "name": "other"}.get(change, "count")
    specs = [WordFeatures(name, "words.counting:Counting") for name in ("count", "other")]
    monkeypatch.setattr(plugins, "results", lambda hook: specs)
    if change == "form":
        monkeypatch.setattr(sources, "CODE", sources.CODE + 1)
    if change == "plugin":
        monkeypatch.setattr(plugins, "version_of_giver", lambda hook, spec: "1.1")
    if change == "measures":
        monkeypatch.setattr(Counting, "measures", ("number", "length"))
    use(counting(name))
    assert Counting.calls == 3


def test_a_damaged_file_costs_a_prediction_and_nothing_else(counting, mirctl_cache, capsys):
    first = use(counting())
    (file,) = mirctl_cache.glob("words/*/*.safetensors")
    file.write_bytes(file.read_bytes()[:-4] + b"damn")
    Counting.calls = 0
    second = use(counting())
    assert Counting.calls == 3
    assert "damaged" in capsys.readouterr().err
    for one, other in zip(first, second):
        np.testing.assert_array_equal(one, other)
    use(counting())
    assert "damaged" not in capsys.readouterr().err


def test_what_is_new_is_written_now_and_then_and_once(counting, mirctl_cache, monkeypatch):
    monkeypatch.setattr(kept, "COMMIT_SECONDS", 0.0)
    predictor = counting()
    predictor([Text.of("one")])
    predictor([Text.of("other")])
    found = [load_file(path)["keys"] for path in mirctl_cache.glob("words/*/*.safetensors")]
    assert [len(keys) for keys in found] == [1, 1]


def test_what_is_used_counts_as_used(counting, mirctl_cache):
    use(counting())
    (record,) = mirctl_cache.glob("words/*/entry.json")
    os.utime(record, (1, 1))
    use(counting())
    assert record.stat().st_mtime > 1


def test_many_files_become_one(counting, mirctl_cache):
    for n in range(12):
        use(counting(), [Text.of(f"text {n}")])
    assert len(list(mirctl_cache.glob("words/*/*.safetensors"))) < 9
    Counting.calls = 0
    use(counting(), [Text.of(f"text {n}") for n in range(12)])
    assert Counting.calls == 0


@pytest.mark.parametrize("most_files", [0, 8])
def test_two_writers_keep_what_both_found(counting, monkeypatch, most_files):
    monkeypatch.setattr(kept, "MOST_FILES", most_files)
    one, other = counting(), counting()
    one([Text.of("one")])
    other([Text.of("other")])
    one.close()
    other.close()
    Counting.calls = 0
    use(counting(), [Text.of("one"), Text.of("other")])
    assert Counting.calls == 0


def test_a_cache_that_may_only_be_read_is_read(counting, monkeypatch, capsys):
    use(counting())
    monkeypatch.setattr(cache.Entry, "only_reads", lambda self: True)
    Counting.calls = 0
    use(counting(), [*TEXTS, Text.of("new")])
    assert Counting.calls == 1
    assert "only lets read" in capsys.readouterr().err


def test_a_generator_that_gives_too_little_is_not_believed(counting, monkeypatch, mirctl_cache):
    monkeypatch.setattr(Counting, "measures", ("length", "number", "more"))
    predictor = counting()
    with pytest.raises(RunError, match="'count' does not give 3 measures"):
        use(predictor)
    predictor.close()
    assert not list(mirctl_cache.glob("words/*/*.safetensors"))


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("cuont", UsageError, "did you mean 'count'"),
        ("nosuch", UsageError, "known: count"),
    ],
)
def test_what_is_no_generator_is_told(counting, name, kind, told):
    with pytest.raises(kind, match=told):
        choose(name)


def test_an_artifact_of_another_kind_measures_no_words(counting, tmp_path):
    from mirctl import artifact

    with artifact.create(tmp_path / "a", "x/y"):
        pass
    with pytest.raises(ArtifactError, match="x/y measures no words"):
        choose(str(tmp_path / "a"))


def test_the_hub_is_asked_for_what_looks_like_its_name(counting):
    with pytest.raises((MissingError, ArtifactError)):
        choose("nobody/nothing")
