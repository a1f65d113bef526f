"""What pre-training is worth: A2C from scratch, pretrained, ft and ap, by buckets of steps.

    python tests/bench/bench_rl_learn.py USERS PREFS [PREFS ...] [--steps 20000] [--seeds 3]

USERS is a simulator; each PREFS an artifact of `rl distill`, of whatever teacher: `oracle` shows
the ceiling, `adversarial` what a wrong one costs, `random` how much the known quit rule gives by
itself. Goals of a good teacher: ft >= 1.4 x scratch in the first 4,000 steps, ap >= 1.2 x; of an
adversarial one: ap >= 0.97 x scratch in steps 4,001 to 20,000.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import goal

from mirctl.metrics import seeds as over_seeds

GOALS = {
    ("oracle", "ft", 4000): 1.4, ("oracle", "ap", 4000): 1.2, ("text+popular", "ft", 4000): 1.4,
    ("text+popular", "ap", 4000): 1.2, ("adversarial", "ap", 20000): 0.97,
}  # fmt: skip


def made(command, *arguments, out, seed):
    """Mean rewards by the end of their bucket, of a run of the command line."""
    told = [sys.executable, "-m", "mirctl", "rl", command, *map(str, arguments)]
    told += ["--out", str(out), "--seed", str(seed), "--json", "--quiet"]
    metrics = json.loads(subprocess.run(told, check=True, stdout=subprocess.PIPE).stdout)["metrics"]
    return {
        int(name.partition("@")[2]): entry["value"]
        for name, entry in metrics.items()
        if name.startswith("cumulative@")
    }


def arms(users, prefs, steps, seed, folder):
    """(teacher, arm) -> bucket -> mean reward an episode."""
    found = {("", "scratch"): made("online", users, "--steps", steps, out=folder / "s", seed=seed)}
    for number, one in enumerate(prefs):
        facts = json.loads((one / "manifest.json").read_text())["facts"]
        pre = folder / f"pre{number}"
        made("pretrain", users, one, "--allow-weak-teacher", out=pre, seed=seed)
        for mode in ("ft", "ap"):
            told = ("--policy", pre, "--mode", mode, "--steps", steps)
            out = folder / f"{mode}{number}"
            found[facts["teacher"], mode] = made("online", users, *told, out=out, seed=seed)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("users", type=Path)
    parser.add_argument("prefs", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    runs = []
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(arms(asked.users, asked.prefs, asked.steps, seed, Path(folder)))
    for arm in runs[0]:
        print(f"{arm[0] or '-':14} {arm[1]:8}", end="")
        for bucket in runs[0][arm]:
            own = [run[arm][bucket] for run in runs]
            half = over_seeds.interval(own)
            print(f"  to {bucket:,}: {np.mean(own):6.2f}", end="")
            print("" if half is None else f" +- {half:.2f}", end="")
        print()
    for (teacher, mode, bucket), least in GOALS.items():
        if (teacher, mode) in runs[0] and bucket in runs[0]["", "scratch"]:
            own, base = (np.mean([run[arm][bucket] for run in runs])
                         for arm in ((teacher, mode), ("", "scratch")))  # fmt: skip
            goal(f"{teacher} {mode}, to {bucket:,}, beside scratch", own / base, ">=", least, "x")


if __name__ == "__main__":
    main()
