"""How an agent's users fared while it learned: every episode that ended, in blocks of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

BLOCK = 1000
"""Steps; a step is one item shown to one user."""


class Curve:
    """Episodes in the order in which they ended, and what the ones under way have earned."""

    def __init__(self, users: int) -> None:
        self.total, self.length = np.zeros(users), np.zeros(users, np.int64)
        self.frozen = np.zeros(users, bool)
        """Whose episode goes to the frozen policy."""
        self.step, self.earned, self.shown, self.whose = [], [], [], []
        self.rows: list[dict[str, float]] = []
        self._told = 0

    def earn(self, reward: np.ndarray) -> None:
        """Each user (n,) was shown one more item."""
        self.total += reward
        self.length += 1

    def end(self, who: np.ndarray, step: int) -> None:
        """Episodes of users who (m,) ended, by the end of step `step`."""
        self.step += [step] * len(who)
        self.earned += self.total[who].tolist()
        self.shown += self.length[who].tolist()
        self.whose += self.frozen[who].tolist()
        self.total[who], self.length[who] = 0.0, 0

    def blocks(self, step: int, told: dict[str, float], *, done: bool) -> list[dict[str, float]]:
        """Rows of the blocks that are full by now, or all where nothing more comes; `told` is
        what else is known of the last one."""
        begin = len(self.rows)
        while step >= (len(self.rows) + 1) * BLOCK or (done and step > len(self.rows) * BLOCK):
            until = min((len(self.rows) + 1) * BLOCK, step)
            now = self._told
            while now < len(self.step) and self.step[now] <= until:
                now += 1
            own = slice(self._told, now)
            self.rows.append(
                {"step": until, "episodes": now - self._told, **self._means(own), **told}
            )
            self._told = now
        return self.rows[begin:]

    def _means(self, own: slice) -> dict[str, float]:
        """Of no episode there is none."""
        if own.start == own.stop:
            return {}
        return {
            "cumulative": float(np.mean(self.earned[own])),
            "length": float(np.mean(self.shown[own])),
            "frozen": float(np.mean(self.whose[own])),
        }

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        arrays = {name: torch.from_numpy(getattr(self, name).copy()) for name in ARRAYS}
        return arrays | {name: list(getattr(self, name)) for name in LISTS} | {"told": self._told}

    def restore(self, state: dict[str, Any]) -> None:
        for name in ARRAYS:
            saved: Tensor = state[name]
            getattr(self, name)[:] = saved.numpy()
        for name in LISTS:
            setattr(self, name, list(state[name]))
        self._told = int(state["told"])


ARRAYS = ("total", "length", "frozen")
LISTS = ("step", "earned", "shown", "whose", "rows")
