"""What a second CPU process saves: CPU seconds of training for each process, one against two.

Both learn the same batches, in one thread a process. With a core for each process, half the CPU
time is half the wait; what is above half is work that both do, and the talk between them.
"""

import csv
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from measure import goal, run_child

ROWS, EPOCHS, EPOCH_ROWS = 5000, 2, 8192
LAUNCHER = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
MODELS = {"small model": (32, 128), "model of width 128": (128, 128), "large batches": (128, 1024)}
"""Name -> width of the model, rows of a batch."""


def write_table(path: Path) -> None:
    """Ten columns of numbers that lean on each other, and two of categories."""
    rng = random.Random(0)
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*(f"x{i}" for i in range(10)), "sign", "size"])
        for _ in range(ROWS):
            whole = rng.gauss(0, 1)
            numbers = [round(whole * i / 10 + rng.gauss(0, 1), 4) for i in range(10)]
            kinds = ["up" if whole > 0 else "down", "small" if abs(whole) < 1 else "big"]
            rows.writerow([*numbers, *kinds])


def train(work: Path, name: str, launcher: tuple[str, ...], width: int, batch: int) -> float:
    """CPU seconds of the training phase for each process."""
    settings = (f"model.width={width}", f"train.epochs={EPOCHS}", f"train.batch_size={batch}")
    line = [*launcher, "mirctl", "impute", "fit", work / "table.csv", *settings]
    line += [f"train.epoch_rows={EPOCH_ROWS}", "--device", "cpu", "--quiet", "--out", work / name]
    child = run_child([sys.executable, "-m", *line], env={"OMP_NUM_THREADS": "1"}, cwd=work)
    if child.code:
        sys.exit(f"{name} failed:\n{child.err}")
    told = json.loads((work / name / "efficiency.json").read_text())
    return told["phases"]["train"]["cpu_seconds"] / told["processes"]


def main() -> None:
    os.environ.pop("WORLD_SIZE", None)
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as folder:
        work = Path(folder)
        write_table(work / "table.csv")
        for number, (name, (width, batch)) in enumerate(MODELS.items()):
            one = train(work, f"one-{number}", (), width, batch)
            two = train(work, f"two-{number}", LAUNCHER, width, batch)
            rows = EPOCHS * EPOCH_ROWS
            print(f"{name}: width {width}, {batch} rows a batch, {rows:,} rows in all")
            print(f"  CPU seconds a process: one process {one:.1f}, two {two:.1f}")
            print(f"  rows a CPU second and process: {rows / one:.0f}, {rows / two:.0f}")
            goal("share of one process' CPU time", two / one, "<=", 0.7)


if __name__ == "__main__":
    main()
