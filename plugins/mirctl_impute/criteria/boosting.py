"""Gradient boosted trees and linear models of scikit-learn, on one thread.

Their loops are so short that threads gain little, and lose much on a busy machine.
"""

import warnings

import numpy as np


def boosted(
    rows: np.ndarray, target: np.ndarray, tested: np.ndarray, categorical: list[bool],
    classes: int, seed: int,
) -> np.ndarray:  # fmt: skip
    """What histogram boosting, trained on rows (n, features) and target (n,), says of tested rows:
    probabilities (m, classes), or numbers (m,) where classes is 0."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = kind(categorical_features=categorical, early_stopping=False, random_state=seed)
    return _said(model, rows, target, tested, classes)


def linear(rows: object, target: np.ndarray, tested: object, classes: int) -> np.ndarray:
    """The same of logistic or ridge regression, on sparse rows."""
    from sklearn.linear_model import LogisticRegression, Ridge

    model = LogisticRegression(max_iter=300) if classes else Ridge()
    return _said(model, rows, target, tested, classes)


def _said(
    model: object, rows: object, target: np.ndarray, tested: object, classes: int
) -> np.ndarray:
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    out = np.zeros((tested.shape[0], classes))
    if classes and len(np.unique(target)) < 2:
        out[:, int(target[0])] = 1
        return out
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, target)
        if not classes:
            return model.predict(tested)
        # Classes that were not in the training rows stay at 0.
        out[:, model.classes_.astype(int)] = model.predict_proba(tested)
    return out
