"""`fit-reading` with pretrained models: what an artifact holds, and which model predicts again."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
import torch

from gaze.reading import byte_models
from mirctl import artifact, training
from mirctl.words import Text
from mirctl_gaze.reading import saving, surprisal

WORDS = ["the", "reader", "unbelievable", "saw,", "日本", "again", "😀"]
QUICK = ("train.epochs=1", "--quiet")


def table(texts, seed, noise=1.0):
    rng = np.random.default_rng(seed)
    lines = ["trial,word,text,TRT"]
    for n in range(texts):
        for i, word in enumerate(rng.choice(WORDS, rng.integers(2, 9))):
            value = 100 + 20 * len(word) + noise * rng.standard_normal()
            lines.append(f'{seed}{n},{i},"{word}",{value:.3f}')
    return "\n".join(lines) + "\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with train.csv and valid.csv; the test is in it."""
    (tmp_path / "train.csv").write_text(table(40, 1))
    (tmp_path / "valid.csv").write_text(table(10, 2))
    (tmp_path / "texts.csv").write_text('text\nthe reader saw\n"unbelievable 日本, again 😀"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predicted(mirctl, generator, table="texts.csv"):
    ran = mirctl("gaze", "predict", generator, table, "--quiet")
    assert ran.code == 0, ran.err
    return list(csv.DictReader(io.StringIO(ran.out)))


@pytest.mark.parametrize("arch", ["et1", "et2"])
def test_an_artifact_needs_nothing_but_itself(arch, mirctl, place, roberta, monkeypatch):
    base = shutil.copytree(roberta, place / "base")
    options = ("--arch", arch, f"model.base={base}", "--valid", "valid.csv", *QUICK)
    ran = mirctl("gaze", "fit-reading", "train.csv", *options, "--out", "made", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["metrics"]["mae"]["n"] > 0
    shutil.rmtree(base)
    before = predicted(mirctl, "made")
    assert [row["text"] for row in before][3:] == ["unbelievable", "日", "本", ",", "again", "😀"]
    assert len({row["TRT"] for row in before}) > 4
    (place / "moved").mkdir()
    shutil.move(place / "made", place / "moved/again")
    shutil.rmtree(place.parent / "cache", ignore_errors=True)
    assert predicted(mirctl, "moved/again") == before
    assert mirctl("artifact", "verify", "moved/again").code == 0
    texts = (place / "moved/again").rglob("*.json")
    assert not any(str(place) in path.read_text() for path in texts)


@pytest.mark.parametrize("arch", ["et1", "et2"])
def test_the_same_seed_makes_the_same_weights(arch, mirctl, place, roberta):
    for out in ("one", "two"):
        options = ("--arch", arch, f"model.base={roberta}", *QUICK)
        assert mirctl("gaze", "fit-reading", "train.csv", *options, "--out", out).code == 0
    weights = [(place / out / "model.safetensors").read_bytes() for out in ("one", "two")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("arch", ["et1", "et2"])
def test_a_stopped_run_goes_on_to_the_same_weights(arch, mirctl, place, roberta, monkeypatch):
    line = ("gaze", "fit-reading", "train.csv", "--arch", arch, f"model.base={roberta}")
    line += ("train.epochs=3", "train.checkpoint_every=0", "--quiet")
    assert mirctl(*line, "--out", "whole").code == 0
    real, steps = training._Loop._step, iter(range(10**6))

    def stopping(self, epoch, step):
        if next(steps) == 5:
            raise KeyboardInterrupt
        real(self, epoch, step)

    with monkeypatch.context() as patch:
        patch.setattr(training._Loop, "_step", stopping)
        assert mirctl(*line, "--out", "stopped").code == 130
    ran = mirctl(*line, "--out", "stopped", "--resume")
    assert ran.code == 0, ran.err
    whole, stopped = (
        (place / name / "model.safetensors").read_bytes() for name in ("whole", "stopped")
    )
    assert whole == stopped


def test_whatever_decides_a_prediction_is_in_the_key(mirctl, place, roberta):
    line = ("gaze", "fit-reading", "train.csv", "--arch", "et2", f"model.base={roberta}")
    assert mirctl(*line, "train.epochs=0", "--quiet", "--out", "made").code == 0
    art = artifact.open_artifact(place / "made")
    key = saving.Learned(art).key
    decide = {"model.safetensors", "extra/network.json", "extra/base/config.json",
              "extra/base/tokenizer.json", "extra/base/tokenizer_config.json"}  # fmt: skip
    for name, facts in art.manifest.files.items():
        changed = facts.model_copy(update={"sha256": "0" * 64})
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(art.manifest.files, name, changed)
            assert (saving.Learned(art).key != key) == (name in decide)


def test_a_damaged_base_in_an_artifact_is_its_fault(mirctl, place, roberta):
    options = ("--arch", "et2", f"model.base={roberta}", *QUICK, "--out", "made")
    assert mirctl("gaze", "fit-reading", "train.csv", *options).code == 0
    config = place / "made/extra/base/config.json"
    size = config.stat().st_size
    config.write_text("{" + " " * (size - 1))
    ran = mirctl("gaze", "predict", "made", "texts.csv", "--out", "words.csv")
    assert ran.code == 4
    assert not (place / "words.csv").exists()


def test_surprisal_is_one_feature_more(mirctl, place, causal):
    language = shutil.copytree(causal, place / "language")
    options = ("model.surprisal=language", "model.members=1", *QUICK, "--out", "made")
    ran = mirctl("gaze", "fit-reading", "train.csv", *options)
    assert ran.code == 0, ran.err
    stored = json.loads((place / "made/extra/network.json").read_text())
    assert stored["model"]["surprisal"] == "../language"
    inputs = json.loads((place / "made/manifest.json").read_text())["inputs"]
    assert stored["surprisal"] in [entry["sha256"] for entry in inputs]
    before = predicted(mirctl, "made")
    byte_models.save_causal(language, seed=1)
    other = place / "other.csv"
    other.write_text("text\nwords that nobody read\n")
    ran = mirctl("gaze", "predict", "made", "other.csv", "--out", "words.csv")
    assert ran.code == 4
    assert not (place / "words.csv").exists()
    assert "give it that model, or fit anew" in ran.err
    shutil.rmtree(language)
    assert mirctl("gaze", "predict", "made", "other.csv").code == 5
    assert mirctl("artifact", "verify", "made").code == 0
    assert predicted(mirctl, "made") == before  # kept from before


def test_surprisal_tells_what_length_does_not(mirctl, place, causal):
    """Words of one length that are read as long as they surprise."""
    rng = np.random.default_rng(0)
    read = surprisal.source(str(causal)).load(torch.device("cpu"))
    lines = ["trial,word,text,TRT"]
    for n in range(60):
        text = Text.joined(rng.choice(["saw", "the", "one"], 6).tolist())
        bits = read([text])[0][:, 0]
        lines += [
            f"{n},{i},{w},{b:.3f}" for i, (w, b) in enumerate(zip(text.words, bits, strict=True))
        ]
    (place / "bits.csv").write_text("\n".join(lines[:241]) + "\n")
    (place / "more.csv").write_text("\n".join([lines[0], *lines[241:]]) + "\n")
    errors = []
    for change in ((), (f"model.surprisal={causal}",)):
        options = ("--valid", "more.csv", "model.members=1", "train.epochs=20", "--quiet", "--json")
        ran = mirctl(
            "gaze", "fit-reading", "bits.csv", *change, *options, "--out", f"m{len(errors)}"
        )
        assert ran.code == 0, ran.err
        errors.append(json.loads(ran.out)["metrics"]["mae"]["value"])
    assert errors[1] < 0.7 * errors[0]


def test_predict_writes_surprisal(mirctl, place, llama):
    ran = mirctl("gaze", "predict", f"surprisal:{llama}", "texts.csv", "--json", "-o", "bits.csv")
    assert ran.code == 0, ran.err
    rows = list(csv.DictReader(io.StringIO((place / "bits.csv").read_text())))
    assert rows[0]["surprisal"] == ""  # this model has no mark of a start
    assert all(float(row["surprisal"]) >= 0 for row in rows[1:3])
    metric = json.loads(ran.out)["metrics"]["surprisal"]
    assert metric["n"] == 7
    assert metric["value"] > 0


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--arch", "et3"), 2, "lexical, et1 or et2"),
        (("--arch", "et2", "model.base=./absent"), 5, "no such folder"),
        (("--arch", "et2", "model.width=3"), 2, "model.width: unknown key"),
        (("model.surprisal=./absent",), 5, "no such folder"),
        (("model.base=minilm",), 2, "model.base: unknown key"),
    ],
)
def test_what_cannot_be_is_told(options, code, told, mirctl, place):
    ran = mirctl("gaze", "fit-reading", "train.csv", *options, "--out", "made")
    assert ran.code == code, ran.err
    assert told in ran.err
    assert not (place / "made").exists()


def test_the_pace_suits_the_network(mirctl, place):
    for arch, wanted in {
        "lexical": ("20", "0.005"),
        "et1": ("15", "0.001"),
        "et2": ("5", "5.0e-05"),
    }.items():
        (place / "own.yaml").write_text(
            f"uses: gaze/fit-reading\ndata: {{train: train.csv}}\nmodel: {{arch: {arch}}}\n"
        )
        shown = mirctl("recipe", "show", "own.yaml").out
        assert f"epochs: {wanted[0]}\n" in shown
        assert f"lr: {wanted[1]}\n" in shown
        kept = mirctl("recipe", "show", "own.yaml", "train.epochs=2").out
        assert "epochs: 2\n" in kept
        assert f"lr: {wanted[1]}\n" in kept
