"""The self-test passes where a model is sound, and names what is not."""

import math

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from align.model.batches import INJECTIONS
from mirctl.errors import DataError, MissingError
from mirctl_align import checking, subjects
from mirctl_align.exporting import export

TEXTS = ("one two", "three", "toy story heat golden eye one two three four", "jumanji one", "heat")


def plain(folder, out, **settings):
    """A classifier with a random head, as others save it."""
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn_like(weight)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for name, value in settings.items():
        setattr(tokenizer, name, value)
        tokenizer.init_kwargs[name] = value
    model.config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return str(out)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_what_is_trained_here_passes(saved, family, inject, method):
    _, folder = saved(family, inject, method)
    report = checking.check(str(folder))
    assert report.failed == []
    assert report.missed == []
    names = [row.test for row in report.rows]
    assert ("updates merged" in names) == (method == "lora")
    assert {"padded left", "padded right", "other company", "read again", "in bf16"} <= set(names)


def test_a_sound_model_of_others_passes(saved, tmp_path):
    for family in ("llama", "bert"):
        _, folder = saved(family, name=family)
        export(folder, tmp_path / f"{family}-plain")
        report = checking.check(str(tmp_path / f"{family}-plain"), TEXTS)
        assert report.failed == [], report.shown()


def test_texts_are_cut_to_what_a_model_reads(folders, tmp_path):
    texts = ("one two " * 400, "three")
    assert checking.check(plain(folders["bert"], tmp_path / "bert"), texts).failed == []


def test_positions_that_count_padding_are_found(folders, tmp_path):
    settings = {"padding_side": "left"}
    report = checking.check(plain(folders["bert"], tmp_path / "bert", **settings), TEXTS)
    # BERT numbers its positions from the left end, padding included.
    assert report.failed == ["padded left", "other order", "other company"]
    told = "bert: 3 of 6 checks failed: padded left, other order, other company"
    assert report.missed[0].endswith(told)
    assert report.metrics["failed"] == {"value": 3}
    assert report.metrics["difference.padded-left"]["value"] > 1e-3
    assert report.metrics["difference.padded-right"]["value"] < 1e-5
    assert "NO" in report.shown()
    assert "pads at the other end" in report.shown()


def test_a_padding_token_that_ends_texts_is_found(folders, tmp_path):
    settings = {"eos_token": "four", "pad_token": "four"}
    texts = [text.replace("four", "three") for text in TEXTS]  # they get their ends in the check
    report = checking.check(plain(folders["llama"], tmp_path / "llama", **settings), texts)
    assert report.failed == ["padding is the end token"]
    assert report.rows[4].difference > report.rows[4].limit


def test_a_model_without_a_padding_token_fails_and_says_why(folders, tmp_path):
    report = checking.check(plain(folders["llama"], tmp_path / "llama", eos_token="four"), TEXTS)
    row = report.rows[0]
    assert row.passed is False
    assert row.difference is None
    assert "padding token" in row.note
    report.shown()


def test_what_is_asked_as_merged_has_no_updates_left(saved):
    _, folder = saved("llama")
    asked = subjects.open_subject(str(folder), TEXTS, torch.device("cpu"))
    merged = asked.again()
    merged.merge()
    for subject, has_updates in ((asked, True), (merged, False)):
        names = [name for name, _ in subject.opened.model.named_parameters()]
        assert any("lora" in name for name in names) == has_updates


def test_rows_are_padded_where_it_is_asked_for_and_every_other_one_ends(saved):
    _, folder = saved("llama", "add")
    asked = subjects.open_subject(str(folder), TEXTS, torch.device("cpu"))
    asked.ids, asked.padding, asked.ends = [[5, 6], [7]], 3, 9
    for side, row in (("left", [3, 7]), ("right", [7, 3]), (None, [7, 3])):
        batch = asked._batch(asked.ids, side)
        assert batch.ids.tolist() == [[5, 6], row]
        assert torch.equal(batch.real[1], batch.ids[1] != 3)
        assert torch.equal(batch.gaze.isnan().all(2), ~batch.real)
    assert asked.ended().ids == [[5, 6], [7, 9]]
    assert (asked.padded_with_end().ids, asked.padded_with_end().padding) == ([[5, 6], [7, 9]], 9)


def test_scores_that_are_no_numbers_pass_nothing(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(
        subjects.Theirs, "scores", lambda self, n, side=None: torch.nan * torch.ones(len(n), 1)
    )
    report = checking.check(plain(folders["bert"], tmp_path / "bert"), TEXTS)
    assert {row.difference for row in report.rows if row.difference is not None} == {math.inf}
    assert report.failed == ["padded right", "other order", "other company"]


def test_scores_near_0_have_the_least_limit():
    class Zeros(subjects.Theirs):
        def __init__(self):
            self.texts = TEXTS

        def scores(self, which, side=None):
            return torch.zeros(len(which), 1)

    assert Zeros().limit == subjects.LEAST


def test_a_model_without_a_head_is_refused(folders):
    with pytest.raises(MissingError, match="the weights lack"):
        checking.check(str(folders["bert"]), TEXTS)


@pytest.mark.parametrize(
    ("content", "where", "told"),
    [
        ('{"text": "one"}\n', "texts.jsonl", "has 1 text: a check wants at least two"),
        ('{"text": "one"}\n\n{"text": " "}\n', "texts.jsonl, row 3", "text is ' '"),
        ('{"text": "one"}\n{"text": 7}\n', "texts.jsonl, row 2", "text is 7: it must be a text"),
        ('{"text": "one"}\n{"txt": "a"}\n', "texts.jsonl, row 2", "did you mean 'txt'"),
    ],
)
def test_texts_to_ask_must_be_some_and_not_blank(tmp_path, content, where, told):
    (tmp_path / "texts.jsonl").write_text(content)
    with pytest.raises(DataError, match=told) as failed:
        checking.texts_of(str(tmp_path / "texts.jsonl"))
    assert failed.value.where.endswith(where)
