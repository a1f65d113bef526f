"""How much of the truth is found: fixations by method and noise, words by drift and spread.

Recordings and texts are made by tests/gaze/recordings.py, seeds 100 to 119: 6 lines of 9 words,
70 px apart, 1000 Hz, 30 px a degree; blinks in 10 % of the fixations, 30 px of drift.
"""

import sys
from pathlib import Path

import numpy as np
from measure import goal

sys.path.insert(0, str(Path(__file__).parents[1]))
from gaze.recordings import record, text_boxes
from gaze.test_detection import found_in, recovered
from gaze.test_lines import share_right

SEEDS = range(100, 120)
NOISES = (0.01, 0.03, 0.05, 0.1)


def main() -> None:
    print("share of the fixations without a blink that are found, both ends within")
    for method, noise, within, settings in (
        *(("ivt", noise, 12, {}) for noise in NOISES),
        *(("idt", noise, 25, {}) for noise in NOISES),
        ("idt", 0.1, 25, {"dispersion": 2.0}),
    ):
        shares = []
        for seed in SEEDS:
            made = record(text_boxes(seed=seed), seed, noise=noise, drift=30, blinks=0.1)
            _, starts, stops = found_in(made, method=method, **settings)
            shares.append(recovered(made, starts, stops, within))
        told = "".join(f" {name} {value}" for name, value in settings.items())
        least = 0.95 if method == "ivt" else 0.75
        goal(f"{method}{told}, {within} ms, noise {noise} degrees", np.mean(shares),
             ">=", least)  # fmt: skip
    print("share of the fixations that get their true word, by lines (the nearest box alone)")
    for drift in (0, 40, 70, 100, 140):
        for spread in (5, 12, 18):
            ours = share_right(drift, spread, seeds=SEEDS)
            box = share_right(drift, spread, by_lines=False, seeds=SEEDS)
            goal(f"drift {drift} px, spread {spread} px ({box:.3f})", ours, ">=", 0.95)
    for offset in (30, 45, -60):
        ours = share_right(0, 12, offset, seeds=SEEDS)
        box = share_right(0, 12, offset, by_lines=False, seeds=SEEDS)
        goal(f"{offset} px off from the start, spread 12 px ({box:.3f})", ours, ">=", 0.95)


if __name__ == "__main__":
    main()
