"""Fixations and reading measures beside pymovements 0.28: the same, and faster.

60,000 samples at 1000 Hz, made; events are compared as bounds, and 1,000 random sequences of
fixations by each measure. Then the whole command, on files of few readers and of many. The peer
gets an environment of its own in `--venvs`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import compare, cpu_seconds, goal, mirctl, run_child

from mirctl_gaze import detection
from mirctl_gaze.measures import reading_measures

sys.path.insert(0, str(Path(__file__).parents[1]))
from gaze.recordings import PPD, record, samples_csv, text_boxes

PEER = ("pymovements==0.28.0",)
SCRIPT = Path(__file__).with_name("gaze_peers.py")
SAMPLES, SEQUENCES, WORDS = 60_000, 1_000, 12
READERS = (4, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "mirctl-peers")
    python = environment(parser.parse_args().venvs)
    x, y = recording()
    print(f"I-DT, {len(x):,} samples")
    spread(python, x, y)
    print(f"I-VT, {len(x):,} samples")
    speed(python, x, y)
    print(f"measures of {SEQUENCES:,} sequences")
    measures(python)
    print("the command, CSV to CSV")
    command()


def environment(folder: Path) -> Path:
    """A Python with the peer in it."""
    python = folder / "pymovements" / "bin" / "python"
    if not python.exists():
        for command in (
            [sys.executable, "-m", "venv", folder / "pymovements"],
            [python, "-m", "pip", "install", "-q", *PEER],
        ):
            child = run_child(command)
            if child.code:
                sys.exit(f"pymovements cannot be installed: {child.err[-500:]}")
    return python


def recording() -> tuple[np.ndarray, np.ndarray]:
    """Gaze in degrees, without blinks: what a lost sample does is defined otherwise by each."""
    parts = [record(text_boxes(seed=seed), seed, noise=0.05) for seed in range(4)]
    x, y = (np.concatenate([getattr(part, axis) for part in parts]) for axis in "xy")
    return x[:SAMPLES] / PPD, y[:SAMPLES] / PPD


def peer(python: Path, part: str, **arrays: object) -> tuple[float, dict[str, np.ndarray]]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, **arrays)
        child = run_child([python, SCRIPT, part, source, target])
        if child.code:
            sys.exit(f"the peer failed: {child.err[-800:]}")
        with np.load(target) as found:
            return float(child.out), dict(found)


def least(work: object) -> float:
    return min(cpu_seconds(work) for _ in range(5))


def spread(python: Path, x: np.ndarray, y: np.ndarray) -> None:
    theirs, found = peer(python, "idt", x=x, y=y)
    ours = least(lambda: detection.narrow(x, y, 1.0, 100))
    starts, stops = detection.narrow(x, y, 1.0, 100)
    # Its offset is the sample that ends a window, or the recording's last one.
    same = np.array_equal(starts, found["onset"]) and np.array_equal(
        np.minimum(stops, len(x) - 1), found["offset"]
    )
    told(ours, theirs, same, len(starts), 20)


def speed(python: Path, x: np.ndarray, y: np.ndarray) -> None:
    half = 5
    weights = np.arange(half, -half - 1, -1) / 0.11
    vx, vy = (np.convolve(np.pad(axis, half, "edge"), weights, "valid") for axis in (x, y))
    theirs, found = peer(python, "ivt", vx=vx, vy=vy)

    def work() -> tuple[np.ndarray, np.ndarray]:
        starts, stops = detection.slow(np.hypot(vx, vy), 30.0)
        long = stops - starts >= 60
        return starts[long], stops[long]

    starts, stops = work()
    same = np.array_equal(starts, found["onset"]) and np.array_equal(stops - 1, found["offset"])
    told(least(work), theirs, same, len(starts), 1)


def measures(python: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, SEQUENCES)
    word = [rng.integers(0, WORDS, n) for n in lengths]
    duration = [rng.integers(60, 900, n).astype(float) for n in lengths]
    theirs, found = peer(
        python, "measures", words=WORDS, trial=np.repeat(np.arange(SEQUENCES), lengths),
        word=np.concatenate(word), duration=np.concatenate(duration),
    )  # fmt: skip

    def work() -> list[dict[str, np.ndarray]]:
        return [reading_measures(WORDS, w, d) for w, d in zip(word, duration, strict=True)]

    whole = {name: np.concatenate([one[name] for one in work()]) for name in found}
    # A duration that there is none of is 0 there.
    same = all(np.array_equal(np.nan_to_num(whole[name]), found[name]) for name in found)
    told(least(work), theirs, same, SEQUENCES * WORDS, 1)


def command() -> None:
    """CPU time and peak of few readers and of many."""
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "samples.csv"
        made = [samples_csv(record(text_boxes(seed=s), s), f"t{s}", "READER") for s in range(10)]
        header = made[0].partition("\n")[0]
        rows = "".join(one.partition("\n")[2] for one in made)
        for readers in READERS:
            whole = [rows.replace("READER", f"r{reader}") for reader in range(readers)]
            table.write_text("\n".join([header, "".join(whole)]))
            line = ("gaze", "detect", table, "--ppd", PPD, "-o", Path(folder) / "f.csv", "-q")
            child = mirctl(*line, "--force", env={"OMP_NUM_THREADS": "1"})
            count = rows.count("\n") * readers
            peaks[readers] = child.peak
            print(f"  {count:,} samples: {child.peak / 1e6:.0f} MB, {child.cpu:.1f} s CPU, "
                  f"{count / child.cpu:,.0f} a second")  # fmt: skip
    few, many = (peaks[readers] for readers in READERS)
    goal(f"peak of {READERS[1]} readers over {READERS[0]}", many / few, "<=", 1.2)


def told(ours: float, theirs: float, same: bool, count: int, wanted: float) -> None:
    compare(ours * 1000, theirs * 1000, "ms CPU")
    goal("times as fast", theirs / ours, ">=", wanted)
    goal(f"all {count:,} the same", float(same), "==", 1)


if __name__ == "__main__":
    main()
