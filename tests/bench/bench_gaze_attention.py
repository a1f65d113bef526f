"""Total reading time of 200 real sentences against a model's attention, layer by layer.

`gaze correlate` through the command line, on the development set of CMCL 2021, beside the script
that people write: transformers with `output_attentions=True`, and scipy's spearmanr. It may be
given another model than MiniLM.
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import goal, mirctl, real_data
from scipy.stats import spearmanr

from mirctl import hub

SECONDS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="minilm")
    name = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder:
        corpus = real_data("reading-cmcl2021") / "valid.csv"
        mirctl("gaze", "import", "--from", "cmcl", corpus, "--out", Path(folder, "cmcl"))
        gaze, out = Path(folder, "cmcl", "measures.csv"), Path(folder, "rho.csv")
        hub.resolve(name)
        ran = mirctl(
            "gaze", "correlate", "--gaze", gaze, "--model", name, "--out", out, "--quiet",
            "--device", "cpu",
        )  # fmt: skip
        rows = [row for row in read(out) if row["measure"] == "TRT"]
        table(rows)
        start = time.process_time()
        theirs = by_hand(name, read(gaze))
        script = time.process_time() - start
    mine = [float(r["rho"]) for r in rows if r["score"] == "received" and r["layer"] != "cv"]
    print(
        f"{name}: {ran.cpu:.1f} s of CPU time for four scores and five measures, start included; "
    )
    print(f"  a script takes {script:.1f} s for one of each, start not included")
    goal("largest difference of `received` from the script's rho", apart(mine, theirs), "<=", 1e-4)
    goal("CPU seconds", ran.cpu, "<=", SECONDS, " s")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def table(rows) -> None:
    """A line a layer, a column a score: rho, and with length and log frequency held fixed."""
    scores = list(dict.fromkeys(row["score"] for row in rows))
    print(f"{'layer':>5}  " + "  ".join(f"{score:^32}" for score in scores))
    for layer in dict.fromkeys(row["layer"] for row in rows):
        cells = [shown(r) for score in scores for r in rows
                 if (r["score"], r["layer"]) == (score, layer)]  # fmt: skip
        print(f"{layer:>5}  " + "  ".join(f"{cell:^32}" for cell in cells))


def shown(row) -> str:
    numbers = [f"{float(row[key]):.3f}" for key in ("rho", "low", "high", "partial_rho")]
    return "{} ({} to {}), {}".format(*numbers)


def by_hand(name: str, rows) -> list[float]:
    """The mean rho of each layer's attention received: all maps of a text at once."""
    from transformers import AutoModel, AutoTokenizer

    folder = hub.resolve(name).folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    found = []
    for trial in dict.fromkeys(row["trial"] for row in rows):
        words = [row["text"] for row in rows if row["trial"] == trial]
        times = [float(row["TRT"]) for row in rows if row["trial"] == trial]
        inputs = tokenizer(" ".join(words), return_tensors="pt", return_offsets_mapping=True)
        offsets = inputs.pop("offset_mapping")[0].numpy()
        with torch.no_grad():
            maps = model.eval()(**inputs, output_attentions=True).attentions
        real = offsets[:, 1] > offsets[:, 0]
        layers = np.array([m[0].mean(0).double().numpy()[real].mean(0) for m in maps])
        ends = np.cumsum([len(word) + 1 for word in words]) - 1
        of = np.searchsorted(ends, offsets[:, 1])
        sums = [layers[:, real & (of == word)].sum(1) for word in range(len(words))]
        found.append([spearmanr(layer, times).statistic for layer in np.array(sums).T])
    return np.mean(found, 0).tolist()


def apart(a, b) -> float:
    return float(np.abs(np.subtract(a, b)).max())


if __name__ == "__main__":
    main()
