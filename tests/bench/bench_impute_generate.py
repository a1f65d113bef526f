"""Making rows: mirctl impute against CTGAN, TVAE and SMOTE, by `impute compare --task generate`.

Each method learns 80 % of a table (adult: 5,000 of 10,000 rows) and makes as many rows, which are
judged beside the rest on ML efficiency, similarity and privacy. The peers get an environment of
their own in `--venvs`, over this one. `--report FILE.html` keeps a page on adult's made rows.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from pathlib import Path

from bench_impute import SETS, table
from measure import environment, goal, mirctl, real_data, run_child

METHODS = "mtabgen,tabddpm,ctgan,tvae,smote,shuffle,copy"
PEERS = ["ctgan==0.12.1", "rdt", "Faker"]
ALONE = {"OMP_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "mirctl-peers")
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    source = real_data("tabular")
    python = environment(asked.venvs / "ctgan", PEERS)
    for name in asked.sets.split(","):
        with tempfile.TemporaryDirectory() as folder:
            compared(Path(folder), source, name, python, asked)
            if name == "adult" and asked.report:
                report(Path(folder), source, asked.report)


def compared(folder: Path, source: Path, name: str, python: Path, asked) -> None:
    """One table, all methods."""
    table(source, name, folder / "real.csv")
    share = ()
    if name == "adult":
        table(source, name, folder / "others.csv", others=True)
        _, *others = (folder / "others.csv").read_text().splitlines(keepends=True)
        with (folder / "real.csv").open("a") as real:
            real.writelines(others)
        share = ("--share", "0.5")
    child = run_child(
        [python, "-m", "mirctl", "impute", "compare", "real.csv", "--task", "generate",
         "--methods", asked.methods, "--seeds", asked.seeds, *share, "--json", "--quiet"],
        cwd=folder, env=ALONE,
    )  # fmt: skip
    if child.code:
        sys.exit(f"compare failed on {name}:\n{child.err[-2000:]}")
    document = json.loads(child.out)
    metrics = document["metrics"]
    by_method: dict[str, dict[str, float]] = {}
    for key, metric in metrics.items():
        method, _, measure = key.partition(".")
        by_method.setdefault(method, {})[measure] = metric["value"]
    for method, found in by_method.items():
        shown = "  ".join(f"{measure} {value:.3f}" for measure, value in found.items())
        print(f"{name:8} {method:8} {shown}", flush=True)
    attacks = [
        result["details"]["metrics"]["mia"]
        for result in document["results"]
        if result["method"] == "mtabgen"
    ]
    goals(name, by_method, attacks)


def goals(name: str, found: dict[str, dict[str, float]], attacks: list[dict]) -> None:
    ours = found["mtabgen"]
    gans = [found[m] for m in ("ctgan", "tvae") if m in found]
    if gans:
        best = max(gan["ml_efficiency"] for gan in gans)
        goal("ML efficiency over the better of CTGAN and TVAE", ours["ml_efficiency"] / best,
             ">=", 1.0)  # fmt: skip
    error = math.hypot(*(attack["se"] for attack in attacks)) / len(attacks)
    goal("membership AUC, standard errors from .5", abs(ours["mia"] - 0.5) / error, "<=", 2)
    goal("distance to the closest record, 5 %", ours["dcr5"], ">=", 0.85)
    if name == "adult":
        goal("ML efficiency", ours["ml_efficiency"], ">=", 0.97)
        goal("detection", ours["detection"], "<=", 0.62)
        if "ctgan" in found:
            ratio = ours["correlation"] / found["ctgan"]["correlation"]
            goal("correlation error over CTGAN's", ratio, "<=", 0.5)
            ratio = ours["cpu_seconds"] / found["ctgan"]["cpu_seconds"]
            goal("CPU seconds over CTGAN's", ratio, "<=", 0.5)


def report(folder: Path, source: Path, target: Path) -> None:
    """The page on rows made of adult, other rows of it as holdout."""
    table(source, "adult", folder / "real.csv")
    table(source, "adult", folder / "holdout.csv", others=True)
    page = ("--report", target.resolve(), "--force")
    for arguments in (
        ("fit", "real.csv", "--out", "model"),
        ("sample", "model", "-n", 5000, "--out", "made.csv"),
        ("evaluate", "real.csv", "made.csv", "--holdout", "holdout.csv", *page),
    ):
        mirctl("impute", *arguments, "--quiet", cwd=folder)
    print(f"  the page is {os.path.relpath(target)}")


if __name__ == "__main__":
    main()
