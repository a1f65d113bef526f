"""What a second CPU process saves: CPU seconds of training for each process, one against two.

Both learn the same batches, in one thread a process; what a longer run takes more than a shorter
one counts, not the start. With a core for each process, half the CPU time is half the wait; what is
above half is work that both do (batches, optimizer, validation), and the talk between them.
"""

import csv
import json
import random
import sys
import tempfile
from pathlib import Path

from measure import goal, run_child

ROWS, EPOCH_ROWS, SHORT, LONG = 5000, 8192, 1, 3
LAUNCHER = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
WIDTH = 128
GOALS = {128: 0.8, 1024: 0.7}
"""Rows of a batch -> goal; what a step costs at any size weighs less in large batches."""


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


def train(work: Path, launcher: tuple[str, ...], batch: int, epochs: int) -> float:
    """CPU seconds of the training phase for each process."""
    settings = (f"model.width={WIDTH}", f"train.epochs={epochs}", f"train.batch_size={batch}")
    line = [*launcher, "mirctl", "impute", "fit", work / "table.csv", *settings]
    line += [f"train.epoch_rows={EPOCH_ROWS}", "--device", "cpu", "--quiet", "--force"]
    command = [sys.executable, "-m", *line, "--out", work / "model"]
    child = run_child(command, env={"OMP_NUM_THREADS": "1"}, cwd=work)
    if child.code:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{child.err}")
    told = json.loads((work / "model" / "efficiency.json").read_text())
    return told["phases"]["train"]["cpu_seconds"] / told["processes"]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as folder:
        work = Path(folder)
        write_table(work / "table.csv")
        rows = (LONG - SHORT) * EPOCH_ROWS
        for batch, limit in GOALS.items():
            taken = {
                launcher: train(work, launcher, batch, LONG) - train(work, launcher, batch, SHORT)
                for launcher in ((), LAUNCHER)
            }
            one, two = taken.values()
            print(f"width {WIDTH}, {batch} rows a batch, {rows:,} rows")
            print(f"  CPU seconds a process: one process {one:.1f}, two {two:.1f}")
            print(f"  rows a CPU second of each process: {rows / one:.0f}, {rows / two:.0f}")
            goal("share of one process' CPU time", two / one, "<=", limit)


if __name__ == "__main__":
    main()
