"""A reward model of 0.9 M parameters, trained by us and by TRL on the same pairs; the cost of gaze.

A random Llama (width 128, 4 layers), 8 pairs a batch, texts of 20 to 200 words that are a token
each; the chosen text has more of certain words. One thread each; TRL 1.16 has an environment of its
own in `--venvs`, over this one. Steps a second are by CPU time.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import align_readers
import numpy as np
from measure import environment, goal, mirctl, run_child

WORDS = 2000
SHAPE = {"hidden_size": 128, "num_hidden_layers": 4, "intermediate_size": 256}
PAIRS, TEST, EPOCHS, RATE = 1600, 400, 2, 1e-3
ALONE = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "mirctl-peers")
    parser.add_argument("--runs", type=int, default=2, help="the fastest of so many counts")
    asked = parser.parse_args()
    peer = environment(asked.venvs / "trl", ("trl==1.16.0", "datasets", "dill", "multiprocess",
                                             "xxhash"))  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        work = Path(name)
        align_readers.model(work / "llama", WORDS, **SHAPE)
        for part, (count, seed) in {"train": (PAIRS, 0), "test": (TEST, 1)}.items():
            (work / f"{part}.jsonl").write_text("\n".join(map(json.dumps, pairs(count, seed))))
        against_trl(work, peer, asked.runs)
        cost_of_gaze(work, asked.runs)


def against_trl(work: Path, peer: Path, runs: int) -> None:
    """Steps a second, and what was learned."""
    both = [(ours(work), theirs(work, peer)) for _ in range(runs)]
    mine, other = (max(some, key=lambda found: found["rate"]) for some in zip(*both, strict=True))
    print(f"ours {mine['rate']:.2f} steps/s, accuracy {mine['accuracy']:.3f}; "
          f"TRL {other['rate']:.2f} steps/s, accuracy {other['accuracy']:.3f}")  # fmt: skip
    goal("times the steps of TRL", mine["rate"] / other["rate"], ">=", 1.5)
    goal("accuracy beside TRL's", mine["accuracy"] - other["accuracy"], ">=", -0.02)


def cost_of_gaze(work: Path, runs: int) -> None:
    """What a step takes with each injection, beside one without."""
    plain = max(ours(work)["rate"] for _ in range(runs))
    limits = {"add": 1.15, "concat": 2.2, "attn-bias": None, "aux-loss": None, "token-weight": None}
    for inject, limit in limits.items():
        rate = max(ours(work, f"gaze.inject={inject}")["rate"] for _ in range(runs))
        print(f"{inject}: {rate:.2f} steps/s")
        if limit:
            goal("times a step without gaze", plain / rate, "<=", limit)
        else:
            print(f"  times a step without gaze: {plain / rate:.3g}")


def ours(work: Path, *changes: str) -> dict[str, float]:
    out = work / "ours"
    mirctl(
        "align", "train", "align/pairs", f"data.train={work / 'train.jsonl'}",
        f"data.test={work / 'test.jsonl'}", f"model.base={work / 'llama'}", "model.method=full",
        "text.template=plain", "text.length=512", f"train.epochs={EPOCHS}", f"train.lr={RATE}",
        "train.batch_size=8",
        "train.metric=null", *changes, "--out", out, "--force", "--quiet", env=ALONE,
    )  # fmt: skip
    spent = json.loads((out / "efficiency.json").read_text())
    metrics = json.loads((out / "metrics.json").read_text())
    return {"rate": 1 / spent["step_cpu_seconds"], "accuracy": metrics["accuracy"]["value"]}


def theirs(work: Path, python: Path) -> dict[str, float]:
    child = run_child(
        [python, Path(__file__).with_name("align_peers.py"), work / "llama", work / "train.jsonl",
         work / "test.jsonl", EPOCHS, RATE],
        env=ALONE, cwd=work,
    )  # fmt: skip
    if child.code:
        sys.exit(f"TRL failed:\n{child.err[-2000:]}")
    found = json.loads(child.out.splitlines()[-1])
    return {"rate": found["steps"] / found["cpu"], "accuracy": found["accuracy"]}


def pairs(count: int, seed: int) -> list[dict[str, str]]:
    """A prompt and two answers; of the chosen one's words more are among the first 50."""
    random = np.random.default_rng(seed)

    def text(low: int, high: int, good: float) -> str:
        size = random.integers(low, high + 1)
        words = np.where(random.random(size) < good, random.integers(0, 50, size),
                         random.integers(50, WORDS, size))  # fmt: skip
        return " ".join(f"w{n}" for n in words.tolist())

    return [
        {"prompt": text(5, 50, 0.1), "chosen": text(15, 150, 0.15),
         "rejected": text(15, 150, 0.08)}
        for _ in range(count)
    ]  # fmt: skip


if __name__ == "__main__":
    main()
