"""Chained equations (MICE: van Buuren and Groothuis-Oudshoorn, 2011) on scikit-learn's estimators.

Each column with holes is predicted from all others, those with fewest holes first, round after
round: numbers in standard deviations by Bayesian ridge regression, categories by logistic
regression, both on standardised numbers and one-hot categories. Point estimates are the means and
modes of the last of 5 rounds. Then the chain goes on with values drawn from what the models say,
and after 2 rounds each further round gives one draw: numbers from the normal distribution with the
regression's own predictive deviation, categories with their shares.
"""

from typing import TYPE_CHECKING

import numpy as np

from mirctl_impute.columns import NumberColumn
from mirctl_impute.rivals.features import commonest, legal, one_hot, with_middles
from mirctl_impute.rivals.result import Filling
from mirctl_impute.table import Table

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

ROUNDS, WARM = 5, 2
STEPS = 50
"""Most steps of a logistic regression; the next round goes on from where it stopped."""


def mice(table: Table, values: np.ndarray, draws: int, seed: int) -> Filling:
    """Point estimates, and draws of the same chain."""
    chain = Chain(table, values, seed)
    for _ in range(ROUNDS):
        chain.round(drawing=False)
    point = chain.values()
    made = []
    for number in range(WARM + draws):
        chain.round(drawing=True)
        if number >= WARM:
            made.append(chain.values())
    return Filling(point, np.stack(made))


class Chain:
    """The state of a chain: filled values (rows, columns), and features of each column."""

    def __init__(self, table: Table, values: np.ndarray, seed: int) -> None:
        self.table, self.known = table, values
        self.gaps = np.isnan(values)
        self.filled = with_middles(table, values)
        self.order = [
            i for i in np.argsort(self.gaps.sum(0), kind="stable") if self.gaps[:, i].any()
        ]
        self.common = [
            commonest(values[:, i]) if column.categories else None
            for i, column in enumerate(table.columns)
        ]
        self.models: dict[int, LogisticRegression] = {}
        self.parts = [self._features(i) for i in range(len(table.columns))]
        self.rng = np.random.default_rng((seed, 5))

    def _features(self, i: int) -> np.ndarray:
        column = self.table.columns[i]
        if isinstance(column, NumberColumn):
            return column.scale.standard(self.filled[:, [i]])
        return one_hot(self.filled[:, i], self.common[i])

    def values(self) -> np.ndarray:
        """The table as it is filled now (rows, columns), on the columns' grids."""
        return legal(self.table, self.known, self.filled)

    def round(self, *, drawing: bool) -> None:
        """Fill each column with holes anew."""
        for i in self.order:
            at = self.gaps[:, i]
            others = [part for j, part in enumerate(self.parts) if j != i]
            if not others:
                return
            x = np.concatenate(others, axis=1)
            fill = (
                self._number if isinstance(self.table.columns[i], NumberColumn) else self._category
            )
            self.filled[at, i] = fill(i, x[~at], x[at], drawing)
            self.parts[i] = self._features(i)

    def _number(self, i: int, x: np.ndarray, wanted: np.ndarray, drawing: bool) -> np.ndarray:
        from sklearn.linear_model import BayesianRidge

        scale = self.table.columns[i].scale
        model = BayesianRidge().fit(x, scale.standard(self.known[~self.gaps[:, i], i]))
        mean, deviation = model.predict(wanted, return_std=True)
        if drawing:
            mean = mean + deviation * self.rng.normal(size=len(mean))
        return scale.value(mean)

    def _category(self, i: int, x: np.ndarray, wanted: np.ndarray, drawing: bool) -> np.ndarray:
        from sklearn.linear_model import LogisticRegression

        codes = self.known[~self.gaps[:, i], i].astype(int)
        if (codes == codes[0]).all():
            return np.full(len(wanted), codes[0])
        if i not in self.models:
            self.models[i] = LogisticRegression(max_iter=STEPS, warm_start=True)
        model = self.models[i].fit(x, codes)
        shares = model.predict_proba(wanted)
        if not drawing:
            return model.classes_[shares.argmax(1)]
        below = self.rng.random((len(wanted), 1)) > shares.cumsum(1)
        return model.classes_[below.sum(1).clip(max=len(model.classes_) - 1)]
