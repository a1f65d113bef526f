"""`gaze correlate` as people and pipelines call it."""

import csv
import io
import json
import sys

import numpy as np
import pytest

from gaze.attention import networks
from mirctl.words.text import Text
from mirctl_gaze.attention.models import AttentionModel
from mirctl_gaze.reading import frequency

pytest.importorskip("wordfreq")
TEXTS = [
    "The old cat sat on a very small mat",
    "Nobody expected any rain in the desert that day",
    "She wrote three letters, and burned the last one",
    "Ein Wort, zwei Wörter, drei 🐈 oder vier",
    "It was neither too long nor too short to read",
    "Machines read whatever people put before them",
    "Why would anyone count the words of this",
    "Seven plus eight is fifteen, as everybody knows",
]


def attention(kind, score, layer):
    """What each word of each text gets."""
    special = kind == "bert"
    model = AttentionModel(networks.network(kind), networks.tokenizer(special), kind)
    values = [model.read(Text.of(text)) for text in TEXTS]
    return [found[:, model.columns.index((score, layer, None))] for found in values]


def table(folder, measures):
    """gaze.csv: `measures` name -> for each text its words' values."""
    with open(folder / "gaze.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["trial", "word", "text", *measures])
        for trial, text in enumerate(TEXTS):
            for place, word in enumerate(text.split()):
                rows.writerow([trial, place, word, *(m[trial][place] for m in measures.values())])
    return folder / "gaze.csv"


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Measures that say nothing."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    noise = [rng.normal(size=len(text.split())) for text in TEXTS]
    return table(tmp_path, {"TRT": noise, "FFD": [values**2 for values in noise]})


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("kind", "score", "layer"),
    [("bert", "received", 2), ("llama", "column", 3), ("llama", "last", 1), ("gpt2", "rollout", 2)],
)
def test_a_measure_that_is_a_layers_attention_finds_that_layer(
    mirctl, saved, tmp_path, kind, score, layer
):
    gaze = table(tmp_path, {"TRT": attention(kind, score, layer)})
    ran = mirctl("gaze", "correlate", "--gaze", gaze, "--model", saved(kind), "-q")
    assert ran.code == 0, ran.err
    of = {row["layer"]: row for row in rows(ran.out) if row["score"] == score}
    assert list(of) == ["1", "2", "3", "cv"]
    for place in (str(layer), "cv"):
        numbers = [float(of[place][key]) for key in ("rho", "low", "high", "partial_rho")]
        assert numbers == pytest.approx([1, 1, 1, 1])
        assert of[place]["folds"] == of[place]["partial_folds"] == "5"
        assert of[place]["trials"] == str(len(TEXTS))
    others = [float(of[n]["rho"]) for n in of if n not in (str(layer), "cv")]
    assert max(others) < 0.9999


def test_of_a_measure_that_is_length_or_frequency_nothing_is_left(mirctl, saved, tmp_path):
    from wordfreq import zipf_frequency

    lengths = [np.array([len(word) for word in text.split()]) for text in TEXTS]
    common = [np.array([zipf_frequency(w, "en") for w in text.split()]) for text in TEXTS]
    gaze = table(tmp_path, {"TRT": [n**2 for n in lengths], "FFD": [9 - z for z in common]})
    ran = mirctl("gaze", "correlate", "--gaze", gaze, "--model", saved("bert"), "-q")
    assert ran.code == 0, ran.err
    assert {(row["trials"], row["partial_trials"]) for row in rows(ran.out)} == {("8", "0")}
    other = mirctl("gaze", "correlate", "--gaze", gaze, "--model", saved("bert"), "-q",
                   "--language", "de")  # fmt: skip
    left = {row["measure"]: row["partial_trials"] for row in rows(other.out)}
    assert left == {"TRT": "0", "FFD": "8"}


def test_of_skips_the_layer_with_the_lowest_correlation_is_best(mirctl, saved, tmp_path):
    gaze = table(tmp_path, {"skip": [-values for values in attention("bert", "last", 2)]})
    ran = mirctl("gaze", "correlate", "--gaze", gaze, "--model", saved("bert"), "-q")
    of = {row["layer"]: row for row in rows(ran.out) if row["score"] == "last"}
    assert [of[n]["folds"] for n in of] == ["0", "5", "0", "5"]
    assert float(of["cv"]["rho"]) == pytest.approx(-1)


def test_the_table_the_summary_and_the_document_agree(mirctl, saved, drawn):
    line = ("gaze", "correlate", "--gaze", drawn, "--model", saved("bert"))
    ran = mirctl(*line)
    assert ran.code == 0, ran.err
    found = rows(ran.out)
    assert len(found) == 4 * 2 * 4
    told = mirctl(*line, "--out", "rho.parquet", "--json", "--seed", 0)
    assert told.code == 0, told.err
    document = json.loads(told.out)
    assert document["trials"] == len(TEXTS)
    assert len(document["weights"]) == 64
    for row in found:
        if row["layer"] == "cv":
            metric = document["metrics"][f"{row['score']}_{row['measure']}"]
            assert metric["value"] == pytest.approx(float(row["rho"]), abs=1e-6)
            assert metric["low"] < metric["value"] < metric["high"]
            assert f"{metric['value']:.3f} ({metric['low']:.3f} to" in ran.err
    other = mirctl(*line, "--seed", 1)
    assert other.out != ran.out
    assert mirctl(*line).out == ran.out


def test_each_head_alone_comes_beside_the_mean(mirctl, saved, drawn):
    line = ("gaze", "correlate", "--gaze", drawn, "--model", saved("bert"), "-q")
    plain, heads = rows(mirctl(*line).out), rows(mirctl(*line, "--heads").out)
    assert [row for row in heads if not row["head"]] == plain
    alone = [row for row in heads if row["head"]]
    assert len(alone) == 3 * 2 * (3 * 4 + 1)
    assert {row["score"] for row in alone} == {"received", "last", "column"}
    assert [row["layer"] for row in alone if row["head"] == "cv"] == ["cv"] * 6


def test_a_text_of_its_own_changes_what_the_model_sees(mirctl, saved, drawn):
    lines = ["trial,text", *(f'{n},"Read this: {text}"' for n, text in enumerate(TEXTS))]
    (drawn.parent / "texts.csv").write_text("\n".join(lines), encoding="utf-8")
    line = ("gaze", "correlate", "--gaze", drawn, "--model", saved("llama"), "-q")
    plain, prompted = mirctl(*line), mirctl(*line, "--text", "texts.csv")
    assert prompted.code == 0, prompted.err
    assert prompted.out != plain.out


def test_trials_that_are_too_long_or_too_short_are_left_out_and_named(mirctl, saved, drawn):
    with drawn.open("a") as file:
        file.write("short,1,Two,1,1\nshort,2,words,2,2\n")
        file.writelines(f"long,{n},eightyfive,{n},{n}\n" for n in range(20))
    line = ("gaze", "correlate", "--gaze", drawn, "--model", saved("bert"))
    ran = mirctl(*line, "--out", "rho.csv", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["left_out"] == [
        {"trial": "short", "why": "has fewer than 3 words"},
        {"trial": "long", "why": "221 tokens are too many: it reads 96"},
    ]
    assert "2 trials left out: 'short' (has fewer than 3 words), 'long'" in ran.err
    drawn.write_text("trial,word,text,TRT\nshort,1,Two,1\nshort,2,words,2\n")
    ran = mirctl(*line, "--out", "none.csv")
    assert ran.code == 3
    assert "trial 'short': has fewer than 3 words" in ran.err
    assert not (drawn.parent / "none.csv").exists()


def test_measures_that_never_vary_are_undefined_and_not_zero(mirctl, saved, drawn):
    same = [np.ones(len(text.split())) for text in TEXTS]
    gaze = table(drawn.parent, {"TRT": same})
    ran = mirctl("gaze", "correlate", "--gaze", gaze, "--model", saved("bert"))
    assert ran.code == 0, ran.err
    assert {(row["rho"], row["low"], row["trials"]) for row in rows(ran.out)} == {("", "", "0")}
    assert "nan" not in ran.err


def test_a_gate_fails_before_the_work_or_after_it(mirctl, saved, drawn):
    line = ("gaze", "correlate", "--gaze", drawn, "--model", saved("bert"), "--out", "rho.csv")
    ran = mirctl(*line, "--require", "received_TTR>=0.1")
    assert ran.code == 2
    assert "did you mean" in ran.err
    ran = mirctl(*line, "--require", "received_TRT>=0.99")
    assert ran.code == 1
    assert "received_TRT is" in ran.err
    assert mirctl(*line, "--force", "--require", "column_FFD_partial<=0.99").code == 0


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--language", "xx"), 2, "no word frequencies for the language 'xx'"),
        (("--text", "-", "--gaze", "-"), 2, "two tables cannot both come from stdin"),
        (("--json",), 2, "name a file with --out"),
        (("--device", "gpu"), 2, "use auto, cpu"),
        (("--precision", "fp8"), 2, "use auto, fp32"),
        (("--seed", "-1"), 2, "not in the range"),
        (("--model", "./nothing"), 5, "no such folder"),
        (("--gaze", "none.csv"), 3, "none.csv"),
        (("--text", "gaze.csv", "--gaze", "none.csv"), 3, "none.csv"),
    ],
)
def test_what_is_asked_wrongly_is_told_with_its_code(mirctl, saved, drawn, more, code, told):
    ran = mirctl("gaze", "correlate", "--gaze", drawn, "--model", saved("bert"), *more)
    assert ran.code == code, ran.err
    assert told in ran.err
    assert ran.out == "" or more == ("--json",)


def test_without_frequencies_the_command_says_what_to_install(mirctl, saved, drawn, monkeypatch):
    monkeypatch.setitem(sys.modules, "wordfreq", None)
    frequency.zipf.cache_clear()
    ran = mirctl("gaze", "correlate", "--gaze", drawn, "--model", saved("bert"))
    assert ran.code == 5
    assert "pip install 'mirctl[gaze]'" in ran.err


def test_a_model_without_a_tokenizer_is_refused(mirctl, drawn, tmp_path):
    networks.network("bert").save_pretrained(tmp_path / "bare")
    ran = mirctl("gaze", "correlate", "--gaze", drawn, "--model", tmp_path / "bare")
    assert ran.code == 5
    assert "has no tokenizer files" in ran.err


def test_a_pipeline_makes_what_the_command_makes(mirctl, saved, drawn):
    recipe = "uses: gaze/correlate, gaze: gaze.csv, heads: true, seed: 3"
    recipe = f"steps:\n  rho: {{{recipe}, model: {saved('bert')}}}\n"
    (drawn.parent / "pipeline.yaml").write_text(recipe)
    ran = mirctl("run", "pipeline.yaml", "--out", "out", "--require", "rho.received_TRT<=0.9")
    assert ran.code == 0, ran.err
    line = ("gaze", "correlate", "--gaze", "gaze.csv", "--model", saved("bert"), "--heads")
    alone = rows(mirctl(*line, "--seed", 3).out)
    with open(drawn.parent / "out" / "rho.csv", newline="") as file:
        made = list(csv.DictReader(file))
    assert made == alone


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ("seed=1", 0, "nothing was"),
        ("model=./nothing", 5, "no such folder"),
        ("model=org/never-seen", 0, "org/never-seen would be fetched"),
        ("language=xx", 2, "no word frequencies"),
        ("text=other.csv", 3, "has no trial"),
    ],
)
def test_a_dry_run_looks_for_the_tables_and_the_model(mirctl, saved, drawn, change, code, told):
    (drawn.parent / "other.csv").write_text("trial,text\nx,y\n")
    (drawn.parent / "r.yaml").write_text(
        f"{{uses: gaze/correlate, gaze: gaze.csv, model: {saved('bert')}}}"
    )
    ran = mirctl("run", "r.yaml", change, "--dry-run")
    assert ran.code == code, ran.err
    assert told in ran.err
