"""Privacy: does a table give away which rows it was learned from?

    dcr5         5th percentile of the distance to the closest real row, of the table's rows / of
                 the holdout's: under 1, rows lie nearer to the real ones than unseen rows do
    nndr         median of the distances to the nearest / the second nearest real row
    mia          AUC of telling the rows that were learned from (members) from the holdout's, by how
                 near the nearest row of the table is
    mia_density  the same by density, as in DOMIAS (van Breugel et al., 2023): 1 / distance to the
                 nearest row of the table, over the same of half the holdout
    copies       share of the table's rows that equal a real row in every modelled column

Distances are those of nearest.py. Distance to the closest record alone says little: rows that leak
may lie no nearer than others ("The DCR Delusion", 2025), so the attacks decide.
"""

from dataclasses import dataclass

import numpy as np

from mirctl_impute.criteria.auc import measured
from mirctl_impute.criteria.nearest import Points, Space
from mirctl_impute.criteria.part import Metrics, Part, some
from mirctl_impute.table import Table

MOST_ROWS = 20_000
MOST_CELLS = 2_000_000
FEWEST_ROWS = 20
NEAREST = 1e-6
"""Distances under it count as it: a density has to end somewhere."""
CERTAIN = 3.0
"""Standard errors from chance at which a warning is given: 1 in 700 by chance."""
NEAR = 0.85
"""dcr5 under which rows lie too near."""


@dataclass
class Private(Part):
    """Beside the metrics the distances to the closest real row."""

    table_distances: np.ndarray | None = None
    holdout_distances: np.ndarray | None = None


def refusal(real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None) -> str | None:
    """Why this cannot be measured, and what to do about it; None where it can."""
    if holdout is None:
        return "privacy wants --holdout: real rows that the table was not learned from"
    if min(map(len, (real, other, holdout))) < FEWEST_ROWS:
        return f"privacy wants {FEWEST_ROWS} rows of each table"
    return None


def measure(
    table: Table, real: np.ndarray, other: np.ndarray, holdout: np.ndarray, seed: int = 0
) -> Private:
    """Attack a table (rows, columns) with the rows it was learned from, and others."""
    part, rng = Private(), np.random.default_rng((seed, 31))
    share, beside = copied(other, real), copied(holdout, real)
    most = min(MOST_ROWS, max(FEWEST_ROWS, MOST_CELLS // len(table.columns)))
    sizes = [f"{min(len(rows), most):,}" for rows in (real, other, holdout)]
    if max(map(len, (real, other, holdout))) > most:
        part.notes.append(
            f"privacy: distances are of {sizes[0]} real, {sizes[1]} table and {sizes[2]} holdout "
            "rows, drawn at random; copies are of all"
        )
    others = some(holdout, most, rng)
    own = some(real, len(others), rng)
    space = Space.learn(table, np.concatenate([own, some(others, len(own), rng)]))
    ours, known, members, unseen = (
        space.points(rows) for rows in (some(other, most, rng), some(real, most, rng), own, others)
    )
    near, beside_near = space.nearest(ours, known, 2), space.nearest(unseen, known, 2)
    part.table_distances, part.holdout_distances = near[:, 0], beside_near[:, 0]
    _closest(part.metrics, near, beside_near, rng)
    _attacks(part.metrics, space, ours, members, unseen, rng)
    low, high = wilson(share, len(other))
    part.metrics["copies"] = {
        "value": share, "low": low, "high": high, "real": beside, "n": len(other), "unit": "share"
    }  # fmt: skip
    part.warnings += warned(part.metrics, len(holdout))
    return part


def copied(rows: np.ndarray, real: np.ndarray) -> float:
    """Share of the rows (n, columns) that equal a real row in every column, unknown cells too."""
    ours, known = (np.nan_to_num(x + 0.0, nan=np.inf) for x in (rows, real))
    there = {row.tobytes() for row in known}
    return float(np.mean([row.tobytes() in there for row in ours]))


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927)."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = 1.96 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return float(max(middle - half, 0)), float(min(middle + half, 1))


def _closest(
    metrics: Metrics, near: np.ndarray, beside: np.ndarray, rng: np.random.Generator
) -> None:
    """dcr5 and nndr of distances (n, 2) to the two nearest real rows."""
    fifths = [
        (_fifth(rng.choice(near[:, 0], len(near))), _fifth(rng.choice(beside[:, 0], len(beside))))
        for _ in range(300)
    ]
    low, high = np.quantile([_ratio(*pair) for pair in fifths], [0.025, 0.975], method="nearest")
    metrics["dcr5"] = {
        "value": _ratio(_fifth(near[:, 0]), _fifth(beside[:, 0])), "low": float(low),
        "high": float(high), "real": 1.0, "n": len(near), "unit": "ratio",
    }  # fmt: skip
    median, real = (float(np.median(_nearness(x))) for x in (near, beside))
    metrics["nndr"] = {"value": median, "real": real, "n": len(near), "unit": "ratio"}


def _fifth(distances: np.ndarray) -> float:
    return float(np.quantile(distances, 0.05))


def _ratio(ours: float, real: float) -> float:
    """1 where both are 0: there real rows equal each other anyway."""
    if real > 0:
        return ours / real
    return 1.0 if ours == 0 else float("inf")


def _nearness(near: np.ndarray) -> np.ndarray:
    """Nearest / second nearest; 1 where both are at 0."""
    first, second = near.T
    return np.divide(first, second, out=np.ones(len(near)), where=second > 0)


def _attacks(
    metrics: Metrics, space: Space, ours: Points, members: Points, unseen: Points,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """mia and mia_density."""
    near = {"members": space.nearest(members, ours, 1)[:, 0]}
    near["unseen"] = space.nearest(unseen, ours, 1)[:, 0]
    metrics["mia"] = _attack(-near["members"], -near["unseen"])
    order = rng.permutation(len(unseen))
    reference, rest = order[: len(order) // 2], order[len(order) // 2 :]
    half = rng.permutation(len(members))[: len(rest)]
    scores = [
        _log(space.nearest(points[chosen], unseen[reference], 1)[:, 0]) - _log(found[chosen])
        for points, found, chosen in (
            (members, near["members"], half), (unseen, near["unseen"], rest),
        )
    ]  # fmt: skip
    metrics["mia_density"] = _attack(*scores)


def _log(distances: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(distances, NEAREST))


def _attack(members: np.ndarray, others: np.ndarray) -> dict[str, object]:
    """AUC of scores that are to be higher for members."""
    labels = np.repeat([1, 0], [len(members), len(others)])
    found = measured(labels, np.concatenate([members, others]))
    return {**found, "members": len(members), "real": 0.5}


def warned(metrics: Metrics, holdout_rows: int) -> list[str]:
    """What the measures give away, in words."""
    found = []
    copies, dcr5 = metrics["copies"], metrics["dcr5"]
    if _too_many(copies, holdout_rows):
        whole = copies["low"] > 0.5
        found.append(
            f"{copies['value']:.1%} of the table's rows are rows of the real table, and of unseen "
            f"rows {copies['real']:.1%}: "
            + ("it is a copy of the table it was learned from" if whole else "leave those out")
        )
        if whole:
            return found
    told = [name for name in ("mia", "mia_density") if _certain(metrics[name])]
    attack = " and ".join(f"{name} {metrics[name]['value']:.3f}" for name in told)
    near = _near(dcr5)
    if told and near:
        found.append(
            f"the rows lie nearer to real ones than unseen rows do (dcr5 {dcr5['value']:.2f}), and "
            f"give away which rows were learned from ({attack}; chance is .5): they are like "
            "interpolations between real rows, as SMOTE makes them; do not share them as private"
        )
    elif told:
        found.append(
            f"which rows were learned from can be told ({attack}; chance is .5), though the rows "
            "lie no nearer to them than unseen ones do: do not share them as private"
        )
    elif near:
        found.append(
            f"some rows lie nearer to real ones than unseen rows do (dcr5 {dcr5['value']:.2f}), "
            "though no attack told which rows were learned from: look at the closest ones"
        )
    return found


def _certain(attack: dict[str, float]) -> bool:
    """Does an attack beat chance? Under it, of m members and k others, the AUC's variance is
    (m + k + 1) / (12 m k) (Mann and Whitney, 1947)."""
    members, others = attack["members"], attack["n"] - attack["members"]
    error = np.sqrt((attack["n"] + 1) / (12 * members * others))
    return bool(attack["value"] - 0.5 > CERTAIN * error)


def _near(dcr5: dict[str, float]) -> bool:
    """Are rows too near, beyond chance? The interval's upper part is 1.96 standard errors of the
    logarithm."""
    value, high = dcr5["value"], dcr5["high"]
    if value >= NEAR or high >= 1:
        return False
    return value == 0 or bool(np.log(value) + CERTAIN / 1.96 * np.log(high / value) < 0)


def _too_many(copies: dict[str, float], holdout_rows: int) -> bool:
    """Are there more copies than among unseen rows, beyond chance?"""
    shares = np.array([copies["value"], copies["real"]])
    counts = np.array([copies["n"], holdout_rows])
    pooled = shares @ counts / counts.sum()
    error = np.sqrt(pooled * (1 - pooled) * (1 / counts).sum())
    return bool(shares[0] - shares[1] > CERTAIN * error)
