"""Does gaze help a reward model? Where it must, where it cannot, and on real preferences.

Without `--real`: `align ablate` on pairs of random words of which only the reading times of their
reader tell which answer is better; models that get them should beat the text alone, and with the
times of others (shuffled) be no better than it. In the first table the whole better answer is read
more slowly, in the second one some of its words are, and others faster: attn-bias and token-weight
compare a text's words with each other. A small random Llama learns.

With `--real`: hh-rlhf harmless-base, all pairs, each scored by the model that learned from the
other folds; MiniLM with LoRA as the recipe has it, on the last 64 tokens (an hour on two cores; 128
took twice as long and were no better after an epoch), gaze by `formula`.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import align_readers
from measure import mirctl, real_data

FILE = "hh-rlhf-harmless-base-test.jsonl.gz"
PAIRS, TEST = 800, 1000
REAL = "text.length=64"
MADE = ("model.method=full", "text.template=plain", "train.epochs=10", "train.lr=1e-3",
        "train.metric=null")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", action="store_true", help="hh-rlhf instead of made pairs")
    parser.add_argument("--inject", help="unless told all, of real pairs add and concat")
    parser.add_argument("--kinds", default="level,words", help="of made pairs")
    parser.add_argument("--seeds", type=int, help="5 of made pairs, 1 of real ones")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once: on a large machine")
    parser.add_argument("--out", type=Path, help="keep the runs here, and go on with them")
    parser.add_argument("changes", nargs="*", help="of the recipe, as key=value")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        out = asked.out or Path(name)
        out.mkdir(parents=True, exist_ok=True)
        more = [*asked.changes, "--jobs", asked.jobs]
        if asked.real:
            on_real(out, asked.inject or "add,concat", asked.seeds or 1, more)
            return
        every = "add,concat,attn-bias,token-weight,aux-loss"
        for kind in asked.kinds.split(","):
            on_made(out, kind, asked.inject or every, asked.seeds or 5, more)


def on_made(out: Path, kind: str, inject: str, seeds: int, more: Sequence[object]) -> None:
    """Pairs of one kind of readers."""
    train = align_readers.write(out / f"{kind}.jsonl", PAIRS, 0, kind)
    test = align_readers.write(out / f"{kind}-test.jsonl", TEST, 999, kind)
    slower = align_readers.longer_read(test, kind)
    print(f"{kind}: {PAIRS} pairs to learn from, {TEST} to measure on; the times alone tell the "
          f"chosen one in {slower:.3f}", flush=True)  # fmt: skip
    llama = align_readers.model(out / "llama")
    ablated(
        out / kind, f"data.train={train}", f"data.test={test}", f"model.base={llama}", *MADE,
        *more, "--generators", "data", "--inject", inject, "--seeds", seeds,
    )  # fmt: skip


def on_real(out: Path, inject: str, seeds: int, more: Sequence[object]) -> None:
    """All pairs of hh-rlhf, each measured where it is held out."""
    pairs = real_data("preferences") / FILE
    ablated(out / "hh", f"data.train={pairs}", REAL, *more, "--inject", inject, "--folds", 5,
            "--seeds", seeds)  # fmt: skip


def ablated(out: Path, *arguments: object) -> None:
    print(mirctl("align", "ablate", "align/pairs", *arguments, "--out", out, "--resume",
                 "--quiet").out, flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
