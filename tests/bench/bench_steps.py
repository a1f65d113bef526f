"""A pipeline of 200 steps that are all up to date replays in less than two seconds.

The steps are `impute/mask` on a table of 1,000 rows: each makes more holes in what another made.
"""

import csv
import json
import random
import sys
import tempfile
from pathlib import Path

from measure import goal, mirctl, run_child

STEPS, RUNS = 200, 5
WIDTH = 10
"""Steps beside each other; each takes the result of one of the layer before it."""


def recipe() -> str:
    """A graph of STEPS steps, WIDTH beside each other."""
    rng, lines = random.Random(0), ["steps:"]
    for number in range(STEPS):
        before = (number // WIDTH - 1) * WIDTH + rng.randrange(WIDTH)
        table = f"{{step: s{before}}}" if number >= WIDTH else "table.csv"
        lines.append(f"  s{number}: {{uses: impute/mask, table: {table}, level: 0.01}}")
    return "\n".join(lines) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with open(folder / "table.csv", "w", newline="") as file:
            csv.writer(file).writerows([["a", "b"], *([n, n * n] for n in range(1_000))])
        (folder / "pipeline.yaml").write_text(recipe())
        command = ["run", folder / "pipeline.yaml", "--out", folder / "out", "--json"]
        first = mirctl(*command)
        replays = [mirctl(*command) for _ in range(RUNS)]
        states = {step["state"] for step in json.loads(replays[-1].out)["steps"].values()}
        if states != {"up to date"}:
            sys.exit(f"not all is up to date: {states}")
        print(f"a pipeline of {STEPS} steps: first run {first.cpu:.3g} s CPU")
        goal("replay, all up to date", min(r.cpu for r in replays), "<=", 2, " s CPU")
        goal("wall clock of it", min(r.wall for r in replays), "<=", 2, " s")
        bare = run_child([sys.executable, "-m", "mirctl", "--version"])
        print(f"  of that, starting mirctl at all: {bare.cpu:.3g} s CPU")


if __name__ == "__main__":
    main()
