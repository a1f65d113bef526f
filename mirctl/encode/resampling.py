"""Sound at another rate: interpolation by windowed sinc functions, one phase after another."""

from functools import lru_cache
from math import gcd

import numpy as np

ZEROS = 32
"""Zero crossings of the sinc function on each side."""
CUTOFF = 0.92
"""Of half the lower rate; what lies above the half is gone, what lies below .83 of it stays."""
SHARPNESS = 9.0
"""Of the Kaiser window: what is to be gone is 90 dB weaker."""


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """(n,) float32 at `rate` -> (ceil(n * wanted / rate),) float32 at `wanted`.

    Output n lies at input n * rate / wanted. Outputs that lie alike between two inputs share their
    weights: there are wanted / gcd(rate, wanted) such phases, each one product.
    """
    if rate == wanted:
        return samples
    step, phases = rate // gcd(rate, wanted), wanted // gcd(rate, wanted)
    weights = _weights(step, phases)
    reach = weights.shape[1] // 2
    padded = np.pad(samples, (reach, reach + step))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    out = np.zeros(-(-len(samples) * phases // step), np.float32)
    for phase in range(min(phases, len(out))):
        mine = out[phase::phases]
        some = windows[phase * step // phases :: step][: len(mine)]
        np.einsum("ni,i->n", some, weights[phase], out=mine)  # @ would start threads for each
    return out


@lru_cache(4)
def _weights(step: int, phases: int) -> np.ndarray:
    """(phases, inputs around) float32: what an input adds to an output that lies between inputs."""
    scale = CUTOFF * min(1, phases / step)
    reach = int(np.ceil(ZEROS / scale))
    between = np.arange(phases)[:, None] * step % phases / phases
    distance = np.arange(-reach, reach + 1) - between
    inside = np.sqrt(np.clip(1 - (distance / reach) ** 2, 0, None))
    window = np.i0(SHARPNESS * inside) / np.i0(SHARPNESS)
    return (scale * np.sinc(scale * distance) * window).astype(np.float32)
