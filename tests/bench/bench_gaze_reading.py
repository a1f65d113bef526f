"""Predicted reading on the sentences of CMCL 2021: how far off, how fast, and what is kept.

Trained on train.csv alone, whose folds chose every setting (`--folds`); measured on valid.csv. The
peer is gradient boosting (scikit-learn, absolute error) on the same features, those of the words at
-2, -1, +1 and +2 beside a word's own.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import goal, mirctl, real_data

from mirctl import artifact
from mirctl.words import Predictor, Text
from mirctl_gaze.reading import data, evaluation
from mirctl_gaze.reading.data import Reading
from mirctl_gaze.reading.features import Features
from mirctl_gaze.reading.saving import Learned

REPEATED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", action="store_true", help="measure on folds of train.csv")
    parser.add_argument("settings", nargs="*", help="KEY=VALUE of gaze fit-reading")
    asked = parser.parse_args()
    torch.set_num_threads(2)
    folder = real_data("reading-cmcl2021")
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        work = Path(name)
        os.environ["MIRCTL_CACHE"] = str(work / "cache")
        if asked.folds:
            folds(folder / "train.csv", asked.settings, work)
            return
        tables = (folder / "train.csv", "--valid", folder / "valid.csv")
        errors = [fitted(tables, seed, asked.settings, work / str(seed))
                  for seed in range(asked.seeds)]  # fmt: skip
        told = ", ".join(f"{error:.3f}" for error in errors)
        print(f"lexical, mean of the five absolute errors, by seed: {told}")
        goal("their mean", float(np.mean(errors)), "<=", 3.83, "")
        boosted(data.read(folder / "train.csv", None), data.read(folder / "valid.csv", None))
        speed(work / "0", data.read(folder / "train.csv", None))


def fitted(tables: tuple[object, ...], seed: int, settings: list[str], out: Path) -> float:
    """The error of a generator that learns a table; the first one's by measure."""
    line = ("gaze", "fit-reading", *tables, *settings, "--seed", seed, "--out", out)
    child = mirctl(*line, "--json", "--quiet")
    found = json.loads(child.out)["metrics"]
    if seed == 0:
        for name, entry in found.items():
            if "mae" in name:
                print(f"  {name} {entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}]")
        print(f"  {child.cpu:.1f} s CPU, the start included")
    return found["mae"]["value"]


def folds(table: Path, settings: list[str], work: Path, count: int = 3) -> None:
    """Errors on thirds of the training sentences, each learned from the others."""
    lines = table.read_text().splitlines()
    number = {line.partition(",")[0]: None for line in lines[1:]}
    order = np.random.default_rng(0).permutation(list(number))
    errors = []
    for fold in range(count):
        held = set(order[fold::count])
        for name, inside in (("train", False), ("valid", True)):
            kept = [line for line in lines[1:] if (line.partition(",")[0] in held) == inside]
            (work / f"{name}{fold}.csv").write_text("\n".join([lines[0], *kept]) + "\n")
        tables = (work / f"train{fold}.csv", "--valid", work / f"valid{fold}.csv")
        errors.append(fitted(tables, 0, settings, work / f"m{fold}"))
    print(f"{' '.join(settings) or 'as it is'}: {np.mean(errors):.3f}")


def boosted(train: Reading, valid: Reading) -> None:
    """Gradient boosting on the same features."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    begin = time.process_time()
    seen, new = (neighbours(reading) for reading in (train, valid))
    values = np.concatenate(train.values)
    made = np.stack(
        [HistGradientBoostingRegressor(loss="absolute_error", random_state=0)
         .fit(seen, values[:, n]).predict(new)
         for n in range(values.shape[1])], 1,
    )  # fmt: skip
    spent = time.process_time() - begin
    parts = np.split(made, np.cumsum([len(text) for text in valid.texts])[:-1])
    error = evaluation.evaluate(parts, valid, train, "en")["mae"]["value"]
    print(f"gradient boosting on the same features: {error:.3f}, {spent:.1f} s CPU")


def neighbours(reading: Reading) -> np.ndarray:
    """(words, 5 x features): of the word and of two on either side, zeros beyond the ends."""
    look, rows = Features("en", ()), []
    for text in reading.texts:
        own = np.pad(look(text.words)[0], ((2, 2), (0, 0)))
        rows.append(np.hstack([own[n : n + len(text)] for n in range(5)]))
    return np.concatenate(rows)


def speed(folder: Path, reading: Reading) -> None:
    """Words a second of new texts, and what a second run costs."""
    texts = [Text.of(f"{text.text} {n}") for n in range(REPEATED) for text in reading.texts]
    words = sum(map(len, texts))
    generator = Learned(artifact.open_artifact(folder)).load(torch.device("cpu"))
    generator(texts[:10])
    begin = time.perf_counter()
    generator(texts)
    goal("words a second", words / (time.perf_counter() - begin), ">=", 50_000, "")
    for run in ("first", "second"):
        begin = time.perf_counter()
        predictor = Predictor(str(folder), torch.device("cpu"))
        predictor(texts)
        predictor.close()
        spent = time.perf_counter() - begin
        called = predictor.predicted
        print(f"{run} run through the cache: {spent:.2f} s, {called:,} texts predicted")


if __name__ == "__main__":
    main()
