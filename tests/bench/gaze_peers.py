"""Detects and measures with pymovements, in its own environment: PART INPUT.npz OUT.npz.

idt, ivt: x, y in degrees at 1000 Hz -> onsets and offsets. measures: word and duration of sequences
-> the measures of each. Prints CPU seconds, the least of three.
"""

import sys
import time

import numpy as np
import polars as pl
from pymovements.events import idt, ivt
from pymovements.measure.reading import compute_reading_measures

NAMES = {"FFD": "FFD", "GD": "FPRT", "GPT": "RPD_inc", "TRT": "TFT", "first_duration": "FD",
         "nFix": "TFC", "reg_in": "TRC_in", "reg_out": "TRC_out"}  # fmt: skip


def main() -> None:
    part, source, target = sys.argv[1:4]
    given = np.load(source)
    taken, found = timed({"idt": by_spread, "ivt": by_speed, "measures": measures}[part], given)
    print(taken)
    np.savez(target, **found)


def timed(work, given):
    """Least CPU seconds of three calls, and what the last gave."""
    taken = []
    for _ in range(3):
        begin = time.process_time()
        found = work(given)
        taken.append(time.process_time() - begin)
    return min(taken), found


def by_spread(given):
    positions = np.stack([given["x"], given["y"]], axis=1)
    return bounds(idt(positions, minimum_duration=100, dispersion_threshold=1.0))


def by_speed(given):
    velocities = np.stack([given["vx"], given["vy"]], axis=1)
    # Its shortest is from the first sample to the last, which is one step less than ours.
    return bounds(ivt(velocities, minimum_duration=59, velocity_threshold=30.0))


def bounds(events):
    frame = events.frame
    return {"onset": frame["onset"].to_numpy(), "offset": frame["offset"].to_numpy()}


def measures(given):
    words = int(given["words"])
    frame = pl.DataFrame(
        {"trial": given["trial"], "word_idx": given["word"], "duration": given["duration"]}
    )
    trials = int(given["trial"].max()) + 1
    aois = pl.DataFrame(
        {
            "trial": np.repeat(np.arange(trials), words),
            "word_idx": np.tile(np.arange(words), trials),
            "word": ["w"] * (words * trials),
        }
    )
    table = compute_reading_measures(frame, aois, group_columns=["trial"])
    return {ours: table[theirs].to_numpy() for ours, theirs in NAMES.items()}


if __name__ == "__main__":
    main()
