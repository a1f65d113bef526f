"""Does gaze help a reward model? Where it must, where it cannot, and on real preferences.

Without `--real`: pairs of random words of which only the reading times of their reader tell which
answer is better; models that get them should beat the text alone, and with the times of others
(shuffled) be no better than it. In the first table the whole better answer is read more slowly, in
the second one some of its words are, and others faster: attn-bias and token-weight compare a text's
words with each other. A small random Llama learns from each seed's own pairs; all are measured on
the same ones.

With `--real`: hh-rlhf harmless-base, all pairs, each scored by the model that learned from the
other folds; MiniLM with LoRA as the recipe has it, gaze by `formula`.

Intervals are 95 % bootstraps over prompts, of the mean over seeds. With `--work` runs that are done
are not done again.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import align_readers
import numpy as np
from measure import mirctl, real_data
from safetensors.numpy import load_file

from mirctl.metrics import resampling

VARIANTS = {
    "none": (), "add": ("gaze.inject=add",), "concat": ("gaze.inject=concat",),
    "attn-bias": ("gaze.inject=attn-bias",), "token-weight": ("gaze.inject=token-weight",),
    "aux-loss": ("gaze.inject=aux-loss",), "add-shuffled": ("gaze.inject=add", "gaze.shuffle=true"),
    "concat-shuffled": ("gaze.inject=concat", "gaze.shuffle=true"),
}  # fmt: skip
REAL = ("none", "add", "concat", "add-shuffled")
FILE = "hh-rlhf-harmless-base-test.jsonl.gz"
PAIRS, TEST = 800, 1000
MADE = ("model.method=full", "text.template=plain", "gaze.generator=data", "train.epochs=10",
        "train.lr=1e-3", "train.metric=null")  # fmt: skip
Run = Callable[[str, int], tuple[np.ndarray, np.ndarray]]
"""(variant, seed) -> (prompts, hits) of the pairs that are measured on, in one order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", action="store_true", help="hh-rlhf instead of made pairs")
    parser.add_argument("--variants", type=variants, help="some, as in none,add; unless told all")
    parser.add_argument("--seeds", type=int, help="5 of made pairs, 1 of real ones")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="keeps the models, for another call to go on")
    parser.add_argument("changes", nargs="*", help="of the recipe, as key=value")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        work = asked.work or Path(name)
        work.mkdir(parents=True, exist_ok=True)
        if asked.real:
            run = on_real(work, asked.folds, asked.changes)
            table(run, asked.variants or REAL, asked.seeds or 1)
            return
        for kind in ("level", "words"):
            run = on_made(work / kind, kind, asked.changes)
            table(run, asked.variants or [*VARIANTS], asked.seeds or 5)


def variants(text: str) -> list[str]:
    """Names with commas between; text-only should be the first, since others are compared to it."""
    names = text.split(",")
    if unknown := set(names) - VARIANTS.keys():
        told = f"no variant {', '.join(sorted(unknown))}; there are: {', '.join(VARIANTS)}"
        raise argparse.ArgumentTypeError(told)
    return names


def on_made(work: Path, kind: str, changes: Sequence[str]) -> Run:
    """The runs on made pairs of one kind."""
    work.mkdir(exist_ok=True)
    test = align_readers.write(work / "test.jsonl", TEST, 999, kind)
    llama = align_readers.model(work / "llama")
    told = f"{kind}: {PAIRS} pairs to learn from, {TEST} to measure on"
    slower = align_readers.longer_read(test, kind)
    print(f"\n{told}; the times alone tell the chosen one in {slower:.3f}", flush=True)

    def run(variant: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = align_readers.write(work / f"train-{seed}.jsonl", PAIRS, seed, kind)
        out = trained(
            work / f"{variant}-{seed}", f"data.train={pairs}", f"data.test={test}",
            f"model.base={llama}", *MADE, f"seed={seed}", *VARIANTS[variant], *changes,
        )  # fmt: skip
        return hits([out])

    return run


def on_real(work: Path, folds: int, changes: Sequence[str]) -> Run:
    """The runs on real pairs; each is measured where it is held out."""
    pairs = real_data("preferences") / FILE

    def run(variant: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        outs = [
            trained(
                work / f"{variant}-{seed}-{fold}", f"data.train={pairs}", f"seed={seed}",
                f"data.fold={fold}/{folds}", *VARIANTS[variant], *changes,
            )
            for fold in range(1, folds + 1)
        ]  # fmt: skip
        if variant == "none":
            tell_shorter(outs)
        return hits(outs)

    return run


def trained(out: Path, *changes: object) -> Path:
    """An artifact of the recipe with some changes."""
    if not out.exists():
        mirctl("align", "train", "align/pairs", *changes, "--out", out, "--force", "--quiet")
    return out


def hits(outs: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Of all pairs that models were measured on: the prompt, and 1 where the chosen text has the
    higher reward; in one order for all models."""
    parts = [load_file(out / "scored.safetensors") for out in outs]
    names, prompts, chosen, rejected = (
        np.concatenate([part[key] for part in parts])
        for key in ("names", "prompts", "chosen", "rejected")
    )
    order = np.argsort(names, kind="stable")
    right = np.where(chosen == rejected, 0.5, chosen > rejected)
    return prompts[order], right[order]


def tell_shorter(outs: Sequence[Path]) -> None:
    """How often the shorter answer is the chosen one."""
    found = [json.loads((out / "metrics.json").read_text())["shorter"] for out in outs]
    count = sum(own["n"] for own in found)
    share = sum(own["value"] * own["n"] for own in found) / count
    print(f"{count} pairs; the shorter answer is the chosen one in {share:.3f}", flush=True)


def table(run: Run, variants: Sequence[str], seeds: int) -> None:
    """A row a variant, as soon as it is known: accuracy, and the difference from the text alone."""
    print(f"{'variant':16} {'accuracy':22} {'minus none':24} each seed's", flush=True)
    plain = None
    for variant in variants:
        found = [run(variant, seed) for seed in range(seeds)]
        prompts, right = found[0][0], np.stack([own for _, own in found])
        mean = right.mean(0)
        plain = mean if variant == "none" else plain
        told = "" if plain is None or variant == "none" else shown(mean - plain, prompts, "+.3f")
        every = " ".join(f"{value:.3f}" for value in right.mean(1).tolist())
        print(f"{variant:16} {shown(mean, prompts):22} {told:24} {every}", flush=True)


def shown(values: np.ndarray, prompts: np.ndarray, form: str = ".3f") -> str:
    """The mean of values (pairs,) and its interval."""
    _, number = np.unique(prompts, return_inverse=True)
    sums = np.stack([np.bincount(number, values), np.bincount(number)], 1)
    drawn = resampling.sums(sums, 0)
    low, high = resampling.interval(drawn[:, 0] / drawn[:, 1])
    return f"{values.mean():{form}} [{low:{form}}, {high:{form}}]"


if __name__ == "__main__":
    main()
