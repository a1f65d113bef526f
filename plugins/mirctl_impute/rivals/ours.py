"""The project's own model among the methods, learned as `mirctl impute fit` learns it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl import console, jobs
from mirctl_impute import asking, sampling, saving
from mirctl_impute.config import ImputeConfig
from mirctl_impute.drawing import Drawer
from mirctl_impute.filling import TRIES, Ways
from mirctl_impute.imputer import Imputer
from mirctl_impute.rivals.result import Filling

NAME = "mtabgen"
STEPS = Ways().steps
ABLATIONS: dict[str, tuple[str, ...]] = {
    f"{NAME}-attention": ("model.denoiser=pooled",),
    f"{NAME}-transformer": ("model.denoiser=mlp",),
    f"{NAME}-masking": ("train.hidden=0.5",),
}
"""The model without one of its three ideas: conditioning attention, the encoder-decoder, dynamic
masking (half of each row is hidden, always)."""
FILL: dict[str, tuple[str, ...]] = {NAME: (), **ABLATIONS}
GENERATE: dict[str, tuple[str, ...]] = {NAME: (), "tabddpm": ("model.denoiser=mlp",), **ABLATIONS}
"""Methods that are this model, and the settings that make them so. TabDDPM (arXiv 2209.15421) is
the same loop, noise and sampler with an MLP as denoiser."""


@dataclass(frozen=True)
class Learning:
    """How the model is learned from a table file: settings, as of `fit`, and the options."""

    settings: tuple[str, ...] = ()
    names: str | None = None
    missing: tuple[str, ...] | None = None
    device: str | None = None

    def job(
        self, path: Path | str, schema_file: Path | None, more: Sequence[str]
    ) -> tuple[str, list[str]]:
        """The recipe and its changes; `more` beats the settings."""
        settings = [*self.settings, *more]
        return asking.job(str(path), settings, self.names, self.missing, schema_file)

    def config(self, path: Path | str, more: Sequence[str]) -> ImputeConfig:
        """The settings as they count; a UsageError where one is wrong."""
        options = jobs.Options(device=self.device)
        return jobs.prepare(*self.job(path, None, more), options, only="impute/fit")[1]

    def learn(self, path: Path, schema_file: Path, more: Sequence[str], seed: int) -> Imputer:
        """The learned model; nothing stays on disk."""
        with tempfile.TemporaryDirectory(prefix="mirctl-") as folder, console.aside():
            art = Path(folder) / "model"
            options = jobs.Options(art, seed=seed, device=self.device)
            jobs.execute(*self.job(path, schema_file, more), options, only="impute/fit")
            return saving.load(art, self.device or "auto")


def fill(imputer: Imputer, values: np.ndarray, draws: int, seed: int) -> Filling:
    """Point estimates and draws of all that is NaN in values (rows, columns).

    Rows count from 1, as in `impute fill`: at one seed its draws are the same.
    """
    drawer = Drawer(imputer, imputer.table.rules, STEPS, TRIES)
    mask = np.isnan(values)
    point = values.copy()
    made = np.repeat(values[None], draws, axis=0)
    todo = mask.any(1).nonzero()[0]
    for start in range(0, len(todo), imputer.block_rows):
        rows = todo[start : start + imputer.block_rows]
        part, hidden = values[rows], mask[rows]
        point[rows] = np.where(hidden, drawer.point(part, hidden).values, part)
        for d in range(draws):
            made[d, rows] = drawer.draw(part, hidden, rows + 1, (seed, d)).values
    return Filling(point, made)


def generate(imputer: Imputer, count: int, seed: int) -> np.ndarray:
    """New rows (count, columns)."""
    parts = [
        sampling.draw_rows(
            imputer, np.arange(start, min(start + imputer.block_rows, count)), [], seed, STEPS
        ).values
        for start in range(0, count, imputer.block_rows)
    ]
    return np.concatenate(parts)
