"""Titles as codes of whole numbers: what is near in an encoder's space stays near."""

from __future__ import annotations

import numpy as np

from mirctl.encode.catalogue import Wanted, encode
from mirctl.errors import DataError
from mirctl.run import Run
from mirctl_rl.boredom import LARGEST, Titles
from mirctl_rl.config import SimulateConfig
from mirctl_rl.logged import Log

PAIRS = 200_000
"""Pairs of titles whose nearness is measured."""


def kinds_of_titles(log: Log, config: SimulateConfig, run: Run, width: int) -> Titles:
    """Encode the titles, cached, and call near what is nearer than most pairs."""
    if not any(log.titles):
        raise DataError(
            f"no item has a title, and by it users of {config.env} are bored: name their column "
            "with data.columns.title",
            where=str(config.data.items or config.data.interactions),
        )
    wanted = Wanted({"title": config.text}, {"title": log.titles}, log.items, lambda _: "text")
    states = encode(wanted, run.device, run.dtype, run.meter)["title"]
    run.note_input("titles of the items", states.content)
    run.note_input("title model", states.weights)
    there = np.flatnonzero(states.present())
    last = states.gather(there)[:, -states.widths[-1] :].float().numpy()
    codes = np.zeros((len(log.items), width), np.int8)
    own = coded(last, width)
    codes[there, : own.shape[1]] = own
    return Titles(codes, cut(codes, config.quit.near, config.seed))


def coded(embeddings: np.ndarray, width: int) -> np.ndarray:
    """(n, width) int8: along the main axes, each of the same length, so that a product is as a
    cosine."""
    centred = embeddings - embeddings.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    turned = centred @ axes[:, ::-1][:, :width]
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    return np.rint(turned / np.maximum(length, 1e-12) * LARGEST).astype(np.int8)


def cut(codes: np.ndarray, near: float, seed: int) -> int:
    """The product above which a pair is nearer than a share `near` of all."""
    rng = np.random.default_rng((seed, 0x7171E))
    one, other = rng.integers(len(codes), size=(2, PAIRS)).astype(np.int64)
    product = (codes[one].astype(np.int32) * codes[other]).sum(axis=1)[one != other]
    return max(int(np.quantile(product, near)), 1) if len(product) else 1
