"""Draws in which the rules hold: rows that break one are drawn again, and in the end repaired."""

from dataclasses import dataclass

import numpy as np

from mirctl_impute.imputer import Imputer
from mirctl_impute.rules import Rules


@dataclass(frozen=True)
class Drawn:
    """Filled rows: values (rows, columns), how many rows were `moved` to where the rules hold, and
    how many stay `broken`, since their observed cells leave no way."""

    values: np.ndarray
    moved: int = 0
    broken: int = 0


@dataclass(frozen=True)
class Drawer:
    """An imputer whose rows keep rules; a row gets `tries` draws to do so by itself."""

    imputer: Imputer
    rules: Rules
    steps: int
    tries: int

    def draw(
        self, values: np.ndarray, hidden: np.ndarray, rows: np.ndarray, seed: tuple[int, ...],
        guidance: float = 0.0,
    ) -> Drawn:  # fmt: skip
        """Draw the hidden cells (rows, columns) of the rows of these numbers (rows,).

        Each draw depends on the seed, the row and the count of its draws alone.
        """
        drawn = self._draw(values, hidden, rows, seed, 0, guidance)
        if not self.rules:
            return Drawn(drawn)
        todo = self.rules.broken(drawn, hidden).nonzero()[0]
        hopeless = self.rules.lost(drawn[todo], hidden[todo]).any(1)
        moved, todo = todo[hopeless], todo[~hopeless]
        for attempt in range(1, self.tries):
            if not len(todo):
                break
            part = values[todo], hidden[todo], rows[todo]
            drawn[todo] = self._draw(*part, seed, attempt, guidance)
            todo = todo[self.rules.broken(drawn[todo], hidden[todo])]
        moved = np.sort(np.concatenate([moved, todo]))
        repaired = self._repaired(drawn[moved], hidden[moved])
        # What no rule speaks of is drawn once more, given what was moved.
        rest = hidden[moved] & ~np.isin(np.arange(hidden.shape[1]), self.rules.in_order)
        known = np.where(rest, np.nan, repaired.values)
        if rest.any():
            known = self._draw(known, rest, rows[moved], seed, self.tries, guidance)
        drawn[moved] = known
        return Drawn(drawn, repaired.moved, repaired.broken)

    def point(self, values: np.ndarray, hidden: np.ndarray) -> Drawn:
        """The mean or mode of the hidden cells (rows, columns), moved to where the rules hold."""
        found = self.imputer.point(self.imputer.expect(values, hidden), hidden)
        if not self.rules:
            return Drawn(found)
        return self._repaired(self.rules.written(np.where(hidden, found, values), hidden), hidden)

    def _draw(
        self, values: np.ndarray, hidden: np.ndarray, rows: np.ndarray, seed: tuple[int, ...],
        attempt: int, guidance: float,
    ) -> np.ndarray:  # fmt: skip
        # The 1 keeps these seeds, to which the noise adds a row's group, from those of other draws.
        seed = (*seed, attempt, 1) if attempt else seed
        drawn = self.imputer.draw(values, hidden, rows, seed, self.steps, guidance)
        return self.rules.written(drawn, hidden) if self.rules else drawn

    def _repaired(self, values: np.ndarray, hidden: np.ndarray) -> Drawn:
        before = self.rules.broken(values, hidden)
        values = self.rules.repaired(values, hidden)
        broken = self.rules.broken(values, hidden)
        return Drawn(values, int((before & ~broken).sum()), int(broken.sum()))
