"""Pairs whose chosen answer has the word `golden`, and runs of `align train` on them."""

import json

import numpy as np

WORDS = ["golden", "eye", "jumanji", "one", "two", "three", "four"]


def write(file, count, seed=0):
    """So many pairs of odd weights, with columns of gaze in which some is unknown."""
    draw = np.random.default_rng(seed)
    file.write_text("".join(json.dumps(_pair(draw)) + "\n" for _ in range(count)))
    return file


def _pair(draw):
    row = {"prompt": _text(draw), "weight": round(float(draw.uniform(0.2, 3)), 2)}
    for name, word in (("chosen", "golden"), ("rejected", "heat")):
        text = f"{word} {_text(draw)}"
        times = draw.normal(200, 50, len(text.split())).round(1).tolist()
        row |= {name: text, f"{name}_gaze": {"TRT": [None, *times[1:]]}}
    return row


def _text(draw):
    return " ".join(draw.choice(WORDS, draw.integers(3, 12)))


def line(pairs, base, out, *changes):
    """A command line that trains a small model for two epochs."""
    return [
        "align", "train", "align/pairs", f"data.train={pairs}", f"model.base={base}",
        "train.epochs=2", "train.batch_size=8", "train.lr=1e-2", "model.rank=2", *changes,
        "--out", out,
    ]  # fmt: skip


def history(folder):
    """What training told of each epoch."""
    return json.loads((folder / "extra/history.json").read_text())
