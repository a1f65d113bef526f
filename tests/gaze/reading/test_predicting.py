"""Predicted measures as tables: a row a word, in the order that came in."""

import csv
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from mirctl_gaze.reading import augmenting, formula, frequency, predicting
from mirctl_gaze.reading.predicting import Asked
from shell import pipe


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_texts_become_a_row_a_word_with_the_characters_it_covers(mirctl, place):
    ran = mirctl("gaze", "predict", "formula", "texts.jsonl", "--measures", "TRT,FFD")
    assert ran.code == 0, ran.err
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert [(r["trial"], r["word"], r["text"]) for r in found] == [
        ("a", 1, "the"), ("a", 2, "old"), ("a", 3, "cat"), ("a", 4, "runs"),
        ("c", 1, "extraordinary"), ("c", 2, "houses,"),
    ]  # fmt: skip
    assert list(found[0]) == ["trial", "word", "text", "start", "end", "TRT", "FFD"]
    text = " extraordinary\n houses,"
    assert [text[r["start"] : r["end"]] for r in found[4:]] == ["extraordinary", "houses,"]
    assert all(r["TRT"] > 0 for r in found)


def test_words_keep_their_rows_and_get_columns(mirctl, place):
    given = (place / "valid.csv").read_text()
    ran = mirctl("gaze", "predict", "formula", "valid.csv", "--prefix", "p_", "--measures", "TRT")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert [line.rpartition(",")[0] for line in lines] == given.splitlines()
    assert lines[0].endswith(",p_TRT")


def test_blocks_that_cut_a_text_do_not_change_it(mirctl, place, monkeypatch):
    line = ("gaze", "predict", "formula", "valid.csv", "--prefix", "p_")
    whole = mirctl(*line).out
    for rows_at_once in (1, 7):
        monkeypatch.setattr("mirctl_gaze.measured.ROWS", rows_at_once)
        assert mirctl(*line).out == whole


def test_groups_of_texts_do_not_change_them(mirctl, place, fitted, monkeypatch):
    line = ("gaze", "predict", "reader", "texts.jsonl")
    whole = mirctl(*line).out
    monkeypatch.setattr("mirctl_gaze.reading.predicting.TEXTS", 1)
    monkeypatch.setenv("MIRCTL_CACHE", str(place / "other"))
    assert mirctl(*line).out == whole


def test_words_and_their_text_are_predicted_alike(mirctl, place):
    (place / "w.csv").write_text("trial,word,text\n1,0,the\n1,1,old\n1,2,cat\n1,3,runs\n")
    words = rows(mirctl("gaze", "predict", "formula", "w.csv").out)
    texts = map(json.loads, mirctl("gaze", "predict", "formula", "texts.jsonl").out.splitlines())
    for one, other in zip(words, texts):
        assert float(one["TRT"]) == other["TRT"]


def test_words_are_read_by_their_numbers_and_stay_in_their_rows(mirctl, place, fitted):
    words = [(0, "the"), (1, "old"), (2, "extraordinary"), (3, "cat")]
    order = [3, 0, 2, 1]
    for name, at in (("sorted", range(4)), ("mixed", order)):
        lines = [f"1,{words[n][0]},{words[n][1]}" for n in at]
        (place / f"{name}.csv").write_text("\n".join(["trial,word,text", *lines]) + "\n")
    told, mixed = (
        rows(mirctl("gaze", "predict", "reader", f"{name}.csv").out) for name in ("sorted", "mixed")
    )
    assert mixed == [told[n] for n in order]


def test_rows_that_are_no_word_have_no_measure_and_change_no_other(mirctl, place, fitted):
    (place / "plain.csv").write_text("trial,word,text\n1,0,the\n1,2,extraordinary\n")
    lines = ["1,0, the ", "1,1,", "1,2,extraordinary<EOS>", "1,,old", "1,4,<EOS>"]
    (place / "gaps.csv").write_text("\n".join(["trial,word,text", *lines]) + "\n")
    plain = rows(mirctl("gaze", "predict", "reader", "plain.csv").out)
    ran = mirctl("gaze", "predict", "reader", "gaps.csv")
    found = rows(ran.out)
    assert [row["TRT"] for row in found] == [plain[0]["TRT"], "", plain[1]["TRT"], "", ""]
    assert "3 rows cannot be used: row 2 (no text)" in ran.err


def test_a_column_of_texts_may_stand_beside_one_called_word(mirctl, place):
    (place / "senses.csv").write_text("word,sentence\nbank,the old bank\n")
    ran = mirctl("gaze", "predict", "formula", "senses.csv", "--column", "sentence")
    assert [row["text"] for row in rows(ran.out)] == ["the", "old", "bank"]


def test_a_second_run_calls_no_generator(mirctl, place, fitted, monkeypatch):
    line = ("gaze", "predict", "reader", "texts.jsonl", "--out", "p.csv", "--json", "--force")
    first = json.loads(mirctl(*line).out)
    monkeypatch.setattr("mirctl_gaze.reading.saving.Learned.load", None)
    second = json.loads(mirctl(*line).out)
    assert (first["predicted_now"], second["predicted_now"]) == (3, 0)
    assert first["metrics"] == second["metrics"]
    assert first["words"] == 6


def test_other_weights_are_another_generator(mirctl, place, fitted):
    more = ("--out", "other", "--seed", 5, "train.epochs=1", "model.members=1", "--quiet")
    assert mirctl("gaze", "fit-reading", "train.csv", *more).code == 0
    line = ("texts.jsonl", "--out", "p.csv", "--json", "--force")
    mirctl("gaze", "predict", "reader", *line)
    assert json.loads(mirctl("gaze", "predict", "other", *line).out)["predicted_now"] == 3


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_has_the_same_numbers(mirctl, place, suffix):
    out = f"p.{suffix}"
    assert mirctl("gaze", "predict", "formula", "texts.jsonl", "--out", out).code == 0
    from mirctl.tables import open_stream

    (block,) = open_stream(out).blocks(100)
    assert block.cells["word"] == ["1", "2", "3", "4", "1", "2"]
    printed = mirctl("gaze", "predict", "formula", "texts.jsonl").out
    wanted = map(json.loads, printed.splitlines())
    np.testing.assert_allclose([float(x) for x in block.cells["GD"]], [row["GD"] for row in wanted])


def test_texts_come_in_a_pipe(place):
    first = "mirctl gaze predict formula - --measures TRT"
    second = "mirctl gaze predict formula - --prefix again_"
    done = pipe(f"cat texts.jsonl | {first} | {second} | head -1", place)
    found = json.loads(done.out)
    assert done.codes[:3] == [0, 0, 0]
    assert found["again_TRT"] == found["TRT"]


def test_an_empty_table_and_one_of_empty_texts_give_no_rows(mirctl, place):
    (place / "none.csv").write_text("text\n")
    (place / "blank.jsonl").write_text('{"text": ""}\n{"text": null}\n')
    (place / "words.csv").write_text("trial,word,text\n")
    assert rows(mirctl("gaze", "predict", "formula", "none.csv").out) == []
    assert mirctl("gaze", "predict", "formula", "blank.jsonl").out == ""
    assert mirctl("gaze", "predict", "formula", "words.csv").out.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (("formula", "texts.jsonl", "--measures", "GDD"), 2, "did you mean 'GD'"),
        (("formula", "texts.jsonl", "--measures", "TRT,TRT"), 2, "twice"),
        (("formula", "texts.jsonl", "--column", "body"), 3, "has no column 'body'"),
        (("formula", "valid.csv"), 2, "--prefix"),
        (("formula:xx", "texts.jsonl"), 2, "no word frequencies"),
        (("reading", "texts.jsonl"), 5, "reading:FOLDER"),
        (("fromula", "texts.jsonl"), 2, "did you mean 'formula'"),
        (("formula", "nothing.csv"), 3, "nothing.csv"),
        (("formula", "twice.csv"), 3, "columns `trial` and `reader` tell"),
        (("formula", "texts.jsonl", "--json"), 2, "--out"),
        (("formula", "texts.jsonl", "--require", "TRT<=1"), 1, "TRT is"),
    ],
)
def test_wrong_usage_is_told(mirctl, place, line, code, told):
    (place / "twice.csv").write_text("word,text\n0,the\n1,cat\n0,a\n")
    ran = mirctl("gaze", "predict", *line)
    assert ran.code == code, ran.err
    assert told in ran.err


def test_a_damaged_generator_is_a_bad_artifact(mirctl, place, fitted):
    (fitted / "extra" / "network.json").write_text("{}")
    ran = mirctl("gaze", "predict", "reader", "texts.jsonl")
    assert ran.code == 4


def test_weights_that_were_changed_are_not_those_that_the_cache_knows(mirctl, place, fitted):
    file = fitted / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    (place / "texts.csv").write_text("text\nthe cat\n")
    for line in ("predict reader texts.csv", "predict reader valid.csv --prefix g_",
                 "augment texts.csv --with reader"):  # fmt: skip
        ran = mirctl("gaze", *line.split())
        assert (ran.code, "its sha256 is another" in ran.err) == (4, True), ran.err
        assert ran.out == ""


def test_texts_without_a_name_are_called_by_their_row(mirctl, place, monkeypatch):
    monkeypatch.setattr(predicting, "TEXTS", 2)
    (place / "t.csv").write_text("text\na b\nc\nd\n")
    found = rows(mirctl("gaze", "predict", "formula", "t.csv").out)
    assert [(row["trial"], row["word"]) for row in found] == [
        ("1", "1"), ("1", "2"), ("2", "1"), ("3", "1"),
    ]  # fmt: skip


def test_means_over_words_count_those_that_have_a_value():
    told = predicting.Predicted(("bits", "TRT"))
    told.add([np.array([[np.nan, 1], [3, 2]]), np.array([[5, 6]])])
    told.add([np.full((1, 2), np.nan)])
    found = {name: (entry["value"], entry["n"]) for name, entry in told.metrics().items()}
    assert found == {"bits": (4, 2), "TRT": (3, 3)}
    assert (told.texts, told.words) == (3, 4)


def test_other_word_frequencies_have_predictions_made_anew(mirctl, place, fitted, monkeypatch):
    for generator in ("formula", "reader"):
        line = ("gaze", "predict", generator, "texts.jsonl")
        assert "known before" not in mirctl(*line).err
        assert "known before" in mirctl(*line).err
        with monkeypatch.context() as patch:
            for module in (formula, frequency):
                patch.setattr(module, "version", lambda: "wordfreq 9.9")
            ran = mirctl(*line)
        assert "known before" not in ran.err
        assert ("predictions may differ" in ran.err) == (generator == "reader")


def test_predicting_and_augmenting_are_steps(mirctl, place, fitted):
    (place / "p.yaml").write_text(
        "steps:\n"
        "  fit: {uses: gaze/fit-reading, data: {train: train.csv}, train: {epochs: 1}}\n"
        "  words: {uses: gaze/predict, generator: {step: fit}, texts: texts.jsonl}\n"
        "  again: {uses: gaze/augment, generator: formula, texts: texts.jsonl, out: again.jsonl}\n"
    )
    ran = mirctl("run", "p.yaml", "--out", "all")
    assert ran.code == 0, ran.err
    assert len(rows((place / "all" / "words.csv").read_text())) == 6
    assert "TRT" in json.loads((place / "all" / "again.jsonl").read_text().splitlines()[0])


def test_texts_are_augmented_with_a_number_a_word(mirctl, place):
    ran = mirctl("gaze", "augment", "texts.jsonl", "--with", "formula", "--measures", "TRT")
    assert ran.code == 0, ran.err
    first, empty, last = map(json.loads, ran.out.splitlines())
    given = [json.loads(line) for line in (place / "texts.jsonl").read_text().splitlines()]
    assert {k: first[k] for k in ("id", "text")} == given[0]
    assert (first["word_start"], first["word_end"]) == ([0, 4, 8, 12], [3, 7, 11, 16])
    assert len(first["TRT"]) == 4
    assert empty["TRT"] == []
    assert last["word_start"] == [1, 16]


def test_lists_are_lists_in_parquet_and_json_in_csv(mirctl, place):
    for name in ("a.parquet", "a.csv"):
        line = ("gaze", "augment", "texts.jsonl", "--with", "formula", "--out", name)
        assert mirctl(*line).code == 0
    table = pq.read_table("a.parquet").to_pylist()
    text = rows((place / "a.csv").read_text())
    assert table[0]["TRT"] == json.loads(text[0]["TRT"])
    assert table[1]["FFD"] == []


def test_means_are_the_means_of_the_lists(mirctl, place):
    line = ("gaze", "augment", "texts.jsonl", "--with", "formula", "--measures", "TRT")
    lists = [json.loads(x)["TRT"] for x in mirctl(*line).out.splitlines()]
    means = [json.loads(x)["TRT"] for x in mirctl(*line, "--mean").out.splitlines()]
    assert means[1] is None
    assert means[0] == pytest.approx(np.mean(lists[0]), abs=1e-4)


def test_a_mean_is_over_the_words_that_have_a_value():
    asked = Asked(("bits", "TRT"), [0, 1], ["bits", "TRT"])
    nan = np.nan
    found = [np.array([[nan, 1], [3, 2], [4, 6]], np.float32), np.full((1, 2), nan, np.float32)]
    assert augmenting._means(found, asked) == {"bits": ["3.5", None], "TRT": ["3", None]}


@pytest.mark.parametrize("command", ["predict formula {}", "augment {} --with formula"])
def test_a_column_of_lists_is_no_text(mirctl, place, command):
    (place / "lists.jsonl").write_text('{"text": "the cat"}\n{"text": ["the", "cat"]}\n')
    ran = mirctl("gaze", *command.format("lists.jsonl").split())
    assert (ran.code, "'text' holds lists or objects" in ran.err) == (3, True), ran.err


def test_columns_that_are_there_are_not_overwritten(mirctl, place):
    (place / "t.csv").write_text("text,TRT\nthe cat,1\n")
    ran = mirctl("gaze", "augment", "t.csv", "--with", "formula")
    assert (ran.code, "--prefix" in ran.err) == (2, True)
    ran = mirctl("gaze", "augment", "t.csv", "--with", "formula", "--prefix", "g_", "--mean")
    assert rows(ran.out)[0]["TRT"] == "1"
