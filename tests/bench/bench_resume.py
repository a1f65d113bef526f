"""The same seed gives the same bytes, and so does a run that is killed at random and resumed.

A checkpoint is written after every step. The model of ids learns from the whole MovieLens, the side
network from its first films, with their posters.
"""

import csv
import random
import tempfile
from pathlib import Path

from measure import fetch_models, goal, mirctl, movielens, recipe_on

CHANGES = ["train.epochs=2", "train.checkpoint_every=0"]
FILES = ("metrics.json", "model.safetensors", "extra/history.json")
KILLS, KILLS_OF_SIDE, FILMS = 5, 2, 300


def same(a: Path, b: Path) -> bool:
    """Are the files that should be equal equal to the byte?"""
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in FILES)


def first_films(source: Path, target: Path) -> Path:
    """The first films and what people did with them; the posters stay where they are."""
    target.mkdir()
    for name in ("items.csv", "interactions.csv"):
        with open(source / name, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if int(row["item_id"]) <= FILMS]
        with open(target / name, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    (target / "posters").symlink_to((source / "posters").resolve())
    return target


def measure(command: list[str], work: Path, kills: int, rng: random.Random) -> None:
    """Two clean runs, then those that are killed."""
    work.mkdir()
    mirctl(*command, "--out", work / "warm")
    clean = mirctl(*command, "--out", work / "whole")
    print(f"  {clean.wall:.1f} s a run")
    goal("a second run has the same bytes", same(work / "whole", work / "warm"), "==", 1)
    equal = killed = attempts = 0
    while killed < kills and attempts < 3 * kills:
        attempts += 1
        out = work / f"killed{attempts}"
        first = mirctl(*command, "--out", out, kill_after=rng.uniform(0.3, 0.9) * clean.wall)
        if first.code < 0:  # else it was done sooner than its time had come
            killed += 1
            mirctl(*command, "--out", out, "--resume")
            equal += same(work / "whole", out)
    goal(f"of {killed} killed and resumed runs, the same bytes", equal, "==", kills)


def main() -> None:
    source, rng = movielens(), random.Random(0)
    fetch_models()
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        work = Path(name)
        few = first_films(source, work / "data")
        command = ["adapt", "run", *recipe_on(source), *CHANGES, "--quiet"]
        print("SASRec on MovieLens, 2 epochs")
        measure([*command, "model.method=id"], work / "ids", KILLS, rng)
        command = ["adapt", "run", *recipe_on(few), *CHANGES, "--quiet"]
        print(f"the side network on its first {FILMS} films, 2 epochs")
        measure(command, work / "side", KILLS_OF_SIDE, rng)


if __name__ == "__main__":
    main()
