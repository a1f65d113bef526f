"""Training on one million items: 7 GB of generated cached states, memory-mapped, little memory.

Random states teach nothing: this measures anonymous memory and speed of the real training loop, of
embedding the whole catalogue, and of ranking it for some users.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import goal

from mirctl import console, training
from mirctl.artifact import write_tensors
from mirctl.encode.states import States
from mirctl.encode.towers import CatalogueInputs, Tower
from mirctl.run import Run, start
from mirctl.sequences.histories import Histories, Split
from mirctl_adapt.config import AdaptConfig
from mirctl_adapt.neural import build
from mirctl_adapt.task import task_of

ITEMS, SEGMENTS, SEED = 1_000_000, 10, 5
TOWERS = {"text": (384,) * 6, "image": (200,) * 6}
STEPS, BATCH, HISTORY, EVALUATED = 300, 128, 20, 256
GIGABYTE = 1e9


def write_states(folder: Path, widths: tuple[int, ...], generator: torch.Generator) -> States:
    """One tower's states in several files, as a cache that grew holds them."""
    rows = ITEMS // SEGMENTS
    paths = [folder / f"{sum(widths)}-{n}.safetensors" for n in range(SEGMENTS)]
    for path in paths:
        block = torch.randn(rows, sum(widths), generator=generator).half()
        write_tensors(path, {"states.00000": block})
    return States.from_files(paths, np.arange(ITEMS), widths)


def log() -> Split:
    """Users with full histories of items by Zipf's law; the most wanted ones lie anywhere."""
    rng = np.random.default_rng(SEED)
    share = 1 / np.arange(1, ITEMS + 1)
    users, length = STEPS * BATCH, HISTORY + 3
    drawn = rng.choice(ITEMS, size=users * length, p=share / share.sum())
    starts = np.arange(users) * length
    whole = Histories(rng.permutation(ITEMS)[drawn], starts, starts + length)
    return Split(whole.without_last(2), np.arange(EVALUATED), whole, ITEMS)


def config() -> AdaptConfig:
    """One epoch of the default network."""
    return AdaptConfig.model_validate(
        {
            "uses": "adapt/run",
            "data": {"interactions": "unread.csv"},
            "model": {"text": "unread", "image": "unread", "history": HISTORY},
            "train": {"epochs": 1, "batch_size": BATCH},
            "device": "cpu",
        }
    )


def train(states: dict[str, States], run: Run) -> tuple[float, float]:
    """(seconds of the steps, seconds of embedding and ranking) of one epoch."""
    towers = {name: Tower(found, tuple(range(len(found.widths)))) for name, found in states.items()}
    inputs = CatalogueInputs(towers, ITEMS, run.device)
    torch.manual_seed(SEED)
    settings: AdaptConfig = run.config
    model = build(settings.model, inputs.tower_inputs(normalize=True), ITEMS)
    task = task_of(settings, model, inputs, log())
    validate, ranking = task.validate, []

    def timed() -> dict[str, float]:
        begin = time.monotonic()
        metrics = validate()
        ranking.append(time.monotonic() - begin)
        return metrics

    task.validate = timed
    begin = time.monotonic()
    training.fit(task, settings.train, run)
    return time.monotonic() - begin - sum(ranking), sum(ranking)


def measure(folder: Path) -> None:
    """Write the states, then train on them."""
    generator = torch.Generator().manual_seed(SEED)
    states = {name: write_states(folder, widths, generator) for name, widths in TOWERS.items()}
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    print(f"{ITEMS:,} items, {size / GIGABYTE:.3g} GB of states in {2 * SEGMENTS} files")
    console.configure(quiet=True)
    with (
        start(config(), folder / "out", resume=False, force=False) as run,
        run.meter as meter,
    ):
        steps, ranking = train(states, run)
    print(f"  {STEPS} steps of {BATCH} windows: {STEPS / steps:.3g} steps a second")
    print(f"  embedding all items and ranking them for {EVALUATED} users: {ranking:.3g} s")
    goal("peak anonymous memory", meter.peak / GIGABYTE, "<=", 4, " GB")


def main() -> None:
    place = Path(tempfile.gettempdir())
    needed = 2 * ITEMS * sum(map(sum, TOWERS.values()))
    if shutil.disk_usage(place).free < 1.2 * needed:
        print(f"skipped: {place} has less than {1.2 * needed / GIGABYTE:.3g} GB left")
        sys.exit(0)
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        measure(Path(name))


if __name__ == "__main__":
    main()
