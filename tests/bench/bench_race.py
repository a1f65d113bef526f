"""The race of `adapt compare`: a side network on cached states against encoders that learn.

Titles of MovieLens, the same batches of 64 windows of 10 items, the same loss, MiniLM; encoders
that learn see each distinct item once, padded to the longest of the batch. `--methods fft,lora` and
`--minutes 5` of training each choose.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from measure import fetch_models, goal, mirctl, movielens, recipe_on

OURS, BASE = "iisan-versa", "pop"
SAME = [
    "model.image=null", "model.history=10", "train.batch_size=64", "train.loss=batch",
    "train.epochs=10",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="lora,fft")
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    recipe = [*recipe_on(movielens()), *SAME]
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        os.environ["MIRCTL_CACHE"] = str(Path(name) / "cache")
        fetch_models()
        cached = once(recipe, Path(name))
        race(recipe, cached, asked, Path(name) / "race")


def once(recipe: list[str], work: Path) -> float:
    """CPU seconds of encoding every title, on a cache without states."""
    mirctl("adapt", "encode", *recipe, "--out", work / "states", "--quiet")
    phases = json.loads((work / "states" / "efficiency.json").read_text())["phases"]
    return phases["encode text"]["cpu_seconds"]


def race(recipe: list[str], cached: float, asked: argparse.Namespace, out: Path) -> None:
    peers = asked.methods.split(",")
    child = mirctl(
        "adapt", "compare", *recipe, "--methods", ",".join([OURS, BASE, *peers]), "--seeds", 1,
        "--baseline-minutes", asked.minutes, "--out", out, "--quiet", "--json",
    )  # fmt: skip
    found = {key: entry["value"] for key, entry in json.loads(child.out)["metrics"].items()}
    base = found[f"{BASE}.memory_bytes"]
    trained = json.loads((out / "seed=7" / OURS / "efficiency.json").read_text())
    ten = trained["phases"]["train"]["cpu_seconds"]
    print(f"encoding once {cached:.1f} s CPU, ten epochs {ten:.1f} s CPU")
    for method in (OURS, *peers):
        step, memory = found[f"{method}.step_cpu_seconds"], found[f"{method}.memory_bytes"] - base
        weights = found[f"{method}.trainable_parameters"]
        print(
            f"  {method}: {step:.3g} s CPU a step, {memory / 1e9:.3g} GB above a process that "
            f"trains nothing, {weights:,.0f} trainable, {found[f'{method}.epochs']:.2f} epochs"
        )
    for method in peers:
        part = found[f"{method}.epoch_seconds"] / found[f"{method}.step_seconds"]
        epoch = found[f"{method}.step_cpu_seconds"] * part
        print(f"{OURS} against {method}")
        step = found[f"{method}.step_cpu_seconds"] / found[f"{OURS}.step_cpu_seconds"]
        goal("a step is faster", step, ">=", 100, " x")
        memory = (found[f"{method}.memory_bytes"] - base) / (found[f"{OURS}.memory_bytes"] - base)
        goal("memory is less", memory, ">=", 10, " x")
        goal("encoding and ten epochs over one epoch", (cached + ten) / epoch, "<=", 1, " x")


if __name__ == "__main__":
    main()
