"""Cells that training never sees: they pick the epoch and say how good the model is."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch.nn import functional as F

from mirctl_impute.denoiser import Denoiser
from mirctl_impute.imputer import Imputer
from mirctl_impute.table import Table

MOST_ROWS = 4_000
FEWEST_ROWS = 20


@dataclass(frozen=True)
class Errors:
    """Squared errors of numbers in standard deviations, of the means and of what is `written` for
    them, on the column's grid; hits and cross-entropies of categories."""

    squares: np.ndarray
    written: np.ndarray
    hits: np.ndarray
    entropies: np.ndarray

    def means(self) -> dict[str, float]:
        """`score` is what an epoch is picked by: minus the mean loss of a cell."""
        cells = len(self.squares) + len(self.hits)
        lost = self.squares.sum() + self.entropies.sum()
        found = {"score": -float(lost) / max(cells, 1)}
        if len(self.squares):
            found["nrmse"] = float(np.sqrt(self.written.mean()))
        if len(self.hits):
            found["accuracy"] = float(self.hits.mean())
        return found


class HeldOut:
    """A share of the observed cells of up to 4,000 rows, and one of them at least.

    A table of fewer than 20 rows is too short to lose any (`unseen` is false): the epoch is picked
    by how well some of its cells are learned.
    """

    def __init__(self, values: np.ndarray, share: float, seed: int) -> None:
        rng = np.random.default_rng((seed, 1))
        count = min(len(values), MOST_ROWS)
        self.rows = np.sort(rng.choice(len(values), count, replace=False))
        self.values = np.array(values[self.rows])
        there = ~np.isnan(self.values)
        self.mask = there & (rng.random(there.shape) < share)
        if there.any() and not self.mask.any():
            self.mask[tuple(rng.choice(np.argwhere(there)))] = True
        self.unseen = len(values) >= FEWEST_ROWS

    def without(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The values of these rows with the held-out cells gone."""
        if not self.unseen:
            return values
        place = np.searchsorted(self.rows, rows).clip(max=len(self.rows) - 1)
        ours = self.rows[place] == rows
        hide = np.zeros(values.shape, bool)
        hide[ours] = self.mask[place[ours]]
        return np.where(hide, np.nan, values)

    def measure(self, model: Denoiser, table: Table, device: torch.device) -> Errors:
        """The point estimates of the held-out cells against what they are."""
        imputer = Imputer(table, model, device)
        parts = [
            _errors(imputer, self.values[start:stop], self.mask[start:stop])
            for start in range(0, len(self.values), imputer.block_rows)
            if (stop := start + imputer.block_rows)
        ]
        names = [field.name for field in fields(Errors)]
        return Errors(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def _errors(imputer: Imputer, values: np.ndarray, mask: np.ndarray) -> Errors:
    """Of the cells in a mask (rows, columns), each predicted from all that are not in it."""
    table = imputer.table
    said = imputer.expect(values, mask)
    row, column = mask.nonzero()
    truth = table.standard(values).numpy()[row, column]
    number = np.array([not k for k in table.categories])[column]
    wrong = said.mean.cpu().numpy()[number] - truth[number]
    point = table.standard(imputer.point(said, mask)).numpy()[row, column]
    written = point[number] - truth[number]
    hits, entropies = [np.zeros(0)], [np.zeros(0)]
    for c, logits in said.logits.items():
        if not table.categories[c]:
            continue
        wanted = torch.from_numpy(values[mask[:, c], c].astype(int)).to(logits.device)
        hits.append((logits.argmax(-1) == wanted).cpu().numpy().astype(float))
        entropies.append(F.cross_entropy(logits, wanted, reduction="none").cpu().numpy())
    return Errors(wrong**2, written**2, np.concatenate(hits), np.concatenate(entropies))
