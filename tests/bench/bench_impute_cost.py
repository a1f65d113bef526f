"""What mirctl impute costs: memory by rows, one row from Python, a whole table, training, draws.

Tables are adult's real rows, again and again where more are asked for; 30 % of the cells are holes.
`--parts row,draw` chooses; memory takes some three minutes of CPU time, adult some six. All but
adult run on one thread, so that CPU seconds are those of one core.
"""

import argparse
import csv
import tempfile
from itertools import chain, cycle, islice
from pathlib import Path

import torch
from bench_impute import ADULT
from measure import Child, cpu_seconds, goal, mirctl, real_data

from mirctl_impute import filling, saving

FEW, MANY = 50_000, 1_000_000
EPOCH_ROWS, EPOCHS = 16_384, (1, 4)
DRAWN = (1_000, 5_000)
CALLS = 40
MEGABYTE, MINUTE = 1e6, 60
ALONE = {"OMP_NUM_THREADS": "1"}


def main() -> None:
    parts = {"memory": memory, "row": row, "train": train, "draw": draw, "adult": adult}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(parts), help="some of " + ", ".join(parts))
    source = real_data("tabular") / "adult-train.csv"
    for part in parser.parse_args().parts.split(","):
        with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as folder:
            print(part)
            parts[part](source, Path(folder))


def memory(source: Path, folder: Path) -> None:
    """Peaks of a short fit and of a fill, of few rows and of many."""
    peaks = {}
    for rows in (FEW, MANY):
        holes = with_holes(source, folder / f"{rows}.csv", rows)
        model = folder / f"model-{rows}"
        fit = impute("fit", holes, "train.epochs=1", "--out", model, env=ALONE)
        fill = impute("fill", model, holes, "--point", "--out", folder / "full.csv", "--force",
                      env=ALONE)  # fmt: skip
        for name, child in (("fit", fit), ("fill", fill)):
            peaks[name, rows] = child.peak
            print(f"  {name} of {rows:,} rows: {child.peak / MEGABYTE:.0f} MB, {child.cpu:.1f} s")
    for name in ("fit", "fill"):
        ratio = peaks[name, MANY] / peaks[name, FEW]
        goal(f"peak of {name}, {MANY:,} rows over {FEW:,}", ratio, "<=", 1.2)


def row(source: Path, folder: Path) -> None:
    """One row of a loaded model, a third of its cells holes."""
    imputer = saving.load(untrained(source, folder))
    torch.set_num_threads(1)
    with source.open() as lines:
        cells = [cell.strip() for cell in next(csv.reader(lines))]
    asked = [{name: None if i % 3 == 1 else cells[i] for i, name in enumerate(ADULT.split(","))}]
    for label, point in (("20 steps", False), ("point", True)):
        taken = sorted(
            cpu_seconds(lambda seed=seed, point=point: filling.fill_rows(
                imputer, asked, point=point, seed=seed
            ))
            for seed in range(CALLS)
        )  # fmt: skip
        goal(f"one row, {label}, median of {CALLS}", taken[CALLS // 2] * 1000, "<=", 50, " ms CPU")


def train(source: Path, folder: Path) -> None:
    """Rows a second: what three epochs more cost, validation included."""
    holes = with_holes(source, folder / "adult.csv", 5_000)
    taken = [
        impute("fit", holes, f"train.epochs={n}", "--out", folder / str(n), env=ALONE).cpu
        for n in EPOCHS
    ]
    rows = EPOCH_ROWS * (EPOCHS[1] - EPOCHS[0])
    goal("training", rows / (taken[1] - taken[0]), ">=", 3_500, " rows a CPU second")


def draw(source: Path, folder: Path) -> None:
    """New rows, every cell of which is drawn, in 20 steps."""
    model = untrained(source, folder)
    few, many = (
        impute("sample", model, "-n", n, "--out", folder / f"{n}.csv", env=ALONE).cpu for n in DRAWN
    )
    thousands = (DRAWN[1] - DRAWN[0]) / 1000
    goal("1,000 rows of 15 cells", (many - few) / thousands, "<=", 1.3, " s CPU")


def adult(source: Path, folder: Path) -> None:
    """The whole table, learned and filled by the defaults, on all cores."""
    holes = with_holes(source, folder / "adult.csv", None)
    fit = impute("fit", holes, "--out", folder / "model")
    fill = impute("fill", folder / "model", holes, "--out", folder / "full.csv")
    for name, child in (("fit", fit), ("fill", fill)):
        print(
            f"  {name}: {child.wall:.0f} s, {child.cpu:.0f} s CPU, {child.peak / MEGABYTE:.0f} MB"
        )
    goal("fit and fill", (fit.wall + fill.wall) / MINUTE, "<=", 8, " minutes")
    print(f"  CPU time of both: {(fit.cpu + fill.cpu) / MINUTE:.1f} minutes")


def impute(*arguments: object, **options: object) -> Child:
    return mirctl("impute", *arguments, "--quiet", **options)


def with_holes(source: Path, path: Path, rows: int | None) -> Path:
    """So many rows of adult with a header (None: as many as there are), and holes in them."""
    with source.open() as lines:
        real = [[cell.strip() for cell in row] for row in csv.reader(lines) if len(row) > 1]
    whole = path.with_suffix(".whole.csv")
    with whole.open("w", newline="") as out:
        taken = islice(cycle(real), rows or len(real))
        csv.writer(out).writerows(chain([ADULT.split(",")], taken))
    impute("mask", whole, "--level", 0.3, "--as", "?", "--out", path)
    whole.unlink()
    return path


def untrained(source: Path, folder: Path) -> Path:
    """A model whose network learned nothing: it costs as much as any."""
    holes = with_holes(source, folder / "adult.csv", 5_000)
    impute("fit", holes, "train.epochs=0", "--out", folder / "model", env=ALONE)
    return folder / "model"


if __name__ == "__main__":
    main()
