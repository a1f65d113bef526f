"""Does a reward depend on padding? Ours, plain transformers', and TRL's on the same weights.

A small random Llama is trained for an epoch and exported; the largest difference of a text's reward
alone from that in a batch of 8, in units of the largest reward. Plain: `model(**tokenizer(texts,
padding=True))`, its padding token being the end token, and texts that end with it. TRL 1.16: its
collator, as its RewardTrainer pads, with an environment of its own in `--venvs`.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import align_readers
from measure import environment, goal, mirctl, run_child

LIMIT = 1e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "mirctl-peers")
    asked = parser.parse_args()
    packages = ("trl==1.16.0", "datasets", "dill", "multiprocess", "xxhash")
    python = environment(asked.venvs / "trl", packages)
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        work = Path(name)
        pairs = align_readers.write(work / "pairs.jsonl", 80, 0, "level")
        llama = align_readers.model(work / "llama")
        mirctl("align", "train", "align/pairs", f"data.train={pairs}", f"model.base={llama}",
               "model.method=full", "text.template=plain", "train.epochs=1",
               "--out", work / "ours", "--quiet")  # fmt: skip
        mirctl("align", "export", work / "ours", "--out", work / "plain", "--quiet")
        for which in ("ours", "plain"):
            told(which, work / which)
        child = run_child([python, Path(__file__).with_name("align_padding.py"), work / "plain"])
        if child.code:
            sys.exit(f"TRL failed:\n{child.err[-2000:]}")
        goal("TRL, its collator", json.loads(child.out.splitlines()[-1]), "<=", LIMIT)


def told(which: str, folder: Path) -> None:
    """Each answer of `align check`; a row that fails is why it exists, not an end."""
    child = run_child([sys.executable, "-m", "mirctl", "align", "check", folder, "--json"])
    for key, entry in json.loads(child.out)["metrics"].items():
        name = key.removeprefix("difference.")
        if name != key and name != "in-bf16" and entry["value"] is not None:
            goal(f"{which}, {name}", entry["value"], "<=", LIMIT)


if __name__ == "__main__":
    main()
