"""The commands, end to end, on tiny random models: plumbing, never quality."""

import io
import json

import numpy as np
import pytest

from mirctl import artifact

WORDS = ["toy", "story", "heat", "golden", "eye", "jumanji", "one", "two", "three", "four"]


def rows(count: int, seed: int = 0, **more) -> list[dict]:
    """Pairs whose chosen answer has the word `golden`."""
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS[4:], random.integers(3, 12))) for _ in range(3 * count)]
    return [
        {"prompt": a, "chosen": f"golden {b}", "rejected": f"heat {c}", **more}
        for a, b, c in zip(texts[::3], texts[1::3], texts[2::3], strict=True)
    ]


def write(path, some) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in some))


@pytest.fixture
def pairs(tmp_path):
    write(tmp_path / "pairs.jsonl", rows(40))
    return tmp_path / "pairs.jsonl"


@pytest.fixture
def train(mirctl, pairs, tmp_path, llama):
    """train(changes) -> the folder of a trained model."""

    def trained(*changes, out="model", base=llama, code=0):
        ran = mirctl(
            "align", "train", "align/pairs", f"data.train={pairs}", f"model.base={base}",
            "train.epochs=2", "train.batch_size=8", "model.rank=2", *changes,
            "--out", tmp_path / out, "--json",
        )  # fmt: skip
        assert ran.code == code, ran.err
        return tmp_path / out if not code else ran

    return trained


@pytest.fixture
def score(mirctl, monkeypatch):
    """score(model, rows) -> what `align score` did with them on stdin."""

    def scored(model, *some):
        text = "".join(json.dumps(row) + "\n" for row in some)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return mirctl("align", "score", model, "-")

    return scored


@pytest.mark.parametrize("method", ["lora", "full"])
def test_it_learns_what_people_like(train, method):
    folder = train("train.epochs=12", "train.lr=3e-2", f"model.method={method}")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["accuracy"]["value"] == 1


@pytest.mark.parametrize("inject", ["concat", "add", "attn-bias", "aux-loss", "token-weight"])
def test_gaze_of_the_formula_goes_in_and_is_asked_for_again(train, mirctl, pairs, inject):
    folder = train(f"gaze.inject={inject}")
    before = json.loads((folder / "metrics.json").read_text())
    assert artifact.open_artifact(folder, "align/reward", 1).manifest.facts["inject"] == inject
    ran = mirctl("align", "eval", folder, pairs, "--json")
    assert ran.code == 0, ran.err
    again = json.loads(ran.out)["metrics"]
    assert again["accuracy"]["n"] == 40
    assert before["accuracy"]["n"] == 4


def test_eval_gives_the_numbers_of_training(train, mirctl, pairs, tmp_path):
    write(tmp_path / "test.jsonl", rows(20, seed=5))
    folder = train(f"data.test={tmp_path / 'test.jsonl'}", "gaze.inject=add")
    ran = mirctl(
        "align", "eval", folder, tmp_path / "test.jsonl", "--by", "subset, length", "--json"
    )
    found = json.loads(ran.out)["metrics"]
    wanted = json.loads((folder / "metrics.json").read_text())
    assert {name: found[name] for name in wanted} == wanted
    assert any(name.startswith("length=") for name in found)


def test_a_score_is_the_reward_that_eval_reads(train, mirctl, tmp_path):
    write(tmp_path / "test.jsonl", rows(5, seed=5))
    folder = train(f"data.test={tmp_path / 'test.jsonl'}", "gaze.inject=concat")
    scored = artifact.open_artifact(folder, "align/reward", 1).tensors("scored")
    texts = [{"prompt": row["prompt"], "response": row["chosen"], "id": n}
             for n, row in enumerate(rows(5, seed=5))]  # fmt: skip
    write(tmp_path / "texts.jsonl", texts)
    ran = mirctl("align", "score", folder, tmp_path / "texts.jsonl")
    assert ran.code == 0, ran.err
    out = [json.loads(line) for line in ran.out.splitlines()]
    assert [row["id"] for row in out] == list(range(5))
    assert [row["reward"] for row in out] == pytest.approx(scored["chosen"].tolist(), abs=2e-5)


def test_messages_and_texts_are_scored_through_a_pipe(train, score):
    folder = train()
    turns = [{"role": "user", "content": "one two"}, {"role": "assistant", "content": "golden"}]
    asked = {"prompt": "one two", "response": "golden"}
    ran = score(folder, {"messages": turns}, asked, {"text": "golden"})
    assert ran.code == 0, ran.err
    rewards = [json.loads(line)["reward"] for line in ran.out.splitlines()]
    assert rewards[0] == rewards[1] != rewards[2]


def test_a_row_without_text_is_named(train, score):
    ran = score(train(), {"text": "one"}, {"text": " "})
    assert ran.code == 3
    assert "row 2" in ran.err


@pytest.mark.parametrize(("too_long", "dropped"), [("drop", 1), ("left", 0)])
def test_a_text_that_is_too_long_is_counted(train, mirctl, tmp_path, too_long, dropped):
    write(tmp_path / "texts.jsonl", [{"text": "one " * 99}, {"text": "one"}, {"text": "two"}])
    folder = train("train.epochs=0", "train.metric=null", "text.length=32",
                   f"text.too_long={too_long}")  # fmt: skip
    out = tmp_path / "out.jsonl"
    ran = mirctl("align", "score", folder, tmp_path / "texts.jsonl", "--out", out, "--json")
    told = json.loads(ran.out)
    assert (told["rows"], told["too_long"], told["cut"]) == (3, dropped, 1 - dropped)
    rewards = [json.loads(line)["reward"] for line in out.read_text().splitlines()]
    assert (rewards[0] is None) == bool(dropped)
    known = [reward for reward in rewards if reward is not None]
    assert told["metrics"]["spread"]["value"] == pytest.approx(np.std(known), abs=1e-5)
    assert mirctl("align", "score", folder, tmp_path / "texts.jsonl", "--json").code == 2
    assert mirctl("align", "score", folder, tmp_path / "texts.jsonl", "--out", out).code == 2
    assert mirctl("align", "score", folder, out).code == 2  # it has rewards already


def test_a_table_without_texts_is_told_what_it_has(train, score):
    ran = score(train("train.epochs=0"), {"txt": "one", "id": 1})
    assert ran.code == 3
    assert "stdin: has no column text, response or messages (its columns: txt, id)" in ran.err


def test_a_control_scores_no_texts(train, mirctl, score, pairs):
    folder = train("gaze.inject=add", "gaze.shuffle=true")
    assert mirctl("align", "eval", folder, pairs, "--json").code == 0
    ran = score(folder, {"text": "one"})
    assert ran.code == 2
    assert "control" in ran.err


def test_the_same_recipe_gives_the_same_bytes(train):
    whole, again = (train("gaze.inject=add", out=name) for name in ("whole", "again"))
    for name in ("model.safetensors", "metrics.json", "scored.safetensors"):
        assert (whole / name).read_bytes() == (again / name).read_bytes()


def test_export_and_check(train, mirctl, tmp_path):
    folder = train()
    ran = mirctl("align", "export", folder, "--out", tmp_path / "plain", "--json")
    assert ran.code == 0, ran.err
    for model in (folder, tmp_path / "plain"):
        ran = mirctl("align", "check", model, "--json")
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["metrics"]["failed"]["value"] == 0


def test_a_gate_of_a_typo_costs_no_training(mirctl, pairs, llama, tmp_path):
    ran = mirctl(
        "align", "train", "align/pairs", f"data.train={pairs}", f"model.base={llama}",
        "--out", tmp_path / "m", "--require", "acuracy>=0.5",
    )  # fmt: skip
    assert ran.code == 2
    assert "did you mean" in ran.err


def test_a_dry_run_reads_the_pairs_and_writes_nothing(mirctl, pairs, llama, tmp_path):
    line = ("align", "train", "align/pairs", f"data.train={pairs}", f"model.base={llama}",
            "--out", tmp_path / "m", "--dry-run")  # fmt: skip
    assert mirctl(*line).code == 0
    assert not (tmp_path / "m").exists()
    pairs.write_text('{"chosen": "one"}\n')
    assert mirctl(*line).code == 3


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        (("gaze.inject=add", "gaze.measures=[TRZ]"), 2, "TRZ"),
        (("gaze.inject=add", "gaze.generator=formulaa"), 2, "formula"),
        (("gaze.inject=add", "gaze.generator=data"), 2, "chosen_gaze"),
        (("gaze.shuffle=true",), 2, "inject none"),
        (("data.fold=6/5",), 2, "fold"),
        (("data.fold=1/99",), 3, "fold"),
        (("text.template=chat",), 2, "chat template"),
        (("model.targets=[nothing]",), 2, "nothing"),
    ],
)
def test_what_cannot_be_is_told(train, changes, code, told):
    ran = train(*changes, code=code)
    assert told in ran.err
    assert "Traceback" not in ran.err
