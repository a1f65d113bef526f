"""The same seed gives the same bytes, and so does a run that is killed at random and resumed."""

import random
import tempfile
import time
from pathlib import Path

from measure import goal, mirctl, movielens, recipe_on

CHANGES = ["model.method=id", "train.epochs=2", "train.checkpoint_every=0"]
FILES = ("metrics.json", "model.safetensors", "extra/history.json")
KILLS = 5


def same(a: Path, b: Path) -> bool:
    """Are the files that should be equal equal to the byte?"""
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in FILES)


def main() -> None:
    command = ["adapt", "run", *recipe_on(movielens()), *CHANGES, "--quiet"]
    rng = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        work = Path(name)
        begin = time.monotonic()
        mirctl(*command, "--out", work / "whole")
        whole = time.monotonic() - begin
        mirctl(*command, "--out", work / "again")
        print(f"SASRec on MovieLens, 2 epochs, {whole:.1f} s a run")
        goal("a second run has the same bytes", same(work / "whole", work / "again"), "==", 1)
        equal = killed = 0
        for number in range(KILLS):
            out = work / f"killed{number}"
            moment = rng.uniform(0.3, 0.95) * whole
            first = mirctl(*command, "--out", out, kill_after=moment)
            killed += first.code < 0
            if first.code < 0:
                mirctl(*command, "--out", out, "--resume")
            equal += same(work / "whole", out)
        print(f"  {killed} of {KILLS} runs were killed at a random moment and resumed")
        goal("killed and resumed runs with the same bytes", equal, "==", KILLS)


if __name__ == "__main__":
    main()
