"""Does a side network gain from a larger encoder, and does it gain more than plain heads do?

`adapt compare --encoders` on real MovieLens: MiniLM (6 x 384) and Gemma 3 270M (18 x 640), or what
`--encoders A,B,C` names, for titles with the posters of the recipe; `--titles` leaves these out.
Each method has the rate of `--rates` that validation chose with a seed that is not compared.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from measure import fetch_models, goal, mirctl, movielens, recipe_on

ENCODERS = "minilm,gemma3-270m"
METHODS = ("iisan-versa", "frozen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--encoders", default=ENCODERS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", default="2e-3,4e-3,8e-3,16e-3", help="none: the recipe's")
    parser.add_argument("--titles", action="store_true", help="titles alone, without posters")
    parser.add_argument("--out", type=Path, help="keep the race here, and go on with one")
    asked = parser.parse_args()
    recipe = [*recipe_on(movielens()), *(["model.image=null"] if asked.titles else [])]
    fetch_models()
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        show(race(recipe, asked, asked.out or Path(name) / "race"))


def race(recipe: list[str], asked: argparse.Namespace, out: Path) -> dict[str, Any]:
    rates = [] if asked.rates == "none" else ["--rates", asked.rates]
    child = mirctl(
        "adapt", "compare", *recipe, "--encoders", f"text={asked.encoders}",
        "--methods", ",".join(METHODS), "--seeds", asked.seeds, *rates, "--out", out, "--resume",
        "--quiet", "--json",
    )  # fmt: skip
    return json.loads(child.out)


def show(told: dict[str, Any]) -> None:
    metrics, sizes = told["metrics"], told["encoders"]
    for name, size in sizes.items():
        print(
            f"{name}: {size['shape']}, {size['kept']} kept, {size['parameters']:,} parameters, "
            f"encoded in {size['seconds']:.0f} s, states of {size['bytes'] / 1e6:.3g} MB"
        )
        for method in METHODS:
            own = {key: metrics[f"{method}@{name}.{key}"] for key in ("ndcg@10", "epoch_seconds")}
            paired = metrics.get(f"{method}@{name}.ndcg@10-{told['against']}")
            gain = f", minus {told['against']} {ranged(paired)}" if paired else ""
            rate = metrics[f"{method}@{name}.lr"]["value"]
            print(f"  {method}: NDCG@10 {ranged(own['ndcg@10'])}{gain}, rate {rate:g}, "
                  f"{own['epoch_seconds']['value']:.3g} s an epoch")  # fmt: skip
    largest = max(sizes, key=lambda name: sizes[name]["parameters"])
    ours, peer = (metrics[f"{method}@{largest}.ndcg@10"]["value"] for method in METHODS)
    print(f"on {largest}, the largest: ours {ours:.4f}, frozen heads {peer:.4f}")
    goal("ratio", ours / peer, ">=", 1.0, " x")
    smallest = min(sizes, key=lambda name: sizes[name]["parameters"])
    small = metrics[f"{METHODS[0]}@{smallest}.ndcg@10"]["value"]
    print(f"side network, {largest} against {smallest}: {ours:.4f}, {small:.4f}")
    goal("ratio", ours / small, ">=", 1.0, " x")


def ranged(entry: dict[str, float]) -> str:
    return f"{entry['value']:.4f} [{entry['low']:.4f}, {entry['high']:.4f}]"


if __name__ == "__main__":
    main()
