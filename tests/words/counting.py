"""A generator that counts its calls."""

import numpy as np


class Counting:
    """Length and number of each word."""

    measures = ("length", "number")
    calls = 0
    loads = 0

    def __init__(self, weights):
        self.key = str(weights)

    def load(self, device):
        Counting.loads += 1

        def measure(texts):
            Counting.calls += len(texts)
            return [
                np.array([[len(w), n] for n, w in enumerate(t.words)], np.float32).reshape(-1, 2)
                for t in texts
            ]

        return measure
