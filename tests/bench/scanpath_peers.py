"""What peers make of pairs of scanpaths; runs in an environment of its own, with no mirctl.

    python scanpath_peers.py multimatch|fastdtw TASK.json RESULT.json

A task: {"paths": [[[x, y, s], ...], ...], "pairs": [[i, j], ...], "screen": [w, h], "limits": null
or [degrees, pixels, s]}. The result: CPU seconds of all pairs, and the numbers of each, null where
the peer raised.
"""

import json
import sys
import time
import warnings

import numpy as np


def main() -> None:
    peer, source, target = sys.argv[1:4]
    with open(source) as file:
        task = json.load(file)
    paths = [np.array([tuple(row) for row in path], NAMES) for path in task["paths"]]
    measure = {"multimatch": multimatch, "fastdtw": fastdtw}[peer](task)
    warnings.simplefilter("ignore")
    begin = time.process_time()
    numbers = []
    for i, j in task["pairs"]:
        try:
            numbers.append(measure(paths[i], paths[j]))
        except (ValueError, IndexError):
            numbers.append(None)
    seconds = time.process_time() - begin
    with open(target, "w") as file:
        json.dump({"seconds": seconds, "numbers": numbers}, file)


NAMES = [("start_x", "f8"), ("start_y", "f8"), ("duration", "f8")]


def multimatch(task):
    import multimatch_gaze

    options = {}
    if task["limits"]:
        degrees, pixels, seconds = task["limits"]
        options = {"grouping": True, "TDir": degrees, "TAmp": pixels, "TDur": seconds}

    def measure(a, b):
        found = multimatch_gaze.docomparison(a, b, task["screen"], **options)
        return [float(np.squeeze(number)) for number in found]

    return measure


def fastdtw(task):
    from fastdtw import fastdtw as peer

    def points(path):
        return np.stack([path["start_x"], path["start_y"]], axis=1)

    return lambda a, b: [float(peer(points(a), points(b), dist=2)[0])]


if __name__ == "__main__":
    main()
